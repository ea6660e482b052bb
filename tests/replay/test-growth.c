/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What replay needs before its first read grows with the profile, and no faster: memory by its bytes, work by
 * what it sorts. Counted in the calls of the C library, so that neither a busy machine nor a sanitizer
 * matters.
 */
#include "fixture.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "scale.h"

enum { FEW = 20000, MANY = 200000 };

static struct work {
        size_t bytes, most; /* allocated now, and at most */
        size_t calls;
        size_t sorted, longest; /* entries of all sorts, and of one */
} work;

typedef int (*comparison)(const void *, const void *);

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_reallocarray(void *old, size_t n, size_t size);
void __real_free(void *old);
void __real_qsort(void *entries, size_t n, size_t size, comparison compare);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_reallocarray(void *old, size_t n, size_t size);
void __wrap_free(void *old);
void __wrap_qsort(void *entries, size_t n, size_t size, comparison compare);

static void *count(void *new)
{
        work.calls++;
        work.bytes += malloc_usable_size(new);
        work.most = work.bytes > work.most ? work.bytes : work.most;
        return new;
}

static void *uncount(void *old)
{
        work.bytes -= malloc_usable_size(old);
        return old;
}

void *__wrap_malloc(size_t size)
{
        return count(__real_malloc(size));
}

void *__wrap_calloc(size_t n, size_t size)
{
        return count(__real_calloc(n, size));
}

void *__wrap_realloc(void *old, size_t size)
{
        return count(__real_realloc(uncount(old), size));
}

void *__wrap_reallocarray(void *old, size_t n, size_t size)
{
        return count(__real_reallocarray(uncount(old), n, size));
}

void __wrap_free(void *old)
{
        __real_free(uncount(old));
}

void __wrap_qsort(void *entries, size_t n, size_t size, comparison compare)
{
        work.sorted += n;
        work.longest = n > work.longest ? n : work.longest;
        __real_qsort(entries, n, size, compare);
}

/* A boot of 400 files, most of them read in one piece and the others in up to six. */
static struct profile *small_profile(void)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        FILE *file = open_memstream(&text, &size);

        assert_non_null(file);
        fputs("boot 0 id=00000000-0000-0000-0000-000000000000 sources=audit wall=0 start=0 end=0 kernel=\"\" "
              "os=\"\" "
              "machine=\"\" choice=\"\"\n" FILESYSTEMS,
              file);
        for (int i = 100; i < 500; i++)
                fprintf(file,
                        "file \"/usr/lib/package-%d/library.so\" filesystem=0 size=409600 mtime=0 inode=%d\n",
                        i, i);
        for (int i = 0; i < 400; i++)
                for (int range = 0; range <= (i % 8 ? 0 : i / 8 % 6); range++)
                        fprintf(file, "range \"/usr/lib/package-%d/library.so\" page=%d count=4 use=%d\n",
                                499 - i, (6 - range) * 16, i);
        for (int i = 0; i < 80; i++)
                fprintf(file, "metadata filesystem=0 page=%d count=1\n", i * 100);
        fputs("process 0 boot=0 pid=1 start=0 parent=none executable=\"\" unit=\"\"\n", file);
        fputs("access \"/usr/lib/package-100/library.so\" process=0 time=0 flags=open\n", file);
        fclose(file);
        return fixture_profile(text);
}

/* Writes a profile of so many files, reads it as replay does, and plans. Return: its reads. */
static size_t prepare(const struct profile *small, size_t files)
{
        _cleanup_profile_ struct profile *scaled = NULL, *profile = NULL;
        _cleanup_plan_ struct plan plan = {0};
        const enum plan_part parts[] = {PLAN_PART, PLAN_PART};
        char path[] = "/tmp/bootahead-test-XXXXXX";
        _cleanup_close_ int fd = mkstemp(path);
        size_t before;

        assert_true(fd >= 0);
        assert_int_equal(profile_scale(small, files, 1, &scaled), 0);
        assert_int_equal(profile_write(AT_FDCWD, path, scaled, NULL), 0);
        close_cleanup(&fd);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        assert_int_equal(unlink(path), 0);
        before = work.bytes;
        work = (struct work){.bytes = before};
        assert_int_equal(profile_read(fd, PROFILE_PART_REPLAY, &profile, NULL), 0);
        assert_int_equal(plan_make(profile, &fixture_no_limits, parts, &plan), 0);
        assert_int_equal(plan.files, files);
        assert_in_range(plan.n_reads, files, scaled->n_ranges + scaled->n_metadata);
        work.most -= before;
        return plan.n_reads;
}

static void test_growth(void **state)
{
        _cleanup_profile_ struct profile *small = small_profile();
        size_t few_bytes, few_calls, reads;

        (void)state;
        prepare(small, FEW);
        few_bytes = work.most;
        few_calls = work.calls;
        reads = prepare(small, MANY);
        assert_in_range(work.most, 1, 32 << 20);
        assert_in_range(work.most, 1, few_bytes * 11);
        assert_in_range(work.calls, 1, few_calls * 11);
        assert_in_range(work.calls, 1, MANY / 100); /* none for each file */
        assert_in_range(work.sorted, 1, reads);
        assert_in_range(work.longest, 1, 6); /* a file's own ranges: what is sorted does not grow */
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_growth)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
