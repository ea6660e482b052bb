/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The promise that every accepted profile has to keep, and, where no fuzzer is linked, a main that feeds
 * a target with the files of a folder.
 */
#include "fuzz.h"

#include "fixture.h"
#include "format-write.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

static char *dump(const struct profile *profile, size_t *ret_n)
{
        char *text = NULL;
        FILE *out = open_memstream(&text, ret_n);

        fuzz_require(out && profile_dump(profile, out) == 0);
        fclose(out);
        return text;
}

static struct profile *through_file(const struct profile *profile)
{
        __attribute__((cleanup(packed_done))) struct packed packed = {};
        _cleanup_close_ int fd = memfd_create("fuzz", MFD_CLOEXEC);
        struct profile *again = NULL;

        fuzz_require(format_pack(profile, &packed) == 0);
        fuzz_require(write(fd, packed.bytes, packed.n) == (ssize_t)packed.n);
        fuzz_require(profile_read(fd, PROFILE_PART_ALL, &again, NULL) == 0);
        return again;
}

void fuzz_round_trip(const struct profile *profile)
{
        _cleanup_profile_ struct profile *from_file = through_file(profile), *from_text = NULL;
        _cleanup_free_ char *text = NULL, *file_text = NULL, *text_text = NULL;
        _cleanup_fclose_ FILE *in = NULL;
        size_t n, m;

        text = dump(profile, &n);
        file_text = dump(from_file, &m);
        fuzz_require(n == m && memcmp(text, file_text, n) == 0);
        in = fmemopen(text, n, "r");
        fuzz_require(in && profile_load(in, &from_text, NULL, NULL) == 0);
        text_text = dump(from_text, &m);
        fuzz_require(n == m && memcmp(text, text_text, n) == 0);
}

#ifndef BOOTAHEAD_FUZZ
static int feed(int folder, const char *name)
{
        _cleanup_close_ int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
        _cleanup_free_ uint8_t *bytes = NULL;
        struct stat status;
        ssize_t n;

        if (fd < 0 || fstat(fd, &status) < 0 || !(bytes = malloc((size_t)status.st_size + 1)))
                return -1;
        n = read(fd, bytes, (size_t)status.st_size);
        if (n != status.st_size)
                return -1;
        printf("%s\n", name); /* so that the last one is known where a target aborts */
        fflush(stdout);
        return LLVMFuzzerTestOneInput(bytes, (size_t)n);
}

int main(int argc, char **argv)
{
        _cleanup_closedir_ DIR *dir = argc == 2 ? opendir(argv[1]) : NULL;
        struct dirent *entry;
        size_t n = 0;

        if (!dir) {
                fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
                return 2;
        }
        while ((entry = readdir(dir))) {
                if (entry->d_name[0] == '.')
                        continue;
                if (feed(dirfd(dir), entry->d_name) != 0) {
                        fprintf(stderr, "'%s': can't be read, test failed\n", entry->d_name);
                        return 1;
                }
                n++;
        }
        if (n == 0) {
                fprintf(stderr, "'%s': no files in it, nothing tested\n", argv[1]);
                return 1;
        }
        return 0;
}
#endif
