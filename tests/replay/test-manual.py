#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""
The manual pages of the programs and their --help name the same options with the same arguments and the
same numbers by default, and what the pages say of FILES are names that the programs have.
"""

import pathlib
import re
import subprocess
import unittest

from support import COLLECT, REPLAY, WATCH

SOURCES = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = [('replay', REPLAY), ('collector', COLLECT), ('collector', WATCH)]


def section(page, name):
    return re.search(rf'^# {name}$(.*?)(?=^# |\Z)', page, re.M | re.S).group(1)


def options_of_help(text):
    """{option: (argument, default or None)}"""
    found = {}
    for line in text.splitlines():
        head, _, rest = line.strip().partition('  ')
        if not head.startswith('--'):
            continue
        default = re.search(r'\((\w+)\)$', rest) or re.search(r'\((\d+); 0', rest)
        for word in head.split(', '):
            name, _, argument = word.partition('=')
            found[name] = (argument, default and default.group(1))
    return found


def options_of_page(page):
    found = {}
    for head, body in re.findall(r'^(\*--.*)\n((?:\t.*\n)+)', section(page, 'OPTIONS'), re.M):
        default = re.search(r'[Dd]efault: _(\w+)_', body)
        for word in head.split(', '):
            name, _, argument = word.replace('*', '').replace('_', '').partition('=')
            found[name] = (argument, default and default.group(1))
    return found


class Manual(unittest.TestCase):
    maxDiff = None

    def test_options(self):
        for folder, program in PROGRAMS:
            with self.subTest(program.name):
                page = (SOURCES / folder / f'{program.name}.8.scd').read_text()
                text = subprocess.run([program, '--help'], check=True, capture_output=True, text=True).stdout
                shown = options_of_help(text)
                self.assertGreater(len(shown), 8)
                self.assertEqual(options_of_page(page), shown)
                mentioned = set(re.findall(r'--[a-z][a-z-]*', page))
                self.assertEqual(mentioned - set(shown), set(), 'mentioned, but not there')


if __name__ == '__main__':
    unittest.main(verbosity=2)
