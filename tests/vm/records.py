# SPDX-License-Identifier: LGPL-2.1-or-later
"""Audit records as logs have them: the kernel's, the journal's, auditd's."""

import collections
import re

# System calls, arguments, names, io_uring, changes of settings and rules: in a boot without auditd and without
# rules of others, what only we bring. Others' messages have other types; with audit=1 PID 1's loading of BPF
# programs has records of calls too.
OURS = re.compile(r'type=(1302|1305|1307|1309|1336)\b|\b(CONFIG_CHANGE|CWD|EXECVE|PATH) |comm="bootahead|key="bootahead')
CALLS = re.compile(r'type=(1300|1327)\b|SYSCALL arch=')
STAMPED = re.compile(r'audit\(([0-9.]+:\d+)\): (.*)')
APPARMOR = re.compile(r'(apparmor="\w+" operation=.*?) pid=\d+')
LOGGED = re.compile(r'type=(\S+) ')


def ours(text, since_boot=False):
    """The lines of a log that are there because of us."""
    return [line for line in text.splitlines()
            if OURS.search(line) or (not since_boot and CALLS.search(line))]


def repeated(text):
    """Records that the kernel log has more than once."""
    counts = collections.Counter(match.group() for match in STAMPED.finditer(text))
    return [record for record, count in counts.items() if count > 1]


def apparmor(text):
    return collections.Counter(match.group(1) for match in APPARMOR.finditer(text))


def logged(text):
    """auditd's records: {(type, key, executable): number}.

    Without what systemd says of its units: which of them it starts before auditd differs from boot to boot.
    """
    records = collections.Counter()
    for line in text.rstrip('\n').split('\n'):  # splitlines() takes auditd's mark of its own additions for an end
        kind = LOGGED.match(line).group(1)
        field = dict(re.findall(r'\b(key|exe)=("[^"]*"|\S+)', line))
        if kind not in ('SERVICE_START', 'SERVICE_STOP'):
            records[kind, field.get('key'), field.get('exe')] += 1
    return records
