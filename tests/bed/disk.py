# SPDX-License-Identifier: LGPL-2.1-or-later
"""
The modelled disks: an image as a file that is as slow as a real device would be.

Owns the table of models and the life of a disk's server. What boots from it is another file's matter.
A file serves both beds: QEMU's NBD client keeps at most 16 requests in flight and nbdfuse 10, fewer than
the models have places.
The two tables have the same devices on two scales of time: an emulated CPU is several times slower than a
real one, so its disks are slower too, to keep the share of I/O in a boot lifelike.
"""

import contextlib
import dataclasses
import json
import pathlib
import subprocess
import tempfile

from . import mounts

PATIENCE = 10  # seconds for a server to end


@dataclasses.dataclass(frozen=True)
class Model:
    latency: float = 0.0       # seconds a request spends in its place
    depth: int = 256           # places: requests in flight
    rate: int | None = None    # bytes a second, over all requests
    head: bool = False         # seeks and turns in place of the latency
    free_writes: bool = False  # only reads take time
    rotational: bool = False   # what the kernel is told, where it can be told

    def settings(self):
        result = [f'latency-us={round(self.latency * 1e6)}', f'depth={self.depth}']
        result += [f'rate={self.rate}'] if self.rate else []
        return result + [f'{key}=true' for key in ('head', 'free-writes') if getattr(self, key.replace('-', '_'))]


MB = 1_000_000
HDD = Model(depth=1, rate=120 * MB, head=True, rotational=True)

VM = {
    'none': Model(),
    'ssd': Model(latency=0.001, depth=32),
    'emmc': Model(latency=0.005, depth=4, rate=40 * MB),
    'sd': Model(latency=0.008, depth=1, rate=20 * MB),
    'lazy': Model(latency=0.020, depth=64, free_writes=True),
    'hdd': HDD,
}
# The same devices with the times, and so the rates, of real ones.
CONTAINER = {
    'none': Model(),
    'ssd': Model(latency=0.0001, depth=32),
    'emmc': Model(latency=0.001, depth=4, rate=200 * MB),
    'sd': Model(latency=0.003, depth=1, rate=53 * MB),
    'lazy': Model(latency=0.004, depth=64, free_writes=True),
    'hdd': HDD,
}


class File:
    """A disk as a file in this mount namespace, for as long as the `with` block lasts.

    Without keep what is written is gone at the end, and the image may be served many times at once. Of the
    reads every fail_every-th fails, where that is not 0. The statistics of the disk's requests are there when
    the block has been left.
    """

    def __init__(self, image, model, build_dir, keep=False, fail_every=0):
        self.program = pathlib.Path(build_dir).resolve() / 'tests/bed/model-file'
        if not self.program.exists():
            raise FileNotFoundError(f"'{self.program}': build it first")
        self.image, self.model, self.keep, self.fail_every = pathlib.Path(image).resolve(), model, keep, fail_every
        self.folder = self.server = self.statistics = None

    @property
    def path(self):
        return pathlib.Path(self.folder.name) / 'disk'

    @property
    def report(self):
        return pathlib.Path(self.folder.name) / 'report'

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix='bed-disk-')
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def start(self):
        mounts.make_mounts_private()
        self.path.touch()
        settings = [f'file={self.image}', f'keep={str(self.keep).lower()}', f'report={self.report}',
                    f'fail-every={self.fail_every}', *self.model.settings()]
        self.server = subprocess.Popen(
            [self.program, self.path, f'/proc/self/fd/{mounts.outside}', *settings], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, text=True, pass_fds=[mounts.outside], start_new_session=True)
        if self.server.stdout.readline() != 'ready\n':
            raise RuntimeError(f"'{self.image}': its disk did not start")

    def end(self):
        """A server that is unmounted ends by itself, and only then writes its statistics."""
        self.server.stdout.close()
        try:
            mounts.unmount(self.path)
        except OSError:  # not mounted yet, or still in use
            self.server.kill()
            self.server.wait()
            with contextlib.suppress(OSError):
                mounts.unmount(self.path, mounts.MNT_DETACH)

    def __exit__(self, *_):
        if self.server:
            self.end()
            try:
                self.server.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.server.kill()
                self.server.wait()
        if self.report.exists():
            self.statistics = json.loads(self.report.read_text())
        self.folder.cleanup()
