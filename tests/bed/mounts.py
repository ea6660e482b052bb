# SPDX-License-Identifier: LGPL-2.1-or-later
"""
A mount namespace of our own: what is mounted here is seen by us and our children, and goes with us.

Owns the namespace and the system calls that Python has no names for.
"""

import ctypes
import os

CLONE_NEWNS = 0x00020000
MS_REC, MS_PRIVATE = 0x4000, 0x40000
MNT_DETACH = 2

libc = ctypes.CDLL(None, use_errno=True)
outside = None  # descriptor of the namespace that we came from


def check(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def make_mounts_private():
    """From here on this process mounts for itself and its children alone."""
    global outside
    if outside is None:
        descriptor = os.open('/proc/self/ns/mnt', os.O_RDONLY | os.O_CLOEXEC)
        check(libc.unshare(CLONE_NEWNS))
        outside = descriptor
        check(libc.mount(b'none', b'/', None, MS_REC | MS_PRIVATE, None))


def unmount(path, flags=0):
    check(libc.umount2(os.fsencode(path), flags))
