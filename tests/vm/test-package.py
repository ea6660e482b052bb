#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""
The binary packages: installed, booted with, upgraded, removed and purged, on a Debian that never heard of bootahead.
Debian's is handled by dpkg in the machine's own file system, rpm's is, too, as far as Debian can have it.
"""

import dataclasses
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import support
from support import RELEASE, dpkg, images, packed, run_in, vm

STATE = 'var/lib/bootahead'
FOLDER = '0o40755'
OTHER = 'sftp-server'  # a package that goes meanwhile
# What a package manager's own work leaves.
BOOKS = re.compile(r'^(var/lib/dpkg/|var/log/|var/cache/|var/lib/systemd/catalog|boot/initrd|var/lib/rpm|usr/lib/sysimage|'
                   r'var/lib/initramfs-tools)')


def manifest(root):
    """{path: what it is}, without the books of package managers."""
    result = {}
    for path in root.rglob('*'):
        name = str(path.relative_to(root))
        if not BOOKS.match(name):
            result[name] = os.readlink(path) if path.is_symlink() else oct(path.lstat().st_mode)
    return result


class Package(support.Case):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='bootahead-packages-')
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def kernel_of(self, machine, root):
        """The machine with the initramfs that is in its file system now."""
        boot = self.folder / 'boot'
        shutil.rmtree(boot, ignore_errors=True)
        images.extract_kernels(root, boot)
        return dataclasses.replace(machine, boot=boot)

    def initramfs(self, root):
        return run_in(root, 'sh', '-c', 'lsinitramfs /boot/initrd.img-6.12.*')

    def boot(self, machine):
        said = support.boot(machine, keep=True, clean=True,
                            after='systemd-analyze verify --man=no /usr/lib/systemd/system/bootahead-*.service > verified 2>&1')
        self.assertEqual((said.failed, said.files['verified']), ([], b''))
        self.assertNotIn('ordering cycle', said.journal)
        return said

    def test_debian(self):
        with vm.machine(images.minimal(RELEASE)) as machine:
            with vm.opened(machine) as root:
                before = manifest(root)
                said = dpkg(root, '--install', file=packed('DEB', self.folder))
                self.assertIn('update-initramfs', said)
                self.assertIn('bootahead-early', self.initramfs(root))
                self.assertTrue((root / STATE / 'packages-changed').exists())
                machine = self.kernel_of(machine, root)
            self.assertEqual(self.boot(machine).decision['mode'], 'control')  # the first one is not typical
            said = self.boot(machine)
            self.assertEqual((said.decision['mode'], said.decision['stage']), ('collect', 'early'))
            self.assert_profile(machine)
            self.assert_replayed(self.boot(machine))
            with vm.opened(machine) as root:
                (root / STATE / 'packages-changed').unlink(missing_ok=True)
                dpkg(root, '--install', file=packed('DEB', self.folder, 2))
                self.assertTrue((root / STATE / 'profile').exists())
                self.assertTrue((root / STATE / 'packages-changed').exists())
                (root / STATE / 'packages-changed').unlink()
                dpkg(root, '--purge', '--force-depends', f'openssh-{OTHER}')
                self.assertTrue((root / STATE / 'packages-changed').exists())
                machine = self.kernel_of(machine, root)
            self.assertEqual(self.boot(machine).decision['mode'], 'replay')
            with vm.opened(machine) as root:
                dpkg(root, '--remove', 'bootahead')
                self.assertTrue((root / STATE / 'profile').exists())
                self.assertNotIn('bootahead', self.initramfs(root))
                dpkg(root, '--purge', 'bootahead')
                self.assertEqual([name for name in manifest(root) if 'bootahead' in name], [])
                self.assertEqual([name for name in set(before) - set(manifest(root)) if OTHER not in name], [])
                machine = self.kernel_of(machine, root)
            result = vm.boot(machine, 'none', RELEASE, run='systemctl --failed --quiet; ls -d /run/bootahead || true')
            self.assertNotIn('/run/bootahead', result.extra['stdout'])
            self.assertNotIn('bootahead', result.extra['console'])

    def test_lintian(self):
        if not shutil.which('lintian'):
            self.skipTest('lintian is not installed')
        result = subprocess.run(['lintian', '--allow-root', packed('DEB', self.folder)], capture_output=True, text=True)
        self.assertEqual((result.returncode, result.stdout + result.stderr), (0, ''))

    def test_rpm(self):
        with vm.machine(images.minimal(RELEASE)) as machine, vm.opened(machine) as root:
            before = manifest(root)
            rpm = ['rpm', f'--root={root}', '--nodeps', '--dbpath=/var/lib/rpm']
            for word, release in (('--install', 1), ('--upgrade', 2)):
                (root / STATE / 'packages-changed').unlink(missing_ok=True)
                subprocess.run([*rpm, word, '--force-debian', packed('RPM', self.folder, release)], check=True)
                self.assertTrue((root / STATE / 'packages-changed').exists())
                run_in(root, 'bootahead', 'status')
            (root / STATE / 'profile').write_text('')
            subprocess.run([*rpm, '--force-debian', '--erase', 'bootahead'], check=True)
            left = {name: kind for name, kind in manifest(root).items() if before.get(name) != kind}
            # folders that are other packages' where these are installed
            self.assertEqual([name for name, kind in left.items() if kind != FOLDER or 'bootahead' in name], [])
            self.assertEqual(set(before) - set(manifest(root)), set())


if __name__ == '__main__':
    support.main()
