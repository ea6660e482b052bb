#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""
bootahead-replay where something goes wrong: reads that fail, a device that stalls, files that change under it,
memory that others take. It comes to its end, keeps nobody waiting, and its counters say what happened.
"""

import contextlib
import fcntl
import os
import pathlib
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import filesystem  # noqa: E402
from bed import disk  # noqa: E402
from support import BUILD, PAGE, REPLAY, Profile, file_pages, read_report, replay, wait_for  # noqa: E402

FS_IOC_FIEMAP = 0xC020660B
PATIENCE = 60


def position(path):
    """Where a file of one extent lies on its device."""
    with open(path, 'rb') as file:
        request = bytearray(struct.pack('=QQIIII', 0, 1 << 62, 0, 0, 1, 0) + bytes(56))
        fcntl.ioctl(file, FS_IOC_FIEMAP, request)
    return struct.unpack_from('=Q', request, 32 + 8)[0]


class Case(filesystem.MountedCase):
    FILES, PAGES = 40, 64

    def fill(self):
        self.names = [f'{number:02}' for number in range(self.FILES)]
        self.sizes = {name: self.make(name, self.PAGES) for name in self.names}

    def write_profile(self):
        profile = Profile()
        profile.add_filesystem('/', self.image.uuid)
        for name in self.names:
            profile.add_file(f'/{name}', self.sizes[name], [(0, self.PAGES)])
        return profile.write(self.profile)

    def words(self, *options):
        return [f'--root={self.root}', f'--report={self.report}', '--in-flight=512', *options, self.write_profile()]

    def run_replay(self, *options):
        result = replay(*self.words(*options))
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, '', ''))
        return read_report(self.report)

    def resident(self, names):
        return [name for name in names if len(file_pages(self.root / name)) == self.PAGES]


class Failing(Case):
    """The device ends in the middle: whatever lies behind that fails."""

    def setUp(self):
        super().setUp()
        places = {name: position(self.root / name) for name in self.names}
        self.by_place = sorted(self.names, key=places.get)
        self.image.forget()
        os.truncate(self.image.path, places[self.by_place[self.FILES // 2]])

    def test_counted(self):
        good, bad = self.by_place[:self.FILES // 2], self.by_place[self.FILES // 2:]
        report = self.run_replay()
        self.assertEqual((report['result'], report['files']), ('done', self.FILES))
        self.assertGreater(report['errors'], 0)
        self.assertTrue(wait_for(lambda: self.resident(good) == good, 5))
        self.assertEqual(self.resident(bad), [])
        for name in bad:
            with self.assertRaises(OSError):
                (self.root / name).read_bytes()

    def test_metadata(self):
        """The filesystem takes no offence at what fails below it."""
        profile = Profile()
        profile.add_filesystem('/', self.image.uuid)
        page = self.image.path.stat().st_size // PAGE
        for number in range(8):
            profile.add_metadata(page + number * 100, 80)
        self.profile = profile.write(self.profile)
        result = replay(f'--root={self.root}', f'--report={self.report}', '--in-flight=512', self.profile)
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, '', ''))
        self.assertGreater(read_report(self.report)['errors'], 0)
        (self.root / 'new').write_text('it can be written')

    def test_profile(self):
        """It lies where nothing can be read."""
        result = replay(f'--root={self.root}', f'--report={self.report}', self.root / self.by_place[-1])
        self.assertEqual(result.returncode, 1)
        self.assertIn('Input/output error', result.stderr)
        self.assertEqual(read_report(self.report)['result'], 'refused')


class Stalling(Case):
    """The device does not answer for a while."""

    def setUp(self):
        super().setUp()
        self.image.unmount()
        self.served = disk.File(self.image.path, disk.Model(), BUILD)
        self.addCleanup(self.served.__exit__)
        self.served.__enter__()
        self.image.path = self.served.path
        self.image.mount(self.root)
        self.addCleanup(self.image.unmount)
        self.addCleanup(self.go_on)

    def stall(self):
        os.kill(self.served.server.pid, signal.SIGSTOP)

    def go_on(self):
        os.kill(self.served.server.pid, signal.SIGCONT)

    def start_stalled(self, *options):
        """A replay that waits for the disk."""
        self.stall()
        process = subprocess.Popen([REPLAY, *self.words(*options)])
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.addCleanup(self.go_on)
        self.assertTrue(wait_for(lambda: self.state_of(process) == 'D'))
        return process

    @staticmethod
    def state_of(process):
        return pathlib.Path(f'/proc/{process.pid}/stat').read_text().rsplit(') ', 1)[1][0]

    def end(self, process):
        self.go_on()
        self.assertEqual(process.wait(PATIENCE), 0)
        return read_report(self.report)

    def test_nobody_waits(self):
        self.stall()
        result = replay('--background', *self.words())
        self.assertEqual((result.returncode, result.stderr), (0, ''))
        self.assertFalse(self.report.exists())
        self.go_on()
        self.assertTrue(wait_for(self.report.exists))
        report = read_report(self.report)
        self.assertEqual((report['files'], report['errors'], report['late_requests']), (self.FILES, 0, 0))
        self.assertTrue(wait_for(lambda: self.resident(self.names) == self.names, 5))

    def test_too_long(self):
        process = self.start_stalled('--limit-seconds=1')
        time.sleep(1.1)
        report = self.end(process)
        self.assertGreater(report['late_requests'], 0)
        self.assertLess(report['requests'], self.FILES)
        self.assertEqual((report['result'], report['errors']), ('done', 0))

    def test_memory_taken_meanwhile(self):
        """As /proc/meminfo has it: there was enough when replay planned."""
        told, total = self.folder / 'meminfo', sum(self.sizes.values())
        told.write_text('MemAvailable: 1000000 kB\n')
        filesystem.run('mount', '--bind', told, '/proc/meminfo')
        self.addCleanup(filesystem.run, 'umount', '/proc/meminfo')
        process = self.start_stalled()
        told.write_text(f'MemAvailable: {total // 2 // 1024} kB\n')
        report = self.end(process)
        self.assertEqual(report['bytes'] + report['cut_bytes'], total)
        self.assertAlmostEqual(report['bytes'], total / 4, delta=total / 16)
        self.assertLess(len(self.resident(self.names)), self.FILES / 2)


class Restless(Case):
    FILES, PAGES = 100, 1

    def change(self, name, kind):
        path = self.root / name
        with contextlib.suppress(FileNotFoundError):
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
        if kind == 'fifo':
            os.mkfifo(path)
        elif kind == 'link':
            path.symlink_to('00')
        elif kind == 'folder':
            path.mkdir()
        elif kind != 'gone':
            path.write_bytes(b'x' * (self.sizes[name] - (kind == 'short')))

    def test_files_change(self):
        kinds = ['fifo', 'link', 'folder', 'gone', 'short', 'whole']
        names, over = self.names[1:], threading.Event()

        def keep_changing():
            for number in range(1 << 30):
                if over.is_set():
                    return
                self.change(names[number % len(names)], kinds[number // len(names) % len(kinds)])

        changer = threading.Thread(target=keep_changing)
        changer.start()
        self.addCleanup(changer.join)
        self.addCleanup(over.set)
        seen = {'files': 0, 'files_gone': 0, 'files_changed': 0, 'files_failed': 0}
        for _ in range(12):
            report = self.run_replay()
            self.assertEqual(sum(report[name] for name in seen), self.FILES)
            seen = {name: count + report[name] for name, count in seen.items()}
        self.assertTrue(all(seen[name] for name in ('files', 'files_gone', 'files_changed')), seen)
        self.assertEqual(seen['files_failed'], 0)


def memory_group():
    """(a new control group for memory, its limit) or None"""
    for root, limit in (('/sys/fs/cgroup', 'memory.max'), ('/sys/fs/cgroup/memory', 'memory.limit_in_bytes')):
        with contextlib.suppress(OSError):
            group = pathlib.Path(tempfile.mkdtemp(prefix='bootahead-', dir=root))
            if (group / limit).exists():
                return group, group / limit
            group.rmdir()
    return None


class Narrow(Case):
    """Less memory than replay would fill."""

    MEGABYTES, FILES, PAGES, ROOM = 256, 100, 512, 96 << 20

    def test_limit_of_memory(self):
        found = memory_group()
        if not found:
            self.skipTest('there is no control group for memory')
        group, limit = found
        self.addCleanup(group.rmdir)
        limit.write_text(str(self.ROOM))
        result = subprocess.run(
            ['sh', '-c', 'echo $$ > "$0/cgroup.procs" && exec "$@"', group, REPLAY, *self.words()],
            capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, '', ''))
        report = read_report(self.report)
        self.assertEqual((report['files'], report['errors']), (self.FILES, 0))
        found = sum(len(file_pages(self.root / name)) for name in self.names)
        self.assertLess(found * PAGE, self.ROOM, 'the limit limits nothing')
        self.assertGreater(found, 0)


if __name__ == '__main__':
    filesystem.enter()
    unittest.main(verbosity=2)
