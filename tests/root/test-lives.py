#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""
Every process is in the profile as the life that it was, however short, or counted as lost: both sources. The
witnesses are the processes themselves, who tell their pids and start times.
"""

import collections
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

from support import BOOTAHEAD, BUILD, COLLECT, SameAuditState, collect, dump, need_root_and_audit, unquote

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from bed import container, disk, image as images  # noqa: E402

BED_BUILD = pathlib.Path(os.environ.get('BOOTAHEAD_RELEASE', BUILD))
LIVER = BUILD / 'tests/root/liver'
SHORT = 10000
WITNESSES = 500

Life = collections.namedtuple(
    'Life', 'index pid start parent executable unit fork exec exit status flags arguments')


def lives(profile):
    """The processes of a profile; numbers are ints, absent ones None."""
    found = []
    for line in re.findall(r'^process .*$', dump(profile), re.M):
        fields = dict(re.findall(r' (\w[\w-]*)=("(?:[^"\\]|\\.)*"|\S+)', line))
        text = {name: unquote(fields[name][1:-1]) if name in fields else b''
                for name in ('executable', 'unit', 'arguments')}
        number = {name: int(fields[name]) if fields.get(name, 'none') != 'none' else None
                  for name in ('pid', 'start', 'parent', 'fork', 'exec', 'exit', 'status')}
        found.append(Life(index=int(line.split()[1]), flags=set(fields.get('flags', '').split('+')) - {''},
                          **text, **number))
    return found


class Lives(SameAuditState):
    def setUp(self):
        super().setUp()
        holder = tempfile.TemporaryDirectory(dir='/var/tmp')
        self.addCleanup(holder.cleanup)
        self.folder = pathlib.Path(holder.name)

    def record(self, source, *command):
        """The lives of a command, and what it printed: words of a line."""
        result = collect(f'--source={source}', f'--output={self.folder}/profile', '--', *command, cwd=self.folder)
        self.assertEqual(result.returncode, 0, result.stderr)
        losses = {kind: int(count) for kind, count in
                  re.findall(r'^loss (\w+)=(\d+)', dump(self.folder / 'profile'), re.M)}
        return lives(self.folder / 'profile'), losses, [line.split() for line in result.stdout.splitlines()]

    def assert_in_order(self, life):
        times = [time for time in (life.fork, life.exec, life.exit) if time]
        self.assertEqual(times, sorted(times), life)

    def assert_truly_started(self, life, ticks):
        if 'ticks-computed' in life.flags:
            self.assertLessEqual(abs(life.start - ticks), 1, life)
        else:
            self.assertEqual(life.start, ticks, life)

    def storm(self, source):
        found, losses, _ = self.record(source, LIVER, 'storm', SHORT, '/bin/true')
        short = [life for life in found if life.executable == os.path.realpath(b'/bin/true')]
        parent = next(life for life in found if life.executable == os.fsencode(LIVER))
        lost = losses.get('lives', 0)
        self.assertLessEqual(abs(SHORT - len(short)), lost)
        self.assertLessEqual(lost, SHORT // 100, 'a storm of one process after the other is no reason to lose any')
        self.assertEqual(len({(life.pid, life.start) for life in short}), len(short))
        if lost:
            return short
        self.assertEqual(len(found), SHORT + 1)
        for life in short:
            self.assertEqual(life.parent, parent.index)
            self.assertEqual((life.status or 0, 'exited' in life.flags), (0, True), life)
            self.assert_in_order(life)
        self.assertEqual(sorted(short, key=lambda life: life.fork), short, 'one after the other')

        return short

    def test_ten_thousand_by_fanotify(self):
        self.storm('fanotify')

    def test_ten_thousand_by_audit(self):
        for life in self.storm('audit'):
            self.assertEqual(life.arguments, b'/bin/true')

    def test_start_times(self):
        found, losses, told = self.record('fanotify', LIVER, 'storm', WITNESSES, LIVER, 'report', 'x', '3')
        by_pid = {life.pid: life for life in found}
        self.assertEqual(losses, {})
        self.assertEqual(len(told), WITNESSES)
        for _, pid, ticks in told:
            life = by_pid[int(pid)]
            self.assert_truly_started(life, int(ticks))
            self.assertEqual(life.status, 3 << 8)
            self.assertEqual(life.executable, os.fsencode(LIVER))

    def scenes(self, source):
        script = self.folder / 'script'
        script.write_text('#!/bin/sh\n(exit 8)\n')
        script.chmod(0o755)
        found, losses, told = self.record(source, LIVER, 'scenes')
        self.assertEqual(losses, {})
        for life in found:
            self.assert_in_order(life)
            self.assertIn('exited', life.flags, life)
        seen = {}
        for name, pid, ticks in told:
            seen[name] = next(life for life in found if life.pid == int(pid))
            self.assert_truly_started(seen[name], int(ticks))
            self.assertEqual(seen[name].executable, os.fsencode(LIVER))
        status = {name: life.status or 0 for name, life in seen.items()}
        self.assertEqual(status, {'scenes': 0, 'killed': 9, 'between': 0, 'daemon': 5 << 8, 'chain': 6 << 8,
                                  'thread-exec': 4 << 8, 'thread-last': 7 << 8})
        self.assertEqual(seen['daemon'].parent, seen['between'].index)
        for name in ('chain', 'thread-exec', 'thread-last'):
            self.assertEqual(seen[name].parent, seen['scenes'].index, name)
        self.assertGreater(seen['daemon'].exit, seen['between'].exit)
        self.assertGreater(seen['thread-last'].exit - seen['thread-last'].fork, 30000)
        return found, seen

    def check_script(self, found, scenes, names):
        shell = next(life for life in found
                     if life.executable in names and life.parent == scenes.index)
        subshell = next(life for life in found if life.parent == shell.index)
        self.assertEqual((subshell.status, subshell.exec), (8 << 8, None))
        self.assertEqual(subshell.executable, shell.executable)

    def test_scenes_by_fanotify(self):
        found, seen = self.scenes('fanotify')
        # too short to be looked at, the script itself is what was executed
        self.check_script(found, seen['scenes'], (os.fsencode(self.folder / 'script'), os.path.realpath(b'/bin/sh')))

    def test_scenes_by_audit(self):
        found, seen = self.scenes('audit')
        self.check_script(found, seen['scenes'], (os.path.realpath(b'/bin/sh'),))
        self.assertIn(b'/bin/sh ./script an argument', [life.arguments for life in found])
        self.assertEqual(seen['chain'].arguments, os.fsencode(f'{LIVER} chain 0'))

    def test_arguments(self):
        long = 'x' * 300
        command = ['/bin/sh', '-c', 'sleep 0.2; exit 0', 'a b', long]
        sleep, shell = [], []
        for choice, kept in ((), True), (('--arguments=yes',), True), (('--arguments=no',), False):
            result = collect('--source=fanotify', *choice, f'--output={self.folder}/profile', '--', *command)
            self.assertEqual(result.returncode, 0, result.stderr)
            found = lives(self.folder / 'profile')
            shell = next(life for life in found if life.parent is None)
            sleep = next(life for life in found if life.parent == shell.index)
            self.assertEqual(sleep.arguments, b'sleep 0.2' if kept else b'')
            self.assertEqual(shell.arguments, ' '.join(command).encode()[:256] if kept else b'')
            self.assertEqual('arguments-cut' in shell.flags, kept)
            self.assertNotIn('arguments-cut', sleep.flags)


def main_pids(booted):
    """Units and their main processes: {unit: (pid as this machine has it, start time)}."""
    outside = {}
    for status in pathlib.Path('/proc').glob('[0-9]*/status'):
        try:
            pids = re.search(r'^NSpid:\t(\d+)\t(\d+)$', status.read_text(), re.M)
            ticks = (status.parent / 'stat').read_text().rsplit(')', 1)[1].split()[19]
        except OSError:
            continue
        if pids and os.readlink(status.parent / 'ns/pid') == os.readlink(f'/proc/{booted.leader}/ns/pid'):
            outside[pids.group(2)] = (int(pids.group(1)), int(ticks))
    shown = booted.ask('systemctl', 'show', '--property=Id', '--property=MainPID', '--type=service', '*')
    fields = [dict(line.split('=', 1) for line in unit.splitlines()) for unit in shown.split('\n\n')]
    return {unit['Id']: outside[unit['MainPID']] for unit in fields if unit.get('MainPID', '0') != '0'}


class Boot(SameAuditState):
    def test_units(self):
        """A container's boot: each service's main process is there by name, and still there."""
        with tempfile.TemporaryDirectory(dir='/var/tmp') as folder:
            profile, told = pathlib.Path(folder, 'profile'), {}

            def observe(booted, _):
                told['main'] = main_pids(booted)
                told['alive'] = json.loads(subprocess.run([BOOTAHEAD, 'lives', '--alive', '--json', profile],
                                                          check=True, capture_output=True).stdout)['lives']

            container.boot(images.minimal(BED_BUILD).path, disk.CONTAINER['none'], BED_BUILD, observe=observe,
                           collect=[COLLECT, '--root=ROOT', '--source=fanotify', f'--output={profile}'])
            found = lives(profile)
        self.assertGreater(len(told['main']), 3)
        alive = {(life['pid'], life['start_ticks']): life['unit'] for life in told['alive']}
        for unit, (pid, ticks) in told['main'].items():
            self.assertEqual(alive.get((pid, ticks)), unit)
            life = next(life for life in found if life.pid == pid)
            self.assertTrue(life.executable and life.arguments and life.fork and life.exec, life)
            self.assertFalse(life.flags, life)
        manager = next(life for life in found if life.executable == b'/usr/lib/systemd/systemd' and life.parent == 0)
        self.assertEqual(manager.unit, b'init.scope')
        self.assertEqual([life for life in found if not life.executable], [])


if __name__ == '__main__':
    need_root_and_audit()
    unittest.main()
