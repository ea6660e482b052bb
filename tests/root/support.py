# SPDX-License-Identifier: LGPL-2.1-or-later
"""
What the tests on the real kernel share: where the programs are, reading profiles, strace as the witness,
the audit system's state before and after.
"""

import codecs
import os
import pathlib
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import unittest

BUILD = pathlib.Path(os.environ.get('BOOTAHEAD_BUILD', 'build/dev')).resolve()
COLLECT = BUILD / 'libexec/bootahead-collect'
BOOTAHEAD = BUILD / 'bin/bootahead'
OPENER = BUILD / 'tests/root/opener'
AUDITOR = BUILD / 'tests/root/auditor'
RUNDIR = pathlib.Path('/run/bootahead')
KEY = 'bootahead'

# What OPENER opens, and makes.
FILES = [b'deep/er/relative', b'deep/up', b'deep/er/below-descriptor', b'deep/er/by-openat2', b'through-proc',
         b'deep/er/behind-link', b'linked', b'jail/etc/inside', b'bound/seen-elsewhere', b'orphan',
         b'a name with spaces', b'new\nline', b'quote"and\\backslash', b'latin\xe4']
MADE = [b'created', b'renamed', b'by-creat']


def skip(reason):
    print(f'skipped: {reason}')
    sys.exit(77)


def need_root_and_audit():
    if os.geteuid() != 0:
        skip('needs root')
    if not shutil.which('strace'):
        skip('needs strace')
    state = audit_state()
    if state is None:
        skip('the audit system can not be reached from here')
    if 'pid=0' not in state.split():
        skip('an audit daemon is registered on this machine')


def audit_thread():
    """The scheduling policy of the kernel's thread that hands over the records."""
    pid = subprocess.run(['pgrep', '-x', 'kauditd'], check=True, capture_output=True, text=True).stdout
    return os.sched_getscheduler(int(pid))


def audit_state():
    shown = subprocess.run([AUDITOR, 'show'], capture_output=True, text=True)
    return f'{shown.stdout}thread={audit_thread()}\n' if shown.returncode == 0 else None


def unquote(text):
    return codecs.escape_decode(text.encode('latin-1'))[0]


def dump(path):
    """A profile's text twin."""
    return subprocess.run([BOOTAHEAD, 'dump', path], check=True, capture_output=True, text=True).stdout


class Profile:
    """The tables of a profile, from its text twin; paths are bytes."""

    def __init__(self, path):
        self.text = text = dump(path)
        self.files = {unquote(name) for name in re.findall(r'^file "((?:[^"\\]|\\.)*)"', text, re.M)}
        self.accesses = [(unquote(name), int(process), set(flags.split('+')))
                         for name, process, flags in re.findall(
                             r'^access "((?:[^"\\]|\\.)*)" process=(\d+) time=\d+ flags=(\S+)', text, re.M)]
        self.executables = {unquote(name) for name in
                            re.findall(r'^process .* executable="((?:[^"\\]|\\.)*)"', text, re.M)}

    def flags_of(self, path):
        return set().union(*(flags for name, _, flags in self.accesses if name == path))

    def losses(self):
        return {kind: int(count) for kind, count in re.findall(r'^loss (\w+)=(\d+)', self.text, re.M)}


def is_local_file(path):
    """A regular file on a filesystem with a block device: what a profile is about."""
    try:
        status = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and os.major(status.st_dev) != 0


def calls(trace):
    """(pid, seconds since 1970, call) of what STRACE wrote; a call that others came between is in two lines."""
    begun = {}
    for line in pathlib.Path(trace).read_text('latin-1').splitlines():
        pid, when, call = line.split(maxsplit=2)
        if call.endswith(' <unfinished ...>'):
            begun[pid] = call.removesuffix(' <unfinished ...>')
        else:
            yield pid, float(when), re.sub(r'^<\.\.\. \w+ resumed>', lambda _: begun.pop(pid), call)


def witness(trace, folder):
    """The files that strace saw opened or executed, resolved, by `strace -f -y -e trace=...`."""
    seen = set()
    for _, _, line in calls(trace):
        opened = re.search(r'\b(?:open|openat|openat2|creat)\(.*\) += \d+<((?:[^>\\]|\\.)*)>', line)
        executed = re.search(r'\bexecve\("((?:[^"\\]|\\.)*)".*\) += 0$', line)
        if opened and 'O_PATH' not in line:
            seen.add(unquote(opened.group(1)))
        if executed:
            seen.add(os.path.realpath(os.path.join(os.fsencode(folder), unquote(executed.group(1)))))
    return seen


# Stops nobody for a call that is not asked for: half the time of a boot.
STRACE = ['strace', '-f', '--seccomp-bpf', '-ttt', '-y', '-qq', '-s', '4096', '-e', 'signal=none',
          '-e', 'trace=open,openat,openat2,creat,execve,execveat']


def fill(folder):
    """The tree that OPENER walks through, below an empty folder."""
    base = os.fsencode(folder)
    for name in FILES:
        path = os.path.join(base, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'wb') as file:
            file.write(b'x' * 5000)
    os.symlink(b'deep', os.path.join(base, b'link-to-folder'))
    os.symlink(b'linked', os.path.join(base, b'link-to-file'))
    script = pathlib.Path(folder, 'script')
    script.write_text('#!/bin/sh\nread line < a\\ name\\ with\\ spaces\n')
    script.chmod(0o755)
    program = pathlib.Path(folder, 'deep/er/program')
    program.write_bytes(pathlib.Path('/bin/true').read_bytes())
    program.chmod(0o755)


def collect(*arguments, **options):
    return subprocess.run([COLLECT, *map(str, arguments)], capture_output=True, text=True, **options)


def kill_all(running):
    """A collector, its guardian and who beats for it, as a control group is killed."""
    children = pathlib.Path(f'/proc/{running.pid}/task/{running.pid}/children').read_text().split()
    assert len(children) in (1, 2), children
    for pid in (*children, running.pid):
        os.kill(int(pid), signal.SIGKILL)
    running.wait()


class SameAuditState(unittest.TestCase):
    """Whatever a test does, rules and settings are as before when it ends, and our reports go with it."""

    def setUp(self):
        self.before = audit_state()
        if not RUNDIR.exists():
            self.addCleanup(shutil.rmtree, RUNDIR, ignore_errors=True)

    def tearDown(self):
        self.assertEqual(audit_state(), self.before)


class Collecting(SameAuditState):
    """Collectors of the whole machine, whose profile goes into a folder of the test's own."""

    def setUp(self):
        super().setUp()
        holder = tempfile.TemporaryDirectory(dir='/var/tmp')
        self.addCleanup(holder.cleanup)
        self.folder = holder.name
        self.output = f'{holder.name}/profile'

    def wait(self, condition, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if condition():
                return
            time.sleep(0.01)
        self.fail(f'not within {seconds} s: {audit_state()}')
