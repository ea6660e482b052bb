/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files that nobody should have written: cut short, damaged, lying. Each has its answer and its reason,
 * and none may crash the reader or make it take much memory.
 */
#include "fixture.h"

#include <string.h>
#include <zstd.h>

static void assert_refused(const char *name, int got, int expected, const char *why, const char *reason)
{
        if (got != expected || !why || !strstr(why, reason))
                fail_msg("%s: %d, '%s' instead of %d, '%s'", name, got, why ? why : "", expected, reason);
}

/* ---- Whole files ------------------------------------------------------------------------- */

static const char zeros[64], magic_and_zeros[64] = FORMAT_MAGIC;

static void test_no_profile(void **state)
{
        static const struct {
                const char *name, *bytes;
                size_t n;
                const char *why;
        } files[] = {
                {"empty", "", 0, "empty"},
                {"one byte", "\x89", 1, "no profile"},
                {"magic alone", FORMAT_MAGIC, 8, "no profile"},
                {"text", "bootahead-profile 1\nend\n", 24, "no profile"},
                {"text, longer", "bootahead-profile 1\n# a remark of some length\nend\n", 50, "no profile"},
                {"zeros", zeros, 64, "no profile"},
                {"magic and zeros", magic_and_zeros, 64, "cut short or its size"},
        };

        (void)state;
        for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
                for (int part = PROFILE_PART_REPLAY; part <= PROFILE_PART_ALL; part++) {
                        struct profile *profile = NULL;
                        const char *why = NULL;
                        int r = read_bytes(files[i].bytes, files[i].n, part, &profile, &why);

                        assert_refused(files[i].name, r, PROFILE_CORRUPT, why, files[i].why);
                }
}

static void test_cut_short(void **state)
{
        _cleanup_craft_ struct craft *craft = craft_new();
        _cleanup_free_ uint8_t *bytes = NULL;
        size_t n;

        (void)state;
        bytes = craft_build(craft, &n);
        for (size_t cut = 0; cut < n; cut++)
                for (int part = PROFILE_PART_REPLAY; part <= PROFILE_PART_ALL; part++) {
                        struct profile *profile = NULL;
                        const char *why = NULL;

                        assert_int_equal(read_bytes(bytes, cut, part, &profile, &why), PROFILE_CORRUPT);
                        assert_non_null(why);
                        assert_null(profile);
                }
}

/* Whatever bit flips: the profile is refused, or the bit did not matter and the profile is the same. */
static void test_every_flipped_bit(void **state)
{
        _cleanup_profile_ struct profile *sample = sample_profile();
        _cleanup_free_ char *expected = text_of(sample);
        _cleanup_craft_ struct craft *craft = craft_new();
        _cleanup_free_ uint8_t *bytes = NULL;
        size_t n, harmless = 0;

        (void)state;
        bytes = craft_build(craft, &n);
        for (size_t bit = 0; bit < 8 * n; bit++) {
                _cleanup_profile_ struct profile *profile = NULL;
                int r;

                bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
                r = read_bytes(bytes, n, PROFILE_PART_ALL, &profile, NULL);
                bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
                if (r == 0) {
                        _cleanup_free_ char *text = text_of(profile);

                        assert_string_equal(text, expected);
                        harmless++;
                } else {
                        assert_int_equal(r, PROFILE_CORRUPT);
                }
        }
        assert_true(harmless < 8 * n / 50); /* padding that zstd does not look at */
}

static void test_random_garbage(void **state)
{
        _cleanup_craft_ struct craft *craft = craft_new();
        _cleanup_free_ uint8_t *bytes = NULL;
        uint64_t random = 1;
        size_t n;

        (void)state;
        bytes = craft_build(craft, &n);
        for (int i = 0; i < 2000; i++) {
                _cleanup_free_ uint8_t *changed = malloc(n);
                _cleanup_profile_ struct profile *profile = NULL;

                memcpy(changed, bytes, n);
                for (int j = 0; j < 4; j++) {
                        random = random * 6364136223846793005u + 1442695040888963407u;
                        changed[(random >> 33) % n] = (uint8_t)(random >> 20);
                }
                header_checksum(changed, HEADER_FIXED + n_layouts * ENTRY_FIXED);
                (void)read_bytes(changed, n, i % 2 ? PROFILE_PART_ALL : PROFILE_PART_REPLAY, &profile, NULL);
        }
}

