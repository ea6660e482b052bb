#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""An initramfs of dracut's without systemd in it: a hook starts the early stage, and what it started goes on."""

import pathlib
import tempfile

import support
from support import vm


class PlainDracut(support.Case):
    def test_collect(self):
        with tempfile.TemporaryDirectory() as tree:
            folder = pathlib.Path(tree) / 'etc/dracut.conf.d'
            folder.mkdir(parents=True)
            (folder / 'plain.conf').write_text('omit_dracutmodules+=" systemd "\n')
            image = support.installed('dracut', add=[tree], label='plain')
        with vm.machine(image) as machine:
            support.disable_auditd(machine)
            said = support.boot(machine)
            self.assertNotIn('Running in initrd', said.journal)
            self.assertEqual(said.decision['stage'], 'early')
            self.assert_collected(said, {'fanotify'}, 'there is no profile')
            self.assertLess(said.reports['collect']['start_us'] / 1e6, said.boot.extra['kernel_seconds'])


if __name__ == '__main__':
    support.main()
