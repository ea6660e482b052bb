#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""
bootahead-replay and the mount table: which filesystems it takes, when they are mounted, and of which kinds.
"""

import os
import pathlib
import random
import shutil
import subprocess
import tempfile
import time
import unittest

import filesystem
from support import NO_UUID, PAGE, REPLAY, Profile, read_report, replay, skip, wait_for

TOOLS = ['mkfs.xfs', 'mkfs.btrfs', 'mksquashfs', 'mkfs.erofs']


class Filesystems(filesystem.Case):
    def fill(self):
        self.size = self.make('file', 4)
        self.make('var/file', 4)

    def both(self, **changes):
        profile = self.profile_of_root()
        profile.add_filesystem(**({'mount': '/var', 'uuid': self.var.uuid} | changes))
        profile.add_file('/file', self.size, [(0, 4)])
        profile.add_file('/var/file', self.size, [(0, 4)], filesystem=1)
        profile.add_file('/var/none', self.size, [(0, 4)], filesystem=1)
        profile.add_metadata(2000, 4, filesystem=1)
        return profile

    def setUp(self):
        super().setUp()
        self.var = self.second('second', self.root / 'var')
        self.make('var/file', 4)
        self.var.forget()

    def test_each_at_its_place(self):
        report = self.run_replay(self.both())
        self.assertEqual((report['files'], report['files_gone'], report['files_skipped']), (2, 1, 0))
        self.assertEqual(report['metadata_requests'], 1)
        self.assert_resident('file', (0, 4))
        self.assert_resident('var/file', (0, 4))

    def test_unknown_uuid(self):
        self.assertEqual(self.run_replay(self.both(uuid=NO_UUID))['files'], 2)

    def assert_var_skipped(self, profile):
        before = self.var.resident(2000, 4) if self.var.mounted else 0
        report = self.run_replay(profile, '--limit-seconds=1')
        self.assertEqual((report['files'], report['files_gone'], report['files_skipped']), (1, 0, 2))
        self.assertEqual((report['metadata_requests'], report['errors']), (0, 0))
        self.assert_resident('file', (0, 4))
        self.assert_nothing_resident('var/file')
        if self.var.mounted:
            self.assertEqual(self.var.resident(2000, 4), before)

    def test_another_uuid(self):
        self.assert_var_skipped(self.both(uuid='01234567-89ab-cdef-0123-456789abcdef'))

    def test_another_type(self):
        self.assert_var_skipped(self.both(type='xfs'))

    def test_not_mounted(self):
        profile = self.both()
        self.var.unmount()
        self.assert_var_skipped(profile)

    def test_hidden_by_a_mount_above(self):
        """It is still in the mount table, but its path leads to a plain folder of another filesystem."""
        profile = Profile()
        profile.add_filesystem('/')
        profile.add_filesystem('/var')
        profile.add_file('/file', self.size, [(0, 4)])
        profile.add_file('/var/file', self.size, [(0, 4)], filesystem=1)
        profile.add_metadata(2000, 4, filesystem=1)
        upper = self.second('third', self.root)
        self.make('file', 4)
        self.make('var/file', 4)
        upper.forget()
        report = self.run_replay(profile, '--limit-seconds=1')
        self.assertEqual((report['files'], report['files_skipped'], report['metadata_requests']), (1, 1, 0))
        self.assert_resident('file', (0, 4))
        self.assert_nothing_resident('var/file')

    def test_hidden_by_a_later_mount(self):
        """The filesystem of the profile is mounted there, and another one on top of it."""
        profile = self.both()
        upper = self.second('third', self.root / 'var')
        self.make('var/file', 4)
        upper.forget()
        self.assert_var_skipped(profile)
        self.assertEqual(upper.resident(2000, 4), 0)


class Later(filesystem.Case):
    """Filesystems that are mounted when replay has started."""

    PAGES = 4

    def fill(self):
        self.size = self.make('file', self.PAGES)
        self.images = {}
        for name in ('var', 'var/deep', 'home'):
            (self.root / name).mkdir()
            self.images[name] = self.second(name.replace('/', '-'), self.root / name)
            self.make(f'{name}/file', self.PAGES)
        for image in reversed(self.images.values()):
            image.unmount()

    def start(self, *options, root=None):
        profile = self.profile_of_root()
        profile.add_file('/file', self.size, [(0, self.PAGES)])
        for name, image in self.images.items():
            number = profile.add_filesystem(f'/{name}', image.uuid)
            profile.add_file(f'/{name}/file', self.size, [(0, self.PAGES)], filesystem=number)
            profile.add_metadata(2000, 4, filesystem=number)
        profile.write(self.profile)
        process = subprocess.Popen([REPLAY, f'--root={root or self.root}', f'--report={self.report}', *options,
                                    self.profile])
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.wait_for_files(1)
        return process

    def counted(self):
        report = read_report(self.report) if self.report.exists() else {}
        return {name: report.get(name) for name in ('files', 'files_skipped', 'metadata_requests')}

    def wait_for_files(self, files):
        expected = {'files': files, 'files_skipped': 4 - files, 'metadata_requests': files - 1}
        wait_for(lambda: self.counted() == expected)
        self.assertEqual(self.counted(), expected)

    def mount(self, name):
        self.images[name].mount(self.root / name)

    def test_as_they_appear(self):
        process = self.start()
        self.mount('var')
        self.wait_for_files(2)
        self.assert_resident('var/file', (0, self.PAGES))
        self.mount('var/deep')
        self.wait_for_files(3)
        self.assert_resident('var/deep/file', (0, self.PAGES))
        self.images['var/deep'].unmount()  # nobody holds it
        self.assertIsNone(process.poll())
        self.mount('home')
        self.assertEqual(process.wait(20), 0)
        self.wait_for_files(4)
        self.assert_resident('home/file', (0, self.PAGES))

    def test_sleeps(self):
        """It does not look until something is mounted, and then for a moment."""
        process = self.start()

        def switches():
            status = pathlib.Path(f'/proc/{process.pid}/status').read_text()
            return sum(int(line.split()[1]) for line in status.splitlines() if 'ctxt_switches' in line)

        def is_asleep():
            before = switches()
            time.sleep(0.3)
            return switches() == before

        self.assertTrue(wait_for(is_asleep))
        filesystem.run('mount', '-t', 'tmpfs', 'tmpfs', self.root / 'home')
        self.addCleanup(filesystem.run, 'umount', self.root / 'home')
        self.assertTrue(wait_for(is_asleep))
        self.assertIsNone(process.poll())
        self.assertEqual(self.counted()['files'], 1)

    def test_time_is_up(self):
        process = self.start('--limit-seconds=2')
        self.assertEqual(process.wait(20), 0)
        self.mount('var')
        self.wait_for_files(1)
        self.assert_nothing_resident('var/file')

    def test_root_moves(self):
        """As when an initramfs hands over: the paths of all mounts change."""
        old = self.folder / 'initramfs'
        old.mkdir()
        filesystem.run('mount', '--bind', self.root, old)
        self.image.unmount()
        self.start(root=old)
        filesystem.run('mount', '--move', old, self.root)
        self.image.mounted = self.root
        self.mount('var')
        self.wait_for_files(2)
        self.assert_resident('var/file', (0, self.PAGES))


class Kinds(unittest.TestCase):
    """Small files all over a filesystem of each kind, and how many reads it takes to read them."""

    FOLDERS, FILES = 20, 300

    def setUp(self):
        holder = tempfile.TemporaryDirectory(dir='/var/tmp', prefix='bootahead-test-')
        self.addCleanup(holder.cleanup)
        self.folder = pathlib.Path(holder.name)
        self.image, self.tree = self.folder / 'image', self.folder / 'tree'
        self.tree.mkdir()
        self.mounted = []
        self.addCleanup(self.unmount)

    def fill(self, tree):
        generator = random.Random(1)
        for number in range(self.FILES):
            folder = tree / f'{number % self.FOLDERS}' / f'{number % 7}'
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f'file {number}').write_bytes(generator.randbytes(generator.choice([500, 9000, 50000])))

    def make(self, *command, megabytes=400):
        with open(self.image, 'wb') as file:
            file.truncate(megabytes << 20)
        filesystem.run(*command, self.image)
        self.mount(self.image, self.tree, 'loop')

    def pack(self, *command):
        source = self.folder / 'source'
        self.fill(source)
        words = {'SOURCE': source, 'IMAGE': self.image}
        filesystem.run(*(words.get(word, word) for word in command))
        self.mount(self.image, self.tree, 'loop')

    def mount(self, source, where, options, type='auto'):
        filesystem.run('mount', '-t', type, '-o', options, source, where)
        self.mounted.append((source, where, options, type))

    def unmount(self):
        while self.mounted:
            filesystem.run('umount', self.mounted.pop()[1])

    def forget(self):
        again = self.mounted[:]
        self.unmount()
        for mount in again:
            self.mount(*mount)

    def reads(self):
        """Read requests that the loop device got until now."""
        lines = pathlib.Path('/proc/self/mountinfo').read_text().splitlines()
        name, = {line.split(' - ')[1].split()[1] for line in lines if f' {self.mounted[0][1]} ' in line}
        return int(pathlib.Path('/sys/block', os.path.basename(name), 'stat').read_text().split()[0])

    def cost(self, work):
        before = self.reads()
        work()
        return self.reads() - before

    def read_all(self, files):
        for file in files:
            file.read_bytes()

    def replay(self, files, type, mounts):
        profile = Profile()
        numbers = {mount: profile.add_filesystem(mount, type=type) for mount in mounts}
        for file in files:
            path, size = f'/{file.relative_to(self.tree)}', file.stat().st_size
            mount = max((mount for mount in mounts if path.startswith(mount)), key=len)
            profile.add_file(path, size, [(0, -(-size // PAGE))], filesystem=numbers[mount])
        profile.write(self.folder / 'profile')
        self.forget()
        return self.cost(lambda: self.run_replay(len(files)))

    def run_replay(self, files):
        report = self.folder / 'report'
        result = replay(f'--root={self.tree}', f'--report={report}', self.folder / 'profile')
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, '', ''))
        self.assertEqual((read_report(report)['files'], read_report(report)['errors']), (files, 0))

    def judge(self, type, mounts=('/',)):
        files = sorted(path for path in self.tree.rglob('file *'))
        random.Random(2).shuffle(files)
        self.assertEqual(len(files), self.FILES)
        self.forget()
        cold = self.cost(lambda: self.read_all(files))
        replayed = self.replay(files, type, mounts)
        warm = self.cost(lambda: self.read_all(files))
        print(f'{cold} reads of a cold filesystem, {replayed} by replay, {warm} after it', flush=True)
        self.assertGreater(cold, 100)
        self.assertLessEqual(replayed, cold)
        self.assertLessEqual(warm, cold / 10)

    @filesystem.undisturbed
    def test_xfs(self):
        self.make('mkfs.xfs', '-q')
        self.fill(self.tree)
        self.judge('xfs')

    @filesystem.undisturbed
    def test_btrfs(self):
        self.make('mkfs.btrfs', '-q')
        self.fill(self.tree)
        self.judge('btrfs')

    @filesystem.undisturbed
    def test_subvolumes(self):
        self.make('mkfs.btrfs', '-q')
        for name in ('@', '@home'):
            filesystem.run('btrfs', 'subvolume', 'create', self.tree / name)
        (self.tree / '@/home').mkdir()
        self.fill(self.tree / '@home')
        self.unmount()
        self.mount(self.image, self.tree, 'loop,subvol=@')
        self.mount(self.image, self.tree / 'home', 'loop,subvol=@home')  # finds the loop device of the other
        self.judge('btrfs', ('/', '/home'))

    @filesystem.undisturbed
    def test_squashfs(self):
        self.pack('mksquashfs', 'SOURCE', 'IMAGE', '-quiet')
        self.judge('squashfs')

    @filesystem.undisturbed
    def test_erofs(self):
        self.pack('mkfs.erofs', '--quiet', '-zlz4hc', 'IMAGE', 'SOURCE')
        self.judge('erofs')

    @filesystem.undisturbed
    def test_overlay(self):
        """As of a live system: what was never written comes from a squashfs below."""
        self.pack('mksquashfs', 'SOURCE', 'IMAGE', '-quiet')
        lower, self.tree = self.tree, self.folder / 'merged'
        for name in ('merged', 'upper', 'work'):
            (self.folder / name).mkdir()
        self.mount('overlay', self.tree,
                   f'lowerdir={lower},upperdir={self.folder}/upper,workdir={self.folder}/work', 'overlay')
        self.judge('overlay')


if __name__ == '__main__':
    for tool in TOOLS:
        if not shutil.which(tool):
            skip(f'{tool} is not installed')
    filesystem.enter()
    unittest.main(verbosity=2)
