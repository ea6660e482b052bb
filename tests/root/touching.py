# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of touched pages share: the trace file system, a profile's ranges, what is in memory."""

import ctypes
import fcntl
import mmap
import os
import pathlib
import re
import struct
import subprocess
import sys

from support import skip, unquote

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from bed import mounts  # noqa: E402

PAGE = 4096
TRACEFS = pathlib.Path('/sys/kernel/tracing')
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p


def mount_tracefs():
    """For this process and its children alone."""
    mounts.make_mounts_private()
    if not (TRACEFS / 'events').exists() and subprocess.run(['mount', '-t', 'tracefs', 'none', TRACEFS],
                                                            capture_output=True).returncode != 0:
        skip('this kernel has no tracefs')
    if not (TRACEFS / 'events/filemap/mm_filemap_get_pages').exists():
        skip('this kernel does not tell which pages are asked for')


def instances():
    """Those of collectors."""
    return {path.name for path in (TRACEFS / 'instances').iterdir() if path.name.startswith('bootahead-')}


def ranges_of(profile):
    """The pages of each file in a profile."""
    files = {}
    for name, page, count in re.findall(r'^range "((?:[^"\\]|\\.)*)" page=(\d+) count=(\d+)', profile.text, re.M):
        files.setdefault(unquote(name), set()).update(range(int(page), int(page) + int(count)))
    return files


def resident_pages(path):
    """The pages of a file that are in memory, by mincore(2) on a mapping that touches none."""
    size = os.path.getsize(path)
    if size == 0:
        return set()
    vector = (ctypes.c_ubyte * ((size + PAGE - 1) // PAGE))()
    with open(path, 'rb') as file:
        start = ctypes.c_void_p(libc.mmap(None, ctypes.c_size_t(size), 0, mmap.MAP_SHARED, file.fileno(),
                                          ctypes.c_long(0)))
        mounts.check(libc.mincore(start, ctypes.c_size_t(size), vector))
        libc.munmap(start, ctypes.c_size_t(size))
    return {page for page, bits in enumerate(vector) if bits & 1}


def resident_metadata(device):
    """The pages of a block device that are in memory, by cachestat(2), one by one."""
    CACHESTAT, BLKGETSIZE64 = 451, 0x80081272
    pages = set()
    with open(device, 'rb', buffering=0) as disk:
        size, = struct.unpack('Q', fcntl.ioctl(disk, BLKGETSIZE64, bytes(8)))
        for page in range(size // PAGE):
            counts = (ctypes.c_uint64 * 5)()
            mounts.check(libc.syscall(CACHESTAT, disk.fileno(), (ctypes.c_uint64 * 2)(page * PAGE, PAGE), counts, 0))
            if counts[0]:
                pages.add(page)
    return pages
