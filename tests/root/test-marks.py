#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""
Roots that take no mark which reports handles, a subvolume of btrfs and an overlay: fanotify records there too,
also where audit can't be used.
"""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from support import (AUDITOR, BUILD, COLLECT, FILES, MADE, OPENER, Profile, SameAuditState, collect, fill,
                     need_root_and_audit, skip)

PAGE = os.sysconf('SC_PAGE_SIZE')


def run(*words):
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


class Marks(SameAuditState):
    def setUp(self):
        super().setUp()
        holder = tempfile.TemporaryDirectory(dir='/var/tmp')
        self.addCleanup(holder.cleanup)
        self.folder = os.path.realpath(holder.name)
        self.root, self.output = f'{self.folder}/root', f'{self.folder}/profile'
        os.mkdir(self.root)

    def image(self, kind, size):
        path = f'{self.folder}/{kind}'
        run('truncate', '-s', size, path)
        run(f'mkfs.{kind}', '-q', path)
        return path

    def mount(self, *words):
        run('mount', *words)
        self.addCleanup(run, 'umount', words[-1])

    def mount_subvolumes(self):
        """A root and another one in it, as distributions have them."""
        image, top = self.image('btrfs', '150M'), f'{self.folder}/top'
        os.mkdir(top)
        self.mount('-o', 'loop', image, top)
        for name in ('@', '@var'):
            run('btrfs', 'subvolume', 'create', f'{top}/{name}')
        os.mkdir(f'{top}/@/var')
        device = subprocess.run(['findmnt', '-no', 'SOURCE', top], check=True, capture_output=True, text=True).stdout
        for name, place in (('@', self.root), ('@var', f'{self.root}/var')):
            self.mount('-o', f'subvol={name}', device.strip(), place)

    def mount_overlay(self):
        """Of two filesystems, so that inode numbers are those of either."""
        lower, upper = f'{self.folder}/lower', f'{self.folder}/upper'
        for place, image in ((lower, self.image('ext4', '8M')), (upper, self.image('ext2', '8M'))):
            os.mkdir(place)
            self.mount('-o', 'loop', image, place)
        os.mkdir(f'{lower}/var')
        for name in ('upper', 'work'):
            os.mkdir(f'{upper}/{name}')
        self.mount('-t', 'overlay', '-o', f'lowerdir={lower},upperdir={upper}/upper,workdir={upper}/work', 'overlay',
                   self.root)

    def record(self, *command, source='auto'):
        result = collect(f'--source={source}', f'--root={self.root}', f'--output={self.output}', '--', *command)
        self.assertEqual(result.returncode, 0, result.stderr)
        profile = Profile(self.output)
        self.assertIn(' sources=fanotify ', profile.text)
        return profile

    def assert_complete(self, unresolved):
        """Each way to name a file, while audit can't be used."""
        os.mkdir(f'{self.root}/tree')
        fill(f'{self.root}/tree')
        run(AUDITOR, 'add-rule')
        try:
            profile = self.record(OPENER, f'{self.root}/tree')
        finally:
            run(AUDITOR, 'delete-rule')
        files = {b'/tree/' + name for name in FILES + MADE + [b'script', b'deep/er/program']}
        self.assertEqual(files - profile.files, unresolved)
        self.assertEqual(profile.losses(), {'unresolved': len(unresolved)} if unresolved else {})
        self.assertIn('exec', profile.flags_of(b'/tree/deep/er/program'))

    def assert_told_apart(self, first, second):
        """Two files of the same inode number, each with its own pages."""
        self.assertEqual(os.stat(first).st_ino, os.stat(second).st_ino)
        profile = self.record('sh', '-c', f'cat {first} {second} > /dev/null')
        pages = dict.fromkeys((first, second), 0)
        names = re.findall(r'^file "([^"]*)"', profile.text, re.M)
        for name, count in re.findall(r'^range "([^"]*)" .*count=(\d+)', profile.text, re.M):
            path = self.root + name
            if path in pages:
                pages[path] += int(count)
        for path in pages:
            self.assertIn(path.removeprefix(self.root), names)
            self.assertGreaterEqual(pages[path], os.stat(path).st_size // PAGE)

    def test_subvolume(self):
        self.mount_subvolumes()
        self.assert_complete(set())

    def test_overlay(self):
        """What stands elsewhere in a process's own mounts has no name in ours that could be found."""
        self.mount_overlay()
        self.assert_complete({b'/tree/bound/seen-elsewhere'})

    def same_inode(self, below, above):
        """Makes files in two folders until two have the same number; returns their names."""
        numbers = [{}, {}]
        for number in range(100):
            for folder, known in zip((below, above), numbers):
                path = pathlib.Path(folder, f'file{number}')
                path.write_bytes(b'x' * 5 * PAGE)
                known[path.stat().st_ino] = path.name
            common = numbers[0].keys() & numbers[1].keys()
            if common:
                inode = common.pop()
                return numbers[0][inode], numbers[1][inode]
        return self.fail('no two files have the same inode number')

    def test_subvolumes_inodes(self):
        self.mount_subvolumes()
        first, second = self.same_inode(self.root, f'{self.root}/var')
        self.assert_told_apart(f'{self.root}/{first}', f'{self.root}/var/{second}')

    def test_layers_inodes(self):
        """Pages of an overlay are those of files below: what is in memory counts."""
        self.mount_overlay()
        os.mkdir(f'{self.folder}/upper/upper/made')
        first, second = self.same_inode(f'{self.folder}/lower/var', f'{self.folder}/upper/upper/made')
        run('mount', '-o', 'remount', self.root)
        self.assert_told_apart(f'{self.root}/var/{first}', f'{self.root}/made/{second}')
        self.assertRegex(Profile(self.output).text[:1000], r' contents=\S*resident-pages')

    def test_storm(self):
        """More events than are taken at once, of more files than one may have open."""
        self.mount_overlay()
        names = [f'/{number}' for number in range(1500)]
        for name in names:
            pathlib.Path(self.root + name).touch()
        profile = self.record('sh', '-c', f'cat {self.root}/[0-9]*')
        self.assertEqual({os.fsencode(name) for name in names} - profile.files, set())
        self.assertEqual(profile.losses(), {})

    def test_without_fanotify(self):
        """audit, where that can be used."""
        self.mount_overlay()
        os.mkdir(f'{self.root}/etc')
        pathlib.Path(self.root, 'etc/passwd').touch()  # what a heartbeat opens
        words = [BUILD / 'tests/root/without', 'fanotify_init', COLLECT, f'--root={self.root}',
                 f'--output={self.output}', '--', 'true']
        run(*words)
        text = Profile(self.output).text
        self.assertIn(' sources=audit ', text)
        self.assertIn("fanotify can't be used", text)
        run(AUDITOR, 'add-rule')
        try:
            refused = subprocess.run(words, capture_output=True, text=True)
        finally:
            run(AUDITOR, 'delete-rule')
        self.assertEqual(refused.returncode, 1)
        self.assertIn('rules of others', refused.stderr)


if __name__ == '__main__':
    need_root_and_audit()
    if not shutil.which('mkfs.btrfs'):
        skip('mkfs.btrfs is not installed')
    unittest.main(verbosity=2)
