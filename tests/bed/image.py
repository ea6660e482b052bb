# SPDX-License-Identifier: LGPL-2.1-or-later
"""
The images that the beds boot: stock Debian 12 on one ext4 filesystem without a partition table.

Owns what is in an image and where the build folder keeps it. An image is made once: its name carries
a hash of its recipe, so a changed recipe makes a new one. Knows neither disks nor how to boot.
Needs root, mmdebstrap and e2fsprogs; package sources are those of the machine that it runs on.
"""

import contextlib
import dataclasses
import fcntl
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
RELEASE = 'bookworm'
KERNELS = {'6.12': 'linux-image-6.12-cloud-amd64', '6.1': 'linux-image-cloud-amd64'}
SIZE = '3G'
MACHINE_ID = 'b007a4eab007a4eab007a4eab007a4ea\n'
UUID = 'b007a4ea-d000-4000-8000-000000000001'

SYSTEM = ['systemd', 'systemd-sysv', 'udev', 'dbus', 'openssh-server']
BASE = [*SYSTEM, 'initramfs-tools', 'zstd', 'libjson-c5', 'libeconf0']
DRACUT = [*SYSTEM, 'dracut', 'zstd', 'libjson-c5', 'libeconf0']
AUDITED = ['auditd', 'apparmor']
SERVER = ['postgresql', 'mariadb-server', 'nginx-light', 'apache2', 'redis-server', 'memcached', 'network-manager',
          'cups', 'rsyslog', 'cron', 'chrony', 'exim4-daemon-light', 'dovecot-imapd', 'bind9', 'snmpd',
          'smartmontools', 'haproxy']

# What would start at a moment of its own choosing, or once a day: no two boots would be alike.
IRREGULAR = ['apt-daily.timer', 'apt-daily-upgrade.timer', 'dpkg-db-backup.timer', 'e2scrub_all.timer',
             'fstrim.timer', 'man-db.timer', 'logrotate.timer', 'exim4-base.timer', 'phpsessionclean.timer',
             'systemd-tmpfiles-clean.timer', 'e2scrub_reap.service']

# Written before the kernels are installed. Their initramfs can't find out about a root that is not mounted yet,
# and checks it as on any installed machine.
BEFORE = f'''
printf 'UUID={UUID} / ext4 errors=remount-ro 0 1\\n' > "$1/etc/fstab"
printf 'bed\\n' > "$1/etc/hostname"
printf '127.0.0.1 localhost bed\\n' > "$1/etc/hosts"
rm -f "$1/etc/resolv.conf"
mkdir -p "$1/etc/initramfs-tools/conf.d"
printf 'FSTYPE=ext4\\n' > "$1/etc/initramfs-tools/conf.d/bed"
'''

# As on any installed machine: what it needs, not all that there is.
BEFORE_DRACUT = BEFORE + '''
mkdir -p "$1/etc/dracut.conf.d"
printf '%s\\n' 'hostonly=no' 'compress=zstd' 'add_drivers+=" virtio_pci virtio_blk ext4 "' \\
        'omit_dracutmodules+=" kernel-modules kernel-modules-extra qemu i18n network "' > "$1/etc/dracut.conf.d/bed.conf"
'''

AFTER = '''
chroot "$1" passwd -d root
for unit in IRREGULAR; do ln -sf /dev/null "$1/etc/systemd/system/$unit"; done
install -m 755 HERE/bed-report "$1/usr/local/sbin/bed-report"
install -m 644 HERE/bed-report.service "$1/etc/systemd/system/bed-report.service"
mkdir -p "$1/etc/systemd/system/multi-user.target.wants"
ln -s ../bed-report.service "$1/etc/systemd/system/multi-user.target.wants/"
rm -f "$1/etc/apt/apt.conf.d/99mmdebstrap"
'''.replace('IRREGULAR', ' '.join(IRREGULAR)).replace('HERE', str(HERE))

# Two web servers can't share a port.
AFTER_SERVER = """sed -i 's/^Listen 80$/Listen 8080/' "$1/etc/apache2/ports.conf"\n"""

# An administrator's rules: a watched file, and what everybody executes. AppArmor comes after them: the kernel adds
# the record of the call to its messages only where there are rules by then, and without an order both may be first.
AFTER_AUDITED = '''
mkdir -p "$1/etc/systemd/system/apparmor.service.d"
printf '[Unit]\\nAfter=auditd.service\\n' > "$1/etc/systemd/system/apparmor.service.d/bed.conf"
printf '%s\\n' '-w /etc/passwd -p wa -k passwd' '-a always,exit -F arch=b64 -S execve -k exec' \\
        > "$1/etc/audit/rules.d/bed.rules"
'''


