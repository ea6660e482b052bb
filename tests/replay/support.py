# SPDX-License-Identifier: LGPL-2.1-or-later
"""
What the tests of bootahead-replay share: where the programs are, profiles written down as text, and which
pages of a file or device are in memory.

Owns no mounts; those are in filesystem.py.
"""

import ctypes
import json
import mmap
import os
import pathlib
import struct
import subprocess
import sys
import time

BUILD = pathlib.Path(os.environ.get('BOOTAHEAD_BUILD', 'build/dev')).resolve()
REPLAY = BUILD / 'libexec/bootahead-replay'
COLLECT = BUILD / 'libexec/bootahead-collect'
WATCH = BUILD / 'libexec/bootahead-watch'
BOOTAHEAD = BUILD / 'bin/bootahead'
STATEDIR = os.environ.get('STATEDIR', '/var/lib/bootahead')
RUNDIR = os.environ.get('RUNDIR', '/run/bootahead')
PAGE = 4096
NO_UUID = '00000000-0000-0000-0000-000000000000'
SYS_CACHESTAT = 451  # Linux 6.5, the same number on every architecture

libc = ctypes.CDLL(None, use_errno=True)


def skip(reason):
    print(f'skipped: {reason}')
    sys.exit(77)


def quote(path):
    plain = set(range(0x20, 0x7f)) - set(b'"\\')
    return '"' + ''.join(chr(b) if b in plain else f'\\x{b:02x}' for b in os.fsencode(path)) + '"'


class Profile:
    """A profile in the making; write() gives it to `bootahead load`."""

    def __init__(self):
        self.filesystems, self.files, self.ranges, self.metadata = [], {}, [], []

    def add_filesystem(self, mount, uuid=NO_UUID, type='ext4'):
        self.filesystems.append(f'filesystem {len(self.filesystems)} uuid={uuid} device=loop '
                                f'type="{type}" mount={quote(mount)}')
        return len(self.filesystems) - 1

    def add_file(self, path, size, ranges, filesystem=0):
        """ranges are (page, count) in order of use."""
        self.files[os.fsencode(path)] = f'filesystem={filesystem} size={size} mtime=0 inode=0'
        self.ranges += [f'range {quote(path)} page={page} count={count} use={len(self.ranges)}'
                        for page, count in ranges]

    def add_metadata(self, page, count, filesystem=0):
        self.metadata.append((filesystem, page, count))

    def text(self):
        lines = ['bootahead-profile 1', *self.filesystems]
        lines += [f'file {quote(path)} {rest}' for path, rest in sorted(self.files.items())]
        lines += self.ranges
        lines += [f'metadata filesystem={f} page={p} count={c}' for f, p, c in sorted(self.metadata)]
        return '\n'.join([*lines, 'end', ''])

    def write(self, path):
        subprocess.run([BOOTAHEAD, 'load', '-o', path], input=self.text(), text=True, check=True)
        return pathlib.Path(path)


def replay(*arguments, **options):
    return subprocess.run([REPLAY, *map(str, arguments)], capture_output=True, text=True, timeout=120,
                          **options)


def read_report(path):
    return json.loads(pathlib.Path(path).read_text())


def wait_for(condition, seconds=20):
    """The last answer of condition, which is asked until it is true or time is up."""
    end = time.monotonic() + seconds
    while not (answer := condition()) and time.monotonic() < end:
        time.sleep(0.02)
    return answer


def file_pages(path):
    """The pages of a file that are in memory and read: mincore(2) of a mapping that nobody touches."""
    with open(os.open(path, os.O_RDONLY | os.O_NOATIME), 'rb') as file:
        size = os.fstat(file.fileno()).st_size
        mapping = mmap.mmap(file.fileno(), size, flags=mmap.MAP_PRIVATE,
                            prot=mmap.PROT_READ | mmap.PROT_WRITE)
    address = ctypes.addressof(first := ctypes.c_char.from_buffer(mapping))
    states = (ctypes.c_ubyte * (-(-size // mmap.PAGESIZE)))()
    result = libc.mincore(ctypes.c_void_p(address), ctypes.c_size_t(size), states)
    del first
    mapping.close()
    if result < 0:
        raise OSError(ctypes.get_errno(), 'mincore')
    each = mmap.PAGESIZE // PAGE
    return {page * each + part for page, state in enumerate(states) if state & 1 for part in range(each)}


def device_pages(descriptor, page, count):
    """How many of a device's pages are in memory: cachestat(2); None where the kernel has none."""
    found = ctypes.create_string_buffer(5 * 8)
    where = ctypes.create_string_buffer(struct.pack('QQ', page * PAGE, count * PAGE))
    if libc.syscall(SYS_CACHESTAT, descriptor, where, found, 0) < 0:
        return None
    return struct.unpack('5Q', found.raw)[0]


class Opens:
    """Which of the watched were opened by anybody, by inotify(7). O_PATH opens nothing."""

    IN_OPEN, IN_DONT_FOLLOW = 0x20, 0x02000000

    def __init__(self, paths):
        self.descriptor = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        self.names = {}
        for path in paths:
            number = libc.inotify_add_watch(self.descriptor, os.fsencode(path),
                                            self.IN_OPEN | self.IN_DONT_FOLLOW)
            if number < 0:
                raise OSError(ctypes.get_errno(), f'inotify_add_watch {path}')
            self.names[number] = path

    def close(self):
        os.close(self.descriptor)

    def opened(self):
        seen = set()
        while True:
            try:
                data = os.read(self.descriptor, 65536)
            except BlockingIOError:
                return seen
            while data:
                number, _, _, length = struct.unpack_from('iIII', data)
                seen.add(self.names[number])
                data = data[16 + length:]