/* ---- Headers ----------------------------------------------------------------------------- */
/* clang-format off */
static void wrong_checksum(uint8_t *header) { header[HEADER_CHECKSUM] ^= 1; }
static void wrong_field(uint8_t *header) { header[HEADER_COMPATIBLE] ^= 1; }
static void header_too_large(uint8_t *header) { put_bytes(header + HEADER_SIZE, HEADER_MAX + 1, 4); }
static void header_too_small(uint8_t *header) { put_bytes(header + HEADER_SIZE, HEADER_FIXED - 1, 4); }
static void many_sections(uint8_t *header) { put_bytes(header + HEADER_SECTIONS, UINT16_MAX, 2); }
static void one_more_section(uint8_t *header) { put_bytes(header + HEADER_SECTIONS, n_layouts + 1, 2); }
static void no_sections(uint8_t *header) { put_bytes(header + HEADER_SECTIONS, 0, 2); }
static void small_entries(uint8_t *header) { put_bytes(header + HEADER_ENTRY_SIZE, ENTRY_FIXED - 1, 2); }
static void large_entries(uint8_t *header) { put_bytes(header + HEADER_ENTRY_SIZE, UINT16_MAX, 2); }
/* clang-format on */

static void test_headers(void **state)
{
        static const struct {
                const char *name;
                void (*patch)(uint8_t *header), (*spoil)(uint8_t *header);
                const char *why;
        } cases[] = {
                {"wrong checksum", NULL, wrong_checksum, "checksum does not match"},
                {"changed field", NULL, wrong_field, "checksum does not match"},
                {"header too large", NULL, header_too_large, "size is wrong"},
                {"header too small", NULL, header_too_small, "size is wrong"},
                {"too many sections", many_sections, NULL, "section table does not fit"},
                {"one section too many", one_more_section, NULL, "section table does not fit"},
                {"no sections", no_sections, NULL, "goes on behind"},
                {"small entries", small_entries, NULL, "section table does not fit"},
                {"large entries", large_entries, NULL, "section table does not fit"},
        };

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
                for (int part = PROFILE_PART_REPLAY; part <= PROFILE_PART_ALL; part++) {
                        _cleanup_craft_ struct craft *craft = craft_new();
                        struct profile *profile = NULL;
                        const char *why = NULL;
                        int r;

                        craft->patch = cases[i].patch;
                        craft->spoil = cases[i].spoil;
                        r = craft_read(craft, part, &profile, &why);
                        assert_refused(cases[i].name, r, PROFILE_CORRUPT, why, cases[i].why);
                }
}

/* ---- Sections ---------------------------------------------------------------------------- */
/* clang-format off */
static struct craft_section *files(struct craft *craft) { return craft_section(craft, SECTION_FILES); }
static struct craft_section *ranges(struct craft *craft) { return craft_section(craft, SECTION_RANGES); }
/* clang-format on */

static void empty_section(struct craft *craft)
{
        files(craft)->frame = malloc(1);
        files(craft)->frame_n = 0;
}

/* clang-format off */
static void section_behind_end(struct craft *craft) { craft->sections[craft->n - 1].packed_more = 1; }
static void section_far_behind_end(struct craft *craft) { files(craft)->packed_more = INT64_MAX; }
static void section_wraps(struct craft *craft) { files(craft)->packed_more = -1000; }
static void sections_overlap(struct craft *craft) { ranges(craft)->offset_more = -1; }
static void section_gap(struct craft *craft) { ranges(craft)->offset_more = 1; }
static void offset_behind_end(struct craft *craft) { files(craft)->offset_more = 1 << 20; }
static void offset_in_header(struct craft *craft) { craft->sections[0].offset_more = -1; }
/* clang-format on */

static void duplicate_section(struct craft *craft)
{
        const struct body *body = &files(craft)->body;

        craft_body(craft_insert(craft, 3, SECTION_FILES), body->bytes, body->n);
}

static void swapped_sections(struct craft *craft)
{
        uint32_t type = craft->sections[2].type;

        craft->sections[2].type = craft->sections[3].type;
        craft->sections[3].type = type;
}

static void missing_section(struct craft *craft)
{
        craft_section(craft, SECTION_WALKS)->type = SECTION_WALKS + 3;
        craft_section(craft, SECTION_METADATA)->type = SECTION_WALKS + 2;
        ranges(craft)->type = SECTION_WALKS + 1;
}

/* clang-format off */
static void unpacked_less(struct craft *craft) { files(craft)->unpacked_more = -1; }
static void unpacked_more(struct craft *craft) { files(craft)->unpacked_more = 1; }
static void unpacked_huge(struct craft *craft) { files(craft)->unpacked_more = INT64_MAX; }
static void unpacked_large(struct craft *craft) { files(craft)->unpacked_more = 97 << 20; }
static void no_content_checksum(struct craft *craft) { files(craft)->no_checksum = true; }
/* clang-format on */

/* set_frame - compresses the body as it is, and puts @more bytes of zeros behind it */
static void set_frame(struct craft_section *section, size_t more, bool checksum)
{
        size_t room = ZSTD_compressBound(section->body.n) + 64;
        ZSTD_CCtx *context = ZSTD_createCCtx();

        section->frame = calloc(1, room + more);
        ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, checksum);
        section->frame_n =
                ZSTD_compress2(context, section->frame, room, section->body.bytes, section->body.n) + more;
        ZSTD_freeCCtx(context);
}

