#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The sums of the bench: boots that are written down here, and what comes out."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from bed import Boot  # noqa: E402
from bed.series import Series, disk_of, recovered_of, replay_of  # noqa: E402

PAGES = {'hit_bytes': 90, 'hit_pages': 190, 'missed_pages': 10}
LOADED = {'bytes': 95, 'gap_bytes': 5}


def boots(seconds, processor, **extra):
    return Series(Boot(seconds=value, stall_seconds=value / 2, extra={'processor_seconds': processor} | extra)
                  for value in seconds)


def report(processor, start, planned):
    return {'processor_us': processor, 'start_us': start, 'planned_us': planned}


class Sums(unittest.TestCase):
    def test_recovered(self):
        figures = recovered_of({'cold': boots([10, 12, 11], 1), 'replay': boots([5, 7, 6], 1),
                                'hot': boots([1, 1, 1], 1)})
        self.assertEqual(figures['recovered'], 0.5)
        self.assertEqual((figures['recovered_min'], figures['recovered_max']), (5 / 11, 5 / 9))
        self.assertEqual(figures['recovered_stall'], 0.5)

    def test_replay(self):
        kinds = {'cold': boots([9], 5.0), 'replay': boots([3, 3], 4.0, replay=report(80000, 1000, 3500))}
        figures = replay_of(kinds, PAGES, LOADED)
        self.assertEqual((figures['replay_seconds'], figures['replay_share']), (0.08, 0.02))
        self.assertEqual(figures['processor_ratio'], 0.8)
        self.assertEqual(figures['planned_ms'], 2.5)
        self.assertAlmostEqual(figures['waste'], 0.1)
        self.assertAlmostEqual(figures['misses'], 0.05)

    def test_disk(self):
        series = Series(Boot(seconds=9, read_bytes=40, extra={'disk': {'busy_seconds': busy}}) for busy in (7, 5, 6))
        self.assertEqual(disk_of(series, 20), {'disk_seconds': 6, 'bytes_seconds': 2})
        self.assertEqual(disk_of(series, None)['bytes_seconds'], None)
        self.assertEqual(disk_of(boots([3], 1), 20), {'disk_seconds': None, 'bytes_seconds': None})

    def test_replay_without_reports(self):
        figures = replay_of({'replay': boots([3], None)}, None, LOADED)
        self.assertEqual(set(figures.values()), {None})


if __name__ == '__main__':
    unittest.main(verbosity=2)
