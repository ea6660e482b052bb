#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The collector and its watcher get killed: what they took of the audit system is given back, at once."""

import support
from support import vm

KILL = '''
read -r pid rest < /run/bootahead/collect.pid
ls /run/bootahead > before
kill -KILL $WHOM
while [ -e /run/bootahead/audit-state ] && [ "${waited:=0}" -lt 20 ]; do sleep 1; waited=$((waited + 1)); done
while [ "$(systemctl show --property=SubState --value bootahead-collect)" = running ]; do sleep 0.5; done
sleep 1
ls /run/bootahead > after
journalctl --boot --no-pager --quiet --output=cat --identifier=bootahead-late --identifier=bootahead-collect > journal
[ -e /var/lib/bootahead/profile ] && touch profile
exit 0
'''
COLLECTOR = '$pid'
WATCHER = '$(systemctl show --property=MainPID --value bootahead-collect)'


class Killed(support.Case):
    def kill(self, whom):
        """Returns what the machine had to say after that, and whether it has a profile."""
        files = vm.boot(self.image, 'none', support.RELEASE, run=KILL.replace('$WHOM', whom)).extra['files']
        self.assertIn('audit-state', files['before'].decode().split())
        self.assertNotIn('audit-state', files['after'].decode().split())
        return files['journal'].decode(), 'profile' in files

    def test_killed(self):
        self.image = support.installed()
        with self.subTest('collector'):
            journal, profile = self.kill(COLLECTOR)
            self.assertIn('restored', journal)
            self.assertIn('Nothing collected', journal)
            self.assertFalse(profile)
        with self.subTest('both'):
            journal, profile = self.kill(f'{WATCHER} {COLLECTOR}')
            self.assertIn('restored', journal)
            self.assertFalse(profile)
        with self.subTest('watcher'):
            journal, profile = self.kill(WATCHER)
            self.assertIn('Collected', journal)
            self.assertTrue(profile)


if __name__ == '__main__':
    support.main()
