#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""
Storms of calls on all processors beside a collector of the whole machine: nobody sleeps in the audit system,
memory stays bounded, and what is neither stored nor counted as lost was shed at a time that the profile tells.
Counts are compared where a storm is the collector's command: what others do meanwhile counts among the losses of
a whole machine.

BOOTAHEAD_STORM_SECONDS makes the storms longer than the few seconds that an ordinary run has for them.
What a call costs is judged by processor time, its own and that of who listens, against a storm without a
collector: a storm keeps all processors busy, so that is its speed where nothing else runs. Speeds by the clock
are for tests/bench. Beside others that leave a storm little of the processors load is shed later, or need not be:
the bounds are below what a machine of its own gets.
"""

import collections
import functools
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from support import SameAuditState, audit_state, need_root_and_audit, skip

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from bed import storm  # noqa: E402

BUILD = os.environ.get('BOOTAHEAD_RELEASE')
SECONDS = int(os.environ.get('BOOTAHEAD_STORM_SECONDS', 5))
SHED_WITHIN = 5_000_000         # µs after a storm's beginning
STOPPED = min(10, SECONDS)      # seconds for which the reader stands still
MEMORY = 64 << 20
KERNEL_MEMORY = 30 << 20        # of this in the kernel, while it collects
PRECISION = 0.001
MARGIN_US = 30000               # around an interval: audit's own clock is coarse, and both sources deliver
BEGINNING = 4                   # what a storm opens before it begins: its program and libraries
FILES = 1000
MANY = 20_000
MILLION = 1_000_000


@functools.cache
def alone(kind):
    return storm.run(kind, SECONDS, BUILD)


def records_of(log):
    """Records of ours that came into the kernel log since it was opened. (That its queue is full the kernel says
    whoever uses it, and others' records belong there.)"""
    found = []
    while True:
        try:
            line = os.read(log, 8192)
        except BlockingIOError:
            return found
        except BrokenPipeError:
            continue    # some were overwritten
        if b'audit: type=13' in line and b'bootahead' in line:
            found.append(line)


class Load(SameAuditState):
    def assert_harmless(self, result):
        self.assertEqual(result.waited, 0, 'somebody slept in the audit system')
        self.assertLessEqual(result.buffers, KERNEL_MEMORY)
        self.assertLessEqual(result.resident, MEMORY - KERNEL_MEMORY)

    def collected(self, kind, source, *options, seconds=SECONDS, **more):
        result = storm.collected(kind, seconds, BUILD, [f'--source={source}', *options], **more)
        self.assert_harmless(result)
        return result

    def affordable(self, kind, source, least):
        """A run, when for the same processor time its storm did at least this share of the calls of one alone."""
        result = self.collected(kind, source)
        share = result.affordable(alone(kind))
        print(f'{kind} beside {source}: {share:.2f} of the calls for the same processor time', file=sys.stderr)
        self.assertGreaterEqual(share, least)
        return result

    def assert_near(self, found, expected, slack=0):
        self.assertLessEqual(abs(found - expected), expected * PRECISION + slack)

    def assert_nothing_forgotten(self, result):
        """Each file, or process, is there for one call, so no two are merged."""
        self.assertGreaterEqual(len(result.accesses()) + result.lost(), result.storm.done * (1 - PRECISION))

    def test_files_audit(self):
        self.assert_nothing_forgotten(self.affordable('files', 'audit', 0.4))

    def test_files_fanotify(self):
        self.assert_nothing_forgotten(self.affordable('files', 'fanotify', 0.7))

    def test_fork_fanotify(self):
        self.assert_nothing_forgotten(self.affordable('fork', 'fanotify', 0.5))

    def test_fork_audit(self):
        self.assert_nothing_forgotten(self.affordable('fork', 'audit', 0.5))

    def test_open_fanotify(self):
        result = self.affordable('open', 'fanotify', 0.5)
        self.assert_near(result.pairs(), result.storm.pairs)
        self.assertEqual(result.intervals(), [])

    def test_open_audit(self):
        result = self.affordable('open', 'audit', 0.4)
        self.assertEqual({name for name, _, _ in result.accesses()}, {'0'})
        shed = [begin for kind, begin, _ in result.intervals() if kind == 'shed']
        self.assertTrue(shed)
        self.assertLess(shed[0], result.storm.samples[0][0] + SHED_WITHIN)

    def test_no_holes_but_those_told(self):
        """Each process opens its files by turns, so each access says which must come next."""
        result = self.collected('open', 'audit', files=MANY)
        intervals = [(begin - MARGIN_US, end + MARGIN_US) for _, begin, end in result.intervals()]
        self.assertTrue(intervals)
        turns = collections.defaultdict(list)
        for name, process, at in result.accesses():
            span = sum(end < at for _, end in intervals)
            if not any(begin <= at <= end for begin, end in intervals):
                turns[process, span].append(int(name))
        stored = sum(map(len, turns.values()))
        missing = sum((after - before - 1) % MANY for names in turns.values()
                      for before, after in zip(names, names[1:]))
        self.assertGreater(stored, 10 * FILES)
        losses = result.losses()
        self.assertLessEqual(missing, losses['kernel'] + losses['socket'] + losses['incomplete'] +
                             stored * PRECISION)

    def recorded(self, kind, source, *options, seconds=2, **more):
        """A storm of which each call was stored or counted, and none twice."""
        result = storm.recorded(kind, seconds, BUILD, [f'--source={source}', *options], **more)
        self.assert_harmless(result)
        self.assertEqual(result.intervals(), [])
        self.assert_near(result.everything(), result.storm.done, slack=BEGINNING)
        return result

    def test_counts_are_exact(self):
        for kind, source in (('files', 'audit'), ('open', 'audit'), ('fork', 'audit'), ('files', 'fanotify'),
                             ('fork', 'fanotify')):
            with self.subTest(kind=kind, source=source):
                self.recorded(kind, source, '--limit-rate=0')

    def test_killed_while_shed(self):
        """Without its rules the collector still holds settings and the daemon's place."""
        def kill(collector):
            time.sleep(SECONDS - 1)
            collector.kill()

        with self.assertRaises(OSError):
            self.collected('open', 'audit', meanwhile=kill)
        restored = subprocess.run([f'{BUILD}/libexec/bootahead-collect', '--restore'], capture_output=True, text=True)
        self.assertEqual(restored.returncode, 0, restored.stderr)

    def stand_still(self, process):
        time.sleep(0.5)
        process.send_signal(signal.SIGSTOP)
        self.stopped = time.clock_gettime(time.CLOCK_BOOTTIME) * 1e6
        time.sleep(STOPPED)
        self.continued = time.clock_gettime(time.CLOCK_BOOTTIME) * 1e6
        process.send_signal(signal.SIGCONT)

    def assert_goes_on(self, result):
        self.assertTrue(any(at > self.continued for _, _, at in result.accesses()), 'the recording ended')

    def test_stopped_reader_audit(self):
        """What has no room is dropped in front of our buffer and counted: the kernel does not print it instead."""
        log = os.open('/dev/kmsg', os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, log)
        os.lseek(log, 0, os.SEEK_END)
        result = self.recorded('open', 'audit', '--limit-rate=0', seconds=STOPPED + 3, meanwhile=self.stand_still)
        self.assert_goes_on(result)
        self.assertEqual(records_of(log), [])
        self.assertGreater(result.losses()['socket'], 0)

    def test_stopped_reader_fanotify(self):
        """How much an overflow hides nobody knows; when it was is told."""
        result = self.collected('open', 'fanotify', files=MANY, seconds=STOPPED + 3,
                                meanwhile=lambda collector: self.stand_still(collector.process))
        self.assert_goes_on(result)
        self.assertGreater(result.losses()['fanotify'], 0)
        self.assertTrue([begin for kind, begin, end in result.intervals()
                         if kind == 'blind' and begin < self.stopped + 1e6 and end >= self.continued],
                        result.intervals())

    def test_a_million_opens_are_whole(self):
        for source in ('audit', 'fanotify'):
            result = self.collected('open', source, seconds=60, files=MANY,
                                    calls=MILLION // os.cpu_count())
            with self.subTest(source):
                self.assertEqual(len({name for name, _, _ in result.accesses()}), MANY)
                if source == 'fanotify':
                    self.assert_near(result.pairs(), result.storm.pairs)

    def test_memory_when_all_tables_are_full(self):
        """Beside what the kernel holds while it collects; that is free again when the profile is made."""
        with tempfile.TemporaryDirectory(dir='/dev/shm') as folder:
            said = subprocess.run([f'{BUILD}/tests/root/full', folder], check=True, capture_output=True,
                                  text=True).stdout
        figures = {name: int(value) for name, value in re.findall(r'(\w+) (\d+)$', said, re.M)}
        for kind in ('files', 'accesses', 'processes', 'touched'):
            self.assertGreater(figures[kind], 0, said)
        self.assertLessEqual(figures['recorded'], MEMORY - KERNEL_MEMORY)
        self.assertLessEqual(figures['finished'], MEMORY)


if __name__ == '__main__':
    if not BUILD:
        skip('BOOTAHEAD_RELEASE does not name a release build: what measures speed is built as a packager does')
    need_root_and_audit()
    if 'enabled=0' not in audit_state().split():
        skip('audit is enabled: records of others come into the buffer, and nothing sorts them')
    unittest.main(verbosity=2)