@dataclasses.dataclass(frozen=True)
class Image:
    path: pathlib.Path  # raw, one ext4 filesystem
    boot: pathlib.Path  # folder with the kernels and their initramfs

    def kernel(self, version='6.12'):
        """The kernel of a series and its initramfs."""
        kernels = sorted(self.boot.glob(f'vmlinuz-{version}.*'))
        if not kernels:
            raise FileNotFoundError(f"no kernel {version} in '{self.boot}'")
        release = kernels[-1].name.removeprefix('vmlinuz-')
        return kernels[-1], self.boot / f'initrd.img-{release}'


def say(text):
    print(f'image: {text}', file=sys.stderr, flush=True)


@contextlib.contextmanager
def locked(folder, kind):
    """Only one process makes images of a kind in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / f'{kind}.lock', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def sources():
    """Debian's own entries of this machine's package sources, or none to let mmdebstrap choose."""
    text = subprocess.run(['apt-get', 'indextargets', 'Created-By: Packages'], capture_output=True, text=True,
                          check=True).stdout
    lines = []
    for stanza in text.split('\n\n'):
        field = dict(line.split(': ', 1) for line in stanza.splitlines() if ': ' in line)
        if field.get('Origin') == 'Debian' and field.get('Codename', '').split('-')[0] == RELEASE:
            line = f"deb {field['Repo-URI']} {field['Release']} {field['Component']}"
            if line not in lines:
                lines.append(line)
    return lines


def settings():
    """This machine's ways to reach its package sources."""
    dump = subprocess.run(['apt-config', 'dump'], capture_output=True, text=True, check=True).stdout
    wanted = re.compile(r'Acquire::(https?|Check-Valid-Until|Check-Date|Retries)\b.* ".+";$')
    return [f'--aptopt={line}' for line in dump.splitlines() if wanted.match(line)]


def bootstrap(packages, before, after, root):
    subprocess.run(['mmdebstrap', '--mode=root', '--variant=minbase', '--quiet', f"--include={','.join(packages)}",
                    *settings(), f'--essential-hook={before}', f'--customize-hook={after}',
                    RELEASE, str(root), *sources()], check=True, stdout=sys.stderr)
    # mmdebstrap ends with taking it away, which would make every boot a first boot.
    (root / 'etc/machine-id').write_text(MACHINE_ID)


def make_filesystem(root, path):
    subprocess.run(['mke2fs', '-q', '-t', 'ext4', '-U', UUID, '-L', 'root', '-d', str(root),
                    '-E', f'hash_seed={UUID},lazy_itable_init=0,lazy_journal_init=0', str(path), SIZE],
                   check=True, stdout=sys.stderr)


def extract_kernels(root, folder):
    folder.mkdir()
    for pattern in ('vmlinuz-*', 'initrd.img-*'):
        for file in (root / 'boot').glob(pattern):
            shutil.copy2(file, folder)


def place(work, folder, name):
    """Moves a finished image to its name, and its predecessors, with what was made of them, out of the way."""
    stem = name.rsplit('-', 1)[0]
    for old in folder.glob(f'{stem}-*'):
        shutil.rmtree(old) if old.is_dir() else old.unlink()
    os.rename(work / 'boot', folder / f'{name}.boot')
    os.rename(work / 'image', folder / f'{name}.raw')
    return Image(folder / f'{name}.raw', folder / f'{name}.boot')


def made(folder, name):
    path = folder / f'{name}.raw'
    return Image(path, folder / f'{name}.boot') if path.exists() else None


def build(kind, packages, after, build_dir, before=BEFORE):
    folder = pathlib.Path(build_dir).resolve() / 'bed'
    recipe = [RELEASE, SIZE, UUID, MACHINE_ID, before, after.replace(str(HERE), ''), *packages,
              (HERE / 'bed-report').read_text(), (HERE / 'bed-report.service').read_text()]
    name = f"{kind}-{hashlib.sha256('|'.join(recipe).encode()).hexdigest()[:12]}"
    with locked(folder, kind):
        if image := made(folder, name):
            return image
        say(f'making the {kind} image')
        with tempfile.TemporaryDirectory(dir=folder, prefix='making-') as work:
            work = pathlib.Path(work)
            bootstrap(packages, before, after, work / 'root')
            extract_kernels(work / 'root', work / 'boot')
            make_filesystem(work / 'root', work / 'image')
            return place(work, folder, name)


