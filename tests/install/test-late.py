#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""bootahead-late's command line; what it does is tested in containers and boots. Usage: test-late.py PROGRAM"""

import re
import subprocess
import sys
import unittest

PROGRAM = sys.argv.pop(1)


def late(*words):
    result = subprocess.run([PROGRAM, *words], capture_output=True, text=True)
    return result.returncode, result.stdout, result.stderr


class Late(unittest.TestCase):
    def test_help_has_every_verb(self):
        status, said, _ = late('--help')
        self.assertEqual(status, 0)
        self.assertEqual(re.findall(r'^  (\w+) ', said, re.MULTILINE), ['collect', 'end', 'report'])

    def test_version(self):
        self.assertRegex(late('--version')[1], r'^bootahead-late [0-9.]+\n$')

    def test_usage(self):
        for words in ([], ['collect', 'end'], ['begin'], ['--unknown', 'collect']):
            with self.subTest(words):
                status, said, errors = late(*words)
                self.assertEqual((status, said), (2, ''))
                self.assertNotEqual(errors, '')

    def test_seconds(self):
        for option in ('--settle', '--limit'):
            for value in ('', '-1', '1s', '86401', '99999999999999999999'):
                with self.subTest(f'{option}={value}'):
                    status, _, errors = late(f'{option}={value}', 'begin')
                    self.assertEqual(status, 2)
                    self.assertIn('is not a number of seconds up to a day', errors)


if __name__ == '__main__':
    unittest.main()
