#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""
bootahead(1) as people call it: output against golden/, messages and exit codes, on a fake root tree.

Owns the command line and its words; what a profile's bytes may be is the profile library's to test.
With UPDATE_GOLDEN=1 in the environment the golden files are written anew, to be looked at before a commit.
"""

import ast
import json
import os
import pathlib
import resource
import shutil
import signal
import stat
import subprocess
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
SAMPLE = HERE.parent / 'profiles' / 'sample.txt'
BOOTAHEAD = os.environ['BOOTAHEAD']
STATEDIR = os.environ.get('STATEDIR', '/var/lib/bootahead')
RUNDIR = os.environ.get('RUNDIR', '/run/bootahead')

VERBS = ['status', 'show', 'lives', 'dump', 'load', 'verify', 'config', 'enable', 'disable', 'collect-next', 'forget', 'record', 'replay', 'watch']
STAND_IN = """#!/bin/sh
for argument in "$0" "$@"; do printf '%s\\n' "$argument"; done
exit 37
"""


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.root = self.folder / 'root'
        self.state = self.root / STATEDIR.lstrip('/')
        self.run_folder = self.root / RUNDIR.lstrip('/')
        self.state.mkdir(parents=True)
        self.run_folder.mkdir(parents=True)
        self.profile = self.state / 'profile'

    def call(self, *arguments, code=0, environment=None, text=None, **more):
        """Returns (output, errors); stands in for the folder's changing name."""
        result = subprocess.run([BOOTAHEAD, *map(str, arguments)], input=text, capture_output=True, timeout=60,
                                env={**os.environ, **(environment or {})}, **more)
        output, errors = (stream.decode().replace(str(self.folder), 'FOLDER')
                          for stream in (result.stdout, result.stderr))
        self.assertEqual(result.returncode, code, f'{arguments}: {output}{errors}')
        if code == 2 or (code == 1 and result.stdout == b''):
            self.assertNotEqual(errors, '', 'refused without a message')
        return output, errors

    def golden(self, name, *arguments):
        output, errors = self.call(*arguments)
        self.assertEqual(errors, '')
        output = output.replace(STATEDIR, '/STATEDIR')
        path = HERE / 'golden' / name
        if os.environ.get('UPDATE_GOLDEN'):
            path.write_text(output)
        self.assertEqual(output, path.read_text())

    def load_sample(self):
        self.call('load', '-o', self.profile, SAMPLE)


