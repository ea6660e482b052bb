# SPDX-License-Identifier: LGPL-2.1-or-later
"""
What the tests with real boots share: the image with a release build in it, and what a boot says of itself.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

PROJECT = pathlib.Path(__file__).resolve().parent.parent.parent
RELEASE = pathlib.Path(os.environ.get('BOOTAHEAD_RELEASE', PROJECT / 'build/release'))
SKIPPED = 77

sys.path.insert(0, str(PROJECT / 'tests'))
from bed import image as images, vm  # noqa: E402

# Runs in the guest when the boot has finished, and again what the late units did then.
REPORT = '''
for unit in bootahead-collect.service bootahead-replay.service bootahead-report.service; do
        while [ "$(systemctl show --property=SubState --value $unit)" = running ]; do sleep 0.5; done
done
mkdir bootahead
cp /run/bootahead/* bootahead/
[ ! -e /var/lib/bootahead/profile ] || cp /var/lib/bootahead/profile bootahead/profile
journalctl --boot --no-pager --quiet > journal
journalctl --boot --no-pager --quiet --output=json SYSLOG_IDENTIFIER=bootahead-late > lines
journalctl --boot --no-pager --quiet _TRANSPORT=audit > audit
dmesg > kernel
systemctl list-units --failed --plain --no-legend > failed
'''

# Whether the program that sorts the audit socket's records is in the kernel: it shares memory with the collector.
SORTED = '''
read -r pid rest < /run/bootahead/collect.pid
grep -c anon_inode:bpf-map "/proc/$pid/maps" > sorted
'''

# What a collecting boot must leave as it was. Needs auditctl.
LEFT = '''
systemctl show --property=LoadState --value systemd-journald-audit.socket > socket
ls /sys/kernel/tracing/instances > instances
ls -d /run/bootahead/audit-state /run/bootahead/rules > remains 2> /dev/null
auditctl -s > settings
auditctl -l > rules
'''
# The kernel's own witness of who sends anything to the audit system, from before the first process on.
WITNESS = 'ftrace=function ftrace_filter=audit_receive'
WITNESSED = '''
cp /sys/kernel/tracing/trace calls
systemctl is-active systemd-journald-audit.socket > audit-socket
'''
BOOTED = '952826abdfef459e96c4b0fb0a359e77'
CALL = re.compile(r'^ *(\S.*?)-\d+ +\[\d+\].*: audit_receive <-', re.M)

# What PID 1 and its generators have to read.
TO_READ = '''
systemctl show --property=FragmentPath --value '*' | grep . | xargs readlink --canonicalize > units
ls /usr/lib/systemd/system-generators > generators
'''

SETTINGS = {'failure': '1', 'pid': '0', 'rate_limit': '0', 'backlog_limit': '64', 'lost': '0',
            'backlog_wait_time': '15000'}


def skip(reason):
    print(f'skipped: {reason}')
    sys.exit(SKIPPED)


def require():
    """Ends the test where this machine can't run it."""
    if os.geteuid() != 0:
        skip('needs root, to make and to mount images')
    for program in ('qemu-system-x86_64', 'mmdebstrap'):
        if not shutil.which(program):
            skip(f'{program} is not installed')
    for program in ('libexec/bootahead-collect', 'libexec/bootahead-replay', 'libexec/bootahead-late', 'bin/bootahead'):
        if not (RELEASE / program).exists():
            skip(f"'{RELEASE / program}' is not built")


def installed(kind='minimal', **options):
    return images.with_bootahead(getattr(images, kind)(RELEASE), RELEASE, **options)


def disable_auditd(machine):
    with vm.opened(machine) as root:
        (root / 'etc/systemd/system/multi-user.target.wants/auditd.service').unlink()


# A machine that is not running, as a package manager wants to see it. What is mounted goes with the namespace.
CHROOT = '''
set -e
mount -t proc proc "$ROOT/proc"
mount -t devtmpfs devtmpfs "$ROOT/dev"
mount -t tmpfs tmpfs "$ROOT/run"
exec chroot "$ROOT" "$@"
'''


