#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What people decide about the next boots, as files on made-up roots. Usage: test-switch.py SWITCH GENERATOR"""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

SWITCH, GENERATOR = sys.argv[1:3]
del sys.argv[1:3]
STATE = 'var/lib/bootahead'
SETTINGS = 'etc/bootahead/bootahead.conf.d'


class Switch(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name) / 'root'
        for name in ('proc', 'run/systemd', STATE):
            (self.root / name).mkdir(parents=True)
        (self.root / 'proc/cmdline').write_text('quiet\n')
        self.write(f'{STATE}/profile', 'x')

    def write(self, name, text):
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_text(text)

    def call(self, verb, code=0):
        result = subprocess.run([SWITCH, f'--root={self.root}', verb], capture_output=True, text=True)
        self.assertEqual(result.returncode, code, result.stderr)
        self.assertNotEqual(result.stderr if code else result.stdout, '')
        return result.stderr.replace(str(self.root), '')

    def next_boot(self):
        """What the generator of a boot decides that no early stage has begun."""
        folders = []
        for name in ('normal', 'early', 'late'):
            folders.append(self.root.parent / name)
            folders[-1].mkdir(exist_ok=True)
        (self.root / 'run/bootahead/decision').unlink(missing_ok=True)
        subprocess.run([GENERATOR, *folders, self.root], check=True, env={**os.environ, 'SYSTEMD_VIRTUALIZATION': 'none'})
        text = (self.root / 'run/bootahead/decision').read_text()
        found = dict(line.split('=', 1) for line in text.splitlines())
        return found['mode'], found['why']

    def test_disable_and_enable(self):
        self.assertEqual(self.next_boot(), ('replay', 'there is a profile'))
        self.call('disable')
        self.assertEqual(self.next_boot(), ('off', 'switched off in bootahead.conf'))
        self.call('disable')
        self.call('enable')
        self.assertEqual(self.next_boot(), ('replay', 'there is a profile'))
        self.assertEqual(list((self.root / SETTINGS).iterdir()), [])
        self.call('enable')

    def test_settings_of_others_stand(self):
        self.write(f'{SETTINGS}/99.conf', '[Boot]\nEnabled=no\n')
        self.assertEqual(self.call('enable', 1), f"bootahead: '/{SETTINGS}/99.conf:2' says Enabled=no\n")
        self.assertEqual(self.call('collect-next', 1), f"bootahead: it is off: '/{SETTINGS}/99.conf:2' says so\n")
        self.write(f'{SETTINGS}/99.conf', '[Boot]\nEnabled=yes\n')
        self.assertEqual(self.call('disable', 1), f"bootahead: '/{SETTINGS}/99.conf:2' says Enabled=yes\n")

    def test_enable_tries_again(self):
        self.write(f'{STATE}/next', 'mode=off\nwhy=nothing gained\n')
        self.assertEqual(self.next_boot(), ('off', 'nothing gained'))
        self.call('enable')
        self.assertEqual(self.next_boot(), ('replay', 'there is a profile'))
        self.write(f'{STATE}/next', 'mode=collect\nwhy=a reason\n')
        self.call('enable')
        self.assertEqual(self.next_boot(), ('collect', 'a reason'))

    def test_collect_next(self):
        self.call('collect-next')
        self.assertEqual(self.next_boot(), ('collect', "asked for by 'bootahead collect-next'"))

    def test_forget(self):
        for name in ('profile.corrupt', 'ledger', 'next', 'packages-changed'):
            self.write(f'{STATE}/{name}', 'mode=control\n')
        self.write(f'{STATE}/of-others', '')
        self.call('forget')
        self.assertEqual([path.name for path in (self.root / STATE).iterdir()], ['of-others'])
        self.assertEqual(self.next_boot(), ('collect', 'there is no profile'))
        self.call('forget')
        self.call('disable')
        self.call('forget')
        self.assertEqual(self.next_boot()[0], 'off')

    def test_without_a_state_folder(self):
        (self.root / STATE / 'profile').unlink()
        (self.root / STATE).rmdir()
        self.call('collect-next')
        self.assertEqual(self.next_boot()[0], 'collect')

    def test_masked(self):
        mask = self.root / 'etc/systemd/system/bootahead-replay.service'
        mask.parent.mkdir(parents=True)
        mask.symlink_to('/dev/null')
        self.assertEqual(self.next_boot(), ('control', 'bootahead-replay.service is masked'))
        mask.unlink()
        mask.symlink_to('/dev/nullx')
        self.assertEqual(self.next_boot()[0], 'replay')

    def test_faults(self):
        (self.root / 'etc').write_text('')
        self.assertIn(f"'/{SETTINGS}/50-switch.conf': Not a directory", self.call('disable', 1))
        (self.root / STATE / 'next').mkdir()
        self.assertIn(f"'/{STATE}/next'", self.call('collect-next', 1))

    def test_usage(self):
        for words in ([], ['on'], ['enable', 'disable'], ['--json', 'enable']):
            self.assertEqual(subprocess.run([SWITCH, *words], stderr=subprocess.DEVNULL).returncode, 2)


if __name__ == '__main__':
    unittest.main()
