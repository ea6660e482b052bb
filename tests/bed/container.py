# SPDX-License-Identifier: LGPL-2.1-or-later
"""
The container bed: a real systemd boots from a modelled disk at native speed, in seconds.

Owns one boot from its start to its end: the container, what of ours runs beside it, and the figures. The
container is killed when they are taken, what it wrote is gone with its disk. Knows no statistics of many
boots. Needs root, systemd-nspawn, and programs from a build folder.
"""

import contextlib
import fcntl
import os
import pathlib
import select
import signal
import socket
import subprocess
import tempfile
import time

from . import Boot
from .root import Root

PATIENCE = 120       # seconds for a boot, or for a program of ours to end after one
SETTLING = 1.0       # seconds between the boot's end and the collector's
MANAGER = ['FinishTimestampMonotonic', 'UserspaceTimestampMonotonic']


class Failure(Exception):
    """A boot that did not come to its end; the message says what was missing."""


def unified_hierarchy():
    for line in pathlib.Path('/proc/self/mountinfo').read_text().splitlines():
        before, after = line.split(' - ')
        if after.split()[0] == 'cgroup2':
            return pathlib.Path(before.split()[4])
    raise Failure('this machine has no cgroup2 hierarchy, the container cannot be told apart')


# Waits for the end of its input, which comes with our end, whatever ends us; then nobody is left.
GUARD = '''
read -r _
echo 1 > "$0/cgroup.kill"
while grep -q 'populated 1' "$0/cgroup.events"; do sleep 0.01; done
find "$0" -depth -type d -exec rmdir {} +
'''