def minimal(build_dir):
    """Debian's base, two kernels, initramfs-tools, systemd, udev, dbus, openssh-server."""
    return build('minimal', BASE + list(KERNELS.values()), AFTER, build_dir)


def server(build_dir):
    """The minimal image and more than fifteen services."""
    return build('server', BASE + list(KERNELS.values()) + SERVER, AFTER + AFTER_SERVER, build_dir)


def audited(build_dir):
    """The minimal image with auditd, rules of an administrator, and AppArmor's profiles."""
    return build('audited', BASE + list(KERNELS.values()) + AUDITED, AFTER + AFTER_AUDITED, build_dir)


def dracut(build_dir):
    """The audited image with dracut in the place of initramfs-tools: systemd runs in the initramfs."""
    return build('dracut', DRACUT + list(KERNELS.values()) + AUDITED, AFTER + AFTER_AUDITED, build_dir, BEFORE_DRACUT)


# Mounts of a namespace go with it, however it ends: nothing is left mounted on this machine.
CHANGE = '''
set -e
mount -o loop "$IMAGE" "$ROOT"
tar -C "$STAGING" --owner=0 --group=0 -cf - . | tar -C "$ROOT" --no-overwrite-dir -xf -
mount -t proc proc "$ROOT/proc"
mount -t devtmpfs devtmpfs "$ROOT/dev"
for kernel in $KERNELS; do
        release=$(cd "$ROOT/boot" && ls -d vmlinuz-$kernel.* | tail -n 1)
        release=${release#vmlinuz-}
        if [ -e "$ROOT/usr/bin/dracut" ]; then
                chroot "$ROOT" dracut --quiet --force "/boot/initrd.img-$release" "$release"
        else
                chroot "$ROOT" update-initramfs -u -k "$release"
        fi
        cp "$ROOT/boot/vmlinuz-$release" "$ROOT/boot/initrd.img-$release" "$BOOT/"
done
umount "$ROOT/dev" "$ROOT/proc" "$ROOT"
'''


def digest(tree):
    """A hash of what is done with the files below a folder, their names, modes and contents."""
    result = hashlib.sha256(CHANGE.encode())
    for path in sorted(tree.rglob('*')):
        status = path.lstat()
        content = os.readlink(path).encode() if path.is_symlink() else path.read_bytes() if path.is_file() else b''
        result.update(f'{path.relative_to(tree)}|{status.st_mode:o}|{len(content)}|'.encode() + content)
    return result.hexdigest()[:12]


def with_tree(image, staging, kernels=('6.12',), label='installed'):
    """A copy of an image with the files of a staged installation, and its initramfs made anew.

    Copies that are to be kept side by side have different labels.
    """
    folder, staging = image.path.parent, pathlib.Path(staging)
    name = f"{image.path.stem}+{label}+{'+'.join(kernels)}-{digest(staging)}"
    with locked(folder, f'{image.path.stem}+{label}'):
        if changed := made(folder, name):
            return changed
        say(f"installing '{staging}' into a copy of {image.path.stem}")
        with tempfile.TemporaryDirectory(dir=folder, prefix='making-') as work:
            work = pathlib.Path(work)
            for sub in ('root', 'boot'):
                (work / sub).mkdir()
            subprocess.run(['cp', '--sparse=always', '--reflink=auto', image.path, work / 'image'], check=True)
            environment = dict(os.environ, IMAGE=str(work / 'image'), ROOT=str(work / 'root'),
                               BOOT=str(work / 'boot'), STAGING=str(staging), KERNELS=' '.join(kernels))
            subprocess.run(['unshare', '--mount', '--propagation=private', 'sh', '-c', CHANGE], check=True,
                           env=environment, stdout=sys.stderr)
            return place(work, folder, name)


def with_bootahead(image, build_dir, kernels=('6.12',), add=(), label='installed'):
    """A copy of an image with what `cmake --install` brings, and further trees of files on top."""
    with tempfile.TemporaryDirectory(prefix='bootahead-staging-') as staging:
        subprocess.run(['cmake', '--install', str(build_dir)], check=True, stdout=subprocess.DEVNULL,
                       env=dict(os.environ, DESTDIR=staging))
        for tree in add:
            shutil.copytree(tree, staging, symlinks=True, dirs_exist_ok=True)
        return with_tree(image, staging, kernels, label)
