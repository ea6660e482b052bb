#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""
bootahead-replay on real filesystems: what is planned is in memory afterwards, and nothing else is touched.
"""

import os
import pathlib
import signal
import stat
import subprocess
import time
import unittest

import filesystem
from filesystem import SLACK
from support import PAGE, REPLAY, RUNDIR, STATEDIR, Opens, read_report, replay, wait_for


class Pages(filesystem.Case):
    def fill(self):
        self.sizes = {name: self.make(name, count, 100) for name, count in
                      {'usr/a': 400, 'usr/b': 10, 'name with\nline': 3, os.fsdecode(b'\xff'): 2,
                       'other': 50}.items()}

    def test_just_the_planned(self):
        profile = self.profile_of_root()
        profile.add_file('/usr/a', self.sizes['usr/a'], [(100, 20), (300, 1), (400, 1), (102, 2)])
        profile.add_file('/usr/b', self.sizes['usr/b'], [(0, 11)])
        profile.add_file('/name with\nline', self.sizes['name with\nline'], [(0, 3)])
        profile.add_file(b'/\xff', self.sizes[os.fsdecode(b'\xff')], [(0, 3)])
        self.assert_nothing_resident(*self.sizes)
        report = self.run_replay(profile)
        self.assert_resident('usr/a', (100, 20), (300, 1), (400, 1))
        self.assert_resident('usr/b', (0, 11))
        self.assert_resident('name with\nline', (0, 3))
        self.assert_resident(os.fsdecode(b'\xff'), (0, 3))
        self.assert_nothing_resident('other')
        self.assertEqual(report['result'], 'done')
        self.assertEqual(report['files'], 4)
        self.assertEqual(report['requests'], 6)  # a range inside another of its file is read with it
        self.assertEqual(report['bytes'], (20 + 1 + 1 + 11 + 3 + 3) * PAGE)
        self.assertEqual([report[name] for name in report if name.startswith('files_')], [0] * 4)
        self.assertEqual(report['errors'], 0)
        times = [report[name] for name in ('start_us', 'verified_us', 'planned_us', 'end_us')]
        self.assertEqual(times, sorted(times))
        self.assertGreater(times[0], 0)
        self.assertGreater(report['processor_us'], 0)

    def test_dry_run(self):
        profile = self.profile_of_root()
        profile.add_metadata(5000, 3)
        profile.add_file('/usr/b', self.sizes['usr/b'], [(1, 2), (5, 1)])
        profile.add_file('/name with\nline', self.sizes['name with\nline'], [(0, 1)])
        profile.write(self.profile)
        result = replay('--dry-run', '--gap-pages=1', f'--root={self.root}', self.profile)
        self.assertEqual((result.returncode, result.stderr), (0, ''))
        self.assertEqual(result.stdout, '20480000 12288 /\n4096 8192 /usr/b\n20480 4096 /usr/b\n'
                                        '0 4096 /name with\\x0aline\n')
        self.assert_nothing_resident(*self.sizes)
        self.assertFalse((pathlib.Path(RUNDIR) / 'replay.json').exists())

    def test_threads(self):
        for threads in (1, 64):
            profile = self.profile_of_root()
            profile.add_file('/usr/a', self.sizes['usr/a'], [(0, 5)])
            profile.add_file('/usr/b', self.sizes['usr/b'], [(0, 11)])
            self.image.forget()
            self.assertEqual(self.run_replay(profile, f'--threads={threads}')['files'], 2)
            self.assert_resident('usr/a', (0, 5))
            self.assert_resident('usr/b', (0, 11))

    def test_default_places(self):
        state = self.root / STATEDIR.lstrip('/')
        state.mkdir(parents=True)
        profile = self.profile_of_root()
        profile.add_file('/usr/b', self.sizes['usr/b'], [(0, 11)])
        profile.write(state / 'profile')
        result = replay(f'--root={self.root}')
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, '', ''))
        self.assertEqual(read_report(f'{RUNDIR}/replay.json')['files'], 1)
        self.assert_resident('usr/b', (0, 11))

    def test_limits(self):
        profile = self.profile_of_root()
        profile.add_file('/usr/a', self.sizes['usr/a'], [(0, 200), (210, 100)])
        profile.add_file('/usr/b', self.sizes['usr/b'], [(0, 11)])
        report = self.run_replay(profile, '--limit-files=1')
        self.assertEqual((report['files'], report['cut_bytes']), (1, 11 * PAGE))
        self.assert_resident('usr/a', (0, 200), (210, 100))
        self.assert_nothing_resident('usr/b')

        self.image.forget()
        report = self.run_replay(profile, '--limit-megabytes=1', '--limit-seconds=0')
        self.assertEqual((report['files'], report['bytes'], report['cut_bytes']), (2, 211 * PAGE, 100 * PAGE))
        self.assert_resident('usr/a', (0, 200))
        self.assert_resident('usr/b', (0, 11))

        for option in ('--limit-megabytes=0', '--limit-files=0'):
            self.image.forget()
            report = self.run_replay(profile, option)
            self.assertEqual((report['files'], report['bytes'], report['cut_bytes']), (0, 0, 311 * PAGE))
            self.assert_nothing_resident(*self.sizes)

    def test_limit_of_memory(self):
        count, huge = 3000, 4096
        profile = self.profile_of_root()
        profile.add_file('/huge', count * huge * PAGE, [(i * huge, huge) for i in range(count)])
        profile.write(self.profile)

        def planned(percent):
            result = replay('--dry-run', f'--root={self.root}', '--limit-megabytes=1048576',
                            f'--limit-memory={percent}', self.profile)
            self.assertEqual(result.returncode, 0, result.stderr)
            return sum(int(line.split()[1]) for line in result.stdout.splitlines())

        def available():
            for line in pathlib.Path('/proc/meminfo').read_text().splitlines():
                if line.startswith('MemAvailable:'):
                    return int(line.split()[1]) * 1024

        for percent in (5, 40):
            share = available() * percent / 100
            self.assertGreater(planned(percent), share * 0.5)
            self.assertLess(planned(percent), share * 1.5)


class Neighbours(filesystem.Case):
    COUNT = 200

    def fill(self):
        self.sizes = {f'{number:03}': self.make(f'{number:03}', 1) for number in range(self.COUNT)}

    def replayed(self, names):
        """The report, and the requests that the disk got, with all but the files' content in memory already."""
        profile = self.profile_of_root()
        for name in names:
            profile.add_file(f'/{name}', self.sizes[name], [(0, 1)])
            (self.root / name).stat()
        before = self.image.reads()
        report = self.run_replay(profile, '--threads=1')
        for name in names:
            self.assert_resident(name, (0, 1))
        return report, self.image.reads() - before

    def test_fewer_requests_than_files(self):
        """Small files that lie side by side on the disk, wanted in another order."""
        names = [f'{number * 77 % self.COUNT:03}' for number in range(self.COUNT)]
        report, requests = self.replayed(names)
        self.assertEqual(report['requests'], self.COUNT)
        self.assertLess(requests, self.COUNT / 8)

    def test_gaps(self):
        """What lies between them is read with them, but not into the files that nobody wants."""
        unwanted = [f'{number:03}' for number in range(10, self.COUNT, 20)]
        report, requests = self.replayed([name for name in self.sizes if name not in unwanted])
        self.assertGreater(report['gap_bytes'], len(unwanted) / 2 * PAGE)
        self.assertLess(requests, len(unwanted))
        self.assert_nothing_resident(*unwanted)


