# SPDX-License-Identifier: LGPL-2.1-or-later
"""
The vm bed: an image boots in QEMU from a modelled disk, reports its figures and powers off.

Owns the machine (an emulated CPU, 2 of them, 2 GiB) and the exchange of files with the guest; the guest's
half is bed-report, which image.py installs. Everything hangs on this process and goes with it.
"""

import contextlib
import dataclasses
import io
import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile

from . import Boot, disk, image as images, mounts

TIMEOUT = 240          # seconds for a boot with its report and power-off
ATTEMPTS = 3           # of a boot in which the emulator itself fails
EXCHANGE = 256 << 20   # bytes of the sparse file that carries archives in and out
READ_STATISTICS = 3    # leading fields of /sys/block/*/stat: requests, merges, sectors

# Measured on two cores: a hot boot of the minimal image takes 8.2 s with this CPU, 8.6 s with "max" and
# 10 s with "Nehalem". microvm is no faster, and hung once in three boots.
MACHINE = ['-machine', 'q35', '-cpu', 'qemu64,+ssse3,+sse4.1,+sse4.2,+popcnt', '-smp', '2', '-m', '2048']
EMULATED = ['-accel', 'tcg,thread=multi,tb-size=512']
PANIC = 'panic=-1 softlockup_panic=1 panic_print=0x40'  # ends at once, and says what each processor was doing
HARDWARE = ['-accel', 'kvm']  # opt-in: on some machines /dev/kvm exists and a stock kernel hangs on it


class Failed(Exception):
    """The machine did not finish its boot, or did not report; carries the end of its console."""


def warm(path):
    """Reads a file's data into this machine's cache: the model adds the delays, not the host."""
    with open(path, 'rb', buffering=0) as file:
        offset, end = 0, os.fstat(file.fileno()).st_size
        while offset < end:
            try:
                start = os.lseek(file.fileno(), offset, os.SEEK_DATA)
            except OSError:  # nothing but a hole until the end
                return
            offset = os.lseek(file.fileno(), start, os.SEEK_HOLE)
            os.lseek(file.fileno(), start, os.SEEK_SET)
            while start < offset:
                start += len(file.read(min(offset - start, 1 << 20)))


def pack(path, run, files, clean):
    """Writes the archive for the guest: a script, further files, and how to stop."""
    content = dict(files)
    if run is not None:
        content['run'] = run
    if clean:
        content['stop-cleanly'] = ''
    with tarfile.open(path, 'w') as archive:
        for name, data in content.items():
            data = data.encode() if isinstance(data, str) else data
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o755
            archive.addfile(entry, io.BytesIO(data))
    os.truncate(path, EXCHANGE)


def unpack(path):
    """What the guest handed back: {name: bytes}, empty where it did not come that far."""
    with tarfile.open(path) as archive:
        return {entry.name.removeprefix('out/'): archive.extractfile(entry).read()
                for entry in archive if entry.isfile() and entry.name.startswith('out/')}


def command(image, version, command_line, drive, exchange, console, hardware, date):
    kernel, initramfs = image.kernel(version)
    words = f'root=UUID={images.UUID} ro quiet console=ttyS0 {PANIC} psi=1 bed.report {command_line}'
    # An NBD client of QEMU has at most 16 requests in flight, fewer than the models: a file has 64.
    return ['qemu-system-x86_64', '-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot',
            *(HARDWARE if hardware else EMULATED), *MACHINE, *(['-rtc', f'base={date}'] if date else []),
            '-kernel', str(kernel), '-initrd', str(initramfs), '-append', words, '-serial', f'file:{console}',
            '-object', 'iothread,id=io',
            '-blockdev', f'driver=file,node-name=root,filename={drive},cache.direct=on,aio=threads,locking=off',
            '-device', 'virtio-blk-pci,drive=root,iothread=io',
            '-blockdev', f'driver=file,node-name=exchange,filename={exchange},locking=off',
            '-device', 'virtio-blk-pci,drive=exchange']


def copied(source, target):
    subprocess.run(['cp', '--sparse=always', '--reflink=auto', source, target], check=True)
    return target