def run_in(root, *words):
    """Runs a command in a machine's file system, and returns what it said."""
    result = subprocess.run(['unshare', '--mount', '--propagation=private', 'sh', '-c', CHROOT, 'sh', *words],
                            env={**os.environ, 'ROOT': str(root), 'DEBIAN_FRONTEND': 'noninteractive'},
                            capture_output=True, text=True)
    if result.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: {result.stdout}{result.stderr}")
    return result.stdout + result.stderr


def packed(generator, folder, release=1):
    """A binary package of the release build."""
    subprocess.run(['cpack', '-G', generator, '-B', folder, '--config', RELEASE / 'CPackConfig.cmake',
                    '-D', f'CPACK_DEBIAN_PACKAGE_RELEASE={release}', '-D', f'CPACK_RPM_PACKAGE_RELEASE={release}'],
                   check=True, stdout=subprocess.DEVNULL)
    found, = pathlib.Path(folder).glob(f'bootahead*-{release}[_.]*.{generator.lower()}')
    return found


def dpkg(root, *words, file=None):
    """Debian's package manager in a machine's file system; file: a package on this side."""
    if file:
        shutil.copy(file, root / 'tmp/package.deb')
        words = (*words, '/tmp/package.deb')
    said = run_in(root, 'dpkg', *words)
    (root / 'tmp/package.deb').unlink(missing_ok=True)
    return said


class Said:
    """A finished boot, and what it left to read."""

    def __init__(self, boot):
        files = boot.extra['files']
        text = {name: content.decode(errors='replace') for name, content in files.items()
                if not name.startswith('bootahead/profile')}
        self.boot, self.seconds, self.files = boot, boot.seconds, files
        self.journal, self.kernel, self.audit = text['journal'], text['kernel'], text['audit']
        self.failed = text['failed'].split('\n')[:-1]
        lines = [json.loads(line) for line in text['lines'].splitlines()]
        self.lines = [line for line in lines if line['MESSAGE_ID'] != BOOTED]  # what was done
        self.booted = [line for line in lines if line['MESSAGE_ID'] == BOOTED]  # what the boot took
        self.decision = dict(line.split('=', 1) for line in text.get('bootahead/decision', '').splitlines())
        self.reports = {name: json.loads(text[f'bootahead/{name}.json']) for name in ('collect', 'replay', 'pages')
                        if f'bootahead/{name}.json' in text}

    def profile_text(self):
        with tempfile.NamedTemporaryFile() as file:
            file.write(self.files['bootahead/profile'])
            file.flush()
            status, text = bootahead('dump', file.name)
        if status != 0:
            raise RuntimeError(text)
        return text

    def messages(self):
        return [line['MESSAGE'] for line in self.lines]


def boot(image, model='none', before='', after='', **options):
    """before is a shell script that runs in the guest while the late units are still at work, after one when not."""
    said = Said(vm.boot(image, model, RELEASE, run=before + REPORT + after, **options))
    print(f'{model}: {said.seconds:.2f} s, {said.boot.read_requests} read requests, {said.decision}', flush=True)
    for message in said.messages():
        print(f'  {message}', flush=True)
    return said


def bootahead(*arguments):
    """The people's tool of the release build; returns its exit status and output."""
    result = subprocess.run([RELEASE / 'bin/bootahead', *map(str, arguments)], capture_output=True, text=True)
    return result.returncode, result.stdout + result.stderr


# Opens of files that have no name any more when the boot is done: journald's unnamed one, now and then; the one in
# which auditd's rules are put together is opened five times, and only its inode's next owner hides that at times.
TEMPORARY = 2 + 5