static void bytes_behind_frame(struct craft *craft)
{
        set_frame(files(craft), 4, true);
}

static void two_frames(struct craft *craft)
{
        struct craft_section *section = files(craft);
        size_t n = section->body.n, second;

        section->body.n = n / 2;
        set_frame(section, n, true);
        section->frame_n -= n;
        second = ZSTD_compress(section->frame + section->frame_n, n + 64, section->body.bytes + n / 2,
                               n - n / 2, 1);
        section->frame_n += second;
        section->body.n = n;
}

static void skippable_frame(struct craft *craft)
{
        struct craft_section *section = files(craft);

        section->frame = calloc(1, 24);
        memcpy(section->frame, "\x50\x2a\x4d\x18\x10", 5);
        section->frame_n = 24;
}

static void garbage_frame(struct craft *craft)
{
        files(craft)->frame = calloc(1, 64);
        files(craft)->frame_n = 64;
}

/* A frame that says a gigabyte, and whose header in the file agrees. */
static void zip_bomb(struct craft *craft)
{
        static const char frame[] = "\x28\xb5\x2f\xfd\xa4\x00\x00\x00\x40\xfb\xff\xff\x1f\x00";
        struct craft_section *section = ranges(craft);

        section->frame = malloc(64);
        memset(section->frame, 0, 64);
        memcpy(section->frame, frame, sizeof(frame) - 1);
        section->frame_n = 64;
        section->unpacked_more = (1 << 30) - (int64_t)section->body.n;
}

/* One that keeps within the limit of its section, but whose blocks are not there. */
static void hollow_bomb(struct craft *craft)
{
        zip_bomb(craft);
        put_bytes(ranges(craft)->frame + 5, 64 << 20, 4);
        ranges(craft)->unpacked_more = (64 << 20) - (int64_t)ranges(craft)->body.n;
}

/* And one that says little and unpacks to much. */
static void lying_bomb(struct craft *craft)
{
        struct craft_section *section = ranges(craft);
        size_t n = section->body.n;
        _cleanup_free_ uint8_t *much = calloc(1, 32 << 20);

        craft_body(section, much, 32 << 20);
        set_frame(section, 0, true);
        assert_int_equal(section->frame[4] >> 5, 4); /* a content size of four bytes behind a window's */
        put_bytes(section->frame + 6, n, 4);
        section->body.n = n;
}

static void test_sections(void **state)
{
        static const struct {
                const char *name;
                void (*spoil)(struct craft *);
                const char *why;
        } cases[] = {
                {"empty section", empty_section, "empty or ends behind"},
                {"section behind the end", section_behind_end, "ends behind the end of the file"},
                {"section far behind the end", section_far_behind_end, "ends behind the end of the file"},
                {"section of negative size", section_wraps, "ends behind the end of the file"},
                {"overlapping sections", sections_overlap, "begin where the one before"},
                {"gap between sections", section_gap, "begin where the one before"},
                {"offset behind the end", offset_behind_end, "begin where the one before"},
                {"offset in the header", offset_in_header, "begin where the one before"},
                {"duplicate section", duplicate_section, "ascending order of their types"},
                {"swapped sections", swapped_sections, "ascending order of their types"},
                {"missing section", missing_section, "section is missing"},
                {"says one byte less", unpacked_less, "frame of the size it says"},
                {"says one byte more", unpacked_more, "frame of the size it says"},
                {"says the largest size", unpacked_huge, "larger than it may be"},
                {"says more than its limit", unpacked_large, "larger than it may be"},
                {"no content checksum", no_content_checksum, "no checksummed frame"},
                {"bytes behind the frame", bytes_behind_frame, "no checksummed frame"},
                {"two frames", two_frames, "no checksummed frame"},
                {"skippable frame", skippable_frame, "no checksummed frame"},
                {"garbage frame", garbage_frame, "no checksummed frame"},
                {"zip bomb", zip_bomb, "larger than it may be"},
                {"hollow bomb", hollow_bomb, "damaged"},
                {"lying bomb", lying_bomb, "damaged"},
        };

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
                for (int part = PROFILE_PART_REPLAY; part <= PROFILE_PART_ALL; part++) {
                        _cleanup_craft_ struct craft *craft = craft_new();
                        struct profile *profile = NULL;
                        const char *why = NULL;
                        int r;

                        cases[i].spoil(craft);
                        r = craft_read(craft, part, &profile, &why);
                        assert_refused(cases[i].name, r, PROFILE_CORRUPT, why, cases[i].why);
                }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_no_profile),        cmocka_unit_test(test_cut_short),
                cmocka_unit_test(test_every_flipped_bit), cmocka_unit_test(test_random_garbage),
                cmocka_unit_test(test_headers),           cmocka_unit_test(test_sections),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