def execute(words, timeout, console):
    machine = subprocess.Popen(['setpriv', '--pdeathsig', 'KILL', *words], stdin=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True)
    try:
        _, errors = machine.communicate(timeout=timeout)
        problem = f'QEMU failed: {errors.strip()}' if machine.returncode else None
    except subprocess.TimeoutExpired:
        problem = f'no report after {timeout} s'
    finally:
        machine.kill()
        machine.wait()
    if problem:
        tail = console.read_text(errors='replace')[-2000:] if console.exists() else ''
        raise Failed(f'{problem}\n{tail}')


def emulator_failed(console):
    """Now and then QEMU's emulated processors run code that the kernel is just patching, and it panics over
    the breakpoint that guards the place; once in some 300 boots both were stuck in the kernel for minutes.
    That says nothing of what is tested, unless it happens in each attempt."""
    return 'Kernel panic' in console and ('Oops: int3' in console or 'soft lockup' in console)


def seconds_of(files):
    manager = dict(line.split('=', 1) for line in files['manager'].decode().splitlines() if '=' in line)
    finish, userspace = (int(manager[f'{name}TimestampMonotonic']) / 1e6 for name in ('Finish', 'Userspace'))
    return finish, userspace


def stall_of(pressure):
    for line in pressure.decode().splitlines():
        if line.startswith('some '):
            return int(line.rsplit('total=', 1)[1]) / 1e6
    return None


def report(files, console, served):
    finish, userspace = seconds_of(files)
    requests, _, sectors = map(int, files['stat'].split()[:READ_STATISTICS])
    text = {name: files.get(name, b'').decode(errors='replace') for name in ('stdout', 'stderr', 'failed')}
    return Boot(seconds=finish, read_requests=requests, read_bytes=sectors * 512,
                stall_seconds=stall_of(files['pressure']),
                extra=text | {'kernel_seconds': userspace, 'status': int(files.get('status', b'0')),
                              'files': files, 'console': console, 'disk': served})


def boot(image, model='none', build_dir='build/release', kernel='6.12', command_line='', run=None, files=None,
         keep=False, clean=False, hardware=False, timeout=TIMEOUT, date=None):
    """Boots an image once.

    run is a shell script that runs in the guest after the boot; what it writes into its working directory
    comes back in extra['files'], its output in extra['stdout'] and ['stderr']. With keep what the guest
    writes to its disk stays in the image, unless the boot failed. clean stops all services before the power
    goes, which takes longer. date is what the machine's clock says, where that is not the truth.
    """
    mounts.make_mounts_private()
    warm(image.path)
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix='bed-vm-')))
        exchange, console = folder / 'exchange', folder / 'console'
        pack(exchange, run, files or {}, clean)
        for _ in range(ATTEMPTS):
            path = copied(image.path, image.path.with_suffix('.attempt')) if keep else image.path
            with disk.File(path, disk.VM[model], build_dir, keep=keep) as served:
                execute(command(image, kernel, command_line, served.path, exchange, console, hardware, date),
                        timeout, console)
                text = console.read_text(errors='replace')
            if not emulator_failed(text):
                break
            print(f'bed: the emulated processor failed in the kernel, once more\n{text[-6000:]}', file=sys.stderr,
                  flush=True)
        answer = unpack(exchange)
        if 'manager' not in answer:
            raise Failed(f'powered off without a report\n{text[-2000:]}')
        if keep:
            path.replace(image.path)
        return report(answer, text, served.statistics)


@contextlib.contextmanager
def machine(image):
    """A copy of an image that keeps its state from boot to boot, for as long as the `with` block lasts."""
    with tempfile.TemporaryDirectory(prefix='machine-', dir=image.path.parent) as folder:
        yield dataclasses.replace(image, path=copied(image.path, pathlib.Path(folder) / 'disk.raw'))


@contextlib.contextmanager
def opened(machine):
    """The file system of a machine that is not running, as a folder, for as long as the `with` block lasts."""
    mounts.make_mounts_private()
    with tempfile.TemporaryDirectory(prefix='bed-machine-') as folder:
        subprocess.run(['mount', '-o', 'loop', machine.path, folder], check=True)
        try:
            yield pathlib.Path(folder)
        finally:
            subprocess.run(['umount', folder], check=True)
