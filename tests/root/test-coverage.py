#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""
Coverage of a whole boot: of the regular files that a container's boot opened, how many does its profile
name? The witness is strace of the whole container. Usage: test-coverage.py [IMAGE]
"""

import os
import pathlib
import re
import sys
import tempfile
import unittest

from support import BUILD, COLLECT, STRACE, Profile, SameAuditState, calls, need_root_and_audit, unquote

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from bed import container, disk, image as images  # noqa: E402

BED_BUILD = pathlib.Path(os.environ.get('BOOTAHEAD_RELEASE', BUILD))
IMAGE = sys.argv.pop(1) if len(sys.argv) > 1 and hasattr(images, sys.argv[1]) else 'minimal'
LEAST = 0.995


def opened_in_container(trace, end):
    """Paths as the container sees them, until then. The processes that were there before its init are nspawn's."""
    outside, init, paths = set(), None, set()
    for pid, when, call in calls(trace):
        if when > end:
            break
        if init is None and re.search(r'execve\("[^"]*/(?:systemd|init)", \[.*\) += 0$', call):
            init = pid
            outside.discard(pid)
        elif init is None:
            outside.add(pid)
        if init is None or pid in outside:
            continue
        found = re.search(r'(?:open|openat|openat2|creat)\(.*\) += \d+<((?:[^>\\]|\\.)*)>', call)
        if found and 'O_PATH' not in call:
            paths.add(unquote(found.group(1)))
        executed = re.search(r'execve\("(/(?:[^"\\]|\\.)*)".*\) += 0$', call)
        if executed:
            paths.add(unquote(executed.group(1)))
    return paths


class Coverage(SameAuditState):
    def boot(self, source):
        """The files that were opened and still are there, and those that the profile names."""
        holder = tempfile.TemporaryDirectory(dir='/var/tmp')
        self.addCleanup(holder.cleanup)
        folder = pathlib.Path(holder.name)
        trace, profile = folder / 'trace', folder / 'profile'
        opened = set()

        def observe(booted, root):
            base = os.fsencode(root.path)
            device = os.stat(base).st_dev
            for path in opened_in_container(trace, booted.over):
                while os.path.islink(base + path):  # an executed name may be a link within the container
                    path = os.path.join(os.path.dirname(path), os.readlink(base + path))
                real = os.path.realpath(base + path)
                if os.path.isfile(real) and os.lstat(real).st_dev == device and real.startswith(base):
                    opened.add(real[len(base):])

        container.boot(getattr(images, IMAGE)(BED_BUILD).path, disk.CONTAINER['none'], BED_BUILD,
                       collect=[COLLECT, '--root=ROOT', f'--source={source}', f'--output={profile}'],
                       observe=observe, witness=[*STRACE, '-o', trace])
        opened.discard(b'/etc/fstab')  # the bed mounts one of its own over it
        return opened, Profile(profile)

    def check(self, source):
        opened, profile = self.boot(source)
        self.assertGreater(len(opened), 150, 'strace saw too little of a boot')
        missing = opened - profile.files
        share = 1 - len(missing) / len(opened)
        print(f'{source}: {share:.4f} of {len(opened)} files', *sorted(missing), file=sys.stderr)
        self.assertGreaterEqual(share, LEAST)

    def test_audit(self):
        self.check('audit')

    def test_fanotify(self):
        self.check('fanotify')


if __name__ == '__main__':
    need_root_and_audit()
    unittest.main(verbosity=2)
