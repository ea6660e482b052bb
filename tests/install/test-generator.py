#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The generator as a program: what it links and decides, on made-up roots. Usage: test-generator.py PROGRAM LIBEXECDIR"""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

PROGRAM, LIBEXEC = sys.argv[1:3]
del sys.argv[1:3]
COLLECT = 'normal/sysinit.target.wants/bootahead-collect.service'
REPLAY = 'normal/sysinit.target.wants/bootahead-replay.service'
REPORT = 'normal/multi-user.target.wants/bootahead-report.service'
MASK = 'early/systemd-journald-audit.socket'


class Generator(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.root = self.folder / 'root'
        for name in ('normal', 'early', 'late', 'root/proc', 'root/run/systemd', 'root/etc', 'root/var/lib/bootahead'):
            (self.folder / name).mkdir(parents=True)
        self.write('proc/cmdline', 'root=/dev/vda ro quiet\n')

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def run_it(self, virtualization='vm:qemu'):
        """Returns what was linked: {path: target}."""
        subprocess.run([PROGRAM, *(self.folder / name for name in ('normal', 'early', 'late', 'root'))], check=True,
                       env={**os.environ, 'SYSTEMD_VIRTUALIZATION': virtualization})
        links = [path for name in ('normal', 'early', 'late') for path in (self.folder / name).rglob('*')
                 if path.is_symlink()]
        return {str(path.relative_to(self.folder)): os.readlink(path) for path in links}

    def decision(self):
        text = (self.root / 'run/bootahead/decision').read_text()
        return dict(line.split('=', 1) for line in text.splitlines())

    def test_collects_without_a_profile(self):
        links = self.run_it()
        self.assertEqual(set(links), {COLLECT})
        self.assertTrue(links[COLLECT].endswith('/systemd/system/bootahead-collect.service'))
        self.assertEqual(self.decision() | {'why': ''}, {'mode': 'collect', 'why': '', 'stage': 'late', 'request': 'auto'})

    def test_replays_with_a_profile(self):
        self.write('var/lib/bootahead/profile', 'bytes')
        self.assertEqual(set(self.run_it()), {REPLAY, REPORT})
        self.assertEqual(self.decision()['mode'], 'replay')

    def test_command_line_overrules_the_profile(self):
        self.write('var/lib/bootahead/profile', 'bytes')
        for word, expected in (('collect', {COLLECT}), ('control', {REPORT}), ('off', set())):
            with self.subTest(word):
                self.setUp()
                self.write('proc/cmdline', f'quiet bootahead={word}\n')
                self.assertEqual(set(self.run_it()), expected)

    def test_unknown_word_decides_nothing(self):
        self.write('proc/cmdline', 'quiet bootahead=sometimes bootaheadx=off\n')
        self.assertEqual(set(self.run_it()), {COLLECT})

    def test_only_audit_is_kept_from_the_journal(self):
        for word, expected in (('auto', {COLLECT}), ('fanotify', {COLLECT}), ('audit', {COLLECT, MASK})):
            with self.subTest(word):
                self.setUp()
                self.write('proc/cmdline', f'bootahead.source={word}\n')
                links = self.run_it()
                self.assertEqual(set(links), expected)
                self.assertEqual(links.get(MASK, '/dev/null'), '/dev/null')

    def test_early_stage_knows_the_source(self):
        for source, expected in (('fanotify', {COLLECT}), ('audit+fanotify-gap', {COLLECT, MASK})):
            with self.subTest(source):
                self.setUp()
                self.write('run/bootahead/decision', f'mode=collect\nwhy=\nstage=early\nrequest=auto\nsource={source}\n')
                self.assertEqual(set(self.run_it()), expected)

    def test_auditd_and_the_journal_keep_audit(self):
        for target in ('multi-user', 'sysinit'):
            with self.subTest(target):
                self.setUp()
                self.write('proc/cmdline', 'bootahead.source=audit\n')
                self.write(f'etc/systemd/system/{target}.target.wants/auditd.service', '')
                self.assertEqual(set(self.run_it()), {COLLECT})

    def test_services_of_audit_find_it_free(self):
        for word, expected in (('audit', True), ('auto', False)):
            with self.subTest(word):
                self.setUp()
                self.write('proc/cmdline', f'bootahead=collect bootahead.source={word}\n')
                self.run_it()
                for service in ('auditd', 'audit-rules'):
                    path = self.folder / f'normal/{service}.service.d/bootahead.conf'
                    self.assertEqual(path.exists(), expected)
                    self.assertTrue(not expected or '/bootahead-collect --leave-audit\n' in path.read_text())

    def test_masks_nothing_when_collecting_is_over(self):
        self.write('run/systemd/private', '')
        self.write('run/bootahead/decision', 'mode=collect\nwhy=\nstage=early\nsource=audit+fanotify\ncollected=over\n')
        self.assertEqual(set(self.run_it()), {COLLECT})
        self.assertFalse((self.folder / 'normal/auditd.service.d').exists())

    def test_own_init_is_ordinary(self):
        libexec = LIBEXEC + '/bootahead-init'
        for word, expected in ((libexec, {COLLECT}), (libexec + 'x', set())):
            with self.subTest(word):
                self.setUp()
                self.write('proc/cmdline', f'quiet init={word} bootahead.init=/sbin/init\n')
                self.assertEqual(set(self.run_it()), expected)

    def test_rescue_is_left_alone(self):
        for word in ('single', 'rescue', 'emergency', 'systemd.unit=rescue.target', 'init=/bin/sh', '1'):
            with self.subTest(word):
                self.setUp()
                self.write('proc/cmdline', f'quiet {word}\n')
                self.assertEqual(self.run_it(), {})

    def test_rescue_overruled_by_name(self):
        self.write('proc/cmdline', 'init=/lib/systemd/systemd bootahead=collect\n')
        self.assertEqual(set(self.run_it()), {COLLECT})

    def test_state_folder_not_mounted(self):
        (self.root / 'var/lib/bootahead').rmdir()
        self.assertEqual(set(self.run_it()), {COLLECT})
        self.setUp()
        for name in ('var/lib/bootahead', 'var/lib'):
            (self.root / name).rmdir()
        self.assertEqual(set(self.run_it()), {REPORT})

    def test_what_was_handed_on(self):
        for mode, expected in (('collect', {COLLECT}), ('control', {REPORT}), ('off', {REPORT}), ('else', {REPLAY, REPORT})):
            with self.subTest(mode):
                self.setUp()
                self.write('var/lib/bootahead/profile', 'bytes')
                self.write('var/lib/bootahead/next', f'mode={mode}\nwhy=a test\n')
                self.assertEqual(set(self.run_it()), expected)
                self.assertEqual(self.decision()['why'], 'there is a profile' if mode == 'else' else 'a test')
                self.assertEqual(set(self.run_it()), expected)  # from what was decided

    def test_packages_have_changed(self):
        self.write('var/lib/bootahead/packages-changed', '')
        self.assertEqual(set(self.run_it()), {REPORT})
        self.assertEqual(self.decision()['mode'], 'control')

    def test_containers_are_left_alone(self):
        self.assertEqual(self.run_it('container:systemd-nspawn'), {})
        self.write('run/systemd/container', 'lxc')
        self.assertEqual(self.run_it(), {})
        self.assertFalse((self.root / 'run/bootahead').exists())

    def test_initramfs_is_left_alone(self):
        self.write('etc/initrd-release', '')
        self.assertEqual(self.run_it(), {})

    def test_early_decision_is_kept(self):
        self.write('var/lib/bootahead/profile', 'bytes')
        self.write('run/bootahead/decision', 'mode=collect\nwhy=damaged\nstage=early\nrequest=auto\n'
                                             'source=fanotify\nprofile=refused\nnew=key\n')
        self.assertEqual(set(self.run_it()), {COLLECT})
        self.write('run/bootahead/decision', 'mode=replay\nwhy=\nstage=early\n')
        self.assertEqual(set(self.run_it()) - {COLLECT}, {REPORT})

    def test_every_reload_links_the_same(self):
        self.write('proc/cmdline', 'bootahead.source=audit\n')
        first = self.run_it()
        self.write('run/systemd/private', '')
        self.write('var/lib/bootahead/profile', 'written since')
        self.assertEqual(self.run_it(), first)
        for path in first:
            (self.folder / path).unlink()
        self.assertEqual(self.run_it(), first)

    def test_running_system_is_left_alone(self):
        self.write('run/systemd/private', '')
        self.assertEqual(self.run_it(), {})
        self.assertFalse((self.root / 'run/bootahead').exists())

    def test_damaged_decision_is_reported(self):
        for text in ('', 'mode=perhaps\n', 'why=nothing\n', '\0' * 5000):
            with self.subTest(text[:20]):
                self.write('run/bootahead/decision', text)
                result = subprocess.run([PROGRAM, *(self.folder / name for name in ('normal', 'early', 'late', 'root'))],
                                        capture_output=True, text=True)
                self.assertEqual(result.returncode, 1)
                self.assertIn('booting without bootahead', result.stderr)
                self.assertFalse(list((self.folder / 'normal').iterdir()))

    def test_usage(self):
        self.assertEqual(subprocess.run([PROGRAM, 'one'], stderr=subprocess.DEVNULL).returncode, 2)


if __name__ == '__main__':
    unittest.main()
