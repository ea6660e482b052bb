#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Profiles that nobody should replay: the boot completes without delay, says why, and collects anew."""

import os
import random
import shutil
import struct
import zlib

import support
from support import vm

SLOWER = 2  # times a plain boot: no step of the boot waits for one that failed. Less is for tests/bench


def newer(content):
    """A profile that no reader of today must read: profiles/FORMAT.md, 1.1."""
    head = bytearray(content)
    size, = struct.unpack_from('<I', head, 8)
    struct.pack_into('<IHH', head, 12, 0, 1000, 1000)
    struct.pack_into('<I', head, 12, zlib.crc32(head[:size]))
    return bytes(head)


FAULTS = {
    'garbage': lambda _: random.Random(1).randbytes(50_000),
    'empty': lambda _: b'',
    'truncated': lambda content: content[:len(content) // 2],
    'newer': newer,
    'foreign owner': lambda content: content,
}


class Refused(support.Case):
    def test_faults(self):
        """Each boot collects what the next one finds damaged."""
        with vm.machine(support.installed()) as machine:
            self.plain, good = [self.boot_plain(machine)], None
            for name, damage in FAULTS.items():
                with self.subTest(name):
                    good = self.boot_with(machine, damage(good), owner=65534 if name == 'foreign owner' else 0)

    def boot_plain(self, machine):
        return support.boot(machine, command_line='bootahead=control').seconds

    def boot_once(self, machine, content, owner):
        with vm.opened(machine) as root:
            folder = root / 'var/lib/bootahead'
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            (folder / 'profile').write_bytes(content)
            os.chown(folder / 'profile', owner, owner)
        return support.boot(machine, keep=True, clean=True)

    def boot_with(self, machine, content, owner):
        """Returns the profile that is collected instead. A boot that was slow on a busy machine gets another go,
        beside a plain one of the same minute."""
        said = self.boot_once(machine, content, owner)
        if said.seconds >= SLOWER * max(self.plain):
            self.plain.append(self.boot_plain(machine))
            said = self.boot_once(machine, content, owner)
        self.assertLess(said.seconds, SLOWER * max(self.plain))
        self.assertEqual(said.decision.get('profile'), 'refused')
        self.assert_collected(said, {'fanotify'}, "'/")
        self.assertEqual(len([text for text in said.messages() if 'set aside' in text]), 1, said.messages())
        self.assert_profile(machine)
        with vm.opened(machine) as root:
            self.assertEqual((root / 'var/lib/bootahead/profile.corrupt').read_bytes(), content)
            return (root / 'var/lib/bootahead/profile').read_bytes()


if __name__ == '__main__':
    support.main()