class Show(Case):
    def setUp(self):
        super().setUp()
        self.load_sample()

    def test_summary(self):
        self.golden('show.txt', '--root', self.root, 'show')
        self.golden('show.txt', 'show', self.profile)

    def test_tables(self):
        for table in ('files', 'processes', 'accesses'):
            self.golden(f'show-{table}.txt', f'--root={self.root}', 'show', f'--{table}')

    def test_json(self):
        self.golden('show.json', 'show', '--json', '--files', '--processes', '--accesses', self.profile)

    def test_json_is_whole(self):
        output, _ = self.call('show', self.profile, '--json', '--files', '--accesses')
        data = json.loads(output)
        lines = SAMPLE.read_text().splitlines()
        for table, word in (('files', 'file '), ('accesses', 'access ')):
            self.assertEqual(len(data[table]), sum(line.startswith(word) for line in lines))
        self.assertEqual(data['counts']['files'], len(data['files']))
        self.assertNotIn('processes', data)
        odd = [file for file in data['files'] if file.get('path_escaped')]
        self.assertEqual([file['path'] for file in odd], ['/srv/\\xff'])

    def test_terminal_is_safe(self):
        for table in ('--files', '--processes', '--accesses'):
            output, _ = self.call('show', table, self.profile)
            self.assertTrue(all(character == '\n' or character.isprintable() for character in output))

    def names(self, name):
        """How one file of that name, in the text form's quoting, is shown in the list of files and in JSON."""
        head = [line for line in SAMPLE.read_text().splitlines()
                if line.startswith(('bootahead', 'boot 0', 'filesystem 0'))]
        lines = [*head, f'file "/{name}" filesystem=0 size=1 mtime=0 inode=1', 'end', '']
        self.call('load', '-o', self.profile, text='\n'.join(lines).encode())
        listed, _ = self.call('show', '--files', self.profile)
        data, _ = self.call('show', '--files', '--json', self.profile)
        return listed.split('/', 1)[1].rstrip('\n'), json.loads(data)['files'][0]

    def test_names(self):
        for name, shown, unicode in (
                (r'\xc3\x9c', 'Ü', True), (r'\xf0\x9f\x90\xa7', '\U0001f427', True), (r'\xee\x80\x80', '\ue000', True),
                (r'\xc2\x9b1m', r'\xc2\x9b1m', True), (r'\x1b[2J', r'\x1b[2J', True), (r'\x7f', r'\x7f', True),
                (r'\xed\xa0\x80', r'\xed\xa0\x80', False), (r'\xc0\xaf', r'\xc0\xaf', False),
                (r'\xe0\x9f\xbf', r'\xe0\x9f\xbf', False), (r'\xf0\x8f\xbf\xbf', r'\xf0\x8f\xbf\xbf', False),
                (r'\xf4\x90\x80\x80', r'\xf4\x90\x80\x80', False), (r'\xe2\x82', r'\xe2\x82', False)):
            with self.subTest(name):
                listed, file = self.names(name)
                self.assertEqual(listed, shown)
                self.assertEqual(file.get('path_escaped', False), not unicode)
                wanted = ast.literal_eval(f"b'{name}'").decode() if unicode else shown
                self.assertEqual(file['path'], '/' + wanted)

    def test_many_intervals(self):
        intervals = [f'interval boot=0 kind=shed start={i}000000 end={i}500000' for i in range(1, 21)]
        text = SAMPLE.read_text().replace('interval boot=0 kind=shed start=1000000 end=6000000',
                                          '\n'.join(intervals)).replace('interval boot=0 kind=blind start=1', '#')
        self.call('load', '-o', self.profile, text=text.encode())
        output, _ = self.call('show', self.profile)
        self.assertEqual(output.count('shed  '), 8)
        self.assertIn('shed         from 8.00 s to 8.50 s\n             and 12 more\n', output)

    def test_missing(self):
        _, errors = self.call('show', self.folder / 'none', code=1)
        self.assertEqual(errors, "bootahead: profile 'FOLDER/none': No such file or directory\n")

    def test_pipe_is_no_profile(self):
        os.mkfifo(self.folder / 'pipe')
        self.call('show', self.folder / 'pipe', code=1)


class Lives(Case):
    """On a fake /proc: the sample's first boot is this one, processes are there as STATS says."""

    STAT = '{pid} (a name) with) {state} 1 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 {start} 9 10\n'

    def setUp(self):
        super().setUp()
        self.load_sample()
        self.set_boot('00112233-4455-6677-8899-aabbccddeeff')

    def set_boot(self, boot):
        folder = self.root / 'proc/sys/kernel/random'
        folder.mkdir(parents=True, exist_ok=True)
        (folder / 'boot_id').write_text(f'{boot}\n')

    def set_process(self, pid, start, state='S'):
        folder = self.root / f'proc/{pid}'
        folder.mkdir(exist_ok=True)
        (folder / 'stat').write_text(self.STAT.format(pid=pid, start=start, state=state))

    def alive(self):
        output, _ = self.call(f'--root={self.root}', 'lives', '--json', '--alive')
        return [life['pid'] for life in json.loads(output)['lives']]

    def test_tree(self):
        self.set_process(1, 0)
        self.set_process(233, 413)  # it was computed: within one tick
        self.set_process(239, 415)  # it was not: another one
        self.golden('lives.txt', f'--root={self.root}', 'lives')
        output, _ = self.call(f'--root={self.root}', 'lives', '--alive')
        self.assertEqual([line.split()[0] for line in output.splitlines()], ['PID', '1', '233'])

    def test_json(self):
        self.set_process(239, 414)
        output, _ = self.call(f'--root={self.root}', 'lives', '--json')
        lives = json.loads(output)['lives']
        self.assertEqual([life['index'] for life in lives], list(range(len(lives))))
        self.assertEqual([life['pid'] for life in lives if life['alive']], [239])

    def test_alive(self):
        self.assertEqual(self.alive(), [])
        self.set_process(239, 414)
        self.assertEqual(self.alive(), [239])
        self.set_process(239, 414, state='Z')
        self.assertEqual(self.alive(), [])
        self.set_process(240, 415)  # whose end was seen
        self.assertEqual(self.alive(), [])
        for start, known in ((410, []), (411, [233]), (412, [233]), (413, [233]), (414, [])):
            self.set_process(233, start)
            self.assertEqual(self.alive(), known)
        self.set_process(233, 412)
        self.set_boot('00112233-4455-6677-8899-aabbccddee00')
        self.assertEqual(self.alive(), [])


