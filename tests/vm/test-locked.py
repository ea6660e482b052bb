#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The administrator has locked the audit system until the next boot: who asks for audit is told why there is none."""

import pathlib
import shutil
import tempfile

import support
from support import vm

HOOK = '''#!/bin/sh
case "$1" in prereqs) exit 0 ;; esac
. /usr/share/initramfs-tools/hook-functions
copy_exec /usr/local/sbin/lock-audit
'''
SCRIPT = '''#!/bin/sh
case "$1" in prereqs) exit 0 ;; esac
/usr/local/sbin/lock-audit
'''


def write(path, text):
    path.parent.mkdir(parents=True)
    path.write_text(text)
    path.chmod(0o755)


class Locked(support.Case):
    def test_locked(self):
        program = support.RELEASE / 'tests/vm/lock-audit'
        with tempfile.TemporaryDirectory() as tree:
            root = pathlib.Path(tree)
            write(root / 'etc/initramfs-tools/hooks/lock-audit', HOOK)
            write(root / 'etc/initramfs-tools/scripts/init-premount/lock-audit', SCRIPT)
            (root / 'usr/local/sbin').mkdir(parents=True)
            shutil.copy(program, root / 'usr/local/sbin')
            image = support.installed(add=[root], label='locked')
        with vm.machine(image) as machine:
            said = support.boot(machine, command_line='bootahead.source=audit')
            self.assertEqual(said.decision['mode'], 'collect')
            self.assertEqual(said.failed, [])
            self.assertEqual(len(said.lines), 1, said.messages())
            self.assertIn('Nothing collected', said.messages()[0])
            self.assertIn('lock', said.messages()[0])
            self.assertNotIn('bootahead/profile', said.files)


if __name__ == '__main__':
    support.main()
