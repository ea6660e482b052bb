# SPDX-License-Identifier: LGPL-2.1-or-later
"""
A modelled disk as a mounted root filesystem, on a block device of this machine.

Owns the way from the disk as a file to the mount: a loop device with direct I/O makes it a block device.
Everything hangs on this process: mounts lie in a mount namespace of its own, the loop device goes with its
last user, the disk's server is killed with it. Nothing stays behind.
File, device and mount are new each time, so nothing of the image is in the page cache, and the rest of
the machine keeps its caches.
"""

import contextlib
import errno
import fcntl
import os
import pathlib
import struct
import subprocess
import tempfile
import time

from . import disk
from .mounts import MNT_DETACH, make_mounts_private, unmount

LOOP_CONFIGURE, LOOP_CTL_GET_FREE = 0x4C0A, 0x4C82
LO_FLAGS_AUTOCLEAR, LO_FLAGS_DIRECT_IO = 4, 16
REQUEST_KIB = 1024    # what the server takes in one request: one of the loop device is one of the model
READ_AHEAD_KIB = 128  # the kernel's default; recent ones derive another from the settings before it
PATIENCE = 10         # seconds for what was killed to let go of the file system


def configure_loop(path):
    """Returns the number of a loop device on a file, and its descriptor, which keeps it alive."""
    information = struct.pack('=5Q4I', 0, 0, 0, 0, 0, 0, 0, 0, LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO)
    with open('/dev/loop-control', 'rb') as control, open(path, 'r+b', buffering=0) as file:
        while True:
            number = fcntl.ioctl(control, LOOP_CTL_GET_FREE)
            descriptor = os.open(f'/dev/loop{number}', os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.ioctl(descriptor, LOOP_CONFIGURE,
                            struct.pack('=2I', file.fileno(), 512) + information.ljust(232 + 64, b'\0'))
                return number, descriptor
            except OSError as error:
                os.close(descriptor)
                if error.errno != errno.EBUSY:
                    raise


@contextlib.contextmanager
def loop_device(path, rotational):
    """A block device on a file; yields its folder in sysfs."""
    number, descriptor = configure_loop(path)
    try:
        sysfs = pathlib.Path(f'/sys/block/loop{number}')
        settings = {'rotational': int(rotational), 'max_sectors_kb': REQUEST_KIB, 'read_ahead_kb': READ_AHEAD_KIB}
        for name, value in settings.items():
            (sysfs / 'queue' / name).write_text(str(value))
        if (sysfs / 'loop/dio').read_text().strip() != '1':
            raise RuntimeError('the loop device refuses direct I/O: everything would be cached twice')
        yield sysfs
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def mount_point():
    """A folder that is never cleared as a tree: what is mounted on it may still be there."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix='bed-root-'))
    (folder / 'root').mkdir()
    try:
        yield folder / 'root'
    finally:
        (folder / 'root').rmdir()
        (folder / '.#root.lck').unlink(missing_ok=True)  # of systemd-nspawn
        folder.rmdir()


class Root:
    """A mounted image on a modelled disk, for as long as the `with` block lasts."""

    def __init__(self, image, model, build_dir):
        self.served = disk.File(image, model, build_dir)

    def __enter__(self):
        make_mounts_private()
        with contextlib.ExitStack() as stack:
            self.path = stack.enter_context(mount_point())
            stack.enter_context(self.served)
            self.sysfs = stack.enter_context(loop_device(self.served.path, self.served.model.rotational))
            self.before = (0, 0)
            self.before = self.reads()
            subprocess.run(['mount', f'/dev/{self.sysfs.name}', self.path], check=True)
            stack.callback(self.unmount)
            self.stack = stack.pop_all()
        return self

    def unmount(self):
        """What was killed a moment ago may still hold the file system."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return unmount(self.path)
            except OSError as error:
                if error.errno != errno.EBUSY or time.monotonic() > deadline:
                    unmount(self.path, MNT_DETACH)
                    raise
            time.sleep(0.01)

    def __exit__(self, *_):
        self.stack.close()

    def reads(self):
        """Read requests and bytes of the block device until now; its counters outlive its former uses."""
        requests, _, sectors = map(int, (self.sysfs / 'stat').read_text().split()[:3])
        return requests - self.before[0], sectors * 512 - self.before[1]
