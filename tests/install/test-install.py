#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""
What an installation consists of, against the list in files.txt: component, mode, path below the prefix.

Usage: test-install.py BUILD-DIR PREFIX [--without=COMPONENT]...
"""

import os
import pathlib
import subprocess
import sys
import tempfile

LIST = pathlib.Path(__file__).resolve().parent / 'files.txt'
COMPONENTS = ['runtime', 'systemd', 'initramfs-tools', 'dracut', 'doc', 'completions']


def install(build, prefix, component=None):
    """Returns {path below the prefix: mode}."""
    with tempfile.TemporaryDirectory() as stage:
        subprocess.run(['cmake', '--install', build, *(['--component', component] if component else [])], check=True,
                       stdout=subprocess.DEVNULL, env=dict(os.environ, DESTDIR=stage))
        root = pathlib.Path(stage)
        base = root / prefix.lstrip('/')
        outside = [path for path in root.rglob('*') if not path.is_dir() and base not in path.parents]
        if outside:
            sys.exit(f"outside of the prefix '{prefix}': {', '.join(map(str, outside))}")
        return {str(path.relative_to(base)): f'{path.stat().st_mode & 0o7777:04o}'
                for path in base.rglob('*') if not path.is_dir()}


def main():
    build, prefix = sys.argv[1:3]
    without = [word.removeprefix('--without=') for word in sys.argv[3:]]
    expected = [line for line in LIST.read_text().splitlines() if line and not line.startswith('#')]
    expected = sorted(line for line in expected if line.split()[0] not in without)
    found = sorted(f'{component} {mode} {path}' for component in COMPONENTS
                   for path, mode in install(build, prefix, component).items())
    for line in sorted(set(expected) ^ set(found)):
        print('missing' if line in expected else 'not in the list', line)
    homeless = set(install(build, prefix)) - {line.split(maxsplit=2)[2] for line in found}
    for path in sorted(homeless):
        print('in no component', path)
    return 0 if found == expected and not homeless else 1


if __name__ == '__main__':
    sys.exit(main())
