#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""
The lives of a real boot, from the initramfs on, while its clock is set back by a day: every service's main
process is there and still alive, start times are the kernel's, and times never jump.
"""

import json
import re

import support
from support import vm

SECONDS_BACK = 86400
WITNESSES = 100
UNITS = {
    'clock.service': f'''[Unit]
DefaultDependencies=no
Before=sysinit.target
[Service]
Type=oneshot
ExecStart=/bin/date --set="{SECONDS_BACK} seconds ago"
''',
    'witness.service': f'''[Unit]
After=clock.service
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'for i in $(seq {WITNESSES}); do cat /proc/self/stat; done > /run/witness'
''',
}
WANTED_BY = {'clock.service': 'sysinit.target', 'witness.service': 'multi-user.target'}

# Runs in the guest, after its boot.
LOOK = '''
while [ "$(systemctl show --property=SubState --value bootahead-collect.service)" = running ]; do sleep 0.5; done
bootahead dump > profile
bootahead lives --alive --json > alive
systemctl show --property=Id --property=MainPID --type=service '*' > units
cat /proc/[0-9]*/stat > stats
cp /run/witness .
date +%s > clock
'''


def start_of(stat):
    """(pid, start time in ticks) of a line of /proc/PID/stat."""
    return int(stat.split()[0]), int(stat.rsplit(')', 1)[1].split()[19])


def table(text, kind):
    """Lines of a profile's text as dictionaries; texts keep their quotes."""
    return [dict(re.findall(r' (\w[\w-]*)=("(?:[^"\\]|\\.)*"|\S+)', line))
            for line in re.findall(rf'^{kind} .*$', text, re.M)]


class Lives(support.Case):
    def look(self, kernel, **options):
        with vm.machine(support.installed(**options)) as machine:
            with vm.opened(machine) as root:
                for name, text in UNITS.items():
                    folder = root / 'etc/systemd/system' / f'{WANTED_BY[name]}.wants'
                    folder.mkdir(parents=True, exist_ok=True)
                    (folder.parent / name).write_text(text)
                    (folder / name).symlink_to(f'../{name}')
            boot = vm.boot(machine, 'none', support.RELEASE, run=LOOK, kernel=kernel)
        return {name: content.decode() for name, content in boot.extra['files'].items()
                if name in ('profile', 'alive', 'units', 'stats', 'witness', 'clock')}

    def check(self, found):
        boot, = table(found['profile'], 'boot')
        self.lives = table(found['profile'], 'process')
        print(f"{len(self.lives)} lives, {boot['sources']}", flush=True)
        self.assertEqual(boot['sources'], 'fanotify')
        self.assertIn('lives', boot['contents'].split('+'))
        self.assertNotIn('\nloss ', found['profile'])
        self.assert_clock(boot, int(found['clock']))
        self.assert_witnesses([start_of(line) for line in found['witness'].splitlines()])
        self.assert_units(found)
        init, = [life for life in self.lives if life['pid'] == '1']
        self.assertEqual((init['executable'], init['unit']), ('"/usr/lib/systemd/systemd"', '"init.scope"'))
        # what the initramfs executed is gone with it
        later = [life for life in self.lives if int(life.get('fork', 0)) > int(init['exec'])]
        nameless = [life for life in later if life['executable'] == '""']
        self.assertLess(len(nameless), len(later) / 20, nameless)

    def assert_clock(self, boot, now):
        """The clock went back, but no time did; the wall clock is that of the start."""
        self.assertGreater(int(boot['wall']) / 1e6 - now, SECONDS_BACK / 2)
        length = int(boot['end']) - int(boot['start'])
        self.assertLess(length, 600e6)
        forks = [int(life['fork']) for life in self.lives if 'fork' in life]
        self.assertEqual(forks, sorted(forks))
        for life in self.lives:
            times = [int(life[name]) for name in ('fork', 'exec', 'exit') if name in life]
            self.assertEqual(times, sorted(times), life)
            self.assertTrue(all(0 < time <= length for time in times), life)

    def assert_witnesses(self, told):
        self.assertEqual(len(told), WITNESSES)
        by_pid = {int(life['pid']): life for life in self.lives}
        late = 0
        for pid, ticks in told:
            life = by_pid[pid]
            if 'ticks-computed' in life['flags']:
                late += abs(int(life['start']) - ticks) > 1
            else:
                self.assertEqual(int(life['start']), ticks, life)
            self.assertEqual(life['executable'], '"/usr/bin/cat"')
            self.assertEqual(life['unit'], '"witness.service"')
        print(f'{late} of {WITNESSES} computed start times are more than one tick late', flush=True)
        self.assertLess(late, WITNESSES / 20, 'an emulated processor may stop for a tick, but not often')

    def assert_units(self, found):
        started = dict(start_of(line) for line in found['stats'].splitlines())
        alive = {(life['pid'], life['start_ticks']): life['unit'] for life in json.loads(found['alive'])['lives']}
        main = [dict(line.split('=', 1) for line in unit.splitlines()) for unit in found['units'].split('\n\n')]
        pids = {unit['Id']: int(unit['MainPID']) for unit in main if unit['MainPID'] != '0'}
        self.assertIn('ssh.service', pids)
        self.assertIn('systemd-udevd.service', pids)
        for unit, pid in pids.items():
            if not unit.startswith('bootahead'):
                self.assertEqual(alive.get((pid, started[pid])), unit)

    def test_6_12(self):
        self.check(self.look('6.12'))

    def test_6_1(self):
        self.check(self.look('6.1', kernels=('6.1',), label='kernel'))


if __name__ == '__main__':
    support.main()
