# SPDX-License-Identifier: LGPL-2.1-or-later
"""
Storms of calls, alone or beside a collector, and what the machine says of both meanwhile.

Owns one storm: its folder, the collector beside it, the figures. Knows no expectations and no statistics.
Needs root, programs from a build folder, and the audit system for itself.
"""

import collections
import contextlib
import dataclasses
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import threading
import time

from . import mounts

KINDS = ['files', 'open', 'fork']
PATIENCE = 60        # seconds for a collector to begin or to end
SAMPLING = 0.1       # seconds between two looks at a collector's buffers
NETLINK_AUDIT = '9'  # as in /proc/net/netlink
TICKS = os.sysconf('SC_CLK_TCK')
FILESYSTEM = 1 << 30   # bytes, of a sparse file

# Kinds of loss that count opens and executions, each once, of files that are still there. (One overflow of
# fanotify's queue hides any number.)
LOST_ACCESSES = ['socket', 'kernel', 'incomplete', 'files', 'accesses']


class Failure(Exception):
    """A storm or a collector that did not do what it was started for."""


@dataclasses.dataclass
class Storm:
    kind: str
    done: int                 # calls of its kind, each makes one open or execution
    pairs: int                # distinct pairs of process and file among them
    processor_seconds: float
    samples: list             # (boot clock in µs, calls done until then)

    def done_at(self, time_us):
        """Calls done until then, between two samples by the rule of three."""
        before = (self.samples[0][0], 0)
        for sample in self.samples:
            if sample[0] >= time_us:
                share = (time_us - before[0]) / ((sample[0] - before[0]) or 1)
                return before[1] + max(share, 0) * (sample[1] - before[1])
            before = sample
        return self.done

    def rate(self, since=0):
        """Calls a second, from so many seconds after its beginning on."""
        (begin, _), (end, done) = self.samples[0], self.samples[-1]
        return (done - self.done_at(begin + since * 1e6)) / (end - begin - since * 1e6) * 1e6


@dataclasses.dataclass
class Recorded:
    """A storm, and what a collector's profile says of it."""

    storm: Storm
    profile: str   # as text
    resident: int  # bytes, at their highest
    buffers: int   # bytes of its sockets and trace buffers, at their highest
    waited: int    # what the kernel's backlog_wait_time_actual has grown by

    def start(self):
        """When collecting began, on the boot clock."""
        return int(re.search(r'^boot 0 .*? start=(\d+) ', self.profile, re.M)[1])

    def intervals(self):
        """Kind, begin and end on the boot clock of each time in which less was asked for or delivered."""
        start = self.start()
        return [(kind, start + int(begin), start + int(end)) for kind, begin, end in
                re.findall(r'^interval boot=0 kind=(\w+) start=(\d+) end=(\d+)$', self.profile, re.M)]

    def losses(self):
        """Counts by kind, without those that are zero."""
        return collections.Counter({kind: int(count) for kind, count in
                                    re.findall(r'^loss (\w+)=(\d+)', self.profile, re.M)})

    def lost(self):
        """Those of its files; a storm of files deletes them all."""
        kinds = LOST_ACCESSES + (['unresolved'] if self.storm.kind == 'files' else [])
        return sum(self.losses()[kind] for kind in kinds)

    def pairs(self):
        """Distinct pairs of file and process that are stored."""
        return len({(name, process) for name, process, _ in self.accesses()})

    def accounted(self):
        """Share of the storm's calls that are stored or counted as lost. Opens of the same files are merged by
        fanotify: share of the distinct pairs of file and process that are stored."""
        if self.storm.kind == 'open':
            return self.pairs() / self.storm.pairs
        return (len(self.accesses()) + self.lost()) / self.storm.done

    def everything(self):
        """All that is stored or counted as lost, of whatever file: the number of a deleted one is given anew."""
        return len(re.findall('^access ', self.profile, re.M)) + self.lost()

    def accesses(self):
        """Name below the storm's folder, process, time on the boot clock."""
        start = self.start()
        return [(name, int(process), start + int(at)) for name, process, at in
                re.findall(r'^access "[^"]*/bootahead-storm-[^/"]*/([^"]*)" process=(\d+) time=(\d+) ',
                           self.profile, re.M)]


