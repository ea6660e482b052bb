#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""
bootahead-late below a real systemd and journal, in a container that has booted, with a made-up collector: what it
starts, what it waits for, what it says. Usage: test-late.py BUILT LIBEXECDIR
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
import unittest

if os.geteuid() != 0 or not shutil.which('systemd-nspawn'):
    print('skipped: needs root and systemd-nspawn')
    sys.exit(77)

BUILT, LIBEXEC = sys.argv[1:3]
del sys.argv[1:3]
BED_BUILD = pathlib.Path(os.environ.get('BOOTAHEAD_RELEASE', pathlib.Path(BUILT).parent))

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from bed import container, disk, image as images  # noqa: E402

REPORT = {'version': 1, 'result': 'done', 'why': '', 'profile': '/var/lib/bootahead/profile', 'files': 7, 'pages': 70,
          'accesses': 700, 'source': 'fanotify', 'duration_us': 9000000, 'losses': {'kernel': 3}}
# As the real one does it, until it is told to end.
COLLECT = f'''#!/bin/sh
cd /run/bootahead && echo "$@" >> started
[ "$1" = --restore ] && exec rm -f audit-state collect.pid
[ -e refuse ] && {{ echo why it does not collect >&2; exit 1; }}
read -r _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ ticks _ < /proc/$$/stat
trap 'rm collect.pid; echo {json.dumps(json.dumps(REPORT))} > collect.json; echo ended >> started; exit 0' TERM
echo $$ "$ticks" > collect.pid
while :; do sleep 0.05; done
'''
BOOTED = '952826abdfef459e96c4b0fb0a359e77'
COLLECTED = "Collected '/var/lib/bootahead/profile': 7 files, 70 pages, 700 accesses in 9.0 s by fanotify, 3 lost (kernel 3)"


