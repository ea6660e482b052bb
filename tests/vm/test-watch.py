#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""
Watchers on both kernels, below a real systemd: names, failed calls, users, and a unit whose processes are gone
before anybody looks. What exactly they have to say is tests/root's; here it is that they can.
"""

import collections
import json
import unittest

import support
from support import images, vm

FOLDER = '/var/tmp/watched'
PROGRAM = '/var/tmp/bootahead-watch'
LOOPS = 50
RUN = f'''
cp ../bootahead-watch {PROGRAM}  # nothing below /run can be executed
chmod +x {PROGRAM}
start() {{
        name=$1; shift
        {PROGRAM} --json "$@" > $name 2> $name.err & pids="$pids $!"
        for i in $(seq 100); do
                grep -q watching $name.err && return
                sleep 0.1
        done
}}
mkdir {FOLDER}
echo x > {FOLDER}/file
cat /proc/self/mountinfo > mounts.before
start names --class=create,write,rename,delete --path={FOLDER}
start failed --class=exec,open,rename --result=failed --path={FOLDER}
start unit --class=exec,exit --unit=bootahead-test
start user --class=open --user=nobody --path={FOLDER}
cd {FOLDER}
echo x > made
mv made moved
rm moved
perl -e 'open F, "<", "{FOLDER}/no"; rename "{FOLDER}/from", "{FOLDER}/to"; exec "{FOLDER}/program"'
cat file
setpriv --reuid=65534 --clear-groups cat file
cd "$OLDPWD"
systemd-run --quiet --wait --unit=bootahead-test sh -c 'i=0; while [ $i -lt {LOOPS} ]; do /bin/true; i=$((i+1)); done'
sleep 2
kill $pids
wait
cat /proc/self/mountinfo > mounts.after
'''


class Watch(unittest.TestCase):
    def boot(self, kernel):
        program = (support.RELEASE / 'libexec/bootahead-watch').read_bytes()
        boot = vm.boot(images.minimal(support.RELEASE), 'none', support.RELEASE, run=RUN, kernel=kernel,
                       files={'bootahead-watch': program})
        text = {name: content.decode() for name, content in boot.extra['files'].items()}
        self.assertEqual(text['mounts.before'], text['mounts.after'])
        events = {}
        for name in ('names', 'failed', 'unit', 'user'):
            self.assertIn('watching', text[f'{name}.err'])
            events[name] = [json.loads(line) for line in text[name].splitlines()]
            lost = [event for event in events[name] if event['class'] == 'lost']
            self.assertEqual([event for event in lost if event['kind'] != 'unknown'], [], name)
            events[name] = [event for event in events[name] if event['class'] != 'lost']
        return events

    def check(self, kernel):
        events = self.boot(kernel)

        def told(name, *members):
            return [tuple(event.get(member) for member in members) for event in events[name]]

        self.assertCountEqual(told('names', 'class', 'path', 'new_path'), [
            ('create', f'{FOLDER}/made', None), ('write', f'{FOLDER}/made', None),
            ('rename', f'{FOLDER}/made', f'{FOLDER}/moved'), ('delete', f'{FOLDER}/moved', None)])
        self.assertEqual(told('failed', 'class', 'path', 'error')[-3:], [
            ('open', f'{FOLDER}/no', 'ENOENT'), ('rename', f'{FOLDER}/from', 'ENOENT'),
            ('exec', f'{FOLDER}/program', 'ENOENT')])
        self.assertEqual(told('user', 'path', 'user'), [(f'{FOLDER}/file', 'nobody')])
        kinds = collections.Counter(told('unit', 'class', 'path'))
        self.assertEqual(kinds[('exec', '/bin/true')], LOOPS)
        self.assertEqual(sum(count for (kind, _), count in kinds.items() if kind == 'exit'), LOOPS + 1)
        self.assertEqual(set(told('unit', 'unit')), {('bootahead-test.service',)})

    def test_6_1(self):
        self.check('6.1')

    def test_6_12(self):
        self.check('6.12')


if __name__ == '__main__':
    support.main()