@dataclasses.dataclass
class Collected(Recorded):
    """A storm beside a collector, and what else is to be said of that."""

    processor_seconds: float  # of the collector while the storm lasted
    kernel_seconds: float     # of the kernel's audit thread meanwhile

    def affordable(self, alone):
        """Calls for as much processor time as those of a storm alone took, as a share of these."""
        spent = self.storm.processor_seconds + self.processor_seconds + self.kernel_seconds
        return self.storm.done / spent / (alone.done / alone.processor_seconds)


@contextlib.contextmanager
def filesystem(path):
    """An ext4 of its own in memory: on the machine's, what a call costs depends on what its disk does meanwhile."""
    mounts.make_mounts_private()
    with tempfile.NamedTemporaryFile(prefix='bootahead-storm-', dir='/dev/shm') as image:
        os.truncate(image.name, FILESYSTEM)
        subprocess.run(['mke2fs', '-q', '-t', 'ext4', '-E', 'lazy_itable_init=0,lazy_journal_init=0', image.name], check=True)
        subprocess.run(['mount', '-o', 'loop', image.name, path], check=True)
        try:
            yield
        finally:
            subprocess.run(['umount', path], check=True)


@contextlib.contextmanager
def folder(kind, files, build):
    """Where a storm rages: on a filesystem with a block device, /tmp may be a tmpfs."""
    with contextlib.ExitStack() as stack:
        path = stack.enter_context(tempfile.TemporaryDirectory(prefix='bootahead-storm-', dir='/var/tmp'))
        if kind == 'files':
            stack.enter_context(filesystem(path))
        if kind == 'open':
            for number in range(files):
                pathlib.Path(path, str(number)).write_text('x')
        elif kind == 'fork':
            shutil.copy(pathlib.Path(build) / 'tests/root/nothing', f'{path}/program')
        yield path


def command(kind, path, seconds, build, files, calls=None):
    words = [kind, path, seconds, os.cpu_count(), files, *([calls] if calls else [])]
    return [pathlib.Path(build).resolve() / 'tests/root/storm', *map(str, words)]


def told(kind, said):
    figures = dict(re.findall(r'^(done|pairs|cpu_us) (\d+)$', said, re.M))
    samples = [(int(at), int(done)) for at, done in re.findall(r'^at (\d+) (\d+)$', said, re.M)]
    return Storm(kind, int(figures['done']), int(figures['pairs']), int(figures['cpu_us']) / 1e6, samples)


def run(kind, seconds, build, files=1, calls=None, path=None):
    """A storm on all processors, in a folder of its own unless one is given. calls: each process ends after
    so many."""
    with contextlib.ExitStack() as stack:
        where = path or stack.enter_context(folder(kind, files, build))
        words = command(kind, where, seconds, build, files, calls)
        return told(kind, subprocess.run(words, check=True, capture_output=True, text=True).stdout)


def dump(profile, build):
    words = [pathlib.Path(build).resolve() / 'bin/bootahead', 'dump', profile]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def processor_seconds(pid):
    fields = pathlib.Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def thread_of_audit():
    """The pid of the kernel's own audit thread, or None in a kernel without audit."""
    found = subprocess.run(['pgrep', '-x', 'kauditd'], capture_output=True, text=True).stdout.split()
    return found[0] if found else None


def waited(build):
    """For how long programs slept in the audit system, since the machine's start."""
    shown = subprocess.run([pathlib.Path(build).resolve() / 'tests/root/auditor', 'counters'], capture_output=True,
                           text=True).stdout
    found = re.search(r'backlog_wait_time_actual=(\d+)', shown)
    return int(found[1]) if found else 0    # a kernel without audit


def sockets_of(pid):
    names = [os.readlink(f'/proc/{pid}/fd/{entry}') for entry in os.listdir(f'/proc/{pid}/fd')]
    return {name[8:-1] for name in names if name.startswith('socket:[')}


def socket_bytes(sockets):
    """What waits in netlink sockets: netlink(7), the columns are ..., Rmem (4), ..., inode (9)."""
    lines = pathlib.Path('/proc/net/netlink').read_text().splitlines()[1:]
    return sum(int(fields[4]) for fields in map(str.split, lines) if fields[9] in sockets)


