#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The three boots of tools/try, which has built what they need: plain, collecting, replaying; then a table."""

import argparse
import contextlib
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import time

PROJECT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(PROJECT / 'tests'))
from bed import disk, image as images, vm  # noqa: E402

BUILD = PROJECT / 'build/release'
RESULT = PROJECT / 'build/try'
BOOTS = {'plain': 'bootahead=off', 'collecting': 'bootahead=collect', 'replaying': ''}
PROFILE = 'var/lib/bootahead/profile'


@contextlib.contextmanager
def progress(text):
    """Says what is going on, and on a terminal for how long."""
    print(f'{text} ...', flush=True)
    done, start = threading.Event(), time.monotonic()

    def tick():
        while not done.wait(1):
            print(f'\r  {time.monotonic() - start:.0f} s ', end='', file=sys.stderr, flush=True)

    thread = threading.Thread(target=tick, daemon=True)
    if sys.stderr.isatty():
        thread.start()
    try:
        yield
    finally:
        done.set()
        if thread.is_alive():
            thread.join()
            print('\r', end='', file=sys.stderr, flush=True)


def prepare():
    """The image with bootahead in it; what is made already is kept."""
    return images.with_bootahead(images.minimal(BUILD), BUILD)


def run(model):
    boots = {}
    with vm.machine(prepare()) as machine:
        for kind, command_line in BOOTS.items():
            with progress(f"booting on '{model}', {kind}"):
                boots[kind] = vm.boot(machine, model, BUILD, command_line=command_line, keep=True, clean=True)
        with vm.opened(machine) as root:
            shutil.copy(root / PROFILE, RESULT / 'profile')
    return boots


def show(model, boots):
    print(f"\nDebian 12, kernel 6.12, emulated CPU, disk '{model}'\n")
    print(f"{'':12}{'boot':>9}{'read requests':>16}{'I/O stall':>12}{'gained':>10}")
    plain = boots['plain'].seconds
    for kind, boot in boots.items():
        gained = '' if kind == 'plain' else f'{plain - boot.seconds:+.1f} s'
        stall = '-' if boot.stall_seconds is None else f'{boot.stall_seconds:.1f} s'
        print(f'{kind:12}{boot.seconds:7.1f} s{boot.read_requests:16}{stall:>12}{gained:>10}')
    print('\nOne boot of each kind: an emulated CPU scatters by several percent, on a busy machine by far more.')
    print('What bootahead is to take away, the wait for the disk (I/O stall), scatters less.')
    print(f"The profile lies in '{RESULT / 'profile'}'. To look at it:")
    print(f"  {BUILD / 'bin/bootahead'} show {RESULT / 'profile'}")


def main():
    parser = argparse.ArgumentParser(prog='tools/try', description='Shows what bootahead gains.')
    parser.add_argument('--disk', choices=list(disk.VM), default='lazy', help='the modelled disk (%(default)s)')
    parser.add_argument('--prepare', action='store_true', help='make the image, boot nothing')
    arguments = parser.parse_args()
    try:
        if arguments.prepare:
            prepare()
        else:
            show(arguments.disk, run(arguments.disk))
    except (vm.Failed, OSError, RuntimeError, subprocess.SubprocessError) as error:
        print(f'tools/try: {error}\nnothing shown', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as Ctrl-C: nothing stays behind
    sys.exit(main())