class Convert(Case):
    def test_round_trip(self):
        self.load_sample()
        output, _ = self.call('dump', self.profile)
        self.assertEqual(output, SAMPLE.read_text())
        self.call('dump', '-o', self.folder / 'text', self.profile)
        self.assertEqual((self.folder / 'text').read_bytes(), SAMPLE.read_bytes())
        self.call('load', '--output', self.folder / 'again', self.folder / 'text')
        self.assertEqual((self.folder / 'again').read_bytes(), self.profile.read_bytes())

    def test_travel(self):
        self.load_sample()
        output, _ = self.call('dump', '--travel', self.profile)
        names = [line.split('"')[1] for line in output.splitlines() if line.startswith(('file', 'range', 'walk'))]
        self.assertEqual(output.count('\nfile '), 6)
        self.assertTrue(all(name.startswith('/usr/') or name == 'ext4' or name == 'xfs' for name in names), names)
        for word in ('process ', 'access ', 'metadata ', '/etc', '/srv/a', 'efi', 'deadbeef', '2025', 'inode=5'):
            self.assertNotIn(word, output)
        self.call('load', '-o', self.folder / 'other', text=output.encode())
        again, _ = self.call('dump', self.folder / 'other')
        self.assertEqual(again, output)

    def test_standard_input(self):
        self.load_sample()
        for argument in ([], ['-']):
            self.call('load', '-o', self.folder / 'other', *argument, text=SAMPLE.read_bytes())
            self.assertEqual((self.folder / 'other').read_bytes(), self.profile.read_bytes())

    def test_faulty_text(self):
        _, errors = self.call('load', '-o', self.folder / 'none', text=b'bootahead-profile 1\nbook 0\n', code=1)
        self.assertRegex(errors, r"^bootahead: text '-': line 2: .+\n$")
        self.assertFalse((self.folder / 'none').exists())

    def test_needs_output(self):
        _, errors = self.call('load', SAMPLE, code=2)
        self.assertIn('-o FILE', errors)

    def test_full_disk(self):
        self.load_sample()
        for verb in ('dump', 'show', 'verify', 'status'):
            arguments = [] if verb == 'status' else [self.profile]
            with self.subTest(verb), open('/dev/full', 'wb') as full:
                result = subprocess.run([BOOTAHEAD, verb, *arguments], stdout=full, stderr=subprocess.PIPE)
                self.assertEqual(result.returncode, 1)
                self.assertNotEqual(result.stderr, b'')

    def test_text_that_is_not_whole(self):
        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

        self.load_sample()
        _, errors = self.call('dump', '-o', self.folder / 'text', self.profile, code=1, preexec_fn=limit)
        self.assertEqual(errors, "bootahead: text 'FOLDER/text': File too large\n")
        self.assertFalse((self.folder / 'text').exists())

    def test_pipe_stays(self):
        self.load_sample()
        pipe = self.folder / 'pipe'
        os.mkfifo(pipe)
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        self.call('dump', '-o', pipe, self.profile)
        self.assertEqual(os.read(reader, 1 << 16), SAMPLE.read_bytes())
        self.assertTrue(pipe.exists())

    def test_folder_that_is_not_there(self):
        _, errors = self.call('load', '-o', self.folder / 'no' / 'profile', SAMPLE, code=1)
        self.assertIn('No such file or directory', errors)


