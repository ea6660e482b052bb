/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The order of a batch, and what is read between its pieces. */
#include "fixture.h"

#include "batch.h"

enum { ROOM = 32 };

/* Positions, lengths and gaps in pages. */
static struct piece piece(int fd, uint64_t position, uint64_t length)
{
        return (struct piece){.fd = fd,
                              .has_device = true,
                              .offset = 7 * PAGE,
                              .length = length * PAGE,
                              .position = position * PAGE};
}

static void assert_piece(const struct piece *piece, int fd, uint64_t position, uint64_t length)
{
        assert_int_equal(piece->fd, fd);
        assert_int_equal(piece->position, position * PAGE);
        assert_int_equal(piece->length, length * PAGE);
}

static void test_order(void **state)
{
        struct piece pieces[ROOM] = {piece(3, 900, 1), piece(4, 100, 1), piece(5, 0, 1),
                                     piece(6, 500, 1), piece(7, 0, 1),   piece(8, 1, 1)};

        (void)state;
        pieces[5].filesystem = 1;
        assert_int_equal(batch_arrange(pieces, 6, ROOM, UINT64_MAX), 6);
        assert_piece(&pieces[0], 5, 0, 1); /* nobody knows where */
        assert_piece(&pieces[1], 7, 0, 1);
        assert_piece(&pieces[2], 4, 100, 1);
        assert_piece(&pieces[3], 6, 500, 1);
        assert_piece(&pieces[4], 3, 900, 1);
        assert_piece(&pieces[5], 8, 1, 1); /* another device */
}

static void test_gaps(void **state)
{
        struct piece pieces[ROOM] = {piece(3, 1000, 900), piece(4, 1908, 2), piece(5, 1942, 1),
                                     piece(6, 1943, 100)};

        (void)state;
        pieces[1].length -= PAGE / 2; /* a file's end does not fill its page */
        assert_int_equal(batch_arrange(pieces, 4, ROOM, UINT64_MAX), 6);
        assert_piece(&pieces[0], 3, 1000, 900);
        assert_piece(&pieces[1], BATCH_DEVICE, 1900, 8);
        assert_int_equal(pieces[1].offset, 1900 * PAGE); /* of the device */
        assert_int_equal(pieces[2].fd, 4);
        assert_piece(&pieces[3], BATCH_DEVICE, 1910, 32);
        assert_piece(&pieces[4], 5, 1942, 1); /* none needs no filling */
        assert_piece(&pieces[5], 6, 1943, 100);
}

static void test_no_gaps(void **state)
{
        struct piece pieces[ROOM] = {piece(3, 0, 100), piece(4, 104, 100), piece(5, 208, 100),
                                     piece(6, 1000, 1000), piece(7, 2033, 100)};

        (void)state;
        pieces[2].filesystem = 1;
        assert_int_equal(batch_arrange(pieces, 3, ROOM, UINT64_MAX), 3);
        assert_int_equal(batch_arrange(pieces + 3, 2, ROOM - 3, UINT64_MAX), 2); /* 33 pages are too many */
        for (int i = 0; i < 3; i++) {
                pieces[i] = piece(i + 3, 1000 + 104 * (uint64_t)i, 100);
                pieces[i].has_device = false;
        }
        assert_int_equal(batch_arrange(pieces, 3, ROOM, UINT64_MAX), 3);
}

/* What nobody asked for stays within its share, and goes where it saves most; the array keeps its room. */
static void test_bounds(void **state)
{
        struct piece pieces[ROOM];
        uint64_t position = 100;

        (void)state;
        for (int i = 0; i < 16;
             i++) { /* gaps of 12 pages and of 1: 23 pages of junk are for the narrow ones */
                pieces[i] = piece(i + 3, position, 25);
                position += i % 2 ? 26 : 37;
        }
        assert_int_equal(batch_arrange(pieces, 16, ROOM, UINT64_MAX), 23);
        for (int i = 0; i < 23; i++)
                if (pieces[i].fd == BATCH_DEVICE)
                        assert_int_equal(pieces[i].length, PAGE);
        for (int i = 0; i < 16; i++)
                pieces[i] = piece(i + 3, 1000 + (uint64_t)i * 108, 100);
        assert_int_equal(batch_arrange(pieces, 16, ROOM, UINT64_MAX),
                         16); /* 96 pages: not for all, so for none */
        for (int i = 0; i < 16; i++)
                pieces[i] = piece(i + 3, 1000 + (uint64_t)i * 104, 100);
        assert_int_equal(batch_arrange(pieces, 16, ROOM, UINT64_MAX), 31);
        for (int i = 0; i < 16; i++)
                pieces[i] = piece(i + 3, 1000 + (uint64_t)i * 104, 100);
        assert_int_equal(batch_arrange(pieces, 16, 20, UINT64_MAX), 20);
}

/* What is needed first goes first, and takes its neighbours with it. */
static void test_bins(void **state)
{
        struct piece pieces[ROOM] = {piece(3, 900, 10), piece(4, 100, 10), piece(5, 910, 10),
                                     piece(6, 500, 10)};

        (void)state;
        for (uint32_t i = 0; i < 4; i++)
                pieces[i].need = i;
        assert_int_equal(batch_arrange(pieces, 4, ROOM, 30 * PAGE), 4);
        assert_piece(&pieces[0], 4, 100, 10);
        assert_piece(&pieces[1], 3, 900, 10);
        assert_piece(&pieces[2], 5, 910, 10);
        assert_piece(&pieces[3], 6, 500, 10);
        assert_int_equal(pieces[2].bin, 0);
        assert_int_equal(pieces[3].bin, 1);
        assert_int_equal(batch_arrange(pieces, 4, ROOM, 1), 4);
        assert_piece(&pieces[0], 3, 900, 10);
        assert_piece(&pieces[1], 5, 910, 10);
        assert_piece(&pieces[2], 4, 100, 10);
        assert_int_equal(pieces[3].bin, 2);
}

/* A run ends where a request would: what lies behind has its own need. */
static void test_long_runs(void **state)
{
        struct piece pieces[ROOM];

        (void)state;
        for (uint32_t i = 0; i < 8; i++) {
                pieces[i] = piece(3, 1000 + 64 * (uint64_t)i, 64);
                pieces[i].need = 8 - i;
        }
        assert_int_equal(batch_arrange(pieces, 8, ROOM, 1), 8);
        for (int i = 0; i < 8; i++)
                assert_int_equal(pieces[i].bin, i / 4);
        assert_piece(&pieces[0], 3, 1256, 64);
        assert_piece(&pieces[4], 3, 1000, 64);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_order),  cmocka_unit_test(test_gaps), cmocka_unit_test(test_no_gaps),
                cmocka_unit_test(test_bounds), cmocka_unit_test(test_bins), cmocka_unit_test(test_long_runs),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
