#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""
Coverage of a whole boot's touched pages: of those that a container's boot asked for, how many does its
profile name? The witness is perf, on the whole machine.
"""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

from support import BUILD, COLLECT, Profile, skip
from touching import PAGE, mount_tracefs, ranges_of, resident_pages

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from bed import container, disk, image as images  # noqa: E402

BED_BUILD = pathlib.Path(os.environ.get('BOOTAHEAD_RELEASE', BUILD))
LEAST = 0.98
EVENTS = {'mm_filemap_get_pages': 'asked', 'mm_filemap_fault': 'asked', 'mm_filemap_map_pages': 'around'}


def perf_record(trace):
    events = [word for event in EVENTS for word in ('-e', f'filemap:{event}')]
    return ['perf', 'record', '-q', '-a', '--no-buildid-cache', '-m', '16M', *events, '-o', trace, '--']


def witnessed(trace, device):
    """Pages by inode, asked for and mapped around a fault, and the number of events that perf lost."""
    shown = subprocess.run(['perf', 'script', '--show-lost-events', '-F', 'event,trace', '-i', trace], check=True,
                           capture_output=True, text=True).stdout
    name = f'{os.major(device)}:{os.minor(device)}'
    found = {'asked': {}, 'around': {}}
    for event, inode, start, end in re.findall(
            r'filemap:(\w+): .*dev=%s ino=(\w+) ofs=(\d+)(?:-(\d+))?' % re.escape(name), shown):
        pages = found[EVENTS[event]].setdefault(int(inode, 16), [])
        pages.append((int(start) // PAGE, int(end or start) // PAGE))
    return found, shown.count('PERF_RECORD_LOST')


def clipped(spans, limit):
    """Whoever reads asks for as much as he has room for, which may be more than there is."""
    return {page for first, last in spans for page in range(first, min(last + 1, limit))}


class Pages(unittest.TestCase):
    def observe(self, running, root):
        """While the container's root is still mounted."""
        running.process.send_signal(signal.SIGINT)  # perf writes what it has
        running.process.wait()
        device = os.stat(root.path).st_dev
        found, lost = witnessed(self.trace, device)
        self.assertEqual(lost, 0, 'perf itself lost events')
        self.asked, self.around, self.windows, self.paths = {}, {}, {}, {}  # by inode: a file may have more names
        for folder, _, names in os.walk(root.path):
            for name in names:
                path = os.path.join(folder, name)
                status = os.lstat(path)
                if status.st_dev != device or not os.path.isfile(path) or os.path.islink(path):
                    continue
                limit = (status.st_size + PAGE - 1) // PAGE
                asked = clipped(found['asked'].get(status.st_ino, ()), limit)
                around = clipped(found['around'].get(status.st_ino, ()), limit)
                self.paths.setdefault(status.st_ino, []).append(os.fsencode(path.removeprefix(str(root.path))))
                if asked:
                    self.asked[status.st_ino] = asked
                if around:
                    self.windows[status.st_ino] = around
                    self.around[status.st_ino] = around & resident_pages(path)

    def share(self, what, profile, witness):
        total = sum(map(len, witness.values()))
        seen = sum(len(pages & profile.get(inode, set())) for inode, pages in witness.items())
        print(f'{what}: {seen / total:.4f} of {total} pages of {len(witness)} files', file=sys.stderr)
        self.assertGreater(total, 500, 'perf saw too little of a boot')
        self.assertGreaterEqual(seen / total, LEAST)

    def test_coverage(self):
        holder = tempfile.TemporaryDirectory(dir='/var/tmp')
        self.addCleanup(holder.cleanup)
        folder = pathlib.Path(holder.name)
        self.trace = folder / 'trace'
        container.boot(images.minimal(BED_BUILD).path, disk.CONTAINER['none'], BED_BUILD,
                       collect=[COLLECT, '--root=ROOT', '--source=fanotify', f'--output={folder}/profile'],
                       observe=self.observe, witness=perf_record(self.trace))
        profile = Profile(folder / 'profile')
        self.assertEqual(profile.losses().get('trace', 0), 0)
        inode_of = {path: inode for inode, paths in self.paths.items() for path in paths}
        named = {inode_of.get(path): pages for path, pages in ranges_of(profile).items()}
        self.share('asked for', named, self.asked)
        self.share('mapped around a fault', named, self.around)
        # and not much else: what is named but was neither asked for nor near a fault; of what was there to be
        # mapped, the kernel may have taken some out of memory before we looked
        total = sum(map(len, named.values()))
        extra = sum(len(pages - self.asked.get(inode, set()) - self.windows.get(inode, set()))
                    for inode, pages in named.items())
        print(f'neither: {extra / total:.4f} of {total} pages of the profile', file=sys.stderr)
        self.assertLess(extra / total, 1 - LEAST)


if __name__ == '__main__':
    if os.geteuid() != 0:
        skip('needs root')
    if not shutil.which('perf'):
        skip('perf is not installed')
    mount_tracefs()
    unittest.main(verbosity=2)
