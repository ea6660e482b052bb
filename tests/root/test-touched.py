#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""
Touched pages: a profile has the pages that a program asked for, and no others; what does not fit into the
kernel's buffers is counted; the trace instance goes with the collector, however that ends.
"""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from support import BOOTAHEAD, BUILD, COLLECT, RUNDIR, Profile, collect, kill_all, skip
from touching import PAGE, TRACEFS, instances, mount_tracefs, ranges_of, resident_metadata, resident_pages

AROUND = 16  # pages that the kernel maps around a fault, aligned
PAGES = 1000

# Reads some pages of one file, faults in some of another, and reads ahead a third.
PROGRAM = '''
import mmap, os, sys
read, mapped, ahead = (os.open(name, os.O_RDONLY) for name in sys.argv[1:4])
for page in (3, 4, 100, 500):
    os.pread(read, 4096, page * 4096)
os.pread(read, 300 * 4096, 900 * 4096)
view = mmap.mmap(mapped, 0, prot=mmap.PROT_READ)
for page in (0, 50, 333, 700):
    view[page * 4096]
os.posix_fadvise(ahead, 0, 0, os.POSIX_FADV_WILLNEED)
'''


def ranges(profile, path):
    return ranges_of(profile).get(os.fsencode(path), set())


class Touched(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory(dir='/var/tmp')
        self.addCleanup(holder.cleanup)
        self.folder = os.path.realpath(holder.name)
        self.before = instances()
        # What a killed collector saw is missing in the next profile of the boot, which takes no whole one's place.
        self.addCleanup((RUNDIR / 'collect.source').unlink, missing_ok=True)

    def tearDown(self):
        self.assertEqual(instances(), self.before)

    def make(self, name):
        path = f'{self.folder}/{name}'
        with open(path, 'wb') as file:
            file.write(os.urandom(PAGES * PAGE - 100))
            file.flush()
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        return path

    def record(self, *command):
        result = collect('--source=fanotify', f'--output={self.folder}/profile', '--', *command)
        self.assertEqual(result.returncode, 0, result.stderr)
        return Profile(f'{self.folder}/profile')

    def test_known_pages(self):
        read, mapped, ahead = (self.make(name) for name in ('read', 'mapped', 'ahead'))
        profile = self.record(sys.executable, '-c', PROGRAM, read, mapped, ahead)
        self.assertIn('contents=touched-pages', profile.text)
        self.assertEqual(ranges(profile, read), {3, 4, 100, 500} | set(range(900, PAGES)))
        found = ranges(profile, mapped)
        self.assertLessEqual({0, 50, 333, 700}, found)
        around = {page for fault in (0, 50, 333, 700)
                  for page in range(fault // AROUND * AROUND, (fault // AROUND + 1) * AROUND)}
        self.assertLessEqual(found, around)
        self.assertIn(os.fsencode(ahead), profile.files)
        self.assertEqual(ranges(profile, ahead), set(), 'reading ahead is not asking for')
        self.assertEqual(profile.losses(), {})

    def test_times(self):
        """The first time of a page counts, whichever processor's events are read first."""
        for first, then in ((0, -1), (-1, 0)):
            with self.subTest(first=first):
                self.check_times(first, then)

    def check_times(self, first, then):
        path = self.make('read')
        program = ('import os, sys, time; f = os.open(sys.argv[1], os.O_RDONLY); cpus = sorted(os.sched_getaffinity(0));'
                   f'os.sched_setaffinity(0, [cpus[{first}]]); os.pread(f, 4096, 40960); time.sleep(0.1);'
                   f'os.sched_setaffinity(0, [cpus[{then}]]); os.pread(f, 8192, 40960)')
        profile = self.record(sys.executable, '-c', program, path)
        times = {int(page): int(use) / 1e6 for page, use in
                 re.findall(r'^range "%s" page=(\d+) count=1 use=(\d+)' % re.escape(path), profile.text, re.M)}
        self.assertEqual(set(times), {10, 11})
        self.assertGreater(times[11] - times[10], 0.09)
        opened, = map(int, re.findall(r'^access "%s" .* time=(\d+)' % re.escape(path), profile.text, re.M))
        self.assertAlmostEqual(times[10], opened / 1e6, delta=2, msg='by another clock')

    def test_around_only_what_was_there(self):
        """A fault among resident pages maps those, and what is not in memory is not touched by it."""
        path = self.make('mapped')
        with open(path, 'rb') as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
            for page in (16, 17, 20):
                os.pread(file.fileno(), PAGE, page * PAGE)
        program = ('import mmap, os, sys; f = os.open(sys.argv[1], os.O_RDONLY);'
                   'mmap.mmap(f, 0, prot=mmap.PROT_READ)[17 * 4096]')
        resident = resident_pages(path)
        profile = self.record(sys.executable, '-c', program, path)
        self.assertLess(len(resident), AROUND)
        self.assertEqual(ranges(profile, path), resident)

    def test_squashfs(self):
        """Of the end of a file there, and so of all of a small one, no event tells."""
        packed, tree = f'{self.folder}/packed', f'{self.folder}/tree'
        sizes = {'small': 9000, 'large': 200000}
        os.mkdir(tree)
        for name, size in sizes.items():
            with open(f'{tree}/{name}', 'wb') as file:
                file.write(os.urandom(size))
        subprocess.run(['mksquashfs', tree, packed, '-quiet'], check=True, stdout=subprocess.DEVNULL)
        subprocess.run(['mount', '-o', 'loop', packed, tree], check=True)
        self.addCleanup(subprocess.run, ['umount', tree], check=True)
        profile = self.record('md5sum', *(f'{tree}/{name}' for name in sizes))
        for name, size in sizes.items():
            self.assertEqual(ranges(profile, f'{tree}/{name}'), set(range(-(-size // PAGE))))

    def test_others_do_not_count(self):
        """What others touch of a file that the command reads, too."""
        path = self.make('read')
        program = 'import os, sys; os.pread(os.open(sys.argv[1], os.O_RDONLY), 1, int(sys.argv[2]) * 4096)'
        read = f'{sys.executable} -c "$1" "$2"'
        noise = subprocess.Popen(['sh', '-c', f'while {read} 500; do :; done', '-', program, path],
                                 start_new_session=True)
        try:
            profile = self.record('sh', '-c', f'sleep 0.2; {read} 3', '-', program, path)
        finally:
            os.killpg(noise.pid, signal.SIGKILL)
            noise.wait()
        self.assertEqual(ranges(profile, path), {3})

    def mount(self):
        """A file system with some thousand files, nothing of which is in memory; returns folder and device."""
        image, folder = f'{self.folder}/image', f'{self.folder}/mounted'
        os.mkdir(folder)
        subprocess.run(['truncate', '-s', '128M', image], check=True)
        subprocess.run(['mkfs.ext4', '-q', '-N', '20000', image], check=True)
        subprocess.run(['mount', '-o', 'loop', image, folder], check=True)
        for number in range(6000):
            os.makedirs(f'{folder}/{number % 300}', exist_ok=True)
            with open(f'{folder}/{number % 300}/{number}', 'w') as file:
                file.write(str(number))
        subprocess.run(['umount', folder], check=True)
        subprocess.run(['mount', '-o', 'loop', image, folder], check=True)
        self.addCleanup(subprocess.run, ['umount', folder], check=True)
        return folder, subprocess.run(['findmnt', '-no', 'SOURCE', folder], check=True, capture_output=True,
                                      text=True).stdout.strip()

    def metadata(self, *words):
        """What a walk reads, by resident pages of the device and by the profile's metadata; its contents."""
        folder, device = self.mount()
        before = resident_metadata(device)
        result = subprocess.run([*words, COLLECT, '--source=fanotify', f'--output={self.folder}/profile', '--',
                                 'find', folder, '-size', '+1G'], capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stderr)
        text = Profile(f'{self.folder}/profile').text
        number, = re.findall(r'^filesystem (\d+) .*mount="%s"' % re.escape(folder), text, re.M)
        pages = set()
        for page, count in re.findall(r'^metadata filesystem=%s page=(\d+) count=(\d+)' % number, text, re.M):
            pages |= set(range(int(page), int(page) + int(count)))
        return resident_metadata(device) - before, pages, text.splitlines()[1]

    def test_resident_metadata(self):
        read, pages, boot = self.metadata()
        self.assertIn('resident-metadata', boot)
        self.assertGreater(len(read), 300)
        self.assertEqual(read - pages, set())

    def test_requested_metadata(self):
        """A kernel without cachestat(2)."""
        read, pages, boot = self.metadata(BUILD / 'tests/root/without', 'cachestat')
        self.assertIn('requested-metadata', boot)
        self.assertNotIn('resident-metadata', boot)
        self.assertGreater(len(read), 300)
        self.assertLess(len(read - pages), 0.02 * len(read))
        self.assertLess(len(pages - read), 0.05 * len(read))  # the kernel may have taken some back already

    def test_hits(self):
        """Of a profile that names what a program reads: what is read, what not, and what besides."""
        path, other = self.make('read'), self.make('other')
        read = f'{sys.executable} -c "import os, sys; os.pread(os.open(sys.argv[1], 0), 40960, 40960)"'
        profile = self.record('sh', '-c', f'{read} {path}')
        self.assertEqual(ranges(profile, path), set(range(10, 20)))
        text = re.sub(r'^range (?!"%s").*\n' % re.escape(path), '', profile.text, flags=re.M)  # no more than that
        pathlib.Path(f'{self.folder}/text').write_text(text)
        subprocess.run([BOOTAHEAD, 'load', f'--output={self.folder}/profile', f'{self.folder}/text'], check=True)
        running, _ = self.start('--pages', f'--profile={self.folder}/profile')
        self.assertTrue((RUNDIR / 'pages.pid').exists())
        for name, page, count in ((path, 15, 20), (other, 100, 3)):
            with open(name, 'rb', buffering=0) as file:
                os.pread(file.fileno(), count * PAGE, page * PAGE)
        running.terminate()
        self.assertEqual(running.wait(), 0, running.stderr.read())
        report = json.loads((RUNDIR / 'pages.json').read_text())
        self.assertEqual((report['result'], report['hit_pages'], report['wasted_pages']), ('done', 5, 5))
        self.assertGreaterEqual(report['missed_pages'], 15 + 3)  # the machine reads other things, too
        self.assertGreaterEqual(report['missed_files'], 1)
        self.assertFalse((RUNDIR / 'pages.pid').exists())

    def start(self, *arguments):
        running = subprocess.Popen([COLLECT, '--source=fanotify', f'--output={self.folder}/profile', *arguments],
                                   stderr=subprocess.PIPE, text=True)
        self.addCleanup(running.stderr.close)
        self.addCleanup(running.kill)
        said = RUNDIR / ('pages.pid' if '--pages' in arguments else 'collect.pid')  # when all of it has started
        for _ in range(500):
            made = instances() - self.before
            if made and said.exists() and \
                    'mm_filemap_fault' in (TRACEFS / 'instances' / made.copy().pop() / 'set_event').read_text():
                return running, made.pop()
            time.sleep(0.01)
        self.fail('no trace instance came')

    def test_lost_events_are_counted(self):
        """The collector stands still while more is touched than the kernel's buffers hold."""
        path = self.make('read')
        running, _ = self.start()
        running.send_signal(signal.SIGSTOP)
        rounds = 400
        with open(path, 'rb', buffering=0) as file:
            for _ in range(rounds):
                for page in range(0, PAGES - 1):
                    os.pread(file.fileno(), 1, page * PAGE)
        running.send_signal(signal.SIGCONT)
        running.terminate()
        self.assertEqual(running.wait(), 0)
        lost = Profile(f'{self.folder}/profile').losses().get('trace', 0)
        self.assertGreater(lost, rounds * PAGES / 2)
        self.assertLess(lost, rounds * PAGES * 1.5)

    def test_whole_machine_without_opening(self):
        """A file that was open before the collector started: seen by its pages."""
        path = self.make('read')
        with open(path, 'rb', buffering=0) as file:
            running, _ = self.start()
            os.pread(file.fileno(), 2 * PAGE, 70 * PAGE)
            time.sleep(0.1)
            running.terminate()
            self.assertEqual(running.wait(), 0)
        profile = Profile(f'{self.folder}/profile')
        self.assertEqual(ranges(profile, path), {70, 71})
        self.assertEqual(profile.flags_of(os.fsencode(path)), set())

    def test_killed(self):
        running, name = self.start()
        collect('--restore')
        self.assertIn(name, instances(), 'its collector lives')
        running.kill()
        running.wait()
        end = time.monotonic() + 2
        while name in instances() and time.monotonic() < end:
            time.sleep(0.01)
        self.assertNotIn(name, instances())

    def test_killed_with_its_guardian(self):
        running, name = self.start()
        kill_all(running)
        self.assertIn(name, instances())
        self.assertIn('is restored', collect('--restore').stderr)
        self.assertNotIn(name, instances())

    def test_next_start_restores(self):
        running, name = self.start()
        kill_all(running)
        self.record('true')
        self.assertNotIn(name, instances())

    def test_two_at_once(self):
        path = self.make('read')
        running, name = self.start()
        profile = self.record('md5sum', path)
        self.assertEqual(len(ranges(profile, path)), PAGES)
        self.assertIn(name, instances())
        running.terminate()
        self.assertEqual(running.wait(), 0)


if __name__ == '__main__':
    if os.geteuid() != 0:
        skip('needs root')
    if not BUILD.exists():
        raise SystemExit(f"'{BUILD}' is missing: build first")
    mount_tracefs()
    unittest.main(verbosity=2)