def trace_bytes():
    sizes = pathlib.Path('/sys/kernel/tracing/instances').glob('bootahead*/buffer_total_size_kb')
    return sum(int(size.read_text().split()[0]) * 1024 for size in sizes)


class Memory:
    """What a collector takes until it ends."""

    def __init__(self, process):
        self.process, self.resident, self.buffers = process, 0, 0
        threading.Thread(target=self.sample, daemon=True).start()

    def sample(self):
        while self.process.returncode is None:
            with contextlib.suppress(OSError):  # it closes a file, or ends
                self.buffers = max(self.buffers, socket_bytes(sockets_of(self.process.pid)) + trace_bytes())
                status = pathlib.Path(f'/proc/{self.process.pid}/status').read_text()
                for highest in re.findall(r'^VmHWM:\s+(\d+)', status, re.M):    # not of one that has ended
                    self.resident = int(highest) * 1024
            time.sleep(SAMPLING)


class Collector:
    """A collector of the whole machine; `command` is that of the program with its options."""

    def __init__(self, command, output, build):
        self.output = output
        self.build = build
        self.process = subprocess.Popen([*map(str, command), f'--output={output}'], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.wait_until(lambda: pathlib.Path('/run/bootahead/collect.pid').read_text().split()[0] ==
                        str(self.process.pid), 'did not begin')
        self.before = waited(build)
        self.thread = thread_of_audit()
        self.seconds = processor_seconds(self.process.pid)
        self.thread_seconds = processor_seconds(self.thread) if self.thread else 0
        self.memory = Memory(self.process)

    def wait_until(self, condition, failure):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(OSError, IndexError):
                if condition():
                    return
            time.sleep(0.02)
        self.process.kill()
        raise Failure(f'the collector {failure}: {self.process.communicate()[1].strip()}')

    def end(self, storm):
        """What is to be said of it; then nothing is left of it."""
        spent = processor_seconds(self.process.pid) - self.seconds
        kernel = processor_seconds(self.thread) - self.thread_seconds if self.thread else 0
        slept = waited(self.build) - self.before
        resident, buffers = self.memory.resident, self.memory.buffers
        self.process.terminate()
        said = self.process.communicate(timeout=PATIENCE)[1]
        if self.process.returncode != 0:
            raise Failure(f'the collector: {said.strip()}')
        return Collected(storm, dump(self.output, self.build), resident, buffers, slept, spent, kernel)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        if not self.process.stderr.closed:
            self.process.communicate()


def collected(kind, seconds, build, options, files=1, calls=None, meanwhile=None):
    """A storm beside a collector with these options. meanwhile: called with the collector when the storm
    begins."""
    program = pathlib.Path(build).resolve() / 'libexec/bootahead-collect'
    with contextlib.ExitStack() as stack:
        path = stack.enter_context(folder(kind, files, build))
        output = stack.enter_context(tempfile.TemporaryDirectory(dir='/var/tmp'))
        collector = Collector([program, *options], f'{output}/profile', build)
        stack.callback(collector.kill)
        if meanwhile:
            threading.Thread(target=meanwhile, args=[collector], daemon=True).start()
        return collector.end(run(kind, seconds, build, files, calls, path))


def recorded(kind, seconds, build, options, files=1, meanwhile=None):
    """A storm as a collector's command: of what others do nothing is stored and nothing counted."""
    with contextlib.ExitStack() as stack:
        path = stack.enter_context(folder(kind, files, build))
        output = stack.enter_context(tempfile.TemporaryDirectory(dir='/var/tmp'))
        words = [pathlib.Path(build).resolve() / 'libexec/bootahead-collect', *options,
                 f'--output={output}/profile', '--', *command(kind, path, seconds, build, files)]
        before = waited(build)
        collector = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                     stderr=subprocess.PIPE, text=True)
        memory = Memory(collector)
        if meanwhile:
            threading.Thread(target=meanwhile, args=[collector], daemon=True).start()
        said, complaint = collector.communicate()
        if collector.returncode != 0:
            raise Failure(f'the collector: {complaint.strip()}')
        return Recorded(told(kind, said), dump(f'{output}/profile', build), memory.resident, memory.buffers,
                        waited(build) - before)
