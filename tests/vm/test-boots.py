#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The life of a machine: the first boot collects, and leaves the audit system alone; the next ones are faster."""

import re

import support
from support import vm

ROUNDS = 2
MOST_REQUESTS = 0.7  # of a plain boot's; seconds are for tests/bench, this machine has other work
MOST_STALL = 0.6

# Who reads the disk, from before the first process on.
READS = 'trace_event=block:block_rq_issue'
READ = 'cp /sys/kernel/tracing/trace reads'
BY_FSCK = re.compile(rb'^ *fsck-\d+ .* block_rq_issue: \d+,0 R', re.M)


class Boots(support.Case):
    def test_life(self):
        with vm.machine(support.installed()) as machine:
            with self.subTest('collect'):
                self.collect(machine)
            self.assert_profile(machine)
            with self.subTest('pages'):
                self.pages(support.boot(machine, command_line='bootahead.pages'))
            plain, replayed = [], []
            for _ in range(ROUNDS):
                plain.append(support.boot(machine, 'lazy', command_line=f'bootahead=control {READS}', after=READ))
                replayed.append(support.boot(machine, 'lazy', command_line=READS, after=READ))
            with self.subTest('control'):
                self.assertEqual(plain[0].decision['mode'], 'control')
                self.assertEqual(plain[0].messages(), [])
                self.assertRegex(plain[0].booted[0]['MESSAGE'], r'\(control: asked for on the kernel command line\)$')
                self.assertEqual(plain[0].reports, {})
            with self.subTest('replay'):
                self.assert_replayed(replayed[0])
            with self.subTest('gain'):
                self.compare(plain, replayed)
            with self.subTest('probes'):
                self.assert_probed(plain, replayed)

    def collect(self, machine):
        said = support.boot(machine, keep=True, clean=True, before=support.TO_READ, after=support.WITNESSED,
                            command_line=support.WITNESS)
        self.assert_collected(said, {'fanotify'}, 'there is no profile')
        self.assert_complete(said)
        self.assert_audit_untouched(said)

    def pages(self, said):
        """What a replaying boot asks for is nearly what the collecting one asked for."""
        self.assert_replayed(said)
        self.assertEqual(said.reports['pages']['result'], 'done')
        hit, missed, wasted = (said.reports['pages'][f'{kind}_pages'] for kind in ('hit', 'missed', 'wasted'))
        print(f'pages: {hit} hit, {missed} missed, {wasted} wasted', flush=True)
        self.assertGreater(hit, 2000)
        self.assertLess(missed, 0.2 * hit)
        self.assertLess(wasted, 0.2 * hit)
        self.assertRegex(said.messages()[0], r'; \d+ % of what the boot asked for was in it')
        self.assertEqual(int(said.lines[0]['BOOTAHEAD_PAGES_HIT_PAGES']), hit)

    def compare(self, plain, replayed):
        """Replay wins in every round, by the requests it saves and the time that somebody waits for the disk."""
        for figure, most in (('read_requests', MOST_REQUESTS), ('stall_seconds', MOST_STALL)):
            before, after = ([getattr(said.boot, figure) for said in boots] for boots in (plain, replayed))
            print(f'{figure}: {before} without, {after} with replay', flush=True)
            self.assertLess(max(after), most * min(before))

    def assert_probed(self, plain, replayed):
        """Where fsck looks for signatures, nearly all is there already."""
        before, after = ([len(BY_FSCK.findall(said.files['reads'])) for said in boots] for boots in (plain, replayed))
        print(f'reads of fsck: {before} without, {after} with replay', flush=True)
        self.assertGreater(min(before), 20)
        self.assertLess(max(after), 5)


if __name__ == '__main__':
    support.main()
