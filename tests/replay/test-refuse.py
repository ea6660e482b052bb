#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""
What bootahead-replay refuses: a message with the profile's name and the consequence, exit 1, the reason in
the report, and no look at anything else. No privileges needed; as root one case more.
"""

import os
import pathlib
import struct
import tempfile
import unittest
import zlib

from support import STATEDIR, Profile, read_report, replay

OTHER_USER = 12345
ZSTD_MAGIC = b'\x28\xb5\x2f\xfd'


class Refused(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = pathlib.Path(holder.name)
        self.profile, self.report = self.folder / 'profile', self.folder / 'report.json'
        profile = Profile()
        profile.add_filesystem('/')
        profile.add_file('/file', 4096, [(0, 1)])
        self.good = profile.write(self.profile).read_bytes()

    def replay(self, *arguments):
        return replay(f'--root={self.folder}', f'--report={self.report}', '--limit-seconds=1', *arguments)

    def assert_refused(self, *why, path=None):
        path = path or self.profile
        for background in ([], ['--background']):
            self.report.unlink(missing_ok=True)
            result = self.replay(*background, path)
            self.assertEqual((result.returncode, result.stdout), (1, ''))
            self.assertRegex(result.stderr, r'\Abootahead-replay: [^\n]+\n\Z')
            self.assertIn(f"'{path}'", result.stderr)
            self.assertIn('booting without replay', result.stderr)
            report = read_report(self.report)
            self.assertEqual(report['result'], 'refused')
            self.assertIn(report['why'], result.stderr)
            self.assertTrue(report['why'])
            self.assertEqual(report['profile'], str(path))
            self.assertEqual((report['files'], report['requests'], report['verified_us']), (0, 0, 0))
            for word in why:
                self.assertIn(word, report['why'])

    def assert_taken(self):
        result = self.replay(self.profile)
        self.assertEqual((result.returncode, result.stderr), (0, ''))
        self.assertEqual(read_report(self.report)['result'], 'done')

    def with_header(self, offset, form, value):
        """The profile with another value in its header, the header's checksum right again."""
        data = bytearray(self.good)
        struct.pack_into(form, data, offset, value)
        size, = struct.unpack_from('<I', data, 8)
        struct.pack_into('<I', data, 12, 0)
        struct.pack_into('<I', data, 12, zlib.crc32(data[:size]))
        return bytes(data)

    def test_good(self):
        self.assert_taken()
        self.profile.write_bytes(self.with_header(16, '<H', 77))  # the version is not what a reader judges by
        self.assert_taken()

    def test_missing(self):
        self.profile.unlink()
        self.assert_refused('No such file or directory')

    def test_empty(self):
        self.profile.write_bytes(b'')
        self.assert_refused()

    def test_truncated(self):
        for length in (1, 31, 100, len(self.good) // 2, len(self.good) - 1):
            self.profile.write_bytes(self.good[:length])
            self.assert_refused()

    def test_garbage(self):
        self.profile.write_bytes(bytes(range(256)) * 64)
        self.assert_refused()

    def test_flipped(self):
        details = struct.unpack_from('<I', self.good, 8)[0] - 3 * 32  # the first entry behind replay's part
        replay_part, = struct.unpack_from('<Q', self.good, details + 8)
        for offset in range(0, replay_part, 7):
            if self.good[:offset].endswith(ZSTD_MAGIC):
                continue  # in the byte behind it a decoder ignores that bit
            data = bytearray(self.good)
            data[offset] ^= 0x10
            self.profile.write_bytes(data)
            self.assert_refused()

    def test_newer(self):
        self.profile.write_bytes(self.with_header(18, '<H', 99))
        self.assert_refused('newer')

    def test_unknown_flag(self):
        self.profile.write_bytes(self.with_header(24, '<I', 1 << 31))
        self.assert_refused()

    def test_writable_by_others(self):
        for mode in (0o664, 0o646, 0o666):
            self.profile.chmod(mode)
            self.assert_refused()
        self.profile.chmod(0o600)
        self.assert_taken()

    @unittest.skipUnless(os.geteuid() == 0, 'needs root')
    def test_of_another_user(self):
        os.chown(self.profile, OTHER_USER, OTHER_USER)
        self.assert_refused()

    def test_no_regular_file(self):
        link, fifo = self.folder / 'link', self.folder / 'fifo'
        link.symlink_to(self.profile)
        self.assert_refused(path=link)
        os.mkfifo(fifo)
        self.assert_refused(path=fifo)
        self.assert_refused(path=self.folder)
        self.assert_refused(path='/dev/null')

    def test_default_place(self):
        result = self.replay()
        self.assertEqual(result.returncode, 1)
        self.assertIn(f"'{STATEDIR}/profile'", result.stderr)

    def test_no_root(self):
        result = replay(f'--root={self.folder}/none', self.profile)
        self.assertEqual((result.returncode, result.stdout), (1, ''))
        self.assertIn(f"'{self.folder}/none'", result.stderr)

    def test_dry_run_leaves_no_report(self):
        self.profile.write_bytes(b'garbage')
        result = self.replay('--dry-run', self.profile)
        self.assertEqual((result.returncode, result.stdout), (1, ''))
        self.assertFalse(self.report.exists())

    def test_usage(self):
        for arguments in (['--none'], ['--threads=0'], ['--threads=65'], ['--threads=x'], ['--threads='],
                          ['--gap-pages=-1'], ['--gap-pages=1025'], ['--limit-memory=0'], ['--limit-memory=101'],
                          ['--limit-files=4294967296'], ['--limit-megabytes=99999999999999999999'],
                          ['--limit-seconds=1s'], ['--report'], [self.profile, self.profile]):
            result = self.replay(*arguments)
            self.assertEqual((result.returncode, result.stdout), (2, ''), arguments)
            self.assertIn('bootahead-replay: ', result.stderr)
            self.assertFalse(self.report.exists())

    def test_help(self):
        for option in ('--help', '--version'):
            result = self.replay(option)
            self.assertEqual((result.returncode, result.stderr), (0, ''))
            self.assertIn('bootahead', result.stdout)


if __name__ == '__main__':
    unittest.main(verbosity=2)