class Large(filesystem.Case):
    MEGABYTES = 128

    def fill(self):
        self.size = self.make('large', 10000)

    def test_to_the_end(self):
        """The kernel reads no more than a window for each call and drops the rest without a word."""
        profile = self.profile_of_root()
        profile.add_file('/large', self.size, [(3, 9997)])
        self.assertEqual(self.run_replay(profile)['bytes'], 9997 * PAGE)
        self.assert_resident('large', (3, 9997))


class Metadata(filesystem.Case):
    def test_ranges_of_the_device(self):
        ranges = [(3000, 1), (5001, 40), (8200, 4096)]
        if self.image.resident(0, 1) is None:
            self.skipTest('the kernel has no cachestat(2)')
        for first, count in ranges:
            self.assertEqual(self.image.resident(first, count), 0)
        profile = self.profile_of_root()
        for first, count in ranges:
            profile.add_metadata(first, count)
        report = self.run_replay(profile)
        for first, count in ranges:  # of thousands the kernel may have taken some back, see assert_resident()
            self.assertGreaterEqual(self.image.resident(first, count), count - count // 20)
        self.assertEqual(self.image.resident(5041 + SLACK, 3000), 0)
        self.assertEqual(self.image.resident(3001 + SLACK, 1900), 0)
        self.assertEqual(report['metadata_requests'], 3)
        self.assertEqual(report['metadata_bytes'], (1 + 40 + 4096) * PAGE)
        self.assertEqual((report['files'], report['requests'], report['errors']), (0, 0, 0))


class Odd(filesystem.Case):
    """What took the place of a file since: left alone and counted."""

    def fill(self):
        self.size = self.make('good', 4)
        for name in ('short', 'long', 'real/file', 'over/file', 'folder/file'):
            self.make(name, 4)
        os.truncate(self.root / 'short', 3 * PAGE)
        os.truncate(self.root / 'long', 4 * PAGE + 1)
        os.mkfifo(self.root / 'fifo')
        os.mknod(self.root / 'device', stat.S_IFCHR | 0o600, os.makedev(1, 5))
        os.mknod(self.root / 'block', stat.S_IFBLK | 0o600, os.makedev(7, 0))
        (self.root / 'link').symlink_to('good')
        (self.root / 'absolute').symlink_to(self.root / 'good')
        (self.root / 'way').symlink_to('real')
        (self.root / 'magic').symlink_to('/proc/self/exe')
        self.gone = ['missing', 'good/below', 'way/file', 'over/file']
        self.changed = ['short', 'long', 'fifo', 'device', 'block', 'folder', 'link', 'absolute', 'magic']

    def profile_of_all(self):
        profile = self.profile_of_root()
        for name in [*self.gone, *self.changed, 'good']:
            path = self.root / name
            same_size = path.is_symlink() or path.exists() and not path.is_file()
            profile.add_file(f'/{name}', os.lstat(path).st_size if same_size else self.size, [(0, 4)])
        return profile

    def mount_over(self):
        filesystem.run('mount', '-t', 'tmpfs', 'tmpfs', self.root / 'over')
        self.addCleanup(filesystem.run, 'umount', self.root / 'over')
        (self.root / 'over/file').write_bytes(b'x' * self.size)

    def assert_counts(self, report):
        self.assertEqual(report['files'], 1)
        self.assertEqual(report['files_gone'], len(self.gone))
        self.assertEqual(report['files_changed'], len(self.changed))
        self.assertEqual((report['files_failed'], report['errors']), (0, 0))
        self.assertEqual(report['bytes'], self.size)

    def test_counted_and_not_opened(self):
        self.mount_over()
        watched = [self.root / name for name in [*self.changed, 'good', 'real/file', 'over/file']]
        opens = Opens(watched)
        self.addCleanup(opens.close)
        writer = subprocess.Popen(['/bin/sh', '-c', 'echo ready; : > "$0"', self.root / 'fifo'],
                                  stdout=subprocess.PIPE)
        self.addCleanup(writer.stdout.close)
        self.addCleanup(writer.wait)
        self.addCleanup(writer.kill)
        writer.stdout.readline()
        report = self.run_replay(self.profile_of_all())
        self.assert_counts(report)
        self.assertEqual(opens.opened(), {self.root / 'good'})
        self.assertIsNone(writer.poll(), 'the writer of the FIFO saw a reader')
        self.assert_resident('good', (0, 4))
        self.assert_nothing_resident('short', 'long', 'real/file', 'folder/file')

    def test_access_times(self):
        profile = self.profile_of_all()
        everything = [path for path in self.root.rglob('*') if path.name != 'lost+found']
        for path in everything:
            os.utime(path, ns=(1, 1), follow_symlinks=False)
        self.gone.remove('over/file')  # nothing is mounted there: an ordinary file
        report = self.run_replay(profile)
        self.assertEqual(report['files'], 2)
        for path in everything:
            self.assertEqual(os.lstat(path).st_atime_ns, 1, path)
        self.assert_resident('good', (0, 4))

    def test_access_times_would_change(self):
        """The mount is one on which reading counts: else the test above shows nothing."""
        os.utime(self.root / 'good', ns=(1, 1))
        (self.root / 'good').read_bytes()
        os.utime(self.root / 'way', ns=(1, 1), follow_symlinks=False)
        (self.root / 'way/file').stat()
        self.assertGreater(os.stat(self.root / 'good').st_atime_ns, 1)
        self.assertGreater(os.lstat(self.root / 'way').st_atime_ns, 1)


class Life(filesystem.Case):
    def fill(self):
        self.size = self.make('file', 4)
        self.make('long', 12000)

    def long_profile(self):
        profile = self.profile_of_root()
        profile.add_file('/file', self.size, [(0, 4)])
        profile.add_file('/long', 12000 * PAGE, [(page, 1) for page in range(0, 12000, 4)])
        return profile.write(self.profile)

    def test_background(self):
        profile = self.long_profile()
        result = replay('--background', f'--root={self.root}', f'--report={self.report}', profile)
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, '', ''))
        self.assertTrue(wait_for(self.report.exists), 'nobody went on')
        self.assertEqual(read_report(self.report)['files'], 2)
        self.assert_resident('file', (0, 4))

    def test_background_refused(self):
        self.profile.write_bytes(b'garbage')
        result = replay('--background', f'--root={self.root}', f'--report={self.report}', self.profile)
        self.assertEqual(result.returncode, 1)
        self.assertIn(f"'{self.profile}'", result.stderr)
        self.assertEqual(read_report(self.report)['result'], 'refused')

    def test_killed(self):
        profile = self.long_profile()
        killed = 0
        for delay in range(12):
            self.image.forget()
            self.report.unlink(missing_ok=True)
            process = subprocess.Popen([REPLAY, '--gap-pages=0', '--threads=2', f'--root={self.root}',
                                        f'--report={self.report}', profile])
            time.sleep(delay * 0.005)
            process.send_signal(signal.SIGKILL)
            killed += process.wait() == -signal.SIGKILL
            if self.report.exists():
                self.assertEqual(read_report(self.report)['result'], 'done')
        self.assertGreater(killed, 0)
        self.image.forget()  # nobody holds the mount
        result = replay(f'--root={self.root}', f'--report={self.report}', profile)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(read_report(self.report)['files'], 2)
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()),
                         ['image', 'profile', 'report.json', 'root'])


if __name__ == '__main__':
    filesystem.enter()
    unittest.main(verbosity=2)
