#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""
Whether the modelled disks are what their table says, measured with a known number of readers.

A busy machine makes a disk slower, never faster: what is too fast fails at once, what is too slow is
measured again.
"""

import contextlib
import mmap
import os
import pathlib
import random
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from bed import disk  # noqa: E402

SIZE = 4 << 30
BLOCK = 4096
ATTEMPTS = 4
OVERHEAD = 0.0004  # seconds that a request takes on top of its model, on a slow machine
READERS_MOST = 80  # more than the deepest model of the slower table has places


def chunk_reader(descriptor, offsets, size):
    buffer = mmap.mmap(-1, size)  # direct I/O wants it aligned
    for offset in offsets:
        assert os.preadv(descriptor, [buffer], offset) == size


def timed_reads(path, lists, size=BLOCK):
    """Seconds that readers need, each for its own list of offsets, all at once."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECT)
    try:
        threads = [threading.Thread(target=chunk_reader, args=(descriptor, offsets, size)) for offsets in lists]
        start = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return time.monotonic() - start
    finally:
        os.close(descriptor)


def scattered(count, seed):
    generator = random.Random(seed)
    return [generator.randrange(SIZE // BLOCK) * BLOCK for _ in range(count)]


class Models(unittest.TestCase):
    build = None

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix='bed-test-')
        cls.image = pathlib.Path(cls.folder.name) / 'image'
        with open(cls.image, 'wb') as file:
            file.write(random.Random(1).randbytes(1 << 20))
            file.truncate(SIZE)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def served(self, model, **settings):
        return disk.File(self.image, model, self.build, **settings)

    def measure(self, model, least, most, lists, size=BLOCK):
        for _ in range(ATTEMPTS):
            with self.served(model) as served:
                seconds = timed_reads(served.path, lists, size)
            self.assertGreaterEqual(seconds, least * 0.999, 'faster than the model')
            self.assertEqual(served.statistics['read_requests'], sum(map(len, lists)))
            if seconds <= most:
                return
        self.fail(f'{seconds:.4f} s, the model says {least:.4f}, at most {most:.4f} is tolerated')

    def each(self, wanted, test):
        for scale, table in (('vm', disk.VM), ('container', disk.CONTAINER)):
            for name, model in table.items():
                if wanted(model):
                    with self.subTest(scale=scale, model=name):
                        test(model)

    def content(self):
        with open(self.image, 'rb') as file:
            return file.read(1 << 20)

    def test_one_reader_sees_the_latency(self):
        def test(model):
            count = 20
            least = count * (model.latency + (BLOCK / model.rate if model.rate else 0))
            self.measure(model, least, least * 1.1 + count * OVERHEAD, [scattered(count, 1)])

        self.each(lambda model: not model.head, test)

    def test_as_many_readers_as_places_take_as_long_as_one(self):
        def test(model):
            count = 10
            least = count * model.latency
            most = (least + (model.depth * count * BLOCK / model.rate if model.rate else 0)) * 1.15 + count * OVERHEAD
            self.measure(model, least, most, [scattered(count, seed) for seed in range(model.depth)])

        self.each(lambda model: model.latency / model.depth >= 0.0001, test)

    def test_more_readers_than_places_wait(self):
        def test(model):
            readers, count = min(READERS_MOST, 4 * model.depth), 4
            rounds = -(-readers * count // model.depth)
            least = rounds * model.latency
            most = (least + (readers * count * BLOCK / model.rate if model.rate else 0)) * 1.25 + 0.01
            self.measure(model, least, most, [scattered(count, seed) for seed in range(readers)])

        self.each(lambda model: model.latency / model.depth >= 0.0001 and model.depth < READERS_MOST, test)

    def test_no_load_exceeds_depth_and_latency(self):
        def test(model):
            readers, count = 64, 5
            least = readers * count // model.depth * model.latency
            self.measure(model, least, least * 1.5 + 2, [scattered(count, seed) for seed in range(readers)])

        self.each(lambda model: model.latency > 0, test)

    def test_large_reads_get_the_rate(self):
        def test(model):
            size, readers, count = 1 << 20, 4, 2
            least = readers * count * size / model.rate
            most = (least + readers * count / model.depth * model.latency) * 1.1 + readers * count * 0.002
            lists = [[(reader * count + number) * size for number in range(count)] for reader in range(readers)]
            self.measure(model, least, most, lists, size)

        self.each(lambda model: model.rate and not model.head, test)

    def test_a_head_moves(self):
        model = disk.HDD
        turn, seek = 0.00417, lambda share: 0.001 + 0.012 * share ** 0.5
        block = BLOCK / model.rate
        with self.subTest('one after the other'):
            least = 50 * block
            self.measure(model, least, least + 50 * OVERHEAD, [[number * BLOCK for number in range(50)]])
        with self.subTest('skips forward'):
            step = 390_000 // BLOCK * BLOCK
            least = 20 * block + 19 * (step - BLOCK) / model.rate
            self.measure(model, least, least * 1.1 + 20 * OVERHEAD, [[number * step for number in range(20)]])
        with self.subTest('to and fro over half of the disk'):
            least = 20 * block + 19 * (turn + seek(0.5))
            self.measure(model, least * 0.9999, least * 1.1 + 20 * OVERHEAD,
                         [[number % 2 * SIZE // 2 for number in range(20)]])

    def test_only_models_with_free_writes_have_them(self):
        def test(model):
            with self.served(model) as served:
                descriptor = os.open(served.path, os.O_RDWR | os.O_DIRECT)
                buffer, start = mmap.mmap(-1, BLOCK), time.monotonic()
                for number in range(5):
                    os.pwritev(descriptor, [buffer], number * BLOCK)
                seconds = time.monotonic() - start
                os.close(descriptor)
            self.assertEqual(served.statistics['write_requests'], 5)
            if model.free_writes:
                self.assertLess(seconds, 5 * model.latency)
            else:
                self.assertGreaterEqual(seconds, 5 * model.latency)

        self.each(lambda model: model.latency >= 0.001, test)

    def test_writes_are_forgotten_unless_kept(self):
        before = self.content()
        for keep in (False, True):
            with self.served(disk.Model(), keep=keep) as served:
                with open(served.path, 'r+b', buffering=0) as file:
                    file.seek(12345)
                    file.write(b'written')
                    os.fsync(file.fileno())
                    file.seek(12340)
                    self.assertEqual(file.read(12)[5:], b'written')
            self.assertEqual(self.content() != before, keep)

    def test_content_and_failures(self):
        with self.served(disk.Model(), fail_every=4) as served:
            descriptor, buffer, failures = os.open(served.path, os.O_RDONLY | os.O_DIRECT), mmap.mmap(-1, BLOCK), []
            for number in range(16):
                try:
                    os.preadv(descriptor, [buffer], number * BLOCK)
                    with open(self.image, 'rb') as file:
                        file.seek(number * BLOCK)
                        self.assertEqual(buffer[:], file.read(BLOCK))
                except OSError:
                    failures.append(number)
            os.close(descriptor)
        self.assertEqual(failures, [3, 7, 11, 15])

    def test_nothing_is_left(self):
        with contextlib.suppress(ZeroDivisionError), self.served(disk.Model()) as served:
            path, server = served.path, served.server
            raise ZeroDivisionError
        self.assertFalse(path.exists())
        self.assertEqual(server.returncode, 0)


def main():
    if os.geteuid() != 0 or not os.path.exists('/dev/fuse'):
        print('needs root and FUSE')
        return 77
    Models.build = pathlib.Path(sys.argv.pop(1))
    unittest.main()


if __name__ == '__main__':
    sys.exit(main())
