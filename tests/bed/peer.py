# SPDX-License-Identifier: LGPL-2.1-or-later
"""
Other readahead tools in a machine of the vm bed: what each wants installed, and when it has collected.

Owns the treatment of peers: started by units with the order and times of those that come with them, but also in
a virtual machine. Knows nothing of what is measured. Programs are given, none is fetched.
"""

import dataclasses
import os
import pathlib
import re
import shutil
import subprocess

UNITS = pathlib.Path('etc/systemd/system')


@dataclasses.dataclass(frozen=True)
class Peer:
    program: str   # where its units expect it
    units: dict    # name: text
    wanted: list   # units of default.target, the one that collects first
    finished: str  # state of that unit when it has collected, as ActiveState/SubState
    pack: str      # what it has written then

    def collected(self):
        """For the guest, in the boot that collects: ends when what was collected is on the disk."""
        return f'''
until [ "$(systemctl show --property=ActiveState,SubState --value {self.wanted[0]} | paste -s -d /)" = {self.finished} ]
do
        sleep 1
done
test -s {self.pack}
'''


def unit(section, *lines, before='', after=''):
    """One that starts as early as it can, as theirs do."""
    return '\n'.join(['[Unit]', 'DefaultDependencies=no', 'Conflicts=shutdown.target',
                      f'Before=shutdown.target {before}', f'After={after}', f'[{section}]', *lines, ''])


def timer(seconds):
    return unit('Timer', f'OnActiveSec={seconds}s', 'AccuracySec=1s', after='default.target')


def systemd_readahead(verb):
    return ['Type=notify', f'ExecStart=/usr/lib/systemd/systemd-readahead {verb}', 'RemainAfterExit=yes',
            'StandardOutput=null', 'OOMScoreAdjust=1000']


# Times, order and kinds of their units: ureadahead of 2025, debian/; systemd 216, units/.
PEERS = {
    'ureadahead': Peer(
        program='/sbin/ureadahead', wanted=['ureadahead.service', 'ureadahead-stop.timer'],
        finished='inactive/dead', pack='/var/lib/ureadahead/pack',
        units={
            'ureadahead.service': unit('Service', 'ExecStart=/sbin/ureadahead', 'TimeoutStopSec=180s'),
            'ureadahead-stop.service': unit('Service', 'Type=oneshot', 'ExecStart=systemctl --no-block stop ureadahead',
                                            after='default.target'),
            'ureadahead-stop.timer': timer(45),
        }),
    'systemd-readahead': Peer(
        program='/usr/lib/systemd/systemd-readahead',
        wanted=['systemd-readahead-collect.service', 'systemd-readahead-replay.service',
                'systemd-readahead-done.timer'],
        finished='active/exited', pack='/.readahead',
        units={
            'systemd-readahead-collect.service': unit('Service', *systemd_readahead('collect'),
                                                      before='sysinit.target'),
            'systemd-readahead-replay.service': unit('Service', *systemd_readahead('replay'),
                                                     before='sysinit.target'),
            # systemd-notify(1) of then told it so
            'systemd-readahead-done.service': unit('Service', 'Type=oneshot',
                                                   'ExecStart=touch /run/systemd/readahead/done',
                                                   after='default.target'),
            'systemd-readahead-done.timer': timer(30),
        }),
}


def libraries_of(program):
    found = subprocess.run(['ldd', program], check=True, capture_output=True, text=True).stdout
    return re.findall(r'=> (/\S+) ', found)


def install(peer, program, root):
    """Into the root of a machine that is not running; of the program's libraries those that are not there."""
    for source, name in [(program, peer.program), *((path, path) for path in libraries_of(program))]:
        target = root / name.lstrip('/')
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(os.path.realpath(source), target)
    (root / peer.pack.lstrip('/')).parent.mkdir(parents=True, exist_ok=True)
    for name, text in peer.units.items():
        (root / UNITS / name).write_text(text)
    wants = root / UNITS / 'default.target.wants'
    wants.mkdir(exist_ok=True)
    for name in peer.wanted:
        (wants / name).symlink_to(f'../{name}')
