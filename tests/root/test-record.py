#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""
A known program's opens and execs are all in the profile, and nothing else is: both sources, each way to
name a file. The witness is strace, in a run of its own: the program does the same in each.
"""

import os
import pathlib
import platform
import subprocess
import tempfile
import unittest

from support import (AUDITOR, COLLECT, FILES, MADE, OPENER, STRACE, Profile, SameAuditState, collect, fill,
                     is_local_file, need_root_and_audit, witness)

HERE = pathlib.Path(__file__).resolve().parent


class Record(SameAuditState):
    # On a filesystem with a block device: /tmp may be a tmpfs.
    def folder(self):
        holder = tempfile.TemporaryDirectory(dir='/var/tmp')
        self.addCleanup(holder.cleanup)
        fill(holder.name)
        return os.path.realpath(holder.name)

    def expected(self):
        """What strace saw, in terms of a folder to come."""
        folder = self.folder()
        trace = f'{folder}/.trace'
        subprocess.run([*STRACE, '-o', trace, OPENER, folder], check=True)
        base = os.fsencode(folder)
        # in the namespace of one process 'bound' stood at 'deep', in another 'jail' was the root
        elsewhere = {base + b'/deep/seen-elsewhere': base + b'/bound/seen-elsewhere',
                     base + b'/.temporary': base + b'/renamed'}
        seen = {elsewhere.get(path, path) for path in witness(trace, folder)}
        return folder, {path for path in seen if is_local_file(path)}

    def compare(self, source):
        strace_folder, seen = self.expected()
        folder = self.folder()
        result = collect(f'--source={source}', f'--output={folder}/.profile', '--', OPENER, folder)
        self.assertEqual(result.returncode, 0, result.stderr)
        profile = Profile(f'{folder}/.profile')
        old, new = os.fsencode(strace_folder), os.fsencode(folder)
        expected = {path.replace(old, new) for path in seen} - {new + b'/.trace'}
        for name in FILES + MADE + [b'script', b'deep/er/program']:
            self.assertIn(new + b'/' + name, expected, 'strace itself missed it')
        self.assertEqual(expected - profile.files, set(), 'missing from the profile')
        # what the kernel opens for an exec strace can not see: interpreters and the loader
        extra = {path for path in profile.files - expected
                 if b'/ld-linux' not in path and path not in (os.path.realpath(b'/bin/sh'),)}
        self.assertEqual(extra, set(), 'in the profile, but never opened')
        self.assertEqual(profile.losses(), {})
        return profile, new

    def test_audit(self):
        profile, folder = self.compare('audit')
        self.assertEqual(profile.flags_of(folder + b'/deep/up'), {'open'})
        self.assertLessEqual({'open', 'write', 'create'}, profile.flags_of(folder + b'/created'))
        self.assertEqual(profile.flags_of(folder + b'/deep/er/program'), {'exec'})
        self.assertIn(folder + b'/deep/er/program', profile.executables)

    def test_fanotify(self):
        profile, folder = self.compare('fanotify')
        self.assertIn('exec', profile.flags_of(folder + b'/deep/er/program'))

    def test_32_bit_programs(self):
        """They have system calls of their own."""
        if platform.machine() != 'x86_64':
            self.skipTest('no other machine runs such programs here')
        folder = self.folder()
        program, target = f'{folder}/open32', f'{folder}/target'
        subprocess.run(['as', '--32', '-o', f'{folder}/open32.o', HERE / 'open32.s'], check=True)
        subprocess.run(['ld', '-m', 'elf_i386', '-o', program, f'{folder}/open32.o'], check=True)
        pathlib.Path(target).touch()
        for source in ('audit', 'fanotify'):
            result = collect(f'--source={source}', f'--output={folder}/.profile', '--', program, target)
            self.assertEqual(result.returncode, 0, result.stderr)
            profile = Profile(f'{folder}/.profile')
            self.assertEqual(profile.flags_of(os.fsencode(program)), {'exec'} if source == 'audit' else {'open', 'exec'})
            self.assertEqual(profile.flags_of(os.fsencode(target)), {'open'})

    def test_io_uring_is_seen_by_rules(self):
        """Programs without liburing can not be made to use it: the rule itself must be there."""
        folder = self.folder()
        collect('--source=audit', f'--output={folder}/.profile', '--', 'sh', '-c',
                f'{AUDITOR} show > {folder}/shown')
        shown = pathlib.Path(folder, 'shown').read_text().splitlines()
        lists = sorted(line.split()[1] for line in shown if line.endswith('key=bootahead'))
        self.assertIn('list=7', lists)
        self.assertGreaterEqual(lists.count('list=4'), 2)  # an ABI's, and more where there is btrfs or an overlay

    def test_mounted_meanwhile(self):
        """A filesystem that appears while recording goes on."""
        folder = self.folder()
        image, mount = f'{folder}/image', f'{folder}/mounted'
        os.mkdir(mount)
        subprocess.run(['truncate', '-s', '8M', image], check=True)
        subprocess.run(['mkfs.ext4', '-q', image], check=True)
        script = (f'mount -o loop {image} {mount} && echo word > {mount}/file && sleep 0.3 && cat {mount}/file'
                  ' && sleep 0.3')
        for source in ('audit', 'fanotify'):
            try:
                result = collect(f'--source={source}', f'--output={folder}/.profile', '--', 'sh', '-c', script)
            finally:
                subprocess.run(['umount', mount], check=True)
            self.assertEqual(result.returncode, 0, result.stderr)
            profile = Profile(f'{folder}/.profile')
            self.assertIn(f'mount="{mount}"', profile.text, source)
            self.assertIn(os.fsencode(mount) + b'/file', profile.files, source)

    def test_nothing_is_kept_busy(self):
        """What is mounted while we record can be unmounted while we record."""
        folder = self.folder()
        image, mount = f'{folder}/image', f'{folder}/mounted'
        os.mkdir(mount)
        subprocess.run(['truncate', '-s', '8M', image], check=True)
        subprocess.run(['mkfs.ext4', '-q', image], check=True)
        script = f'mount -o loop {image} {mount} && echo word > {mount}/file && sleep 0.3 && umount {mount}'
        for source in ('audit', 'fanotify'):
            result = collect(f'--source={source}', f'--output={folder}/.profile', '--', 'sh', '-c', script)
            self.assertEqual(result.returncode, 0, f'{source}: {result.stderr}')

    def test_exit_status(self):
        folder = self.folder()
        for command, status in ((['true'], 0), (['sh', '-c', 'exit 7'], 7), (['sh', '-c', 'kill -9 $$'], 137),
                                (['/nonexistent'], 127)):
            result = collect('--source=fanotify', f'--output={folder}/.profile', '--', *command)
            self.assertEqual(result.returncode, status, result.stderr)

    def test_only_descendants(self):
        """What others do meanwhile is not recorded."""
        folder = self.folder()
        for source in ('audit', 'fanotify'):
            noise = subprocess.Popen(['sh', '-c', f'while cat {folder}/deep/up >/dev/null; do :; done'])
            try:
                collect(f'--source={source}', f'--output={folder}/.profile', '--', 'sleep', '0.3', check=True)
            finally:
                noise.kill()
                noise.wait()
            self.assertNotIn(os.fsencode(folder) + b'/deep/up', Profile(f'{folder}/.profile').files, source)

    def test_auto(self):
        folder = self.folder()
        collect(f'--output={folder}/.profile', '--', 'true', check=True)
        self.assertIn(' sources=fanotify ', Profile(f'{folder}/.profile').text)

    def test_full_disk(self):
        """No space for the profile: a clear error, the old file whole, nothing left behind."""
        holder = self.folder()
        mount = pathlib.Path(holder, 'small')
        mount.mkdir()
        subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', mount], check=True)
        self.addCleanup(subprocess.run, ['umount', mount], check=True)
        (mount / 'profile').write_text('old')
        (mount / 'filler').write_bytes(b'x' * 60000)
        result = collect('--source=fanotify', f'--output={mount}/profile', '--', OPENER, holder)
        self.assertEqual(result.returncode, 1)
        self.assertIn(f"'{mount}/profile': No space left on device", result.stderr)
        self.assertEqual((mount / 'profile').read_text(), 'old')
        self.assertEqual(sorted(path.name for path in mount.iterdir()), ['filler', 'profile'])


if __name__ == '__main__':
    need_root_and_audit()
    if not COLLECT.exists():
        raise SystemExit(f"'{COLLECT}' is missing: build first")
    unittest.main(verbosity=2)
