# SPDX-License-Identifier: LGPL-2.1-or-later
"""
Many boots as figures: medians with their spread, and what they mean against each other.

Pure arithmetic and text. Figures that some boot did not have are left out, not taken for zero.
"""

import dataclasses
import statistics

MIB = 1 << 20


def median(values):
    present = [value for value in values if value is not None]
    return statistics.median(present) if present else None


def as_text(value, form):
    return '-' if value is None else format(value, form)


class Series:
    """Boots of one kind, in the order of their running."""

    def __init__(self, boots=()):
        self.boots = list(boots)

    def seconds(self):
        return [boot.seconds for boot in self.boots]

    def figures(self):
        seconds = self.seconds()
        return {
            'seconds': median(seconds), 'seconds_min': min(seconds), 'seconds_max': max(seconds),
            'read_requests': median(boot.read_requests for boot in self.boots),
            'read_bytes': median(boot.read_bytes for boot in self.boots),
            'stall_seconds': median(boot.stall_seconds for boot in self.boots),
            'processor_seconds': median(boot.extra.get('processor_seconds') for boot in self.boots),
        }

    def as_json(self):
        plain = (str, int, float, bool, type(None), dict, list)
        boots = [dataclasses.asdict(boot) for boot in self.boots]
        for boot in boots:
            boot['extra'] = {key: value for key, value in boot['extra'].items()
                             if isinstance(value, plain) and key not in ('console', 'files', 'stdout', 'stderr')}
        return self.figures() | {'boots': boots}


HEADER = f"{'':20}{'seconds':>9}{'min .. max':>20}{'requests':>10}{'MiB':>8}{'I/O stall':>11}{'CPU':>8}"


def row(name, series):
    figures = series.figures()
    spread = f"{figures['seconds_min']:.3f} .. {figures['seconds_max']:.3f}"
    size = figures['read_bytes']
    return (f"{name:20}{figures['seconds']:9.3f}{spread:>20}{as_text(figures['read_requests'], '.0f'):>10}"
            f"{as_text(size / MIB if size is not None else None, '.1f'):>8}"
            f"{as_text(figures['stall_seconds'], '.3f'):>11}{as_text(figures['processor_seconds'], '.3f'):>8}")


def recovered(cold, replay, hot):
    """The share of the time that disk reads cost which replay wins back; None where they cost nothing."""
    return (cold - replay) / (cold - hot) if cold > hot else None


def recovered_of(kinds):
    """By the medians, and the least and the most of the rounds, each of which ran its kinds side by side.

    The same share of the I/O stall says how much waiting is left where processor noise hides it.
    """
    values = [recovered(*seconds) for seconds in zip(*(kinds[kind].seconds() for kind in ('cold', 'replay', 'hot')))]
    present = [value for value in values if value is not None]
    stalls = [median(boot.stall_seconds for boot in kinds[kind].boots) for kind in ('cold', 'replay', 'hot')]
    return {
        'recovered': recovered(*(median(kinds[kind].seconds()) for kind in ('cold', 'replay', 'hot'))),
        'recovered_stall': None if None in stalls else recovered(*stalls),
        'recovered_min': min(present, default=None), 'recovered_max': max(present, default=None),
    }


def disk_of(boots, rate):
    """How long the disk worked in these boots, and how long it must for the bytes alone, where it has a rate."""
    busy = [boot.extra['disk']['busy_seconds'] for boot in boots.boots if boot.extra.get('disk')]
    size = boots.figures()['read_bytes']
    return {'disk_seconds': median(busy), 'bytes_seconds': size / rate if size is not None and rate else None}


def ratio_of(series, reference):
    """How many times as long as the reference, by the medians, with the spread of the rounds."""
    rounds = [one / other for one, other in zip(series.seconds(), reference.seconds())]
    work, least = series.figures()['processor_seconds'], reference.figures()['processor_seconds']
    return {'ratio': median(series.seconds()) / median(reference.seconds()),
            'ratio_min': min(rounds), 'ratio_max': max(rounds),
            'processor_ratio': work / least if work and least else None}


def replay_of(kinds, pages, replay):
    """What replay costs, and what it is worth by the pages of files that a further boot asked for.

    pages and replay are that boot's reports, of the collector (None: its kernel can't tell) and of replay.
    """
    boots = kinds['replay']
    reports = [boot.extra['replay'] for boot in boots.boots if 'replay' in boot.extra]
    own, whole = median(report['processor_us'] / 1e6 for report in reports), boots.figures()['processor_seconds']
    plain = kinds['cold'].figures()['processor_seconds'] if 'cold' in kinds else None
    return {
        'replay_seconds': own, 'replay_share': own / whole if own and whole else None,
        'processor_ratio': whole / plain if whole and plain else None,
        'planned_ms': median((report['planned_us'] - report['start_us']) / 1e3 for report in reports),
        'waste': 1 - pages['hit_bytes'] / (replay['bytes'] + replay['gap_bytes']) if pages else None,
        'misses': pages['missed_pages'] / (pages['hit_pages'] + pages['missed_pages']) if pages else None,
    }
