#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""
Bad moments: two collectors at once, an open that hangs, an auditd that comes before we are restored, a start
that nobody waits for any more.
"""

import contextlib
import ctypes
import fcntl
import json
import os
import pathlib
import random
import select
import shutil
import signal
import struct
import subprocess
import tempfile
import time

import unittest

from support import (AUDITOR, BUILD, COLLECT, KEY, RUNDIR, Collecting, Profile, audit_state, collect, kill_all,
                     need_root_and_audit)

STORM = BUILD / 'tests/root/storm'
FAN_CLASS_CONTENT, FAN_CLOEXEC, FAN_MARK_ADD, FAN_OPEN_PERM, AT_FDCWD = 0x4, 0x1, 0x1, 0x10000, -100


def auditor(*words):
    subprocess.run([AUDITOR, *words], check=True)


def hang_opens(path):
    """Whoever opens the file waits until the descriptor is closed."""
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC, os.O_RDONLY)
    if fd < 0 or libc.fanotify_mark(fd, FAN_MARK_ADD, ctypes.c_uint64(FAN_OPEN_PERM), AT_FDCWD,
                                    os.fsencode(path)) < 0:
        raise OSError(ctypes.get_errno(), 'fanotify')
    return fd


@contextlib.contextmanager
def mounted_tracefs():
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(['mount', '-t', 'tracefs', 'tracefs', folder], check=True)
        try:
            yield folder
        finally:
            subprocess.run(['umount', folder], check=True)


def instances(collector):
    """Its trace instances, whether it lives or not."""
    with mounted_tracefs() as tracefs:
        return [name for name in os.listdir(f'{tracefs}/instances') if name.startswith(f'bootahead-{collector.pid}-')]


# Its memory map is being changed, for as long as nobody may write to the file's filesystem: who reads of that memory
# has to wait.
STUCK = '''
import ctypes, mmap, sys, threading
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
file = open(sys.argv[1], 'r+b')
at = ctypes.c_void_p(libc.mmap(None, 4096, 3, mmap.MAP_SHARED, file.fileno(), ctypes.c_long(0)))
print('mapped', flush=True)
sys.stdin.readline()
threading.Thread(target=libc.memset, args=(at, 1, 1)).start()
threading.Timer(0.3, libc.mprotect, (at, 4096, 1)).start()
'''


# Between any two questions or orders to the kernel there is time for others; so many steps a start or an end has.
STEP, STEPS = 0.01, 25
SLOWLY = ['strace', '-qq', '-o', '/dev/null', '-e', f'inject=sendto:delay_enter={int(STEP * 1e6)}']
WITH_US = ['setpriv', '--pdeathsig', 'KILL']


class Moments(Collecting):
    def start(self, *arguments, before=(), **options):
        running = subprocess.Popen([*before, COLLECT, *arguments], stderr=subprocess.DEVNULL, **options)
        self.addCleanup(running.kill)
        return running

    @staticmethod
    def has_begun(running):
        pid = RUNDIR / 'collect.pid'
        return pid.exists() and pid.read_text().startswith(f'{running.pid} ')

    def wait_for_rules(self):
        self.wait(lambda: f'key={KEY}' in audit_state(), 5)

    def test_heartbeat_hangs(self):
        """The child that opens a file keeps nothing of ours but the way to us: rules go without it."""
        root = pathlib.Path(self.folder, 'root')
        (root / 'etc').mkdir(parents=True)
        (root / 'etc/passwd').touch()
        subprocess.run(['mount', '--bind', root, root], check=True)
        self.addCleanup(subprocess.run, ['umount', '-l', root], check=True)
        fd = hang_opens(root / 'etc/passwd')
        try:
            running = self.start('--source=audit', f'--root={root}', f'--output={self.output}', '--',
                                 'sleep', '20')
            self.assertTrue(select.select([fd], [], [], 10)[0])
            event = os.read(fd, 24)
            child = struct.unpack_from('=i', event, 20)[0]
            os.close(struct.unpack_from('=i', event, 16)[0])
            self.assertEqual(len(os.listdir(f'/proc/{child}/fd')), 2)
            running.terminate()
            self.wait(lambda: audit_state() == self.before, 1)
        finally:
            os.close(fd)
        self.assertEqual(running.wait(), 128 + signal.SIGTERM)

    def test_the_other_one_is_found(self):
        """Where one of two ends, the files in which the other one is found stay."""
        def record():
            running = self.start('--source=fanotify', f'--output={self.output}')
            self.wait(lambda: self.has_begun(running), 5)
            return running

        pid = RUNDIR / 'collect.pid'
        first, second = record(), record()
        for running, left in ((first, True), (second, False)):
            running.terminate()
            self.assertEqual(running.wait(), 0)
            self.assertEqual((pid.exists(), (RUNDIR / 'collect.source').exists()), (left, left))

    def test_two_at_once(self):
        """One of them has the audit system, undisturbed; the other one leaves it alone."""
        for round_number in range(8):
            both = [self.start('--source=audit', f'--output={self.output}{i}') for i in range(2)]
            self.wait_for_rules()
            time.sleep(1.5)
            for running in both:
                running.terminate()
            ends = [running.wait() for running in both]
            self.assertEqual(sorted(ends), [0, 1], round_number)
            head = Profile(f'{self.output}{ends.index(0)}').text[:1000]
            self.assertIn('sources=audit', head, round_number)
            self.assertNotIn('then fanotify', head, round_number)

    def test_enabled_while_we_start(self):
        """Who enables audit then finds it enabled when we are gone, at whatever moment between two steps it was."""
        if 'enabled=0' not in self.before:
            self.skipTest('audit is enabled already')
        self.addCleanup(auditor, 'enable', '0')
        hits = 0
        for round_number in range(12):
            running = self.start('--source=audit', f'--output={self.output}', before=[*SLOWLY, *WITH_US])
            self.wait((RUNDIR / 'audit-state').exists, 5)
            time.sleep(random.uniform(0, STEPS * STEP))
            hits += 'enabled=0' in audit_state()
            auditor('enable', '1')
            self.wait(lambda: not (RUNDIR / 'audit-state').exists(), 5)
            subprocess.run(['pkill', '-TERM', '-P', str(running.pid)])  # where it collects
            running.wait()
            self.assertIn('enabled=1', audit_state(), round_number)
            auditor('enable', '0')
        self.assertGreater(hits, 3)

    def test_enabled_while_we_leave(self):
        if 'enabled=0' not in self.before:
            self.skipTest('audit is enabled already')
        self.addCleanup(auditor, 'enable', '0')
        hits = 0
        for round_number in range(8):
            running = self.start('--source=audit', f'--output={self.output}')
            self.wait_for_rules()
            time.sleep(0.1)
            tracer = subprocess.Popen([*SLOWLY, '-p', str(running.pid)])
            time.sleep(0.1)
            running.terminate()
            time.sleep(random.uniform(0, STEPS * STEP))
            hits += 'enabled=0' in audit_state()
            auditor('enable', '1')
            running.wait()
            tracer.wait()
            self.assertIn('enabled=1', audit_state(), round_number)
            auditor('enable', '0')
        self.assertGreater(hits, 0)

    def test_many_mounts(self):
        """However many disks come one by one, a filesystem without a device still gets rules."""
        image = pathlib.Path(self.folder, 'image')
        subprocess.run(['mkfs.ext2', '-q', image, '1M'], check=True, capture_output=True)
        running = self.start('--source=audit', f'--output={self.output}')
        self.wait_for_rules()
        for number in range(33):
            folder = pathlib.Path(self.folder, str(number))
            folder.mkdir()
            copy = shutil.copy(image, f'{folder}.image')
            subprocess.run(['mount', '-o', 'loop,ro', copy, folder], check=True)
            self.addCleanup(subprocess.run, ['umount', folder], check=True)
            time.sleep(0.03)
        rules = audit_state().count('rule list')
        for name in ('upper', 'work', 'overlay'):
            pathlib.Path(self.folder, name).mkdir()
        subprocess.run(['mount', '-t', 'overlay', '-o', f'lowerdir=/etc,upperdir={self.folder}/upper,'
                        f'workdir={self.folder}/work', 'overlay', f'{self.folder}/overlay'], check=True)
        self.addCleanup(subprocess.run, ['umount', f'{self.folder}/overlay'], check=True)
        self.wait(lambda: audit_state().count('rule list') > rules, 2)
        running.terminate()
        self.assertEqual(running.wait(), 0)

    def test_daemon_before_restored(self):
        """Audit stays on where somebody else has become its daemon since."""
        running = self.start('--source=audit', f'--output={self.output}')
        self.wait_for_rules()
        kill_all(running)
        daemon = subprocess.Popen([AUDITOR, 'register'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            self.assertEqual(daemon.stdout.readline(), 'registered\n')
            self.assertEqual(collect('--restore').returncode, 0)
            self.assertIn('enabled=1', audit_state())
        finally:
            daemon.communicate('x')
            auditor('enable', self.before.split('enabled=')[1].split()[0])

    def test_record_leaves(self):
        """As in front of auditd's start: a recorded command has the audit system for itself no longer."""
        running = self.start('--source=audit', f'--output={self.output}', '--', 'sh', '-c',
                             'sleep 2; cat /etc/hostname >/dev/null')
        self.wait_for_rules()
        subprocess.run([COLLECT, '--leave-audit'], check=True, stderr=subprocess.DEVNULL)
        self.assertEqual(audit_state(), self.before)
        self.assertFalse((RUNDIR / 'audit-state').exists())
        self.assertEqual(running.wait(), 0)
        profile = Profile(self.output)
        self.assertIn('an audit daemon is to start', profile.text[:1000])
        self.assertIn(b'/etc/hostname', profile.files)

    def log_of_record(self, source):
        def log():
            return [line for line in subprocess.run(['dmesg'], check=True, capture_output=True, text=True,
                                                    errors='replace').stdout.splitlines() if 'audit' in line]

        time.sleep(0.3)
        before = log()
        collect(f'--source={source}', f'--output={self.output}', '--', 'true', check=True)
        time.sleep(0.3)
        return log()[len(before):]

    def test_session_is_not_logged(self):
        """The recorded command's session: no record of it, whether audit can be used or not."""
        auditor('enable', '1')
        try:
            self.assertEqual(self.log_of_record('audit'), [])
            auditor('add-rule')
            self.assertEqual(self.log_of_record('auto'), [])
        finally:
            auditor('delete-all')
            auditor('enable', self.before.split('enabled=')[1].split()[0])

    def test_others_can_not_make_us_wait(self):
        """The folder is open to everybody, our turn is not."""
        RUNDIR.mkdir(exist_ok=True)
        fd = os.open(RUNDIR, os.O_RDONLY)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            self.assertEqual(collect('--restore', timeout=5).returncode, 0)
        finally:
            os.close(fd)
        self.assertEqual((RUNDIR / 'turn').stat().st_mode & 0o777, 0o600)

    def test_too_late(self):
        """Whoever was told that nothing is collected finds no profile afterwards."""
        RUNDIR.mkdir(exist_ok=True)
        fd = os.open(RUNDIR / 'turn', os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            with open(f'{self.folder}/said', 'w') as said:
                refused = subprocess.run([COLLECT, '--background', '--source=audit', f'--output={self.output}'],
                                         stderr=said, timeout=10)
        finally:
            os.close(fd)
        self.assertEqual(refused.returncode, 1)
        self.assertIn('takes too long', pathlib.Path(self.folder, 'said').read_text())
        self.wait(lambda: subprocess.run(['pgrep', '-f', self.output], stdout=subprocess.DEVNULL).returncode, 10)
        self.assertFalse(os.path.exists(self.output))

    def test_other_source_restores(self):
        """Whoever comes next gives back what a killed one took, even if it does not want audit itself."""
        running = self.start('--source=audit', f'--output={self.output}')
        self.wait_for_rules()
        kill_all(running)
        self.assertTrue((RUNDIR / 'audit-state').exists())
        self.assertNotEqual(audit_state(), self.before)
        collect('--source=fanotify', f'--output={self.output}', '--', 'true', check=True)
        self.assertEqual(audit_state(), self.before)
        self.assertEqual(instances(running), [])

    @contextlib.contextmanager
    def stuck(self):
        """A process of which not even the arguments can be read, for a while: others want to, like ps."""
        image, place = pathlib.Path(self.folder, 'image'), pathlib.Path(self.folder, 'frozen')
        place.mkdir()
        subprocess.run(['mkfs.ext4', '-q', image, '8M'], check=True, capture_output=True)
        subprocess.run(['mount', '-o', 'loop', image, place], check=True)
        self.addCleanup(subprocess.run, ['umount', place], check=True)
        (place / 'file').write_bytes(bytes(4096))
        stuck = subprocess.Popen(['python3', '-c', STUCK, place / 'file'], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, text=True)
        self.addCleanup(stuck.communicate)
        self.assertEqual(stuck.stdout.readline(), 'mapped\n')
        thaw = subprocess.Popen(['sh', '-c', 'read -r _; exec fsfreeze --unfreeze "$0"', place],
                                stdin=subprocess.PIPE, start_new_session=True)  # also when this test is killed
        try:
            subprocess.run(['fsfreeze', '--freeze', place], check=True)
            stuck.stdin.write('\n')
            stuck.stdin.flush()
            time.sleep(0.5)
            with self.assertRaises(subprocess.TimeoutExpired):
                subprocess.run(['cat', f'/proc/{stuck.pid}/cmdline'], stdout=subprocess.DEVNULL, timeout=0.2)
            yield stuck.pid
        finally:
            thaw.communicate()

    def test_stuck_process(self):
        """Whose arguments can't be read takes nobody else's for more than a second, and no time of ours."""
        with self.stuck() as pid:
            # that looks for leaks would stop all threads, and wait for those that can't be
            running = self.start('--source=fanotify', f'--output={self.output}',
                                 env={**os.environ, 'ASAN_OPTIONS': 'detect_leaks=0'})
            self.wait(lambda: self.has_begun(running), 3)
            subprocess.run(['sleep', '1.25'], check=True)
            subprocess.run(['sleep', '0.25'], check=True)
            running.terminate()
            self.assertEqual(running.wait(timeout=5), 0)
        text = Profile(self.output).text
        self.assertRegex(text, r'\nprocess \d+ .* arguments="sleep 0.25"')
        self.assertRegex(text, rf'\nprocess \d+ boot=0 pid={pid} ')

    def test_busy_instance(self):
        """Somebody looks at our trace instance just when it is to go; or is there for longer."""
        for seconds, left in ((0.05, 0), (1, 1)):
            running = self.start('--source=fanotify', f'--output={self.output}')
            self.wait(lambda: self.has_begun(running), 5)
            with mounted_tracefs() as tracefs:
                name, = instances(running)
                with open(f'{tracefs}/instances/{name}/trace'):
                    running.terminate()
                    time.sleep(seconds)
            self.assertEqual(running.wait(), 0)
            self.assertEqual(len(instances(running)), left)
        collect('--source=fanotify', f'--output={self.output}', '--', 'true', check=True)
        self.assertEqual(instances(running), [])

    def test_after_a_killed_one(self):
        """A profile says that somebody had seen more, and takes no place from one that is whole."""
        def record():
            running = self.start('--source=fanotify', f'--output={self.output}')
            self.wait(lambda: self.has_begun(running), 5)
            return running

        def end(running):
            running.terminate()
            status = running.wait()
            return status, json.loads((RUNDIR / 'collect.json').read_text())['why'], Profile(self.output).text

        def was_killed():
            running = record()
            (kill_all if with_guardian else subprocess.Popen.kill)(running)
            running.wait()

        for with_guardian in (False, True):
            if os.path.exists(self.output):
                os.unlink(self.output)
            was_killed()
            status, why, text = end(record())
            self.assertEqual((status, why), (0, ''))
            self.assertIn('interval boot=0 kind=blind start=0 end=0\n', text)
            self.assertIn('; an earlier collector of this boot was killed', text[:1000])
            status, why, text = end(record())
            self.assertEqual((status, why), (0, ''))
            self.assertNotIn('interval', text)
            was_killed()
            status, why, kept = end(record())
            self.assertEqual((status, kept), (1, text))
            self.assertIn('the old profile stays', why)

    def test_overflow_where_audit_was_on(self):
        """There no program sorts our buffer out: what does not fit into it is lost uncounted, but not unseen."""
        pathlib.Path(self.folder, '0').touch()
        auditor('enable', '1')
        try:
            running = self.start('--source=audit', f'--output={self.output}')
            self.wait_for_rules()
            running.send_signal(signal.SIGSTOP)
            subprocess.run([STORM, 'open', self.folder, '1', '2', '1'], check=True, stdout=subprocess.DEVNULL)
            time.sleep(0.5)
            running.send_signal(signal.SIGCONT)
            time.sleep(0.5)
            running.terminate()
            self.assertEqual(running.wait(), 0)
        finally:
            auditor('enable', self.before.split('enabled=')[1].split()[0])
        profile = Profile(self.output)
        self.assertGreater(profile.losses().get('socket', 0), 0)
        self.assertIn('kind=blind', profile.text)

    def test_killed_while_writing(self):
        """Neither beside the profile nor among our reports is anything left that is only for a moment."""
        for round_number in range(40):
            running = self.start('--source=fanotify', f'--output={self.output}')
            self.wait(lambda: (RUNDIR / 'collect.pid').exists(), 5)
            running.terminate()
            time.sleep(random.uniform(0, 0.05))
            running.kill()
            running.wait()
            self.assertIn(os.listdir(self.folder), ([], ['profile']), round_number)
            self.wait(lambda: not (RUNDIR / 'collect.pid').exists(), 2)
            self.assertEqual(list(RUNDIR.glob('*.new')), [], round_number)


if __name__ == '__main__':
    need_root_and_audit()
    unittest.main(verbosity=2)
