#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""
Others come to the audit system while we collect: we leave within a second, rules and settings are as they
want them, and fanotify goes on in the same profile.
"""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import time
import unittest

from support import (AUDITOR, COLLECT, KEY, RUNDIR, Collecting, Profile, audit_state, collect,
                     need_root_and_audit)

SECOND = 1.0
NOTICED = 5.0  # where nothing tells us


def auditor(*words):
    subprocess.run([AUDITOR, *words], check=True)


@contextlib.contextmanager
def enabled():
    """Somebody enables audit; when the test is done with it, it is disabled as before."""
    auditor('enable', '1')
    try:
        yield
    finally:
        auditor('enable', '0')


class Overlap(Collecting):
    def setUp(self):
        super().setUp()
        self.begin()

    def begin(self):
        self.running = subprocess.Popen([COLLECT, f'--output={self.output}', '--source=audit'],
                                        stderr=subprocess.DEVNULL)
        self.addCleanup(self.running.kill)
        self.wait(lambda: f'key={KEY}' in audit_state(), 5)
        time.sleep(0.2)
        self.read('before')

    def end(self):
        self.running.terminate()
        self.assertEqual(self.running.wait(), 0)

    def read(self, name):
        """Somebody opens a file that nobody else knows."""
        path = f'{self.folder}/{name}'
        shutil.copy('/etc/hostname', path)
        subprocess.run(['cat', path], check=True, stdout=subprocess.DEVNULL)

    def has_left(self):
        state = audit_state()
        return f'key={KEY}' not in state and f'pid={self.running.pid}' not in state

    def leaves(self, seconds=SECOND, why=None):
        """What the recording says when it was left: all files, both sources, the reason."""
        self.wait(self.has_left, seconds)
        self.assertIsNone(self.running.poll())
        time.sleep(0.1)
        self.read('after')
        state = audit_state()
        self.running.terminate()
        self.assertEqual(self.running.wait(), 0)
        self.assertEqual(audit_state(), state)
        self.assertFalse((RUNDIR / 'audit-state').exists())
        profile = Profile(self.output)
        for name in ('before', 'after'):
            self.assertIn(f'{self.folder}/{name}'.encode(), profile.files)
        self.assertIn("sources=audit+fanotify", profile.text[:1000])
        self.assertIn("then fanotify", profile.text[:1000])
        if why:
            self.assertIn(why, profile.text[:1000])
        return state

    def test_all_rules_deleted(self):
        auditor('delete-all')
        self.assertEqual(self.leaves(), self.before)

    def test_rule_added(self):
        auditor('add-rule')
        try:
            state = self.leaves(why='somebody changes the audit system')
            self.assertIn('/etc/hostname', state)
        finally:
            auditor('delete-rule')

    def test_enabled(self):
        """Whoever enables audit finds it enabled when we are gone."""
        with enabled():
            self.assertIn('enabled=1', self.leaves())

    def test_disabled(self):
        auditor('enable', '0')
        self.assertEqual(self.leaves(), self.before)

    @contextlib.contextmanager
    def backlog_limit(self, limit):
        auditor('backlog-limit', limit)
        try:
            yield
        finally:
            auditor('backlog-limit', self.before.split('backlog_limit=')[1].split()[0])

    def test_disabled_and_enabled(self):
        """The enabling is recorded nowhere, for audit is disabled then."""
        auditor('enable', '0')
        with enabled():
            self.assertIn('enabled=1', self.leaves())

    def test_several_changes(self):
        """We leave because of the first; the others come while we do."""
        for pause in (0, 0.03, 0.1):
            if pause:
                self.begin()
            with self.backlog_limit('12345'):
                time.sleep(pause)
                with enabled():
                    state = self.leaves()
                    self.assertIn('enabled=1', state, pause)
                    self.assertIn('backlog_limit=12345', state, pause)

    def test_setting_changed(self):
        with self.backlog_limit('12345'):
            self.assertIn('backlog_limit=12345', self.leaves())

    def test_setting_changed_to_ours(self):
        with self.backlog_limit('32768'):
            self.assertIn('backlog_limit=32768', self.leaves())

    def test_another_daemon(self):
        """Its first attempt fails, for the place is taken; then we are gone."""
        self.assertNotEqual(subprocess.run([AUDITOR, 'register'], stdin=subprocess.DEVNULL).returncode, 0)
        self.assertEqual(self.leaves(why='registers as audit daemon'), self.before)

    def test_asked_to_leave(self):
        """As in front of auditd's start: when the word has returned, the place is free."""
        subprocess.run([COLLECT, '--leave-audit'], check=True, stderr=subprocess.DEVNULL)
        self.assertTrue(self.has_left())
        self.assertEqual(self.leaves(why='an audit daemon is to start'), self.before)

    def test_listener(self):
        listener = subprocess.Popen([AUDITOR, 'listen'], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        self.addCleanup(listener.communicate, b'x')
        self.assertEqual(self.leaves(why='would log our records'), self.before)

    def inject(self, call, error):
        """From now on a system call of the collector fails."""
        tracer = subprocess.Popen(['strace', '-qq', '-o', '/dev/null', '-e', f'inject={call}:error={error}', '-p',
                                   str(self.running.pid)])
        self.addCleanup(tracer.wait)
        self.addCleanup(tracer.terminate)
        return tracer

    def test_dead_socket(self):
        """What the records come by."""
        tracer = self.inject('recvmmsg', 'ENOTCONN')
        self.wait(self.has_left, NOTICED)
        tracer.terminate()
        tracer.wait()
        self.assertEqual(self.leaves(why='not connected'), self.before)

    def test_dead_control(self):
        """The audit system can't be asked any more: the settings are given back by the guardian, in the end."""
        tracer = self.inject('sendto', 'ECONNREFUSED')
        self.wait(lambda: f'key={KEY}' not in audit_state(), NOTICED)
        tracer.terminate()
        tracer.wait()
        self.read('after')
        self.running.terminate()
        self.assertEqual(self.running.wait(), 0)
        self.wait(lambda: audit_state() == self.before, SECOND)
        self.wait(lambda: not (RUNDIR / 'audit-state').exists(), SECOND)
        profile = Profile(self.output)
        self.assertIn('does not answer', profile.text[:1000])
        self.assertIn(f'{self.folder}/after'.encode(), profile.files)

    def test_no_heartbeat(self):
        """Nothing could be opened that the channel must tell of."""
        self.end()
        root = f'{self.folder}/root'
        os.mkdir(root)
        subprocess.run(['mount', '--bind', root, root], check=True)
        self.addCleanup(subprocess.run, ['umount', root], check=True)
        shutil.copy('/etc/hostname', f'{root}/file')
        result = collect('--source=audit', f'--root={root}', f'--output={self.output}', '--', 'sh', '-c',
                         f'sleep 0.3; cat {root}/file')
        self.assertEqual(result.returncode, 0, result.stderr)
        profile = Profile(self.output)
        self.assertIn('then fanotify: nothing proves', profile.text[:1000])
        self.assertIn(b'/file', profile.files)

    def test_heartbeat_killed(self):
        """Its child, which is no session leader as the guardian is."""
        children = pathlib.Path(f'/proc/{self.running.pid}/task/{self.running.pid}/children').read_text().split()
        child, = (int(pid) for pid in children if os.getsid(int(pid)) != int(pid))
        os.kill(child, signal.SIGKILL)
        self.assertEqual(self.leaves(NOTICED, why='nothing proves'), self.before)

    def test_heartbeat(self):
        """The rules go without a word: nothing tells us, but that nothing comes."""
        auditor('add-silence')
        auditor('delete-keyed')
        try:
            self.leaves(NOTICED, why='no longer delivers')
        finally:
            auditor('delete-all')


if __name__ == '__main__':
    need_root_and_audit()
    unittest.main(verbosity=2)
