#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A machine that is left to itself: each boot does what the boots before it have come to, and all are on record."""

import json

import support
from support import vm

KEEP = '''
cp /var/lib/bootahead/ledger ledger
cp /var/lib/bootahead/next next 2> /dev/null
bootahead status > said
bootahead status --json > said.json
'''
CONFIGURATION = '[Boot]\nControlEvery=3\n'
# What each boot does, and by which reason; the packages change when the third has reported.
COURSE = [('collect', 'there is no profile'),
          ('replay', 'there is a profile'),
          ('control', 'one boot in 3'),
          ('replay', 'there is a profile'),
          ('collect', 'the packages have changed')]
CHANGED = 2
CHANGE = 'cp /proc/sys/kernel/random/boot_id /var/lib/bootahead/packages-changed\n'


class Ledger(support.Case):
    def test_course(self):
        with vm.machine(support.installed()) as machine:
            with vm.opened(machine) as root:
                (root / 'etc/bootahead').mkdir()
                (root / 'etc/bootahead/bootahead.conf').write_text(CONFIGURATION)
            boots = []
            for number, (mode, why) in enumerate(COURSE):
                said = support.boot(machine, keep=True, after=KEEP + (CHANGE if number == CHANGED else ''))
                boots.append(said)
                with self.subTest(f'boot {number}'):
                    self.assertEqual((said.decision['mode'], said.decision['why']), (mode, why))
                    self.assertEqual(len(said.booted), 1, said.messages())
            self.ledger(boots)
            self.status(boots)

    def ledger(self, boots):
        entries = [json.loads(line) for line in boots[-1].files['ledger'].decode().splitlines()]
        self.assertEqual([(entry['mode'], entry['why']) for entry in entries], COURSE)
        self.assertEqual(len({entry['boot'] for entry in entries}), len(COURSE))
        self.assertEqual([entry.get('untypical', False) for entry in entries],
                         [number == CHANGED + 1 for number in range(len(COURSE))])
        for entry, said in zip(entries, boots):
            with self.subTest(entry['boot']):
                times = [entry[f'{name}_us'] for name in ('kernel', 'initramfs', 'sysinit', 'basic', 'default', 'finish')]
                self.assertEqual(times, sorted(times))
                self.assertAlmostEqual(entry['finish_us'] / 1e6, said.seconds, places=3)
                self.assertLessEqual(entry['stall_us'], said.boot.stall_seconds * 1e6)
                self.assertTrue(0 < entry['read_requests'] <= said.boot.read_requests + 200)
                self.assertEqual({name for name in ('losses', 'files', 'hit_bytes') if name in entry},
                                 {'collect': {'losses'}, 'replay': {'files'}}.get(entry['mode'], set()))
        self.assertEqual(entries[1]['profile'], entries[0]['boot'])

    def status(self, boots):
        data, said = json.loads(boots[3].files['said.json']), boots[3].files['said'].decode()
        self.assertEqual((data['gain']['replayed_boots'], data['gain']['plain_boots']), (1, 2))
        self.assertEqual(len(data['ledger']), 4)
        self.assertRegex(said, r'This machine boots [0-9.]+ s (faster|slower) \([0-9.]+ → [0-9.]+ s, 3 boots\)')
        self.assertIn('The next boot is collected: the packages have changed.', said)


if __name__ == '__main__':
    support.main()
