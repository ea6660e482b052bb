#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A machine whose initramfs knows nothing of bootahead: its services do both jobs, later."""

import dataclasses

import support
from support import images, vm


class Late(support.Case):
    def test_late(self):
        image = dataclasses.replace(support.installed(), boot=images.minimal(support.RELEASE).boot)
        with vm.machine(image) as machine:
            with self.subTest('collect'):
                said = support.boot(machine, keep=True, clean=True)
                self.assertEqual(said.decision['stage'], 'late')
                self.assert_collected(said, {'fanotify'}, 'there is no profile')
                self.assert_profile(machine)
            with self.subTest('replay'):
                said = support.boot(machine)
                self.assertEqual(said.decision['stage'], 'late')
                self.assert_replayed(said)
            with self.subTest('refused'):
                with vm.opened(machine) as root:
                    (root / 'var/lib/bootahead/profile').write_bytes(b'garbage')
                said = support.boot(machine, keep=True, clean=True)
                self.assertEqual(said.failed, [])
                self.assertTrue(any('set aside' in text for text in said.messages()), said.messages())
                with vm.opened(machine) as root:
                    self.assertFalse((root / 'var/lib/bootahead/profile').exists())
            with self.subTest('collect anew, by audit'):
                said = support.boot(machine, command_line='bootahead.source=audit')
                self.assert_collected(said, {'audit', 'fanotify'}, 'there is no profile')
                self.assertEqual(said.audit, '')


if __name__ == '__main__':
    support.main()
