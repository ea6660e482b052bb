#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The settings as files on made-up roots, by what bootahead-config prints. Usage: test-config.py PROGRAM"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

PROGRAM = sys.argv.pop(1)
MANUAL = pathlib.Path(__file__).resolve().parents[2] / 'units/bootahead.conf.5.scd'


class Config(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    def call(self, *options, code=0):
        result = subprocess.run([PROGRAM, f'--root={self.root}', *options], capture_output=True, text=True)
        self.assertEqual(result.returncode, code, result.stderr)
        return result.stdout.replace(str(self.root), ''), result.stderr.replace(str(self.root), '').splitlines()

    def read(self):
        """{group: {name: (value, origin)}}, and what was complained of"""
        output, complaints = self.call('--json')
        return {group: {name: (one['value'], one['origin']) for name, one in of.items()}
                for group, of in json.loads(output).items()}, complaints

    def changed(self):
        found, complaints = self.read()
        self.assertEqual(complaints, [])
        return {f'{group}.{name}': one for group, of in found.items() for name, one in of.items() if one[1]}

    def complaint(self, text):
        self.write('etc/bootahead/bootahead.conf', text)
        _, complaints = self.read()
        return [re.sub('^bootahead config: ', '', line) for line in complaints]

    def test_defaults_are_the_manual_s(self):
        found, complaints = self.read()
        self.assertEqual(complaints, [])
        manual, group = {}, None
        for head, name, text in re.findall(r'^## \[(\w+)\]$|^\*(\w+)=\*\n\t(.*(?:\n\t.*)*)', MANUAL.read_text(), re.M):
            group = head or group
            if name:
                manual[f'{group}.{name}'] = re.search(r'\((\w+)[^()]*\)\.$', text)[1]
        values = {f'{group}.{name}': {True: 'yes', False: 'no'}.get(one[0], str(one[0])) if isinstance(one[0], bool)
                  else str(one[0]) for group, of in found.items() for name, one in of.items()}
        self.assertEqual(values, manual)

    def test_layers(self):
        self.write('usr/lib/bootahead/bootahead.conf', '[Boot]\nControlEvery=1\n[Collect]\nSettleSeconds=7\n')
        self.assertEqual(self.changed(), {'Boot.ControlEvery': (1, '/usr/lib/bootahead/bootahead.conf:2'),
                                          'Collect.SettleSeconds': (7, '/usr/lib/bootahead/bootahead.conf:4')})
        self.write('run/bootahead/bootahead.conf', '[Boot]\nControlEvery=2\n')
        self.assertEqual(self.changed(), {'Boot.ControlEvery': (2, '/run/bootahead/bootahead.conf:2')})
        self.write('etc/bootahead/bootahead.conf', '# mine\n\n[Boot]\nEnabled = off ; for now\n')
        self.assertEqual(self.changed(), {'Boot.Enabled': (False, '/etc/bootahead/bootahead.conf:4')})

    def test_drop_ins(self):
        self.write('etc/bootahead/bootahead.conf', '[Profile]\nGonePercent=1\nAgeDays=1\n')
        for number, layer in enumerate(('usr/lib', 'run', 'etc'), 2):
            self.write(f'{layer}/bootahead/bootahead.conf.d/{9 - number}0-{number}.conf', f'[Profile]\nAgeDays={number}\n')
            self.write(f'{layer}/bootahead/bootahead.conf.d/same.conf', f'[Collect]\nSettleSeconds={number}\n')
            self.write(f'{layer}/bootahead/bootahead.conf.d/not-one.txt', '[Profile]\nAgeDays=9\n')
        self.assertEqual(self.changed(), {
            'Profile.GonePercent': (1, '/etc/bootahead/bootahead.conf:2'),
            'Profile.AgeDays': (2, '/usr/lib/bootahead/bootahead.conf.d/70-2.conf:2'),
            'Collect.SettleSeconds': (4, '/etc/bootahead/bootahead.conf.d/same.conf:2')})

    def test_empty_is_the_default(self):
        self.write('etc/bootahead/bootahead.conf', '[Profile]\nAgeDays=1\n')
        self.write('etc/bootahead/bootahead.conf.d/a.conf', '[Profile]\nAgeDays=\n')
        self.assertEqual(self.changed(), {'Profile.AgeDays': (180, '/etc/bootahead/bootahead.conf.d/a.conf:2')})

    def test_faults(self):
        path = "'/etc/bootahead/bootahead.conf', line"
        for text, expected in (
                ('[Boot]\nEnabled=perhaps\n', f'{path} 2: Enabled=perhaps is not yes or no, ignored'),
                ('[Boot]\nControlEvery=-1\n', f'{path} 2: ControlEvery=-1 is not a number from 0 to 100, ignored'),
                ('[Boot]\nControlEvery=101\n', f'{path} 2: ControlEvery=101 is not a number from 0 to 100, ignored'),
                ('[Boot]\nControlEvery=1x\n', f'{path} 2: ControlEvery=1x is not a number from 0 to 100, ignored'),
                ('[Boot]\nControlEvery=99999999999999999999\n', None),
                ('[Boot]\n\nNobody=1\n', f"{path} 3: there is no setting 'Nobody' in [Boot]"),
                ('[Else]\nEnabled=no\n', f"{path} 2: there is no setting 'Enabled' in [Else]"),
                ('[Boot]\nEnabled=no\n[Broken\n', f'{path} 3: Missing bracket, the file is ignored'),
        ):
            with self.subTest(text):
                complaints = self.complaint(text)
                self.assertEqual(len(complaints), 1)
                if expected:
                    self.assertEqual(complaints[0], expected)
                self.assertEqual([one for of in self.read()[0].values() for one in of.values() if one[1]], [])

    def test_one_fault_costs_only_itself(self):
        self.write('etc/bootahead/bootahead.conf', '[Boot]\nEnabled=maybe\nControlEvery=7\n')
        self.write('etc/bootahead/bootahead.conf.d/a.conf', '[Boot\n')
        self.write('etc/bootahead/bootahead.conf.d/b.conf', '[Profile]\nAgeDays=8\n')
        found, complaints = self.read()
        self.assertEqual((found['Boot']['ControlEvery'][0], found['Profile']['AgeDays'][0]), (7, 8))
        self.assertEqual(len(complaints), 2)

    def test_garbage(self):
        for text in (b'\0\xff' * 5000, b'[' * 100000, b'=' * 70000, b'[Boot]\n' * 5000, b'[Boot]\nEnabled' + b'=no' * 9999):
            with self.subTest(text[:20]):
                self.write('etc/bootahead/bootahead.conf', text)
                self.read()

    def test_not_a_file(self):
        (self.root / 'etc/bootahead/bootahead.conf').mkdir(parents=True)
        self.read()

    def test_unreadable(self):
        if os.geteuid() == 0:
            self.skipTest('root reads everything')
        self.write('etc/bootahead/bootahead.conf', '[Boot]\nEnabled=no\n')
        (self.root / 'etc/bootahead/bootahead.conf').chmod(0)
        self.assertEqual(self.read()[1], ["bootahead config: '/etc/bootahead/bootahead.conf': Permission denied, "
                                          'the file is ignored'])

    def test_text(self):
        self.write('etc/bootahead/bootahead.conf', '[Boot]\nEnabled=0\n')
        text = self.call()[0]
        self.assertTrue(text.startswith('[Boot]\nEnabled=no               # /etc/bootahead/bootahead.conf:2\n'
                                        'ControlEvery=30          # default\n\n[Collect]\n'), text)
        # what is printed is itself a file of settings
        self.write('etc/bootahead/bootahead.conf', text)
        self.assertEqual(re.sub('#.*', '', self.call()[0]), re.sub('#.*', '', text))

    def test_usage(self):
        self.call('--unknown', code=2)
        self.call('word', code=2)


if __name__ == '__main__':
    unittest.main()
