#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""systemd takes the catalogue, and it explains each of the lines that we write. Usage: test-catalog.py SOURCE-DIR"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77


def main():
    units = pathlib.Path(sys.argv[1]) / 'units'
    if not shutil.which('journalctl'):
        print('skipped: journalctl is not installed')
        return SKIPPED
    with tempfile.TemporaryDirectory() as root:
        for folder in ('usr/lib/systemd/catalog', 'var/lib/systemd/catalog'):
            (pathlib.Path(root) / folder).mkdir(parents=True)
        shutil.copy(units / 'bootahead.catalog', f'{root}/usr/lib/systemd/catalog')
        subprocess.run(['journalctl', f'--root={root}', '--update-catalog'], check=True)
        listed = subprocess.run(['journalctl', f'--root={root}', '--list-catalog'], check=True, capture_output=True,
                                text=True).stdout
    explained = set(re.findall(r'^([0-9a-f]{32}) bootahead: ', listed, re.M))
    written = set(re.findall(r'^#define ID_\w+ "([0-9a-f]{32})"', (units / 'journal.c').read_text(), re.M))
    print(*(f'not explained, or not written: {line}' for line in explained ^ written), sep='\n')
    return 0 if explained == written else 1


if __name__ == '__main__':
    sys.exit(main())
