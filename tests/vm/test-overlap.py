#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""
The administrator takes the audit system while a boot is collected by it: he finds it as if nobody had been there,
and fanotify goes on in the same profile.
"""

import re

import records
import support
from support import vm

# The boot is over when the test begins; collecting is not.
DROP_IN = '''[Service]
ExecStart=
ExecStart=/usr/libexec/bootahead/bootahead-late --settle=120 collect
'''
LATER = '/usr/share/doc/auditd/README.gz'
SCRIPT = '''
cp /run/bootahead/collect.pid before
auditctl -s > settings-before
auditctl -l > rules-before
date +%s.%N > time
$TAKE
auditctl -s > settings-taken
waited=0
until auditctl -s | grep -q "^pid $OWNER\\$" || [ $waited -gt 20 ]; do sleep 0.1; waited=$((waited + 1)); done
echo $waited > waited
sleep 1
auditctl -l > rules
cat $LATER > /dev/null
cp /run/bootahead/collect.pid after
systemctl show auditd --property=ActiveState,SubState,NRestarts,Result,MainPID > auditd
journalctl --boot --no-pager --quiet --unit=auditd > auditd-journal
if [ -e /run/auditd.pid ]; then
        kill -USR1 "$(cat /run/auditd.pid)"
        until [ -e /var/log/audit/audit.log.1 ]; do sleep 0.1; done
        cp /var/log/audit/audit.log.1 audit.log
fi
systemctl stop bootahead-collect
auditctl -s > settings
'''.replace('$LATER', LATER)


def settings(text):
    return dict(line.split(None, 1) for line in text.splitlines())


class Overlap(support.Case):
    def take(self, command, owner='0'):
        """Boots, runs the administrator's command while the boot is collected, and returns what there was to see."""
        with vm.machine(support.installed('audited')) as machine:
            support.disable_auditd(machine)
            with vm.opened(machine) as root:
                folder = root / 'etc/systemd/system/bootahead-collect.service.d'
                folder.mkdir()
                (folder / 'settle.conf').write_text(DROP_IN)
            said = support.boot(machine, before=SCRIPT.replace('$TAKE', command).replace('$OWNER', owner),
                                command_line='bootahead.source=audit log_buf_len=4M printk.devkmsg=on')
        text = {name: content.decode() for name, content in said.files.items() if not name.startswith('bootahead/')}
        self.assertIn('key=bootahead', text['rules-before'])
        self.assertEqual(settings(text['settings-before'])['pid'], text['before'].split()[0])
        self.assertEqual(text['after'], text['before'])
        self.assertLessEqual(int(text['waited']), 10)
        self.assert_collected(said, {'audit', 'fanotify'}, 'there is no profile')
        self.assertIn('; then fanotify: ', said.reports['collect']['choice'])
        self.assertIn(f'file "{LATER}"', said.profile_text())
        for log in (said.journal, said.kernel):
            self.assertEqual([line for line in records.ours(log) if 'bootahead' in line], [])
        return said, text

    def test_auditd(self):
        said, text = self.take('systemctl start auditd; echo $? > started', owner='$(cat /run/auditd.pid)')
        state = dict(line.split('=', 1) for line in text['auditd'].splitlines())
        self.assertEqual((text['started'], state['ActiveState'], state['NRestarts'], state['Result']),
                         ('0\n', 'active', '0', 'success'))
        self.assertNotRegex(text['auditd-journal'], '(?i)error|failed|in use')
        self.assertEqual(text['rules'].splitlines(), ['-w /etc/passwd -p wa -k passwd',
                                                      '-a always,exit -F arch=b64 -S execve -F key=exec'])
        now = settings(text['settings'])
        self.assertEqual([now[name].strip() for name in ('enabled', 'failure', 'pid', 'backlog_limit', 'backlog_wait_time',
                                                         'lost')],
                         ['1', '1', state['MainPID'], '8192', '60000', '0'])
        self.assertNotIn('bootahead"', re.sub('exe="[^"]*"', '', text['audit.log']))
        self.assertIn('"/usr/bin/cat"', text['audit.log'])

    def test_rules_deleted(self):
        said, text = self.take('auditctl -D -k bootahead > /dev/null')
        self.assertEqual(text['rules'], 'No rules\n')
        self.assertEqual(settings(text['settings'])['backlog_limit'], '64')

    def test_locked(self):
        said, text = self.take('auditctl -e 2 > /dev/null')
        self.assertEqual(text['rules'], 'No rules\n')
        self.assertEqual(settings(text['settings'])['enabled'], '2')


if __name__ == '__main__':
    support.main()
