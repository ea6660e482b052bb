#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What shells offer after some words of a bootahead command line; a shell that is not there is left out."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

BOOTAHEAD = os.environ['BOOTAHEAD']
SCRIPTS = pathlib.Path(__file__).resolve().parents[2] / 'tools/completions'

BASH = '''
. "$SCRIPT"
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
compopt() { :; }
_bootahead
printf '%s\\n' "${COMPREPLY[@]}"
'''
# zsh completes only in a terminal: what would be added is printed instead
ZSH = '''
compadd() { local all=("${@[(i)--]}"); shift $all; print -l -- ${(M)@:#$PREFIX*} }
_describe() { local all=("${(@P)2}"); all=("${(@)all%%:*}"); print -l -- ${(M)all:#$PREFIX*} }
_files() { print -l -- ${PREFIX}*(N) }
words=("$@")
CURRENT=$#
PREFIX=${@[-1]}
() { . $SCRIPT }
'''


class Completions(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / 'profile.one').touch()
        self.environment = {**os.environ, 'PATH': f'{pathlib.Path(BOOTAHEAD).parent}:{os.environ["PATH"]}',
                            'HOME': folder.name, 'XDG_CONFIG_HOME': folder.name, 'XDG_DATA_HOME': folder.name}

    def offered(self, shell, *words):
        if not shutil.which(shell):
            self.skipTest(f'{shell} is not installed')
        script, command = {
            'bash': ('bootahead.bash', ['bash', '-c', BASH, 'bash', *words]),
            'zsh': ('_bootahead', ['zsh', '-f', '-c', ZSH, 'zsh', *words]),
            'fish': ('bootahead.fish', ['fish', '-c', f'source "$SCRIPT"; complete --do-complete "{" ".join(words)}"']),
        }[shell]
        result = subprocess.run(command, env={**self.environment, 'SCRIPT': str(SCRIPTS / script)}, cwd=self.folder,
                                capture_output=True, text=True, timeout=60)
        self.assertEqual((result.returncode, result.stderr), (0, ''))
        return {line.split('\t')[0] for line in result.stdout.split('\n') if line}

    def test_all(self):
        for shell in ('bash', 'zsh', 'fish'):
            for words, expected in ((('s',), {'status', 'show'}),
                                    (('show', '--f'), {'--files'}),
                                    (('record', '--s'), {'--source='}),
                                    (('status', '--j'), {'--json'}),
                                    (('status', '--ver'), {'--version'}),
                                    (('lives', '--alive', '--js'), {'--json'}),
                                    (('config', '--a'), set()),
                                    (('replay', '--gap'), {'--gap-pages='}),
                                    (('watch', '--cl'), {'--class='}),
                                    (('show', 'profile'), {'profile.one'})):
                with self.subTest(f'{shell} {words}'):
                    self.assertEqual(self.offered(shell, 'bootahead', *words), expected)


if __name__ == '__main__':
    unittest.main()
