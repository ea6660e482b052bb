#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""
A collecting boot is whole, and nobody's log knows of it. Usage: test-silent.py IMAGE, for both kinds of initramfs.

Whole: one collector from the initramfs to the end, what PID 1 and its generators read is in the profile.
Silent: by fanotify nobody but others talks to the audit system; by audit no record of ours is in the journal, the
kernel log and audit.log. Records of others are where they are in a plain boot.
"""

import contextlib
import sys

import records
import support
from support import vm

IMAGE = sys.argv.pop(1)
WHOLE_LOG = 'log_buf_len=4M printk.devkmsg=on'
TICKS = 100  # a second
PLAIN_BOOTS = 5  # two of them differ at times by a program that starts while auditd's rules are loaded

# A part of the boot, so that the collector is at work still. In shell alone: auditd hears of each program.
LIFE = '''[Unit]
DefaultDependencies=no
After=local-fs.target
Before=multi-user.target

[Service]
Type=oneshot
ExecStart=sh -c 'read -r collector < /run/bootahead/collect.pid && read -r life < /proc/$${collector%%%% *}/stat && \
        { echo "$$collector"; echo "$$life"; } > /run/life; true'

[Install]
WantedBy=multi-user.target
'''

# What auditd has in its buffers goes to its log when it begins a new one.
BEFORE = '''
if [ -e /run/auditd.pid ]; then
        kill -USR1 "$(cat /run/auditd.pid)"
        until [ -e /var/log/audit/audit.log.1 ]; do :; done
        cp /var/log/audit/audit.log.1 audit.log
fi
[ ! -e /run/life ] || cp /run/life life
''' + support.TO_READ


@contextlib.contextmanager
def new_machine():
    """A new one, with the part of the boot that looks at the collector."""
    with vm.machine(support.installed(IMAGE)) as result:
        with vm.opened(result) as root:
            units = root / 'etc/systemd/system'
            (units / 'life.service').write_text(LIFE)
            (units / 'multi-user.target.wants/life.service').symlink_to('../life.service')
        yield result


class Silent(support.Case):
    def boot(self, machine, words=''):
        return support.boot(machine, before=BEFORE, after=support.LEFT + support.WITNESSED,
                            command_line=f'{WHOLE_LOG} {support.WITNESS} {words}')

    def test_without_auditd(self):
        with new_machine() as machine:
            support.disable_auditd(machine)
            untouched = self.boot(machine)
            self.assert_whole(untouched, {'fanotify'})
            self.assert_audit_untouched(untouched)
            self.assert_nothing_left(untouched.files)
            self.assertGreater(len(records.apparmor(untouched.kernel)), 0)
            for words, sources in (('', {'audit', 'fanotify'}), ('audit=1', {'audit'})):
                with self.subTest(words):
                    said = self.boot(machine, f'bootahead.source=audit {words}')
                    self.assert_whole(said, sources)
                    self.assertTrue(any('bootahead' in name for name in self.audit_callers(said)))
                    self.assertEqual(said.audit, '')
                    for log in (said.journal, said.kernel):
                        self.assertEqual(records.ours(log, since_boot=bool(words)), [])
                        self.assertEqual(records.apparmor(log), records.apparmor(untouched.kernel))
                    self.assertEqual(records.repeated(said.kernel), [])
                    self.assert_nothing_left(said.files, enabled='1' if words else '0')

    def test_with_auditd(self):
        with new_machine() as machine:
            said = self.boot(machine)
            self.assert_whole(said, {'fanotify'})
            self.assert_audit_untouched(said)
            found = records.logged(said.files['audit.log'].decode())
            self.assertGreater(sum(n for (_, key, _), n in found.items() if key == '"exec"'), 20)
            for _ in range(PLAIN_BOOTS):
                plain = self.boot(machine, 'bootahead=off')
                expected = records.logged(plain.files['audit.log'].decode())
                print(f'{found.total()} records of auditd, more {found - expected}, fewer {expected - found}')
                if found == expected:
                    break
        self.assertEqual(found, expected)
        for name in ('kernel', 'journal'):
            self.assertEqual(records.apparmor(getattr(said, name)), records.apparmor(getattr(plain, name)), name)

    def assert_whole(self, said, sources):
        self.assert_collected(said, sources, 'there is no profile')
        self.assertEqual(said.decision['stage'], 'early')
        self.assert_one_life(said)
        self.assert_complete(said)

    def assert_one_life(self, said):
        """Who runs after the boot started before the real root's PID 1, and wrote the report."""
        collector, life = said.files['life'].decode().splitlines()
        pid, ticks = map(int, collector.split())
        self.assertEqual((int(life.split()[0]), int(life.rsplit(')', 1)[1].split()[19])), (pid, ticks))
        self.assertLess(ticks / TICKS, said.boot.extra['kernel_seconds'])
        self.assertLess(abs(said.reports['collect']['start_us'] / 1e6 - ticks / TICKS), 1)


if __name__ == '__main__':
    support.main()
