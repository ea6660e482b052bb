#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""
The early stage with made-up programs, in a copy of this system's files that goes with the test: what it decides,
what it starts, how long it waits. Usage: test-early.py BUILT LIBEXECDIR GENERATORDIR
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

if os.geteuid() != 0:
    print('skipped: needs root')
    sys.exit(77)

BUILT, LIBEXEC, GENERATORS = sys.argv[1:4]
del sys.argv[1:4]
PATIENCE = 10

# Made and entered in a mount namespace of its own; with --fork in a pid namespace too, as the first process.
ENTER = '''set -e
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" overlay "$1/root"
cd "$1/root"
[ -n "$MOUNTED" ] && mount --bind /proc proc && mount --bind /dev dev && mount -t tmpfs tmpfs run
mkdir -p ".$LIBEXEC" ".$GENERATORS" var/lib/bootahead etc
cp -a "$2/." .
shift 2
exec chroot . sh -c "$1"
'''


class Early(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.tree = pathlib.Path(folder.name) / 'tree'
        self.place = pathlib.Path(folder.name) / 'place'
        self.place.mkdir()
        self.write(f'{GENERATORS}/bootahead-generator', '')
        for name in ('early', 'init'):
            shutil.copy(f'{BUILT}/bootahead-{name}', self.tree / LIBEXEC[1:])
        self.program('replay', 'exit 0')
        self.program('collect', 'echo audit+fanotify > /run/bootahead/collect.source')

    def write(self, path, text):
        path = self.tree / path.lstrip('/')
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
        (self.tree / LIBEXEC[1:]).mkdir(parents=True, exist_ok=True)

    def program(self, name, script):
        self.write(f'{LIBEXEC}/bootahead-{name}',
                   f'#!/bin/sh\nmkdir -p /run/bootahead; echo {name} "$@" >> /run/bootahead/log\n{script}\n')

    def run_in(self, script, mounted=True, first=False):
        result = subprocess.run(['unshare', '--mount', '--propagation=private', *(['--pid', '--fork'] if first else []),
                                 'sh', '-c', ENTER, 'sh', self.place, self.tree, script],
                                capture_output=True, text=True,
                                env={**os.environ, 'LIBEXEC': LIBEXEC, 'GENERATORS': GENERATORS,
                                     'MOUNTED': 'y' if mounted else '', 'ASAN_OPTIONS': 'detect_leaks=0'})
        self.assertEqual(result.returncode, 0, result.stderr)
        self.said = result.stderr
        return result.stdout

    def begin(self):
        """Returns the decision, and the programs that were started."""
        text = self.run_in(f'{LIBEXEC}/bootahead-early / || exit; cat /run/bootahead/decision; echo --; '
                           'cat /run/bootahead/log 2> /dev/null; true')
        decision, _, log = text.partition('--\n')
        return dict(line.split('=', 1) for line in decision.splitlines()), [line.split() for line in log.splitlines()]

    def test_collects(self):
        decision, log = self.begin()
        self.assertEqual(decision, {'mode': 'collect', 'why': 'there is no profile', 'stage': 'early', 'request': 'auto',
                                    'source': 'audit+fanotify'})
        self.assertEqual(log, [['collect', '--early', '--background', '--root=/', '--source=auto']])

    def test_replays(self):
        self.write('/var/lib/bootahead/profile', '')
        decision, log = self.begin()
        self.assertEqual((decision['mode'], decision['stage']), ('replay', 'early'))
        self.assertEqual(log, [['replay', '--root=/', '--background']])

    def test_refused_profile(self):
        self.write('/var/lib/bootahead/profile', '')
        self.program('replay', 'echo why it is refused >&2; echo more >&2; exit 1')
        decision, log = self.begin()
        self.assertEqual((decision['mode'], decision['profile'], decision['why']),
                         ('collect', 'refused', 'why it is refused'))
        self.assertEqual([words[0] for words in log], ['replay', 'collect'])

    def test_failed_replay(self):
        self.write('/var/lib/bootahead/profile', '')
        for script, why in (('exit 2', 'replay failed'), ('kill -SEGV $$', 'Input/output error')):
            with self.subTest(script):
                self.program('replay', script)
                decision, log = self.begin()
                self.assertEqual(decision['mode'], 'control')
                self.assertIn(why, decision['why'])

    def test_missing_programs(self):
        (self.tree / LIBEXEC[1:] / 'bootahead-collect').unlink()
        self.assertEqual(self.begin()[0]['mode'], 'collect')  # a later stage tries

    def test_hanging_program(self):
        self.program('collect', 'exec sleep 20 > /dev/null')
        start = time.monotonic()
        decision, _ = self.begin()
        self.assertLess(time.monotonic() - start, PATIENCE + 5)
        self.assertNotIn('source', decision)

    def test_late_where_no_decision_could_be_kept(self):
        """What newer systemd kept the generator from writing, the units' program makes up for."""
        shutil.copy(f'{BUILT}/bootahead-late', self.tree / LIBEXEC[1:])
        text = self.run_in('echo quiet bootahead.source=audit > /line && mount --bind /line /proc/cmdline && '
                           f'{LIBEXEC}/bootahead-late end && cat /run/bootahead/decision')
        self.assertIn('request=audit\n', text)

    def test_separate_var(self):
        """The next early stage sees what there is now: a copy below the mount point."""
        shutil.copy(f'{BUILT}/bootahead-late', self.tree / LIBEXEC[1:])
        look = (f'{LIBEXEC}/bootahead-late report; (cd /mnt/var/lib/bootahead && ls -A && '
                '{ ! [ -e profile ] || stat -c "%a %u %y %i" profile && cat profile; }; echo --)\n')
        text = self.run_in(
            'mkdir /run/bootahead; echo mode=control > /run/bootahead/decision; mkdir -p /mnt; mount --bind / /mnt\n'
            'rm -rf /var; mkdir /var; mount -t tmpfs tmpfs /var; cd /\n' + look +
            'cd /var/lib/bootahead; umask 077; echo first > profile; touch -d @1.5 profile; cd /\n' + look + look +
            'echo later > /var/lib/bootahead/profile\n' + look +
            'chown 65534 /var/lib/bootahead/profile\n' + look + 'rm /var/lib/bootahead/profile\n' + look +
            'umount /var; echo own > /var/lib/bootahead/profile\n' + look)
        none, first, same, later, foreign, gone, own = [part.splitlines() for part in text.split('--\n')[:-1]]
        self.assertEqual((none, foreign, gone), ([], [], []), 'a copy would be trusted')
        self.assertEqual((first[0], first[2]), ('profile', 'first'))
        self.assertRegex(first[1], r'^600 0 1970-01-01 00:00:01\.5')
        self.assertEqual(same, first, 'written again')
        self.assertEqual((later[0], later[2:]), ('profile', ['later']))
        self.assertEqual(own[-1:], ['own'])

    def test_removed_from_the_root(self):
        (self.tree / GENERATORS[1:] / 'bootahead-generator').unlink()
        decision, log = self.begin()
        self.assertEqual((decision['mode'], log), ('off', []))

    def test_usr_not_mounted(self):
        """Whether we are still installed is seen later; a profile of the root filesystem is replayed at once."""
        empty = f'rm -rf {GENERATORS}; {LIBEXEC}/bootahead-early / || echo later; cat /run/bootahead/* || true'
        self.assertEqual(self.run_in(empty), 'later\n')
        self.assertIn("a later stage decides", self.said)
        self.write('/var/lib/bootahead/profile', '')
        self.assertIn('mode=replay\n', self.run_in(empty))

    def test_begun_already(self):
        text = self.run_in('mkdir /run/bootahead; echo mode=control > /run/bootahead/decision; '
                           f'{LIBEXEC}/bootahead-early / && cat /run/bootahead/*')
        self.assertEqual(text, 'mode=control\n')

    def test_usage(self):
        self.assertEqual(self.run_in(f'{LIBEXEC}/bootahead-early; echo $?; {LIBEXEC}/bootahead-init; echo $?'), '2\n2\n')

    def test_init(self):
        """As the first process, with nothing mounted."""
        self.write('/sbin-init', '#!/bin/sh\necho "$0" "$@"; cat /run/bootahead/decision; stat -f -c %T /proc /sys /run')
        self.write('/etc/own', f'#!/bin/sh\numount -l /proc /sys /dev /run\nexec {LIBEXEC}/bootahead-init word\n')
        text = self.run_in('rm /sbin/init; mv /sbin-init /sbin/init; exec /etc/own', mounted=False, first=True)
        lines = text.splitlines()
        self.assertEqual(lines[0], '/sbin/init word')
        self.assertIn('mode=collect', lines)
        self.assertEqual(lines[-3:], ['proc', 'sysfs', 'tmpfs'])

    def test_init_that_can_not_begin(self):
        """Another's failure is not the boot's."""
        self.write('/init', '#!/bin/sh\necho started')
        text = self.run_in('rm -rf /proc /sbin/init; mv /init /sbin/init; '
                           f'exec {LIBEXEC}/bootahead-init', mounted=False, first=True)
        self.assertEqual(text, 'started\n')


if __name__ == '__main__':
    unittest.main(verbosity=2)
