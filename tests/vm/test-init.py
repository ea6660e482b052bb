#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A machine whose initramfs knows nothing of bootahead starts it as init=: from PID 1 on, nothing is missed."""

import dataclasses
import re

import support
from support import images, vm

INIT = 'init=/usr/libexec/bootahead/bootahead-init'
# With no /run, /proc, /sys and /dev, as the kernel starts the first process where there is no initramfs.
BARE = '''#!/bin/sh
umount -l /dev/pts /dev /run /sys /proc
exec /usr/libexec/bootahead/bootahead-init
'''


class Init(support.Case):
    @classmethod
    def setUpClass(cls):
        cls.image = dataclasses.replace(support.installed(), boot=images.minimal(support.RELEASE).boot)

    def test_init(self):
        with vm.machine(self.image) as machine:
            with self.subTest('collect'):
                said = support.boot(machine, keep=True, clean=True, command_line=INIT, before=support.TO_READ)
                self.assert_early(said)
                self.assert_collected(said, {'fanotify'}, 'there is no profile')
                self.assert_profile(machine)
                self.assert_complete(said)
            with self.subTest('replay'):
                said = support.boot(machine, command_line=INIT)
                self.assert_early(said)
                self.assert_replayed(said)
                self.assertEqual(said.messages()[0].count('Read ahead'), 1)
            with self.subTest('bare'):
                with vm.opened(machine) as root:
                    (root / 'usr/local/sbin/bare').write_text(BARE)
                    (root / 'usr/local/sbin/bare').chmod(0o755)
                words = 'init=/usr/local/sbin/bare bootahead=collect bootahead.init=/lib/systemd/systemd'
                said = support.boot(machine, command_line=words, before='cat /proc/1/cmdline /proc/mounts > mounts\n')
                self.assert_early(said)
                self.assert_collected(said, {'fanotify'}, 'asked for')
                mounts = said.files['mounts'].decode()
                self.assertTrue(mounts.startswith('/lib/systemd/systemd\0'), mounts)
                for path in ('proc', 'sys', 'dev', 'run'):
                    self.assertEqual(len(re.findall(rf'(?m)^\S+ /{path} ', mounts)), 1, mounts)

    def assert_early(self, said):
        self.assertEqual(said.decision['stage'], 'early')
        self.assertEqual(said.failed, [])


if __name__ == '__main__':
    support.main()
