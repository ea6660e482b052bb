#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Debian 12's own kernel, which is too old for some of what the collector likes to use."""

import support
from support import vm


class Kernel(support.Case):
    def test_6_1(self):
        with vm.machine(support.installed(kernels=('6.1',), label='kernel')) as machine:
            said = support.boot(machine, keep=True, clean=True, kernel='6.1', before=support.SORTED,
                                command_line='bootahead.source=audit')
            self.assert_collected(said, {'audit', 'fanotify'}, 'there is no profile')
            self.assertEqual(said.audit, '')
            self.assertEqual(said.files['sorted'], b'1\n')
            self.assert_profile(machine, contents=('resident-pages', 'requested-metadata'))
            self.assert_replayed(support.boot(machine, kernel='6.1'))


if __name__ == '__main__':
    support.main()