class Verify(Case):
    def setUp(self):
        super().setUp()
        self.load_sample()

    def result(self, code=1):
        output, _ = self.call('verify', '--json', self.profile, code=code)
        _, errors = self.call('verify', self.profile, code=code)
        data = json.loads(output)
        if code:
            self.assertEqual(errors, f"bootahead: profile '{data['profile']}': {data['why']}\n")
        return data['result']

    def test_good(self):
        output, _ = self.call(f'--root={self.root}', 'verify')
        self.assertEqual(output, f"profile 'FOLDER/root{STATEDIR}/profile': good, 12 files\n")
        self.assertEqual(self.result(0), 'good')

    def test_damaged(self):
        content = bytearray(self.profile.read_bytes())
        content[len(content) // 2] ^= 0x40
        self.profile.write_bytes(content)
        self.assertEqual(self.result(), 'corrupt')

    def test_cut_short_and_empty(self):
        for length in (self.profile.stat().st_size - 1, 7, 0):
            os.truncate(self.profile, length)
            self.assertEqual(self.result(), 'corrupt')

    def test_written_by_others(self):
        for mode in (0o664, 0o646):
            self.profile.chmod(mode)
            self.assertEqual(self.result(), 'untrusted')

    @unittest.skipUnless(os.geteuid() == 0, 'only root can give files away')
    def test_owned_by_others(self):
        os.chown(self.profile, 65534, 65534)
        self.assertEqual(self.result(), 'untrusted')

    def test_no_file(self):
        self.profile.unlink()
        self.assertEqual(self.result(), 'error')


class Status(Case):
    REPLAYED = {'version': 1, 'result': 'done', 'why': '', 'files': 1314, 'files_gone': 2, 'files_changed': 1,
                'bytes': 31457280, 'metadata_bytes': 1048576, 'start_us': 1500000, 'end_us': 2250000}
    COLLECTED = {'version': 1, 'result': 'done', 'why': '', 'files': 1314, 'accesses': 5700, 'source': 'audit+fanotify',
                 'duration_us': 14000000}

    def status(self):
        output, _ = self.call(f'--root={self.root}', 'status')
        return output.splitlines()

    def leave(self, name, content):
        (self.run_folder / name).write_text(content if isinstance(content, str) else json.dumps(content))

    def test_nothing(self):
        self.assertEqual(self.status(), ['bootahead has not been started in this boot.',
                                         'There is no profile yet: the next boot is collected.'])

    def test_replaying(self):
        self.load_sample()
        self.leave('decision', 'mode=replay\nwhy=there is a profile\nstage=early\nrequest=auto\n')
        self.leave('replay.json', self.REPLAYED)
        self.assertEqual(self.status()[:2], [
            'This boot reads ahead: there is a profile.',
            'It read ahead 1,314 files and 31.0 MiB in 0.75 s; 3 files were gone or changed.'])
        self.assertEqual(self.status()[2], f"The profile 'FOLDER/root{STATEDIR}/profile' is of 2025-11-21 04:40:00 UTC: "
                                           '12 files, 340.0 KiB, 18,446,744,073,709,551,615 lost.')
        output, _ = self.call(f'--root={self.root}', 'status', '--json')
        data = json.loads(output)
        self.assertEqual(data['replay'], self.REPLAYED)
        self.assertEqual(data['decision']['stage'], 'early')
        self.assertEqual(data['profile']['result'], 'good')

    def test_collecting(self):
        self.leave('decision', 'mode=collect\nwhy=there is no profile\n')
        self.assertEqual(self.status(), ['This boot is collected: there is no profile.',
                                         'There is no profile yet: collecting has not ended.'])
        self.leave('collect.json', self.COLLECTED)
        self.assertEqual(self.status()[2], 'There is no profile yet: the next boot is collected.')
        self.assertEqual(self.status()[1], 'It collected 1,314 files and 5,700 accesses in 14.0 s by audit+fanotify.')
        self.leave('collect.json', {**self.COLLECTED, 'result': 'failed', 'why': 'no space left'})
        self.assertEqual(self.status()[1], 'Collecting failed: no space left.')

    def test_recording_of_a_command(self):
        self.leave('collect.json', self.COLLECTED)
        self.assertTrue(self.status()[1].startswith('The last recording holds 1,314 files'))

    def test_intervals(self):
        self.load_sample()
        output, _ = self.call('--root', self.root, 'status')
        self.assertIn('For 5.00 s of that boot it took in less, to spare the machine.\n', output)
        self.assertIn('For 18446744073708.6 s of that boot nothing was seen.\n', output)

    def test_limits(self):
        self.leave('replay.json', {**self.REPLAYED, 'cut_bytes': 3 << 20})
        self.assertIn('; 3 files were gone or changed, 3.0 MiB left out for the limits.', self.status()[1])

    def test_refused(self):
        self.profile.write_bytes(b'garbage')
        self.leave('decision', 'mode=collect\nwhy=damaged\nprofile=refused\n')
        self.leave('replay.json', {**self.REPLAYED, 'result': 'refused', 'why': 'not a profile'})
        lines = self.status()
        self.assertEqual(lines[1], 'The profile was refused: not a profile.')
        self.assertRegex(lines[2], r"^The profile '.*' can't be used: .+\.$")

    def test_modes(self):
        for mode, words in (('control', 'to compare'), ('off', 'is off')):
            self.leave('decision', f'mode={mode}\nwhy=asked for\n')
            self.assertIn(words, self.status()[0])

    def test_odd_files(self):
        for content in ('', '[]', '{"files": 1', '{"files": "x", "result": 7}', '\x1b[2J', 'null'):
            self.leave('replay.json', content)
            self.leave('decision', f'mode={content}\nwhy={content}\n{content}\n=\n==\n' + 'x' * 9000)
            output, errors = self.call(f'--root={self.root}', 'status')
            self.assertNotIn('\x1b', output)
            output, _ = self.call(f'--root={self.root}', 'status', '--json')
            whole = content.startswith('{') and content.endswith('}')
            self.assertEqual('replay' in json.loads(output), whole)
            self.assertEqual('damaged' in errors, not whole)


class Proof(Case):
    """What status says of the ledger: r replay, c control, l collect, o off; capitals took 19.4 s, others 11.5 s."""

    MODES = {'r': 'replay', 'c': 'control', 'l': 'collect', 'o': 'off'}

    def keep(self, boots):
        lines = [{'version': 1, 'boot': f'boot-{number}', 'mode': self.MODES[letter.lower()], 'disk': 'a disk',
                  'finish_us': (19400000 if letter.isupper() else 11500000) + number}
                 for number, letter in enumerate(boots)]
        (self.state / 'ledger').write_text(''.join(json.dumps(line) + '\n' for line in lines))

    def said(self):
        output, _ = self.call(f'--root={self.root}', 'status')
        return output.splitlines()[2:]

    def test_gain(self):
        boots = 'This machine boots 7.9 s faster (19.4 → 11.5 s, {} boots).'
        for ledger, expected in (
                ('', []),
                ('L', ['What it gains is not known yet: there are no boots to compare.']),
                ('Lr', [boots.format(2), 'That may be chance: it is too small, or 2 boots are too few.']),
                ('Lrrrrrrrrr', [boots.format(10), 'That is likely: by chance alone they would be so far apart once in 10 times.']),
                ('LrrrrrrrrrCC', [boots.format(12),
                                  'That is sure: by chance alone they would be so far apart once in 220 times.']),
                ('LCCC' + 48 * 'r' + 48 * 'C', [boots.format(99), 'That is sure: by chance alone they would be so far '
                                               'apart once in more than 1,000,000 times.']),
                ('cccR', ['This machine boots 7.9 s slower (11.5 → 19.4 s, 4 boots).'])):
            with self.subTest(ledger):
                self.keep(ledger)
                self.assertEqual(self.said(), expected)

    def test_json(self):
        self.keep('LrrrrrrrrrCCo')
        (self.state / 'next').write_text('mode=control\nwhy=one boot in 30\n')
        output, _ = self.call(f'--root={self.root}', 'status', '--json')
        data = json.loads(output)
        self.assertEqual(len(data['ledger']), 13)
        self.assertEqual((data['gain']['replayed_boots'], data['gain']['plain_boots']), (9, 3))
        self.assertEqual((data['gain']['replayed_us'], data['gain']['plain_us']), (11500005, 19400010))
        self.assertAlmostEqual(data['gain']['chance'], 1 / 220)
        self.assertEqual(data['next'], {'mode': 'control', 'why': 'one boot in 30'})

    def test_next(self):
        for mode, words in (('collect', 'The next boot is collected: why.'),
                            ('control', 'The next boot runs without bootahead, to compare: why.'),
                            ('off', 'bootahead is off from the next boot on: why.')):
            (self.state / 'next').write_text(f'mode={mode}\nwhy=why\n')
            output, _ = self.call(f'--root={self.root}', 'status')
            self.assertEqual(output.splitlines()[1:], ['There is no profile yet.', words])
        for content in ('', 'mode=perhaps\nwhy=x\n', 'why=x\n', '\x1b\n'):
            (self.state / 'next').write_text(content)
            output, _ = self.call(f'--root={self.root}', 'status')
            self.assertEqual(output.splitlines()[1:], ['There is no profile yet.'])

    def test_damaged(self):
        self.keep('Lr')
        with open(self.state / 'ledger', 'a') as file:
            file.write('garbage\n')
        output, errors = self.call(f'--root={self.root}', 'status')
        self.assertIn('7.9 s faster', output)
        self.assertEqual(errors, f"bootahead: ledger 'FOLDER/root{STATEDIR}/ledger': has damaged lines, left out\n")
        (self.state / 'ledger').unlink()
        (self.state / 'ledger').mkdir()
        _, errors = self.call(f'--root={self.root}', 'status')
        self.assertIn('Bad message', errors)


class Programs(Case):
    def setUp(self):
        super().setUp()
        self.libexec = self.folder / 'programs with space'
        self.libexec.mkdir()
        for name in ('bootahead-collect', 'bootahead-config', 'bootahead-replay', 'bootahead-switch', 'bootahead-watch'):
            (self.libexec / name).write_text(STAND_IN)
            (self.libexec / name).chmod(0o755)
        self.environment = {'BOOTAHEAD_LIBEXECDIR': str(self.libexec)}

    def given(self, *arguments):
        output, _ = self.call(*arguments, environment=self.environment, code=37)
        program, *rest = output.splitlines()
        return pathlib.Path(program).name, rest

    def test_config(self):
        self.assertEqual(self.given('config'), ('bootahead-config', ['--root=']))
        self.assertEqual(self.given('--root=/x', 'config', '--json'), ('bootahead-config', ['--root=/x', '--json']))

    def test_switches(self):
        for verb in ('enable', 'disable', 'collect-next', 'forget'):
            self.assertEqual(self.given(verb), ('bootahead-switch', ['--root=', verb]))
            self.call(verb, 'more', code=2)

    def test_record(self):
        self.assertEqual(self.given('record', '-o', 'x y', '--source=audit', 'ls', '-o', '--json'),
                         ('bootahead-collect', ['--source=audit', '--output=x y', '--', 'ls', '-o', '--json']))
        self.assertEqual(self.given('record', '-ofile', '--', '--odd'),
                         ('bootahead-collect', ['--source=auto', '--output=file', '--', '--odd']))

    def test_record_usage(self):
        _, errors = self.call('record', '--', 'true', code=2)
        self.assertIn('-o FILE', errors)
        self.call('record', '-o', 'file', code=2)

    def test_replay(self):
        self.assertEqual(self.given('replay', '--dry-run', '--root=/x', 'file'),
                         ('bootahead-replay', ['--dry-run', '--root=/x', 'file']))
        self.assertEqual(self.given('--root=/x y', 'replay', '--help'),
                         ('bootahead-replay', ['--root=/x y', '--help']))

    def test_watch(self):
        self.assertEqual(self.given('watch', '--class=open', '--help'), ('bootahead-watch', ['--class=open', '--help']))
        _, errors = self.call('--root=/x', 'watch', code=2)
        self.assertIn('--root', errors)

    def test_never_through_path(self):
        for name in ('bootahead-collect', 'bootahead-replay'):
            (self.libexec / name).rename(self.folder / name)
        _, errors = self.call('replay', environment={**self.environment, 'PATH': str(self.folder)}, code=1)
        self.assertEqual(errors, "bootahead: program 'FOLDER/programs with space/bootahead-replay': "
                                 'No such file or directory\n')

    def build_tree(self):
        (self.folder / 'bin').mkdir()
        copy = self.folder / 'bin' / 'bootahead'
        shutil.copy(BOOTAHEAD, copy)
        copy.chmod(copy.stat().st_mode | stat.S_IXUSR)
        return copy

    def test_beside_the_build_tree(self):
        copy = self.build_tree()
        self.libexec.rename(self.folder / 'libexec')
        result = subprocess.run([copy, 'replay', 'x'], capture_output=True)
        self.assertEqual((result.returncode, result.stdout.splitlines()[1:]), (37, [b'x']))
        environment = {**os.environ, 'BOOTAHEAD_LIBEXECDIR': '/nowhere'}
        result = subprocess.run([copy, 'replay', 'x'], capture_output=True, env=environment)
        self.assertEqual(result.returncode, 1)


class CommandLine(Case):
    def test_help(self):
        output, _ = self.call('--help')
        for verb in VERBS:
            self.assertRegex(output, rf'(?m)^  {verb}\b')
        self.assertEqual(self.call('show', '--help')[0], output)
        self.golden('help.txt', '--help')

    def test_manual_knows_all(self):
        manual = (HERE.parents[1] / 'tools' / 'bootahead.1.scd').read_text()
        for verb in VERBS:
            self.assertIn(f'\n*{verb}*', manual)

    def test_usage(self):
        for arguments in ([], ['paint'], ['show', 'a', 'b'], ['status', 'x'], ['show', '--paint'], ['--paint'],
                          ['status', '--files'], ['dump', '--json'], ['show', '-o', 'x'], ['verify', '--output=x'],
                          ['load', '-o'], ['--root']):
            with self.subTest(arguments):
                output, _ = self.call(*arguments, code=2)
                self.assertEqual(output, '')

    def test_version(self):
        self.assertRegex(self.call('--version')[0], r'^bootahead \d+\.\d+\.\d+\n$')


if __name__ == '__main__':
    unittest.main()
