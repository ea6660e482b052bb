#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""
Watchers on the real kernel: each gets exactly the events that it asks for, beside each other and beside a
collector that records by audit; what lived too short to be looked at, too; and nothing of one is left, not
even after kill -9. A watcher that is stopped meanwhile stands for one that comes too late.
"""

import collections
import contextlib
import ctypes
import importlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from support import BUILD, OPENER, RUNDIR, Profile, SameAuditState, collect, need_root_and_audit, skip

record = importlib.import_module('test-record')

WATCH = BUILD / 'libexec/bootahead-watch'
NOBODY = 65534
NAMES = 'create,write,rename,delete'


def run_code(code, **options):
    """A short program that does what it is told to files, by its own process."""
    return subprocess.run([sys.executable, '-I', '-S', '-c', 'import os, errno\n' + code], check=True, **options)


class Watcher:
    def __init__(self, *arguments, json_lines=True, output=None):
        self.process = subprocess.Popen([WATCH, *(['--json'] if json_lines else []), *map(str, arguments)],
                                        stdin=subprocess.DEVNULL, stdout=output or subprocess.PIPE,
                                        stderr=subprocess.PIPE)
        self.said = self.process.stderr.readline().decode()
        self.json_lines = json_lines
        self.lost, self.events, self.lines = {}, [], []

    def stop(self):
        self.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def finish(self, settle=0.2, kill=signal.SIGTERM):
        """What it has printed, when it had a moment to see everything."""
        time.sleep(settle)
        if kill and self.process.poll() is None:
            self.process.send_signal(kill)
        output, errors = self.process.communicate(timeout=60)
        self.errors = errors.decode()
        self.lines = (output or b'').decode().splitlines()
        if self.json_lines:
            objects = [json.loads(line) for line in self.lines]
            self.events = [event for event in objects if event['class'] != 'lost']
            self.lost = collections.Counter()
            for event in objects:
                if event['class'] == 'lost':
                    self.lost[event['kind']] += event['count']
        return self

    def told(self, *members):
        return [tuple(event.get(member) for member in members) for event in self.events]


@contextlib.contextmanager
def unit(name, unified=False):
    """A control group as systemd would make it; gives the file that takes process ids."""
    mounts = [line.split() for line in pathlib.Path('/proc/self/mounts').read_text().splitlines()]
    places = [fields[1] for fields in mounts if fields[2] == 'cgroup' and 'name=systemd' in fields[3].split(',')]
    if unified or not places:
        places = [fields[1] for fields in mounts if fields[2] == 'cgroup2']
    if not places:
        raise unittest.SkipTest('there are no control groups')
    slice_folder = pathlib.Path(places[0], 'system.slice')
    made = not slice_folder.exists()
    folder = slice_folder / name
    folder.mkdir(parents=True)
    try:
        yield folder / 'cgroup.procs'
    finally:
        for _ in range(50):
            with contextlib.suppress(OSError):
                folder.rmdir()
                break
            time.sleep(0.1)
        if made:
            slice_folder.rmdir()


def bpf_programs():
    """The kernel's list of them: BPF_PROG_GET_NEXT_ID."""
    attributes, found, syscall = (ctypes.c_uint32 * 32)(), set(), ctypes.CDLL(None, use_errno=True).syscall
    number = {'x86_64': 321, 'aarch64': 280}[os.uname().machine]
    while syscall(number, 11, attributes, ctypes.sizeof(attributes)) == 0:
        found.add(attributes[1])
        attributes[0] = attributes[1]
    return found


