# SPDX-License-Identifier: LGPL-2.1-or-later
"""
The modelled disks: an image served as slowly as a real device would.

Owns the table of models and the life of a disk's server, which is an NBD server (Disk, for virtual
machines) or a file (File, for loop devices). What boots from it is another file's matter.
The two tables have the same devices on two scales of time: an emulated CPU is several times slower than a
real one, so its disks are slower too, to keep the share of I/O in a boot lifelike.
"""

import contextlib
import dataclasses
import json
import pathlib
import subprocess
import tempfile
import time

from . import mounts

PATIENCE = 10  # seconds for a server to start or to end


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


class Server:
    """A disk's server for as long as the `with` block lasts.

    Without keep what is written is gone at the end, and the image may be served many times at once.
    The statistics of its requests are there when the block has been left.
    """

    program = None  # below the build folder

    def __init__(self, image, model, build_dir, keep=False):
        self.program = pathlib.Path(build_dir).resolve() / 'tests/bed' / self.program
        if not self.program.exists():
            raise FileNotFoundError(f"'{self.program}': build it first (tests/packages has what that needs)")
        self.image, self.model, self.keep = pathlib.Path(image).resolve(), model, keep
        self.folder = self.server = self.statistics = None

    @property
    def report(self):
        return pathlib.Path(self.folder.name) / 'report'

    def settings(self):
        return [f'file={self.image}', f'keep={str(self.keep).lower()}', f'report={self.report}',
                *self.model.settings()]

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix='bed-disk-')
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def start(self):
        raise NotImplementedError

    def end(self):
        self.server.terminate()

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


class Disk(Server):
    """An NBD server on a socket. errors is the share of reads that fail."""

    program = 'model.so'

    def __init__(self, image, model, build_dir, keep=False, errors=0.0):
        super().__init__(image, model, build_dir, keep)
        self.faults = ['error-pread=EIO', f'error-pread-rate={errors}'] if errors else []

    @property
    def socket(self):
        return pathlib.Path(self.folder.name) / 'socket'

    @property
    def uri(self):
        return f'nbd+unix:///?socket={self.socket}'

    def start(self):
        ready = pathlib.Path(self.folder.name) / 'pid'
        # A thread for each request: what waits in the model's queue must not wait in the server's.
        self.server = subprocess.Popen(
            ['nbdkit', '--foreground', '--exit-with-parent', '--threads=128', f'--unix={self.socket}',
             f'--pidfile={ready}', *(['--filter=error'] if self.faults else []), self.program, *self.settings(),
             *self.faults], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + PATIENCE
        while not ready.exists():
            if self.server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"'{self.image}': its disk did not start")
            time.sleep(0.005)


class File(Server):
    """A file, mounted over an empty one in this mount namespace. Its server ends when nothing uses it."""

    program = 'model-file'

    @property
    def path(self):
        return pathlib.Path(self.folder.name) / 'disk'

    def start(self):
        mounts.make_mounts_private()
        self.path.touch()
        self.server = subprocess.Popen(
            [self.program, self.path, f'/proc/self/fd/{mounts.outside}', *self.settings()], stdin=subprocess.DEVNULL,
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
