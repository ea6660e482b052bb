#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""
Walks on XFS: a profile has the folders that a program listed and the names that it looked up, there or not;
replay walks there again, and the next cold walk finds everything in memory.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from support import BOOTAHEAD, BUILD, Profile, collect, skip, unquote
from touching import TRACEFS, mount_tracefs

REPLAY = BUILD / 'libexec/bootahead-replay'
FOLDERS, FILES = 60, 1500


def walks_of(profile):
    """{kind: paths} of a profile."""
    found = {'listed': set(), 'looked-up': set(), 'absent': set()}
    for path, kind in re.findall(r'^walk "((?:[^"\\]|\\.)*)" .*kind=(\S+)', profile.text, re.M):
        found[kind].add(os.fsdecode(unquote(path)))
    return found


class Walks(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory(dir='/var/tmp')
        self.addCleanup(holder.cleanup)
        self.folder = os.path.realpath(holder.name)
        self.image, self.tree = f'{self.folder}/image', f'{self.folder}/mounted'
        os.mkdir(self.tree)
        subprocess.run(['truncate', '-s', '400M', self.image], check=True)
        subprocess.run(['mkfs.xfs', '-q', self.image], check=True)
        self.mount()
        self.addCleanup(subprocess.run, ['umount', self.tree], check=True)
        for number in range(FILES):
            below = f'{self.tree}/{number % FOLDERS}/{number % 7}'
            os.makedirs(below, exist_ok=True)
            pathlib.Path(below, f'file {number}').write_text('x' * 100)

    def mount(self):
        subprocess.run(['mount', '-o', 'loop', self.image, self.tree], check=True)

    def mount_cold(self):
        subprocess.run(['umount', self.tree], check=True)
        self.mount()

    def reads(self):
        """Read requests of the loop device since it was set up anew."""
        device = subprocess.run(['findmnt', '-no', 'SOURCE', self.tree], check=True, capture_output=True,
                                text=True).stdout.strip()
        return int(pathlib.Path('/sys/block', os.path.basename(device), 'stat').read_text().split()[0])

    def walk(self):
        """How many reads a walk costs as things are."""
        before = self.reads()
        subprocess.run(['find', self.tree, '-size', '+1G'], check=True)
        subprocess.run(['ls', f'{self.tree}/none', f'{self.tree}/3/none'], capture_output=True)
        return self.reads() - before

    def replay(self, profile):
        report = f'{self.folder}/report'
        subprocess.run([REPLAY, f'--report={report}', '--limit-seconds=5', profile], check=True)
        return json.loads(pathlib.Path(report).read_text())

    def record(self):
        self.mount_cold()
        script = f'find "{self.tree}" -size +1G; ls "{self.tree}/none" "{self.tree}/3/none"; true'
        result = collect('--source=fanotify', f'--output={self.folder}/profile', '--', 'sh', '-c', script)
        self.assertEqual(result.returncode, 0, result.stderr)
        return Profile(f'{self.folder}/profile')

    def test_recorded(self):
        profile = self.record()
        self.assertIn('walks', re.search(r'^boot .* contents=(\S+)', profile.text, re.M).group(1).split('+'))
        walks = walks_of(profile)
        below = {path for path in walks['listed'] if path.startswith(self.tree)}
        expected = {self.tree} | {path for path, _, _ in os.walk(self.tree)}
        self.assertEqual(below, expected)
        names = {os.path.join(path, name) for path, folders, files in os.walk(self.tree) for name in folders + files}
        self.assertEqual(walks['looked-up'], names)
        self.assertEqual(walks['absent'], {f'{self.tree}/none', f'{self.tree}/3/none'})
        self.assertEqual(profile.losses(), {})

    def test_replayed(self):
        self.record()
        self.mount_cold()
        cold = self.walk()
        shown = subprocess.run([REPLAY, '--dry-run', f'{self.folder}/profile'], check=True, capture_output=True,
                               text=True).stdout.splitlines()
        self.assertIn(f'list {self.tree}', shown)
        self.assertIn(f'look-up {self.tree}/none', shown)
        self.mount_cold()
        report = self.replay(f'{self.folder}/profile')
        warm = self.walk()
        text = re.sub(r'^walk .*\n', '', Profile(f'{self.folder}/profile').text, flags=re.M)
        pathlib.Path(f'{self.folder}/text').write_text(text)
        subprocess.run([BOOTAHEAD, 'load', f'--output={self.folder}/bare', f'{self.folder}/text'], check=True)
        self.mount_cold()
        self.replay(f'{self.folder}/bare')
        self.assertGreater(self.walk(), cold / 2, 'it was not the walks')
        print(f'{cold} reads of a cold walk, {warm} after replay of {report["walks"]} walks')
        self.assertGreater(cold, 50)
        self.assertLess(warm, cold / 10)
        self.assertEqual(report['walks_gone'], 0)

    def test_gone(self):
        """What was there and is not is counted; no link is followed, nothing but folders is opened."""
        self.record()
        shutil.rmtree(f'{self.tree}/5')
        os.symlink('/', f'{self.tree}/5')
        shutil.rmtree(f'{self.tree}/7')
        os.mkfifo(f'{self.tree}/7')
        report = self.replay(f'{self.folder}/profile')
        self.assertGreater(report['walks_gone'], 2)
        self.assertGreater(report['walks'], FILES / 2)


if __name__ == '__main__':
    if os.geteuid() != 0:
        skip('needs root')
    if not shutil.which('mkfs.xfs'):
        skip('mkfs.xfs is not installed')
    mount_tracefs()
    if not (TRACEFS / 'events/xfs/xfs_lookup').exists():
        skip('this kernel has no XFS, or does not tell of it')
    unittest.main(verbosity=2)