class Case(unittest.TestCase):
    def assert_collected(self, said, sources, why):
        """A collecting boot that went well, and left nothing of its own in anybody's log."""
        self.assertEqual(said.decision['mode'], 'collect')
        self.assertIn(why, said.decision['why'])
        self.assertEqual(said.reports['collect']['result'], 'done')
        self.assertEqual(set(said.reports['collect']['source'].split('+')), sources)
        self.assertEqual(said.failed, [])
        collected = [line for line in said.lines if line['MESSAGE_ID'] == 'f93a4d3c543f4362ab3b973729d38abd']
        self.assertEqual(len(collected), 1, said.messages())
        self.assertGreater(int(collected[0]['BOOTAHEAD_FILES']), 100)
        losses = {kind: count for kind, count in said.reports['collect']['losses'].items() if count}
        self.assertEqual(int(collected[0]['BOOTAHEAD_LOSSES']), sum(losses.values()))
        self.assertLessEqual(losses.pop('unresolved', 0), TEMPORARY)
        self.assertEqual(losses, {})

    def assert_nothing_left(self, files, enabled='0'):
        text = {name: files[name].decode() for name in ('socket', 'instances', 'remains', 'settings', 'rules')}
        found = dict(line.split(None, 1) for line in text['settings'].splitlines())
        self.assertEqual({name: found[name] for name in SETTINGS}, SETTINGS)
        self.assertEqual((found['enabled'], text['rules']), (enabled, 'No rules\n'))
        self.assertEqual((text['instances'], text['remains'], text['socket']), ('', '', 'loaded\n'))

    def assert_complete(self, said):
        """What PID 1 and its generators read is in the profile that the guest has handed back; needs TO_READ."""
        text = said.profile_text()
        first = re.search(r'^process (\d+) boot=0 pid=1 ', text, re.M).group(1)
        files = set(re.findall(r'^file "([^"]*)"', text, re.M))
        by_first = set(re.findall(rf'^access "([^"]*)" process={first} ', text, re.M))
        units = {name for name in said.files['units'].decode().split() if not name.startswith('/run/')}
        self.assertGreater(len(units), 40)
        self.assertEqual(units - by_first, set())
        generators = {f'/usr/lib/systemd/system-generators/{name}' for name in said.files['generators'].decode().split()}
        self.assertEqual((generators | {'/etc/fstab'}) - files, set())
        self.assertIn('/etc/systemd/system.conf', by_first)

    def audit_callers(self, said):
        """Who sent anything to the audit system in a boot; needs WITNESS and WITNESSED. journald does in each."""
        callers = set(CALL.findall(said.files['calls'].decode()))
        self.assertTrue(any(name.startswith('systemd') for name in callers), callers)
        self.assertNotIn('<...>', callers)
        return callers

    def assert_audit_untouched(self, said):
        callers = self.audit_callers(said)
        self.assertEqual([name for name in callers if 'bootahead' in name], [])
        self.assertEqual(said.files['audit-socket'], b'active\n')

    def assert_profile(self, machine, contents=('touched-pages', 'resident-metadata')):
        """The profile that a machine has on its disk, and by which evidence it has pages and metadata."""
        with vm.opened(machine) as root:
            profile = root / 'var/lib/bootahead/profile'
            status, text = bootahead('verify', profile)
            self.assertEqual(status, 0, text)
            status, text = bootahead('dump', profile)
            self.assertEqual(status, 0, text)
        known, = re.findall(r'^boot .* contents=(\S+)', text, re.M)
        self.assertLessEqual(set(contents), set(known.split('+')))
        self.assertGreater(len(re.findall('^range ', text, re.M)), 200)
        self.assertGreater(len(re.findall('^metadata ', text, re.M)), 20)
        self.assertIn('/usr/lib/systemd/systemd', text)
        self.assertIn('/usr/sbin/sshd', text)
        self.assertNotIn('file "/proc/', text)

    def assert_replayed(self, said):
        self.assertEqual(said.decision['mode'], 'replay')
        self.assertEqual(said.failed, [])
        self.assertEqual(said.reports['replay']['result'], 'done')
        self.assertGreater(said.reports['replay']['files'], 100)
        self.assertEqual(len(said.lines), 1, said.messages())
        self.assertIn('Read ahead', said.messages()[0])


def main():
    require()
    unittest.main(verbosity=2)
