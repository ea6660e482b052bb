/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ownership of locals: each owned thing is declared with the attribute that releases it.
 * Header only, so that every program can use it without linking anything.
 */
#pragma once

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* DEFINE_CLEANUP - makes func##_cleanup() for use with CLEANUP(func); func is not called for NULL */
#define DEFINE_CLEANUP(type, func)                                                                  \
        static inline void func##_cleanup(type *p)                                                  \
        {                                                                                           \
                if (*p)                                                                             \
                        func(*p);                                                                   \
        }

#define CLEANUP(func) __attribute__((cleanup(func##_cleanup)))

static inline void free_cleanup(void *p)
{
        free(*(void **)p);
}

static inline void close_cleanup(int *fd)
{
        if (*fd >= 0)
                close(*fd);
}

DEFINE_CLEANUP(FILE *, fclose)
DEFINE_CLEANUP(DIR *, closedir)

#define _cleanup_free_ CLEANUP(free)
#define _cleanup_close_ CLEANUP(close)
#define _cleanup_fclose_ CLEANUP(fclose)
#define _cleanup_closedir_ CLEANUP(closedir)

/* take_fd - hands a descriptor on: the local no longer owns it */
static inline int take_fd(int *fd)
{
        int taken = *fd;

        *fd = -1;
        return taken;
}

/* TAKE - hands a pointer on: the local no longer owns it */
#define TAKE(pointer)                                                                               \
        ({                                                                                          \
                __typeof__(pointer) taken_ = (pointer);                                             \
                (pointer) = NULL;                                                                   \
                taken_;                                                                             \
        })
