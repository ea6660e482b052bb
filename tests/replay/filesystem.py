# SPDX-License-Identifier: LGPL-2.1-or-later
"""
Real ext4 filesystems in files, mounted by loop devices in a mount namespace of our own: whatever ends the
test, mounts and loop devices go with it. /run is a fresh one there, so that reports of the machine's own boot
stay as they are.
"""

import functools
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
import uuid

from support import Profile, RUNDIR, device_pages, file_pages, read_report, replay, skip, wait_for

SLACK = 32  # pages that the kernel may add on its own at either end of a read
INSIDE = 'BOOTAHEAD_TEST_NAMESPACE'


def enter():
    """Starts the test again in its own mount namespace; skips where that can't be."""
    if os.geteuid() != 0:
        skip('needs root')
    for program in ('unshare', 'mkfs.ext4', 'losetup'):
        if not shutil.which(program):
            skip(f'needs {program}')
    if INSIDE not in os.environ:
        os.environ[INSIDE] = '1'
        os.execvp('unshare', ['unshare', '--mount', '--propagation=private', sys.executable, *sys.argv])
    run('mount', '-t', 'tmpfs', 'tmpfs', '/run')
    with tempfile.TemporaryDirectory(dir='/var/tmp') as folder:
        try:
            Image(pathlib.Path(folder) / 'probe', 1).mount(pathlib.Path(folder)).unmount()
        except subprocess.CalledProcessError as error:
            skip(f'no loop device can be mounted here: {error.stderr.strip()}')


def run(*command):
    subprocess.run(command, check=True, capture_output=True, text=True)


class Image:
    """A filesystem in a file."""

    def __init__(self, path, megabytes):
        self.path, self.uuid, self.mounted = path, str(uuid.uuid4()), None
        with open(path, 'wb') as file:
            file.truncate(megabytes << 20)
        run('mkfs.ext4', '-q', '-F', '-b', '4096', '-U', self.uuid,
            '-E', 'lazy_itable_init=0,root_owner=0:0', path)

    def mount(self, where, options='strictatime'):
        run('mount', '-o', f'loop,{options}', self.path, where)
        self.mounted = where
        return self

    def unmount(self):
        if self.mounted:
            run('umount', self.mounted)
        self.mounted = None

    def forget(self):
        """Mounts it anew: nothing of it is in memory but what mounting reads."""
        where = self.mounted
        self.unmount()
        self.mount(where)

    def device(self):
        """Its block device. The caller owns the descriptor."""
        number = os.stat(self.mounted).st_dev
        described = pathlib.Path(f'/sys/dev/block/{os.major(number)}:{os.minor(number)}/uevent').read_text()
        name = dict(line.split('=', 1) for line in described.split())['DEVNAME']
        return os.open(f'/dev/{name}', os.O_RDONLY | os.O_CLOEXEC)

    def reads(self):
        """Read requests that its block device got until now."""
        number = os.stat(self.mounted).st_dev
        return int(pathlib.Path(f'/sys/dev/block/{os.major(number)}:{os.minor(number)}/stat').read_text().split()[0])

    def resident(self, page, count):
        """How many of the device's pages are in memory, or None."""
        descriptor = self.device()
        try:
            return device_pages(descriptor, page, count)
        finally:
            os.close(descriptor)


def dropped_caches():
    """How often somebody emptied the page cache of the whole machine (/proc/sys/vm/drop_caches)."""
    counters = dict(line.split() for line in pathlib.Path('/proc/vmstat').read_text().splitlines())
    return int(counters.get('drop_pagecache', 0))


def pages_are_taken():
    """Whether the kernel takes pages that nobody has used for a moment out of memory, as it is told to on some
    virtual machines: DAMON's page-out. It is in no counter."""
    states = pathlib.Path('/sys/kernel/mm/damon/admin/kdamonds').glob('*/state')
    return any(state.read_text().strip() == 'on' for state in states)


def undisturbed(test):
    """Begins a test that failed again where meanwhile somebody else emptied the page cache, or may have."""
    @functools.wraps(test)
    def repeat(self):
        for attempt in range(5):
            before = dropped_caches()
            try:
                return test(self)
            except AssertionError:
                if dropped_caches() == before and (attempt == 4 or not pages_are_taken()):
                    raise
            self.doCleanups()
            self.setUp()
        self.skipTest('others keep emptying the page cache')
    return repeat


def pages(*ranges):
    return {page for first, count in ranges for page in range(first, first + count)}


class MountedCase(unittest.TestCase):
    """A filesystem at self.root, filled by fill(), nothing of it in memory; it ends unmounted, so that a
    descriptor or mount that replay left open fails the test."""

    MEGABYTES = 64

    def __init_subclass__(cls):
        for name, member in list(vars(cls).items()):
            if name.startswith('test_'):
                setattr(cls, name, undisturbed(member))

    def setUp(self):
        holder = tempfile.TemporaryDirectory(dir='/var/tmp', prefix='bootahead-test-')
        self.addCleanup(holder.cleanup)
        self.folder = pathlib.Path(holder.name)
        self.root, self.profile = self.folder / 'root', self.folder / 'profile'
        self.report = self.folder / 'report.json'
        self.root.mkdir()
        shutil.rmtree(RUNDIR, ignore_errors=True)
        self.image = Image(self.folder / 'image', self.MEGABYTES).mount(self.root)
        self.addCleanup(self.image.unmount)
        self.fill()
        self.image.forget()

    def fill(self):
        pass

    def make(self, name, pages, extra=0):
        """A file of so many pages and some bytes. Return: its size."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b'x' * (pages * 4096 + extra))
        return path.stat().st_size

    def second(self, name, where):
        """Another filesystem, mounted on a folder that exists."""
        image = Image(self.folder / name, 16).mount(where)
        self.addCleanup(image.unmount)
        return image


def pages(*ranges):
    return {page for first, count in ranges for page in range(first, first + count)}


class Case(MountedCase):
    """Replays of profiles of that filesystem."""

    def profile_of_root(self, **changes):
        profile = Profile()
        profile.add_filesystem(**({'mount': '/', 'uuid': self.image.uuid} | changes))
        return profile

    def run_replay(self, profile, *options, code=0):
        profile.write(self.profile)
        result = replay(f'--root={self.root}', f'--report={self.report}', *options, self.profile)
        self.assertEqual(result.returncode, code, result.stderr)
        self.assertEqual(result.stdout + result.stderr, '')
        return read_report(self.report)

    def assert_resident(self, name, *ranges):
        """Reading ahead is only begun when replay ends: what is wanted may come a little later. Of
        thousands of pages the kernel may have taken single ones back meanwhile, for others."""
        wanted = pages(*ranges)
        spare = len(wanted) // 20
        wait_for(lambda: len(wanted - file_pages(self.root / name)) <= spare)
        found = file_pages(self.root / name)
        allowed = pages(*((max(first - SLACK, 0), count + SLACK + min(first, SLACK))
                          for first, count in ranges))
        missing = sorted(wanted - found)
        self.assertLessEqual(len(missing), spare, f'{name}: not in memory: {missing[:20]}')
        self.assertEqual(found - allowed, set(), f'{name}: in memory without need')

    def assert_nothing_resident(self, *names):
        for name in names:
            self.assertEqual(file_pages(self.root / name), set(), name)