class Late(unittest.TestCase):
    @classmethod
    def enter(cls, booted):
        cls.booted, cls.root = booted, pathlib.Path(f'/proc/{booted.leader}/root')
        shutil.copy(f'{BUILT}/bootahead-late', cls.root / 'opt')
        for library in re.findall(r'(/\S+) \(0x', subprocess.run(['ldd', f'{BUILT}/bootahead-late'], check=True,
                                                                capture_output=True, text=True).stdout):
            if not os.path.exists(f'{cls.root}{os.path.realpath(library)}'):  # sanitizers, among others
                shutil.copy(library, cls.root / 'usr/lib')
        program = cls.root / LIBEXEC[1:] / 'bootahead-collect'
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(COLLECT)
        program.chmod(0o755)

    def setUp(self):
        self.run_folder, self.state_folder = self.root / 'run/bootahead', self.root / 'var/lib/bootahead'
        for folder in (self.run_folder, self.state_folder):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        self.decide()

    def decide(self, **fields):
        fields = {'mode': 'collect', 'why': 'a test', 'request': 'fanotify', **fields}
        self.leave('decision', ''.join(f'{name}={value}\n' for name, value in fields.items()))

    def leave(self, name, content=''):
        (self.run_folder / name).write_text(content if isinstance(content, str) else json.dumps(content))

    def lines(self):
        self.booted.ask('journalctl', '--sync')
        return [json.loads(line) for line in
                self.booted.ask('journalctl', '--identifier=bootahead-late', '--output=json').splitlines()]

    def late(self, *words):
        """Returns the messages that it has added to the journal, but for the one about the boot, kept in self.boots."""
        before = len(self.lines())
        self.booted.ask('/opt/bootahead-late', *words)
        added = self.lines()[before:]
        self.assertTrue(all(line['MESSAGE_ID'] for line in added))
        self.boots = [line for line in added if line['MESSAGE_ID'] == BOOTED]
        return [line['MESSAGE'] for line in added if line['MESSAGE_ID'] != BOOTED]

    def started(self):
        return (self.run_folder / 'started').read_text().splitlines()

    def start_collector(self):
        """As the early stage does, of whom nobody is a child."""
        self.booted.ask('setsid', '--fork', 'sh', '-c', f'exec {LIBEXEC}/bootahead-collect early > /dev/null 2>&1')
        deadline = time.monotonic() + 5
        while not (self.run_folder / 'collect.pid').exists() and time.monotonic() < deadline:
            time.sleep(0.01)

    def test_collects(self):
        """The boot is over already: what is left is to settle."""
        start = time.monotonic()
        self.assertEqual(self.late('--settle=1', 'collect'), [COLLECTED])
        self.assertTrue(1 <= time.monotonic() - start < 5)
        self.assertEqual(self.started(), ['--source=fanotify', 'ended'])
        self.assertIn('collected=over\n', (self.run_folder / 'decision').read_text())

    def test_takes_over(self):
        self.decide(stage='early', source='fanotify')
        self.start_collector()
        self.assertEqual(self.late('--settle=0', 'collect'), [COLLECTED])
        self.assertEqual(self.started(), ['early', 'ended'])

    def test_was_too_late(self):
        """What the early stage's collector has come to is not replaced by the little that is left of the boot."""
        self.decide(stage='early', source='fanotify')
        self.leave('collect.json', REPORT)
        self.assertEqual(self.late('collect'), [COLLECTED])
        self.assertFalse((self.run_folder / 'started').exists())

    def test_after_a_killed_one(self):
        """Then the rest of the boot is better than nothing."""
        self.decide(stage='early', source='fanotify')
        self.leave('collect.pid', '99999 1\n')
        self.assertEqual(self.late('--settle=0', 'collect'), [COLLECTED])
        self.assertEqual(self.started(), ['--source=fanotify', 'ended'])

    def test_does_not_collect(self):
        self.leave('refuse')
        self.assertEqual(self.late('--settle=0', 'collect'), ['Nothing collected in this boot: why it does not collect'])

    def test_gives_back(self):
        """What a killed collector took, whether of the audit system or not."""
        self.leave('refuse')
        for name, content in (('audit-state', ''), ('collect.pid', '99999 1\n')):
            with self.subTest(name):
                self.leave('started')
                self.leave(name, content)
                self.late('--settle=0', 'collect')
                self.assertFalse((self.run_folder / name).exists())
                self.assertEqual(self.started(), ['--source=fanotify', '--restore'])

    def test_end(self):
        """Of a collector that nobody watches; once."""
        self.start_collector()
        self.assertEqual(self.late('end'), [COLLECTED])
        self.assertEqual(self.late('end'), [])
        self.assertEqual(self.started(), ['early', 'ended'])

    def test_refused_profile(self):
        """Is out of the way before the new one is written."""
        self.decide(profile='refused', why='it is damaged')
        (self.state_folder / 'profile').write_text('garbage')
        self.assertEqual(self.late('--settle=0', 'collect'), [
            "it is damaged; set aside as '/var/lib/bootahead/profile.corrupt', collected anew", COLLECTED])
        self.assertEqual((self.state_folder / 'profile.corrupt').read_text(), 'garbage')

    def test_report(self):
        self.decide(mode='control')
        self.assertEqual(self.late('report'), [])
        self.decide(mode='replay')
        self.leave('replay.json', {'result': 'refused', 'profile': '/profile', 'why': 'it is damaged'})
        (self.state_folder / 'profile').write_text('garbage')
        self.assertEqual(self.late('report'), [
            "Read ahead '/profile': it is damaged, booted without replay",
            "Profile '/var/lib/bootahead/profile' was refused; set aside as '/var/lib/bootahead/profile.corrupt', "
            'the next boot collects anew'])

    def test_record(self):
        """The ledger and the journal have one line for the boot, whatever runs again."""
        self.decide(mode='control')
        self.assertEqual(self.late('report'), [])
        ledger = self.state_folder / 'ledger'
        line, = ledger.read_text().splitlines()
        entry = json.loads(line)
        self.assertEqual(entry['boot'], self.booted.ask('cat', '/proc/sys/kernel/random/boot_id').strip())
        self.assertEqual((entry['version'], entry['mode'], entry['why']), (1, 'control', 'a test'))
        self.assertEqual((entry['kernel'], entry['os']), (os.uname().release, 'debian 12'))
        times = [entry[f'{name}_us'] for name in ('sysinit', 'basic', 'default', 'finish')]
        self.assertEqual(times, sorted(times))
        self.assertGreater(times[0], 0)
        self.assertEqual('stall_us' in entry, os.path.exists('/proc/pressure/io'))
        self.assertEqual({name for name in ('files', 'hit_bytes', 'losses', 'profile') if name in entry}, set())
        self.assertEqual(len(self.boots), 1)
        self.assertRegex(self.boots[0]['MESSAGE'], r'^Booted in [0-9.]+ s.*\(control: a test\)$')
        self.assertEqual(self.boots[0]['BOOTAHEAD_FINISH_US'], str(entry['finish_us']))
        self.late('report')
        self.assertEqual((self.boots, ledger.read_text()), ([], line + '\n'))

    def test_record_of_work(self):
        self.late('--settle=0', 'collect')
        entry = json.loads((self.state_folder / 'ledger').read_text())
        self.assertEqual((entry['mode'], entry['losses']), ('collect', 3))
        self.setUp()
        self.decide(mode='replay')
        self.leave('replay.json', {'result': 'done', 'files': 90, 'files_gone': 6, 'files_changed': 4, 'profile_boot': 'x'})
        self.late('report')
        entry = json.loads((self.state_folder / 'ledger').read_text())
        self.assertEqual((entry['files'], entry['stale_files'], entry['profile']), (90, 10, 'x'))

    def test_record_of_a_damaged_ledger(self):
        self.decide(mode='control')
        (self.state_folder / 'ledger').write_text('garbage\n')
        self.assertEqual(self.late('report'), ['Ledger: it had damaged lines, they are left out'])
        self.assertEqual(len(self.boots), 1)


def main():
    results = []

    def observe(booted, _):
        Late.enter(booted)
        results.append(unittest.main(exit=False, verbosity=2).result)

    container.boot(images.minimal(BED_BUILD).path, disk.CONTAINER['none'], BED_BUILD, observe=observe)
    sys.exit(not results[0].wasSuccessful())


if __name__ == '__main__':
    main()
