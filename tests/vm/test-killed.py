#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""
The collector, its watcher, both, get killed, at any moment: what they took is given back at once, and the boot ends
as others do.
"""

import pathlib
import tempfile

import support
from support import vm

KILL = support.SORTED + '''
ls /run/bootahead > before
kill -KILL $WHOM
while [ -e /run/bootahead/audit-state ] && [ "${waited:=0}" -lt 20 ]; do sleep 1; waited=$((waited + 1)); done
while [ "$(systemctl show --property=SubState --value bootahead-collect)" = running ]; do sleep 0.5; done
sleep 1
journalctl --boot --no-pager --quiet --output=cat --identifier=bootahead-late --identifier=bootahead-collect > journal
[ -e /var/lib/bootahead/profile ] && touch profile
''' + support.LEFT + 'exit 0\n'
COLLECTOR = '$pid'
WATCHER = '$(systemctl show --property=MainPID --value bootahead-collect)'

# From the initramfs on, after so many seconds: in the initramfs still, in PID 1's own start, among services.
EARLY = '''#!/bin/sh
case "$1" in prereqs) echo bootahead; exit 0 ;; esac
read -r line < /proc/cmdline
for word in $line; do
        case "$word" in
        kill.after=*)
                read -r pid rest < /run/bootahead/collect.pid
                (sleep "${word#*=}"; kill -KILL "$pid") > /dev/null 2>&1 < /dev/null &
                ;;
        esac
done
'''
MOMENTS = ('0', '2', '5')


class Killed(support.Case):
    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as tree:
            folder = pathlib.Path(tree) / 'etc/initramfs-tools/scripts/local-bottom'
            folder.mkdir(parents=True)
            (folder / 'kill').write_text(EARLY)
            (folder / 'kill').chmod(0o755)
            cls.image = support.installed('audited', add=[tree], label='killed')

    def kill(self, whom):
        """Returns what the machine had to say after that, and whether it has a profile."""
        with vm.machine(self.image) as machine:
            support.disable_auditd(machine)
            files = vm.boot(machine, 'none', support.RELEASE, run=KILL.replace('$WHOM', whom),
                            command_line='bootahead.source=audit').extra['files']
        self.assertIn('audit-state', files['before'].decode().split())
        self.assertEqual(files['sorted'], b'1\n')
        self.assert_nothing_left(files)
        return files['journal'].decode(), 'profile' in files

    def test_killed(self):
        with self.subTest('collector'):
            journal, profile = self.kill(COLLECTOR)
            self.assertIn('Nothing collected', journal)
            self.assertFalse(profile)
        with self.subTest('both'):
            journal, profile = self.kill(f'{WATCHER} {COLLECTOR}')
            self.assertFalse(profile)
        with self.subTest('watcher'):
            journal, profile = self.kill(WATCHER)
            self.assertIn('Collected', journal)
            self.assertTrue(profile)

    def test_moments(self):
        for seconds in MOMENTS:
            with self.subTest(seconds), vm.machine(self.image) as machine:
                support.disable_auditd(machine)
                said = support.boot(machine, after=support.LEFT, command_line=f'bootahead.source=audit kill.after={seconds}')
                self.assertEqual(said.failed, [])
                self.assert_nothing_left(said.files)
                self.assertEqual(len(said.lines), 1, said.messages())
                if seconds == '0' or said.reports.get('collect', {}).get('result') == 'done':
                    # by another one, which did not see what the first one saw
                    self.assertIn('was killed', said.reports['collect']['choice'])
                    self.assertIn('kind=blind start=0 end=0', said.profile_text())


if __name__ == '__main__':
    support.main()