class Watch(SameAuditState):
    maxDiff = None

    def setUp(self):
        super().setUp()
        self.folder = self.make_folder()

    # On a filesystem with a block device: /tmp may be a tmpfs.
    def make_folder(self):
        holder = tempfile.TemporaryDirectory(dir='/var/tmp')
        self.addCleanup(holder.cleanup)
        os.chmod(holder.name, 0o755)
        return os.path.realpath(holder.name)

    def watch(self, *arguments, **options):
        watcher = Watcher(*arguments, **options)
        self.addCleanup(watcher.process.stdout.close) if watcher.process.stdout else None
        self.addCleanup(watcher.process.stderr.close)
        self.addCleanup(watcher.process.wait)
        self.addCleanup(watcher.process.kill)
        self.assertIn('watching', watcher.said, watcher.process.poll())
        return watcher

    def assert_nothing_lost(self, *watchers):
        """Of others on this machine it may be unknown who or where they were; ours are in the lists."""
        for watcher in watchers:
            self.assertEqual({kind: count for kind, count in watcher.lost.items() if kind != 'unknown'}, {})

    # ---- what each class says

    def test_names(self):
        """Everything that can happen to a name, in order, by who did it."""
        folder = self.folder
        watcher = self.watch(f'--class={NAMES}', f'--path={folder}')
        code = f'''
os.chdir({folder!r})
os.mkdir('sub')
with open('sub/new', 'w') as file:
    file.write('x')
os.link('sub/new', 'link')
os.symlink('nowhere', 'symlink')
os.rename('sub/new', 'moved')
os.unlink('link')
os.truncate('moved', 0)
import time
time.sleep(0.3)  # a path is that of its folder when the event is looked at
os.rename('sub', 'other')
os.rmdir('other')
'''
        with open('/dev/null', 'w') as null:
            run_code(code, stdout=null)
        watcher.finish()
        base = folder + '/'
        self.assertCountEqual(watcher.told('class', 'path', 'new_path'), [
            ('create', base + 'sub', None),
            ('create', base + 'sub/new', None),
            ('write', base + 'sub/new', None),
            ('create', base + 'link', None),
            ('create', base + 'symlink', None),
            ('rename', base + 'sub/new', base + 'moved'),
            ('delete', base + 'link', None),
            ('write', base + 'moved', None),
            ('rename', base + 'sub', base + 'other'),
            ('delete', base + 'other', None)])
        self.assertEqual({event['executable'] for event in watcher.events}, {os.path.realpath(sys.executable)})
        self.assertEqual({event['user'] for event in watcher.events}, {'root'})
        self.assertEqual({event['device'] for event in watcher.events},
                         {'{}:{}'.format(*(f(os.stat(folder).st_dev) for f in (os.major, os.minor)))})
        self.assert_nothing_lost(watcher)

    def test_failed(self):
        folder = self.folder
        os.mkdir(f'{folder}/there')
        watcher = self.watch('--class=exec,open,create,rename,delete,lookup', '--result=failed', f'--path={folder}')
        code = f'''
def attempt(call, *arguments, **more):
    try:
        call(*arguments, **more)
    except OSError as error:
        pass
here = os.open({folder!r}, os.O_RDONLY)
os.chdir({folder!r})
attempt(os.open, {folder!r} + '/absolute', os.O_RDONLY)
attempt(os.open, 'relative', os.O_RDONLY)
attempt(os.open, './/below/./descriptor', os.O_RDONLY, dir_fd=here)
attempt(os.open, 'there', os.O_WRONLY)
attempt(os.mkdir, 'there')
attempt(os.rename, 'from', 'to')
attempt(os.unlink, 'gone')
attempt(os.stat, 'stat')
attempt(os.readlink, 'readlink')
attempt(os.execv, 'program', ['program'])
os.close(os.open('there', os.O_RDONLY))
import time
time.sleep(0.3)  # while it lives, its names can be made absolute
'''
        run_code(code)
        watcher.finish()
        base = folder + '/'
        self.assertEqual([told for told in watcher.told('class', 'path', 'new_path', 'error') if told[1] != folder], [
            ('open', base + 'absolute', None, 'ENOENT'),
            ('open', base + 'relative', None, 'ENOENT'),
            ('open', base + 'below/descriptor', None, 'ENOENT'),
            ('open', base + 'there', None, 'EISDIR'),
            ('create', base + 'there', None, 'EEXIST'),
            ('rename', base + 'from', base + 'to', 'ENOENT'),
            ('delete', base + 'gone', None, 'ENOENT'),
            ('lookup', base + 'stat', None, 'ENOENT'),
            ('lookup', base + 'readlink', None, 'ENOENT'),
            ('exec', base + 'program', None, 'ENOENT')])
        self.assertEqual({event['result'] for event in watcher.events}, {'failed'})

    def test_processes(self):
        watcher = self.watch('--class=fork,exec,exit', '--executable=bootahead-test-shell')
        shell = f'{self.folder}/bootahead-test-shell'
        shutil.copy('/bin/sh', shell)
        process = subprocess.Popen([shell, '-c', 'exit 3'])
        process.wait()
        killed = subprocess.Popen([shell, '-c', '(exit 0); kill -9 $$'])
        killed.wait()
        watcher.finish()
        by_pid = {pid: [event for event in watcher.events if event['pid'] == pid] for pid in (process.pid, killed.pid)}
        self.assertEqual([event['class'] for event in by_pid[process.pid]], ['exec', 'exit'])
        self.assertEqual(by_pid[process.pid][0]['path'], shell)
        self.assertEqual(by_pid[process.pid][1]['status'], 3)
        self.assertEqual([event['class'] for event in by_pid[killed.pid]], ['exec', 'fork', 'exit'])
        self.assertEqual(by_pid[killed.pid][2]['signal'], 9)
        child = by_pid[killed.pid][1]['child']
        self.assertIn((child, 'exit', 0), watcher.told('pid', 'class', 'status'))
        times = [event['time_us'] for event in watcher.events]
        self.assertEqual(times, sorted(times))
        self.assertLess(abs(times[-1] / 1e6 - time.clock_gettime(time.CLOCK_BOOTTIME)), 5)

    # ---- too late

    def test_removed_before_anybody_looks(self):
        """Names in folders that are gone, whether they were known before or not."""
        os.makedirs(f'{self.folder}/old/deep')
        pathlib.Path(self.folder, 'old/deep/file').write_text('x')
        watcher = self.watch('--class=create,delete', f'--path={self.folder}')
        watcher.stop()
        subprocess.run(['sh', '-c', 'mkdir -p new/er && : > new/er/file && rm -r new old'], cwd=self.folder, check=True)
        watcher.go_on()
        watcher.finish()
        base = self.folder + '/'
        expected = [('create', base + name) for name in ('new', 'new/er', 'new/er/file')]
        expected += [('delete', base + name) for name in ('new/er/file', 'new/er', 'new', 'old/deep/file', 'old/deep',
                                                          'old')]
        self.assertCountEqual(watcher.told('class', 'path'), expected)
        self.assert_nothing_lost(watcher)

    def test_ended_before_anybody_looks(self):
        """Programs that ran and ended: their names, their unit, their user; in each loop they differ."""
        program = f'{self.folder}/program'
        shutil.copy('/bin/true', program)
        with unit('bootahead-test.service') as processes:
            watchers = [self.watch('--class=exec', '--unit=bootahead-test', f'--path={self.folder}'),
                        self.watch('--class=open', '--unit=bootahead-test.service', f'--executable={program}',
                                   '--path=/usr', '--path=/lib', '--path=/etc')]
            loop = f'sleep 0.4; i=0; while [ $i -lt 200 ]; do {program}; i=$((i + 1)); done'
            shell = subprocess.Popen(['sh', '-c', f'echo $$ > {processes}; exec sh -c "$0"', loop])
            time.sleep(0.2)
            for watcher in watchers:
                watcher.stop()
            shell.wait()
            for watcher in watchers:
                watcher.go_on()
            executed, opened = (watcher.finish() for watcher in watchers)
        self.assertEqual(collections.Counter(executed.told('path', 'unit', 'user')),
                         {(program, 'bootahead-test.service', 'root'): 200})
        libraries = collections.Counter(event['path'] for event in opened.events)
        self.assertIn(os.path.realpath('/etc/ld.so.cache'), libraries)
        self.assertEqual(len({event['pid'] for event in opened.events}), 200)
        self.assert_nothing_lost(executed, opened)

    def test_short_lives(self):
        """Ends that come while somebody looks: each program is told of once, and so is its end."""
        program = f'{self.folder}/program'
        shutil.copy('/bin/true', program)
        watcher = self.watch('--class=exec,exit', f'--executable={program}')
        subprocess.run(['sh', '-c', f'i=0; while [ $i -lt 2000 ]; do {program}; i=$((i + 1)); done'], check=True)
        watcher.finish(settle=1)
        self.assertEqual(collections.Counter(event['class'] for event in watcher.events), {'exec': 2000, 'exit': 2000})
        self.assert_nothing_lost(watcher)

    # ---- filters

    def test_units(self):
        path = f'{self.folder}/file'
        pathlib.Path(path).write_text('x')
        with unit('bootahead-test.service') as processes:
            inside = self.watch('--class=open', '--unit=bootahead-t*', f'--path={path}')
            outside = self.watch('--class=open', f'--path={path}')
            subprocess.run(['sh', '-c', f'echo $$ > {processes}; exec sh -c "sleep 0.2; cat {path}"'], check=True,
                           capture_output=True)
            subprocess.run(['cat', path], check=True, capture_output=True)
            inside.finish()
            outside.finish()
        self.assertEqual(inside.told('path', 'unit'), [(path, 'bootahead-test.service')])
        self.assertEqual(len(outside.events), 2)

    def test_unit_that_was_changed(self):
        """Who moves, executes and ends before anybody looks; the groups of the unified hierarchy tell."""
        program = f'{self.folder}/program'
        shutil.copy('/bin/cat', program)
        with unit('bootahead-test.service', unified=True) as processes:
            watcher = self.watch('--class=exec,open', '--result=any', '--unit=bootahead-test', f'--path={self.folder}')
            watcher.stop()
            subprocess.run(['sh', '-c', f'echo $$ > {processes}; exec {program} {self.folder}/no'], capture_output=True)
            watcher.go_on()
            watcher.finish()
        self.assertIn(('exec', program, 'ok'), watcher.told('class', 'path', 'result'))
        self.assertIn(('open', f'{self.folder}/no', 'failed'), watcher.told('class', 'path', 'result'))
        self.assertEqual({event['unit'] for event in watcher.events}, {'bootahead-test.service'})

    def test_users(self):
        path = f'{self.folder}/file'
        pathlib.Path(path).write_text('x')
        watchers = {'root': self.watch('--class=open', '--result=any', f'--path={self.folder}', '--user=root'),
                    'nobody': self.watch('--class=open', '--result=any', f'--path={self.folder}', f'--user={NOBODY}'),
                    'daemon': self.watch('--class=open', '--result=any', f'--path={self.folder}', '--user=daemon')}
        for watcher in watchers.values():
            watcher.stop()
        subprocess.run(['cat', path, path + '-no'], capture_output=True)
        subprocess.run(['setpriv', f'--reuid={NOBODY}', '--clear-groups', 'cat', path, path + '-no'],
                       capture_output=True)
        for watcher in watchers.values():
            watcher.go_on()
        for name, watcher in watchers.items():
            expected = [] if name == 'daemon' else [(path, 'ok'), (path + '-no', 'failed')]
            self.assertCountEqual(watcher.finish().told('path', 'result'), expected, name)
            self.assertEqual({event['user'] for event in watcher.events}, {name} if expected else set())

    def test_symbolic_links(self):
        os.mkdir(f'{self.folder}/there')
        os.symlink('there', f'{self.folder}/link')
        shutil.copy('/bin/touch', f'{self.folder}/there/toucher')
        watcher = self.watch('--class=create,open', '--result=any', f'--path={self.folder}/link',
                             f'--executable={self.folder}/link/toucher')
        subprocess.run([f'{self.folder}/link/toucher', f'{self.folder}/there/made', f'{self.folder}/link/no/no'],
                       capture_output=True)
        pathlib.Path(self.folder, 'there/other').touch()
        watcher.finish()
        self.assertEqual(set(watcher.told('class', 'path', 'result')) - {('open', f'{self.folder}/there/toucher', 'ok')},
                         {('create', f'{self.folder}/there/made', 'ok'), ('open', f'{self.folder}/there/made', 'ok'),
                          ('open', f'{self.folder}/link/no/no', 'failed')})

    def test_further_mounts(self):
        """Of a folder, a file, another name of a filesystem: events tell of them where it was mounted first."""
        first, again, file = (pathlib.Path(self.folder, name) for name in ('first', 'again', 'file'))
        for folder in (first / 'inside', again):
            folder.mkdir(parents=True)
        file.touch()
        (first / 'inside/target').touch()
        for source, target in ((first, again), (first / 'inside/target', file)):
            subprocess.run(['mount', '--bind', source, target], check=True)
            self.addCleanup(subprocess.run, ['umount', target], check=True)
        watchers = [self.watch('--class=open', f'--path={path}') for path in (again / 'inside', file)]
        for path in (again / 'inside/target', file):
            subprocess.run(['cat', path], check=True)
        for watcher in watchers:
            self.assertEqual(watcher.finish().told('path'), [(f'{first}/inside/target',)] * 2)

    def test_devices(self):
        """A filesystem that is mounted meanwhile, alone; and all but it."""
        image, mount = f'{self.folder}/image', f'{self.folder}/mounted'
        os.mkdir(mount)
        subprocess.run(['truncate', '-s', '8M', image], check=True)
        subprocess.run(['mkfs.ext4', '-q', image], check=True)
        everywhere = self.watch('--class=create', f'--path={self.folder}')
        subprocess.run(['mount', '-o', 'loop', image, mount], check=True)
        try:
            time.sleep(0.3)
            there = self.watch('--class=create,open', '--result=any', f'--device={mount}', f'--path={self.folder}')
            pathlib.Path(mount, 'inside').touch()
            pathlib.Path(self.folder, 'outside').touch()
            subprocess.run(['cat', f'{mount}/no', f'{self.folder}/no'], capture_output=True)
            there.finish()
            everywhere.finish()
        finally:
            subprocess.run(['umount', mount], check=True)
        self.assertCountEqual(there.told('class', 'path', 'result'),
                              [('create', f'{mount}/inside', 'ok'), ('open', f'{mount}/inside', 'ok'),
                               ('open', f'{mount}/no', 'failed')])
        self.assertCountEqual(everywhere.told('path'), [(f'{mount}/inside',), (f'{self.folder}/outside',)])

    def test_nothing_is_kept_busy(self):
        watcher = self.watch(f'--class=open,{NAMES}', f'--path={self.folder}')
        subprocess.run(['mount', '-t', 'tmpfs', 'tmpfs', self.folder], check=True)
        time.sleep(0.2)
        pathlib.Path(self.folder, 'file').touch()
        time.sleep(0.2)
        subprocess.run(['umount', self.folder], check=True)
        self.assertIn(('create', f'{self.folder}/file'), watcher.finish().told('class', 'path'))

    # ---- many at once

    def test_beside_each_other_and_a_collection(self):
        def gather(folder, *watchers):
            record.fill(folder)
            result = collect('--source=audit', f'--output={folder}/.profile', '--', OPENER, folder)
            self.assertEqual(result.returncode, 0, result.stderr)
            profile = Profile(f'{folder}/.profile')
            self.assertEqual(profile.losses(), {})
            return {path.replace(os.fsencode(folder), b'') for path in profile.files}

        alone = gather(self.make_folder())
        base = os.fsencode(self.folder) + b'/'
        watchers = [self.watch('--class=open', f'--executable={OPENER}', f'--path={self.folder}'),
                    self.watch('--class=rename,create', f'--path={self.folder}', f'--executable={OPENER}'),
                    self.watch('--class=fork,exec,exit', f'--executable={OPENER}'),
                    self.watch('--class=create', '--result=failed', f'--path={self.folder}')]
        with contextlib.suppress(FileExistsError):
            os.mkdir(self.folder)
        self.assertEqual(gather(self.folder), alone)
        opened, names, processes, failed = (watcher.finish() for watcher in watchers)

        def path_of(event, member='path'):
            text = event[member]
            if event.get(member + '_escaped'):
                text = text.replace('\\xe4', '\udce4')
            return os.fsencode(text)

        executed = {base + b'script', base + b'deep/er/program'}
        expected = {base + name for name in [*record.FILES, b'created', b'.temporary', b'by-creat']}
        self.assertEqual({path_of(event) for event in opened.events} - executed, expected)
        self.assertCountEqual([(event['class'], path_of(event)) for event in names.events],
                              [('create', base + b'created'), ('create', base + b'.temporary'),
                               ('rename', base + b'.temporary'), ('create', base + b'by-creat')])
        self.assertEqual(path_of(next(event for event in names.events if event['class'] == 'rename'), 'new_path'),
                         base + b'renamed')
        kinds = collections.Counter(event['class'] for event in processes.events)
        self.assertEqual(kinds['exec'], 1)
        self.assertEqual(kinds['fork'], 12)
        self.assertIn((self.folder, 'EEXIST'), failed.told('path', 'error'))
        self.assertEqual(set(failed.told('class', 'result')), {('create', 'failed')})
        self.assert_nothing_lost(*watchers)

    # ---- bounds

    def test_reader_that_does_not_read(self):
        """Who causes events does not wait, what is kept is bounded, what is thrown away is told."""
        def storm():
            begin = time.monotonic()
            run_code(f'''
for i in range(60000):
    os.close(os.open({self.folder!r} + '/' + str(i % 5000).rjust(200, 'x'), os.O_RDONLY))
''')
            return time.monotonic() - begin

        for i in range(5000):
            pathlib.Path(self.folder, str(i).rjust(200, 'x')).touch()
        free = storm()
        watcher = self.watch('--class=open', f'--path={self.folder}')
        watched = storm()
        resident = next(int(line.split()[1]) for line in
                        pathlib.Path(f'/proc/{watcher.process.pid}/status').read_text().splitlines()
                        if line.startswith('VmRSS:'))
        watcher.finish()
        print(f'60,000 opens: {free:.2f} s, with a watcher that nobody reads {watched:.2f} s, {resident} KiB')
        self.assertLess(watched, 10 * free + 5)
        self.assertLess(resident, 64 << 10)
        self.assertGreater(watcher.lost['output'] + watcher.lost['queue'], 0)
        self.assertGreater(len(watcher.events), 1000)

    def test_ends(self):
        with self.subTest('events'):
            watcher = self.watch('--class=open', f'--path={self.folder}', '--events=2')
            for name in 'abc':
                pathlib.Path(self.folder, name).touch()
            self.assertEqual(len(watcher.finish(kill=None).events), 2)
            self.assertEqual(watcher.process.returncode, 0)
        with self.subTest('seconds'):
            watcher = self.watch(f'--path={self.folder}', '--seconds=1')
            self.assertEqual(watcher.finish(kill=None).process.returncode, 0)
        with self.subTest('closed output'):
            watcher = self.watch(f'--path={self.folder}')
            watcher.process.stdout.close()
            self.assertEqual(watcher.process.wait(timeout=10), 0)
        with self.subTest('full disk'), open('/dev/full', 'wb') as full:
            watcher = self.watch('--class=open', f'--path={self.folder}', output=full)
            pathlib.Path(self.folder, 'd').touch()
            self.assertEqual(watcher.process.wait(timeout=10), 1)
            self.assertIn('No space left', watcher.process.stderr.read().decode())

    def test_text(self):
        """Nothing of a name reaches a terminal that is more than a character."""
        watcher = self.watch('--class=create', f'--path={self.folder}', json_lines=False)
        pathlib.Path(self.folder, 'a b\x1b[2J\n\\').touch()
        line, = watcher.finish().lines
        self.assertRegex(line, r'^\d+\.\d{6} create \d+ \S+ \S+ root ok '
                         + self.folder + r'/a\\x20b\\x1b\[2J\\x0a\\x5c$')

    def test_usage(self):
        for arguments, code in ((['--class=paint'], 2), (['--path=etc'], 2), (['--user=no-such-user'], 2),
                                (['--device=0'], 2), (['--device=-1:0'], 2), (['--executable=a/b'], 2),
                                (['--result=maybe'], 2), (['--events=0'], 2), (['word'], 2),
                                (['--class=lookup'], 2), (['--class=fork', '--result=failed'], 2),
                                (['--unit='], 2), (['--class=open,'], 2), (['--help'], 0)):
            result = subprocess.run([WATCH, *arguments], capture_output=True)
            self.assertEqual(result.returncode, code, arguments)
            self.assertTrue(result.stdout if code == 0 else result.stderr)
        result = subprocess.run(['setpriv', f'--reuid={NOBODY}', '--clear-groups', WATCH], capture_output=True)
        self.assertEqual(result.returncode, 1)
        self.assertIn(b'Operation not permitted', result.stderr)

    # ---- nothing left

    def test_killed(self):
        def left():
            return (bpf_programs(), pathlib.Path('/proc/self/mountinfo').read_text(), sorted(os.listdir(RUNDIR))
                    if RUNDIR.exists() else None, os.listdir('/sys/kernel/tracing'))

        before = left()
        # the kernel takes some 60 ms to let go of each system call
        watchers = [self.watch(f'--class=exec,open,{NAMES},fork,exit'),
                    self.watch('--class=exec,write', '--result=any')]
        self.assertGreater(len(bpf_programs()), len(before[0]))
        for watcher in watchers:
            watcher.process.kill()
            watcher.process.communicate()
        end = time.monotonic() + 10
        while left() != before and time.monotonic() < end:
            time.sleep(0.1)
        self.assertEqual(left(), before)


if __name__ == '__main__':
    need_root_and_audit()
    for needed in (WATCH, OPENER):
        if not needed.exists():
            raise SystemExit(f"'{needed}' is missing: build first")
    if not shutil.which('setpriv'):
        skip('needs setpriv')
    unittest.main(verbosity=2)
