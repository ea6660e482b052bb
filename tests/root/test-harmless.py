#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""
The audit system is left as it was found: on every exit, by every signal; and not touched where others
use it. Nothing of ours comes into the kernel log.
"""

import os
import pathlib
import random
import signal
import subprocess
import time
import unittest

from support import (AUDITOR, COLLECT, KEY, RUNDIR, Collecting, Profile, audit_state, collect,
                     kill_all, need_root_and_audit)

KILLS = int(os.environ.get('BOOTAHEAD_KILLS', 200))


def kernel_log():
    """Lines of the kernel log that an audit record of ours would be in."""
    log = subprocess.run(['dmesg'], check=True, capture_output=True, text=True, errors='replace').stdout
    return [line for line in log.splitlines() if 'audit' in line]


class Harmless(Collecting):
    def start(self, *arguments):
        running = subprocess.Popen([COLLECT, f'--output={self.output}', *arguments], stderr=subprocess.PIPE,
                                   text=True)
        self.addCleanup(running.stderr.close)
        return running

    def wait_for_rules(self):
        for _ in range(200):
            if f'key={KEY}' in audit_state():
                return
            time.sleep(0.02)
        self.fail('no rules came')

    def test_settings_while_collecting(self):
        running = self.start('--source=audit')
        self.wait_for_rules()
        state = audit_state()
        running.terminate()
        self.assertEqual(running.wait(), 0)
        self.assertIn('enabled=1', state)
        self.assertIn('failure=0', state)
        self.assertIn('backlog_wait_time=0', state)
        self.assertIn(f'thread={os.SCHED_BATCH}', state)
        self.assertIn(f'pid={running.pid}', state)
        self.assertIn('sources=audit', Profile(self.output).text)

    def test_nothing_in_the_kernel_log(self):
        before = kernel_log()
        running = self.start('--source=audit')
        self.wait_for_rules()
        for _ in range(20):
            subprocess.run(['cat', '/etc/passwd', '/nonexistent'], capture_output=True)
        running.terminate()
        self.assertEqual(running.wait(), 0)
        time.sleep(0.3)
        self.assertEqual(kernel_log(), before)

    def test_where_audit_was_on(self):
        """As with audit=1: it stays on, and no log has a line of ours, from our changes neither."""
        subprocess.run([AUDITOR, 'enable', '1'], check=True)
        try:
            time.sleep(0.3)  # that this was done is logged itself
            before, state = kernel_log(), audit_state()
            running = self.start('--source=audit')
            self.wait_for_rules()
            subprocess.run(['cat', '/etc/passwd'], capture_output=True)
            running.terminate()
            self.assertEqual(running.wait(), 0)
            self.assertEqual(audit_state(), state)
            time.sleep(0.3)
            self.assertEqual(kernel_log(), before)
        finally:
            subprocess.run([AUDITOR, 'enable', '0'], check=True)

    def log_of(self, kind):
        """Whether a message that a program sends while we hold the place comes into the kernel log."""
        running = self.start('--source=audit')
        self.wait_for_rules()
        word = f'bootahead-test-{kind}-{os.getpid()}'
        subprocess.run([AUDITOR, kind, word], check=True)
        time.sleep(0.3)
        running.terminate()
        self.assertEqual(running.wait(), 0)
        return any(word in line for line in kernel_log())

    def test_foreign_records_go_where_they_went(self):
        """A program's access decision is printed whether audit is on or off; its other messages are not
        when audit was off before us."""
        self.assertTrue(self.log_of('decision'))
        self.assertEqual(self.log_of('message'), 'enabled=1' in self.before)

    def wait_until_as_before(self, note):
        for _ in range(200):
            if audit_state() == self.before and not (RUNDIR / 'audit-state').exists():
                return
            time.sleep(0.01)
        self.assertEqual(audit_state(), self.before, note)
        self.fail(f'{note}: the state file stays')

    def test_killed(self):
        """kill -9 at random moments, of its end and of its leaving too, also started as the initramfs does: nobody
        else needs to do anything."""
        for round_number in range(KILLS):
            running = self.start('--source=audit', *(['--early'] if round_number // 6 % 2 else []))
            time.sleep(random.uniform(0, 0.15))
            if round_number % 3:
                running.send_signal((signal.SIGTERM, signal.SIGUSR1)[round_number % 2])
                time.sleep(random.uniform(0, 0.1))
            running.kill()
            running.wait()
            self.wait_until_as_before(round_number)
            self.assertEqual(list(RUNDIR.glob('rules')), [], round_number)

    def test_rules_go_with_the_collector(self):
        """Even where its guardian is killed as well: then --restore gives the settings back."""
        running = self.start('--source=audit')
        self.wait_for_rules()
        kill_all(running)
        time.sleep(0.1)
        self.assertNotIn('rule', audit_state())
        self.assertIn('backlog_wait_time=0', audit_state())
        self.assertEqual(collect('--restore').returncode, 0)
        self.wait_until_as_before('restored')

    def test_next_start_restores(self):
        running = self.start('--source=audit')
        self.wait_for_rules()
        kill_all(running)
        collect('--source=audit', f'--output={self.output}', '--', 'true', check=True)

    def test_restore_beside_the_living(self):
        running = self.start('--source=audit')
        self.wait_for_rules()
        refused = collect('--restore')
        self.assertEqual(refused.returncode, 1)
        self.assertIn('is running', refused.stderr)
        self.assertIn(f'key={KEY}', audit_state())
        running.terminate()
        self.assertEqual(running.wait(), 0)

    def refused(self, reason, *options):
        state = audit_state()
        result = collect('--source=audit', *options, f'--output={self.output}', '--', 'true')
        self.assertEqual(result.returncode, 1)
        self.assertIn(reason, result.stderr)
        self.assertFalse(os.path.exists(self.output))
        self.assertEqual(audit_state(), state)

    def test_foreign_rules(self):
        subprocess.run([AUDITOR, 'add-rule'], check=True)
        try:
            self.refused('rules of others')
        finally:
            subprocess.run([AUDITOR, 'delete-rule'], check=True)

    def test_enabled_daemon(self):
        """Enabled in the root that is recorded: from an initramfs its place always looks free."""
        for target in ('multi-user', 'sysinit'):
            with self.subTest(target):
                root = pathlib.Path(self.folder, target)
                wants = root / f'etc/systemd/system/{target}.target.wants'
                wants.mkdir(parents=True)
                (wants / 'auditd.service').symlink_to('/nowhere')
                self.refused('auditd is enabled', f'--root={root}')

    def test_registered_daemon(self):
        daemon = subprocess.Popen([AUDITOR, 'register'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.assertEqual(daemon.stdout.readline(), 'registered\n')
        try:
            self.refused('an audit daemon is registered')
        finally:
            daemon.communicate('x')

    def test_listener(self):
        """Somebody who listens as journald does would log our records."""
        listener = subprocess.Popen([AUDITOR, 'listen'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.assertEqual(listener.stdout.readline(), 'listening\n')
        try:
            self.refused('listens to audit')
        finally:
            listener.communicate('x')

    def test_interrupted(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            running = self.start('--source=audit')
            self.wait_for_rules()
            running.send_signal(number)
            self.assertEqual(running.wait(), 0)
            self.assertEqual(audit_state(), self.before)


if __name__ == '__main__':
    need_root_and_audit()
    unittest.main(verbosity=2)
