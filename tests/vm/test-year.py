#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""
A year of a machine, in a few minutes: what happens to it between its boots and in them, what each boot decides, and that
profile and ledger are whole whatever happened.
"""

import dataclasses
import json
import os
import pathlib
import tempfile

import support
from support import RELEASE, dpkg, images, packed, run_in, vm

STATE = 'var/lib/bootahead'

# The power goes, before what is in memory comes to the disk; the bed still gets its report.
CUT = 'tar -C /run/bed -c out | dd of=/dev/vdb conv=fsync status=none\necho b > /proc/sysrq-trigger\nsleep 60\n'
# The collector becomes idle (field 41 of its stat) to make the profile and to write it.
CUT_IN_WRITE = '''
read -r pid rest < /run/bootahead/collect.pid
idle() { read -r stat < "/proc/$pid/stat"; set -- ${stat##*) }; [ "${39}" = 5 ]; }
until idle; do :; done
''' + CUT
REPORT = 'mkdir bootahead; cp /run/bootahead/decision bootahead/\n'
LATE = '''
for unit in bootahead-collect.service bootahead-report.service; do
        while [ "$(systemctl show --property=SubState --value $unit)" = running ]; do sleep 0.2; done
done
'''
PACKAGES = 'the packages have changed'
PROFILE = 'there is a profile'


@dataclasses.dataclass
class Step:
    mode: str
    why: str                  # the beginning of it
    before: object = None     # what happens to the machine's file system
    kernel: str = '6.12'
    run: str = ''             # what happens when it has booted, instead of waiting for the late units
    after: str = ''           # what happens when these are done
    on_record: bool = True
    forgets: bool = False     # what was on record is no more
    date: str = None


class Year(support.Case):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='bootahead-year-')
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def install(self, root):
        dpkg(root, '--install', file=packed('DEB', self.folder))
        run_in(root, 'update-initramfs', '-u', '-k', 'all')
        self.configure(root, 0)

    def configure(self, root, control_every):
        (root / 'etc/bootahead').mkdir(exist_ok=True)
        (root / 'etc/bootahead/bootahead.conf').write_text(f'[Boot]\nControlEvery={control_every}\n')

    def remove(self, package):
        return lambda root: dpkg(root, '--purge', '--force-depends', package)

    def fill(self, root):
        """Not a byte is left, also none of those that are kept for root."""
        with open(root / 'var/filler', 'wb', buffering=0) as file:
            for size in (1 << 20, 4096):
                try:
                    while file.write(bytes(size)) == size:
                        pass
                except OSError:
                    pass

    def empty(self, root):
        (root / 'var/filler').unlink()

    def garble(self, root):
        (root / STATE / 'profile').write_bytes(os.urandom(5000))

    def course(self):
        return [
            Step('control', PACKAGES),
            Step('collect', PACKAGES),
            Step('replay', PROFILE),
            Step('replay', PROFILE),
            # another kernel, and back
            Step('replay', PROFILE, kernel='6.1'),
            Step('collect', 'the profile is of kernel 6.12', kernel='6.1'),
            Step('replay', PROFILE, kernel='6.1'),
            Step('replay', PROFILE),
            # the power goes while a boot is collected, and while the profile is written
            Step('collect', 'the profile is of kernel 6.1', run=CUT, on_record=False),
            Step('collect', 'the profile is of kernel 6.1', run=CUT_IN_WRITE, on_record=False),
            Step('collect', 'the profile is of kernel 6.1'),
            Step('replay', PROFILE),
            # packages change, while nobody looks and in a running system
            Step('replay', PROFILE, self.remove('openssh-sftp-server')),
            Step('collect', PACKAGES, after='dpkg-trigger --by-package=libc6 --no-await /usr/bin; '
                 'dpkg --triggers-only --pending > /dev/null'),
            Step('replay', PROFILE),
            # without a disk to wait for nothing is gained: ten boots more, and it would be off by itself
            Step('collect', PACKAGES, after='bootahead forget > /dev/null', forgets=True),
            Step('collect', 'there is no profile'),
            # no room on the disk
            Step('replay', PROFILE, self.fill, on_record=False),
            Step('replay', PROFILE, self.empty, after='bootahead collect-next > /dev/null'),
            Step('collect', 'asked for', self.fill, on_record=False),
            # it could not be done, and is not tried for ever
            Step('replay', PROFILE, self.empty, after='bootahead collect-next > /dev/null'),
            Step('collect', 'asked for'),
            # a profile that is none
            Step('collect', '', self.garble),
            Step('replay', PROFILE),
            # the clock
            Step('replay', PROFILE, date='2024-02-29T12:00:00'),
            Step('replay', PROFILE, lambda root: self.configure(root, 3)),
            Step('control', 'one boot in 3', after='bootahead disable > /dev/null'),
            Step('off', 'switched off', after='bootahead enable > /dev/null'),
            Step('replay', PROFILE),
        ]

    def assert_whole(self, machine, records):
        with vm.opened(machine) as root:
            path = root / STATE / 'profile'
            if path.exists():
                status, text = support.bootahead('verify', path)
                self.assertEqual(status, 0, text)
            lines = (root / STATE / 'ledger').read_text().splitlines() if (root / STATE / 'ledger').exists() else []
            self.assertEqual([json.loads(line)['mode'] for line in lines], records)

    def test_year(self):
        with vm.machine(images.minimal(RELEASE)) as machine:
            with vm.opened(machine) as root:
                self.install(root)
                images.extract_kernels(root, self.folder / 'boot')
            machine = dataclasses.replace(machine, boot=self.folder / 'boot')
            records = []
            for number, step in enumerate(self.course(), 1):
                if step.before:
                    with vm.opened(machine) as root:
                        step.before(root)
                result = vm.boot(machine, 'none', RELEASE, step.kernel, keep=True, date=step.date,
                                 run=REPORT + (step.run or LATE + step.after))
                files = result.extra['files']
                decision = dict(line.split('=', 1) for line in files['bootahead/decision'].decode().splitlines())
                print(f'{number}: {result.seconds:.1f} s, {decision}', flush=True)
                self.assertEqual((number, decision['mode']), (number, step.mode))
                self.assertTrue(decision['why'].startswith(step.why), decision)
                self.assertNotIn(b'bootahead', files['failed'])
                if step.on_record:
                    records.append(step.mode)
                if step.forgets:
                    records.clear()
                self.assert_whole(machine, records)


if __name__ == '__main__':
    support.main()
