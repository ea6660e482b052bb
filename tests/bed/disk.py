# SPDX-License-Identifier: LGPL-2.1-or-later
"""
The modelled disks: an image served over NBD, as slowly as a real device would.

Owns the table of models and the life of a disk's server. What boots from it is another file's matter.
The two tables have the same devices on two scales of time: an emulated CPU is several times slower than a
real one, so its disks are slower too, to keep the share of I/O in a boot lifelike.
"""

import dataclasses
import json
import pathlib
import subprocess
import tempfile
import time

PATIENCE = 10  # seconds for a server to start or to end


@dataclasses.dataclass(frozen=True)
class Model:
    latency: float = 0.0      # seconds a request spends in its place
    depth: int = 256          # places: requests in flight
    rate: int | None = None   # bytes a second, over all requests
    head: bool = False        # seeks and turns in place of the latency
    free_writes: bool = False # only reads take time
    rotational: bool = False  # what the kernel is told, where it can be told

    def parameters(self):
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
CONTAINER = VM | {
    'ssd': dataclasses.replace(VM['ssd'], latency=0.0001),
    'emmc': dataclasses.replace(VM['emmc'], latency=0.001),
    'sd': dataclasses.replace(VM['sd'], latency=0.003),
    'lazy': dataclasses.replace(VM['lazy'], latency=0.004),
}


class Disk:
    """A server for as long as the `with` block lasts.

    Without keep what is written is gone at the end, and the image may be served many times at once.
    errors is the share of reads that fail. The statistics are there when the block has been left.
    """

    def __init__(self, image, model, build_dir, keep=False, errors=0.0):
        self.plugin = pathlib.Path(build_dir).resolve() / 'tests/bed/model.so'
        if not self.plugin.exists():
            raise FileNotFoundError(f"'{self.plugin}': build the target `model` first (it needs nbdkit-plugin-dev)")
        self.image, self.model, self.keep, self.errors = pathlib.Path(image), model, keep, errors
        self.statistics = None

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix='bed-disk-')
        self.socket = pathlib.Path(self.folder.name) / 'socket'
        self.report = pathlib.Path(self.folder.name) / 'report'
        try:
            # A thread a request: what waits in the model's queue must not wait in the server's.
            self.server = subprocess.Popen(
                ['nbdkit', '--foreground', '--exit-with-parent', '--threads=128', f'--unix={self.socket}',
                 f'--pidfile={self.folder.name}/pid', *(['--filter=error'] if self.errors else []), self.plugin,
                 self.image, f'keep={str(self.keep).lower()}', f'report={self.report}', *self.model.parameters(),
                 *([f'error-pread-rate={self.errors}', 'error-pread=EIO'] if self.errors else [])],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            self.wait_until_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def wait_until_ready(self):
        ready, deadline = pathlib.Path(self.folder.name) / 'pid', time.monotonic() + PATIENCE
        while not ready.exists():
            if self.server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"'{self.image}': its disk did not start")
            time.sleep(0.005)

    @property
    def uri(self):
        return f'nbd+unix:///?socket={self.socket}'

    def __exit__(self, *_):
        if server := getattr(self, 'server', None):
            server.terminate()
            try:
                server.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
        if self.report.exists():
            self.statistics = json.loads(self.report.read_text())
        self.folder.cleanup()