@contextlib.contextmanager
def turn():
    """One boot at a time on this machine: each is measured."""
    with open('/run/lock/bootahead-bed', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def control_group():
    """A control group for one container: its I/O stall is the boot's own, and its processes end with it."""
    group = tempfile.mkdtemp(prefix='bed-', dir=unified_hierarchy())
    guard = subprocess.Popen(['sh', '-c', GUARD, group], stdin=subprocess.PIPE, start_new_session=True)
    try:
        yield pathlib.Path(group)
    finally:
        guard.stdin.close()
        if guard.wait(PATIENCE) != 0:
            raise Failure(f"'{group}': its processes do not end")


def stall_seconds(group):
    """How long some task of the container waited for I/O, where the kernel counts it."""
    try:
        line = (group / 'io.pressure').read_text().splitlines()[0]
    except OSError:
        return None
    return int(line.rsplit('total=', 1)[1]) / 1e6


def processor_seconds(group):
    """Processor time of the container, which scatters less than its boot time."""
    fields = dict(line.split() for line in (group / 'cpu.stat').read_text().splitlines())
    return int(fields['usage_usec']) / 1e6


class Container:
    """A container that boots a mounted root; ready when PID 1 says that the boot has finished."""

    def __init__(self, root, group, folder, witness):
        self.notifications = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self.notifications.bind(str(folder / 'notify'))
        self.log = folder / 'console'
        self.leader = None
        self.over = None  # seconds since 1970 when its collector was told to end
        (folder / 'fstab').touch()  # the image's own names devices that a container has not
        with open(self.log, 'wb') as log:
            self.process = subprocess.Popen(
                ['sh', '-c', 'echo $$ > "$0/cgroup.procs" && exec setpriv --pdeathsig KILL "$@"', group, *witness,
                 'systemd-nspawn', '--boot', '--quiet', '--register=no', '--keep-unit', '--private-network',
                 '--resolv-conf=off', '--timezone=off', '--link-journal=no', '--notify-ready=yes',
                 f'--bind-ro={folder}/fstab:/etc/fstab', f'--directory={root}'],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                env=os.environ | {'NOTIFY_SOCKET': str(folder / 'notify')})

    def wait_until_ready(self):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            readable, _, _ = select.select([self.notifications], [], [], 0.5)
            if self.process.poll() is not None:
                raise Failure(f'the container ended before its boot did:\n{self.tail()}')
            if readable and self.take(self.notifications.recv(65536).decode(errors='replace')):
                return
        raise Failure(f'the boot did not finish within {PATIENCE} s:\n{self.tail()}')

    def take(self, message):
        fields = dict(line.split('=', 1) for line in message.splitlines() if '=' in line)
        self.leader = int(fields.get('X_NSPAWN_LEADER_PID', self.leader or 0)) or None
        return fields.get('READY') == '1'

    def tail(self):
        return '\n'.join(self.log.read_text(errors='replace').splitlines()[-20:])

    def ask(self, *command):
        """What a command inside the container prints."""
        return subprocess.run(['nsenter', f'--target={self.leader}', '--all', *command], check=True,
                              capture_output=True, text=True, timeout=PATIENCE).stdout

    def manager(self):
        """PID 1's own times in seconds, on this machine's monotonic clock."""
        lines = self.ask('systemctl', 'show', *(f'--property={name}' for name in MANAGER)).splitlines()
        return {key: int(value) / 1e6 for key, value in (line.split('=', 1) for line in lines)}

    def failed_units(self):
        return self.ask('systemctl', 'list-units', '--failed', '--plain', '--no-legend').split('\n')[:-1]

    def end(self):
        """The rest of the container ends with its control group."""
        self.process.kill()
        self.process.wait()
        self.notifications.close()


# Kills the program when the end of its input comes before a line does, which is with our end.
KILLER = 'read -r _ || kill -KILL "$0"'


class Companion:
    """A program of ours that runs beside the boot. Started directly: its processor time is its own."""

    def __init__(self, command):
        self.command = [str(word) for word in command]
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.killer = subprocess.Popen(['sh', '-c', KILLER, str(self.process.pid)], stdin=subprocess.PIPE,
                                       start_new_session=True)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.join()

    def join(self):
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            status = 'no end'
        if status != 0:
            raise Failure(f"'{' '.join(self.command)}': {status}")

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.killer.communicate(b'\n')


def boot(image, model, build_dir, collect=None, replay=None, observe=None, settle=False, witness=()):
    """One cold boot from a modelled disk.

    collect: the command of a collector, started and set up before the boot, ended after it.
    replay: the command of a replay, started with the clock, just before the container.
    Both get the word ROOT replaced by the folder where the root is mounted.
    settle: wait as a boot with a collector does, to be compared with one.
    witness: the words of a program that runs the container and watches it.
    observe: called with the container and the root when the boot has ended, before anything is killed.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(turn())
        root = stack.enter_context(Root(image, model, build_dir))
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix='bed-boot-')))
        group = stack.enter_context(control_group())
        collector = start(stack, collect, root)
        if collector or settle:
            time.sleep(SETTLING)
        mounted, started = root.reads(), time.monotonic()
        replayer = start(stack, replay, root)
        container = Container(root.path, group, folder, witness)
        stack.callback(container.end)
        container.wait_until_ready()
        result = measure(container, root, group, mounted, started)
        if replayer:
            replayer.join()
        if collector:
            time.sleep(SETTLING)
            container.over = time.time()
            collector.stop()
        if observe:
            observe(container, root)
    result.extra['disk'] = root.served.statistics
    return result


def start(stack, command, root):
    if not command:
        return None
    companion = Companion([root.path if word == 'ROOT' else str(word).replace('ROOT', str(root.path))
                           for word in command])
    stack.callback(companion.end)
    return companion


def measure(container, root, group, mounted, started):
    requests, size = root.reads()
    stall, processor = stall_seconds(group), processor_seconds(group)
    times = container.manager()
    return Boot(seconds=times['FinishTimestampMonotonic'] - started,
                read_requests=requests - mounted[0], read_bytes=size - mounted[1], stall_seconds=stall,
                extra={'mount_requests': mounted[0], 'mount_bytes': mounted[1],
                       'processor_seconds': processor,
                       'manager_seconds': times['UserspaceTimestampMonotonic'] - started})
