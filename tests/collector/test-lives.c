/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lives: what events of forks, executions and exits make of a recording, in order and out of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lives.h"

enum { MANAGER = 1, SHELL = 10, CHILD = 11, KTHREADD = 2 };

/* A machine with a manager (pid 1) that is there already. */
static int setup(void **state)
{
        static struct lives lives;

        lives = (struct lives){.recording = recording_new(&recording_default_limits), .all = true};
        assert_non_null(lives.recording);
        assert_int_equal(lives_found(&lives, MANAGER, 0, 5), 0);
        recording_set_text(lives.recording, &lives.recording->processes[0].executable, "/sbin/init");
        recording_set_text(lives.recording, &lives.recording->processes[0].unit, "init.scope");
        *state = &lives;
        return 0;
}

static int teardown(void **state)
{
        struct lives *lives = *state;

        recording_free(lives->recording);
        return 0;
}

static const struct recorded_process *process(const struct lives *lives, uint32_t index)
{
        assert_in_range(index, 0, lives->recording->n_processes - 1);
        return &lives->recording->processes[index];
}

static void one_life(void **state)
{
        struct lives *lives = *state;
        uint32_t shell = lives_fork(lives, SHELL, MANAGER, 100, 1000);

        assert_int_equal(lives_exec(lives, SHELL, 1100), shell);
        assert_int_equal(lives_exit(lives, SHELL, 3 << 8, false, 1200), shell);
        assert_int_equal(process(lives, shell)->parent, 0);
        assert_int_equal(process(lives, shell)->start_ticks, 100);
        assert_true(process(lives, shell)->ticks_computed);
        assert_int_equal(process(lives, shell)->fork_us, 1000);
        assert_int_equal(process(lives, shell)->exec_us, 1100);
        assert_int_equal(process(lives, shell)->exit_us, 1200);
        assert_int_equal(process(lives, shell)->exit_status, 3 << 8);
        assert_true(process(lives, shell)->exited);
        assert_int_equal(lives->missed, 0);
}

static void the_very_first_moment_is_a_time(void **state)
{
        struct lives *lives = *state;
        uint32_t shell = lives_fork(lives, SHELL, MANAGER, 100, 0);

        lives_exec(lives, SHELL, 0);
        lives_exit(lives, SHELL, 0, false, 0);
        assert_int_equal(process(lives, shell)->fork_us, 1);
        assert_int_equal(process(lives, shell)->exec_us, 1);
        assert_int_equal(process(lives, shell)->exit_us, 1);
}

static void a_pid_has_many_lives(void **state)
{
        struct lives *lives = *state;
        uint32_t first = lives_fork(lives, SHELL, MANAGER, 100, 1000), second, child;

        lives_exit(lives, SHELL, 0, false, 2000);
        second = lives_fork(lives, SHELL, MANAGER, 900, 9000);
        child = lives_fork(lives, CHILD, SHELL, 901, 9100);
        assert_int_not_equal(first, second);
        assert_int_equal(process(lives, child)->parent, second);
        assert_int_equal(process(lives, first)->exit_us, 2000);
        assert_false(process(lives, second)->exited);
        assert_int_equal(lives->missed, 0);
}

static void found_before_its_fork_is_told(void **state)
{
        struct lives *lives = *state;
        uint32_t seen = lives_found(lives, SHELL, MANAGER, 100);
        uint32_t unseen = recording_add_process(lives->recording, CHILD, 0, 0);

        assert_int_equal(lives_fork(lives, SHELL, MANAGER, 101, 1000), seen);
        assert_int_equal(process(lives, seen)->start_ticks, 100);
        assert_false(process(lives, seen)->ticks_computed);
        assert_true(lives_same_start(101, 100));
        assert_true(lives_same_start(100, 130)); /* a fork that took long */
        assert_false(lives_same_start(102, 100));
        assert_false(lives_same_start(100, 200));
        assert_int_equal(lives_fork(lives, CHILD, SHELL, 101, 1001), unseen);
        assert_int_equal(process(lives, unseen)->start_ticks, 101);
        recording_set_text(lives->recording, &lives->recording->processes[seen].executable, "/bin/sh");
        unseen = recording_add_process(lives->recording, CHILD + 1, 0, 0);
        lives->recording->processes[unseen].exec_file = 7; /* so it runs something else already */
        assert_int_equal(lives_fork(lives, CHILD + 1, SHELL, 101, 1002), unseen);
        assert_null(process(lives, unseen)->executable);
        assert_int_equal(lives_found(lives, SHELL, MANAGER, 100), seen);
        assert_int_equal(lives->missed, 0);
}

/* The first thread ends, then the program runs under its pid; its exit may even be told of late. */
static void a_thread_executes(void **state)
{
        struct lives *lives = *state;
        uint32_t shell = lives_fork(lives, SHELL, MANAGER, 100, 1000);

        lives_exit(lives, SHELL, 0, false, 2000);
        assert_int_equal(lives_exec(lives, SHELL, 2010), shell);
        assert_false(process(lives, shell)->exited);
        assert_int_equal(process(lives, shell)->exit_us, 0);
        lives_exit(lives, SHELL, 0, false, 2005);
        assert_false(process(lives, shell)->exited);
        lives_exit(lives, SHELL, 9, false, 3000);
        assert_true(process(lives, shell)->exited);
        assert_int_equal(lives->missed, 0);
}

static void the_last_thread_ends_the_process(void **state)
{
        struct lives *lives = *state;
        uint32_t shell = lives_fork(lives, SHELL, MANAGER, 100, 1000);

        lives_exit(lives, SHELL, 0, true, 1500);
        assert_false(process(lives, shell)->exited);
        lives_exit(lives, SHELL, 0, false, 2000);
        lives_exit(lives, SHELL, 7 << 8, true, 3000);
        assert_true(process(lives, shell)->exited);
        assert_int_equal(process(lives, shell)->exit_us, 3000);
        assert_int_equal(process(lives, shell)->exit_status, 7 << 8);
}

static void what_must_have_been_lost_is_counted(void **state)
{
        struct lives *lives = *state;
        uint32_t first, second;

        lives->known_us = 500;
        lives_exit(lives, 77, 0, false, 400); /* nobody knew it yet: that is no loss */
        lives_exec(lives, 78, 400);
        assert_int_equal(lives->missed, 0);
        first = lives_fork(lives, SHELL, MANAGER, 100, 1000);
        second = lives_fork(lives, SHELL, MANAGER, 300, 3000); /* the exit between them */
        assert_int_not_equal(first, second);
        assert_int_equal(lives->missed, 1);
        assert_false(process(lives, first)->exited);
        lives_exec(lives, 79, 4000); /* its fork */
        assert_int_equal(lives->missed, 2);
        lives_exit(lives, 80, 0, false, 5000); /* its fork */
        assert_int_equal(lives->missed, 3);
        lives_exit(lives, SHELL, 0, false, 6000);
        first = lives_exec(lives, SHELL, 6000 + 2000000); /* another one's: its fork */
        assert_int_not_equal(first, second);
        assert_int_equal(lives->missed, 4);
}

static void over_the_limit_is_counted_once(void **state)
{
        struct lives *lives = *state;

        lives->recording->limits.processes = 2;
        lives_fork(lives, SHELL, MANAGER, 100, 1000);
        assert_int_equal(lives_fork(lives, CHILD, SHELL, 100, 1001), PROFILE_NONE);
        lives_exit(lives, CHILD, 0, false, 1002);
        assert_int_equal(lives->recording->losses[PROFILE_LOSS_PROCESSES], 1);
        assert_int_equal(lives->missed, 0);
}

static void only_descendants(void **state)
{
        struct lives *lives = *state;

        lives->all = false;
        assert_int_equal(lives_fork(lives, 50, 49, 100, 1000), PROFILE_NONE);
        assert_int_equal(lives_exec(lives, 50, 1001), PROFILE_NONE);
        assert_int_equal(lives_exit(lives, 50, 0, false, 1002), PROFILE_NONE);
        assert_int_not_equal(lives_fork(lives, SHELL, MANAGER, 100, 1003), PROFILE_NONE);
        assert_int_equal(lives->missed, 0);
}

static void an_execution_forgets_the_last_program(void **state)
{
        struct lives *lives = *state;
        uint32_t shell = lives_fork(lives, SHELL, MANAGER, 100, 1000);

        recording_set_text(lives->recording, &lives->recording->processes[shell].executable, "/bin/sh");
        recording_set_arguments(lives->recording, shell, "sh -c true");
        lives->recording->processes[shell].looked = true;
        lives_exec(lives, SHELL, 1100);
        assert_null(process(lives, shell)->executable);
        assert_null(process(lives, shell)->arguments);
        assert_false(process(lives, shell)->looked);
}

static uint32_t file(struct lives *lives, uint64_t inode, const char *path)
{
        uint32_t index = recording_add_file(lives->recording, &(struct file_key){1, inode});

        recording_set_path(lives->recording, index, path);
        return index;
}

/* A script's execution opens script, interpreter, loader; whoever is too short to be looked at has no other
 * name. A second execution is told from the first by what is opened between them. */
static void what_it_executed_last_names_it(void **state)
{
        struct lives *lives = *state;
        uint32_t shell = lives_fork(lives, SHELL, MANAGER, 100, 1000);
        uint32_t script = file(lives, 1, "/usr/bin/script"), sh = file(lives, 2, "/usr/bin/dash"),
                 loader = file(lives, 3, "/lib/ld.so"), cache = file(lives, 4, "/etc/ld.so.cache"),
                 sleep = file(lives, 5, "/usr/bin/sleep");

        lives_exec(lives, SHELL, 1100);
        recording_access(lives->recording, script, shell, PROFILE_ACCESS_EXEC, 1);
        recording_access(lives->recording, sh, shell, PROFILE_ACCESS_EXEC, 2);
        recording_access(lives->recording, loader, shell, PROFILE_ACCESS_EXEC, 3);
        assert_int_equal(process(lives, shell)->exec_file, script);
        recording_access(lives->recording, cache, shell, PROFILE_ACCESS_OPEN, 4);
        recording_access(lives->recording, sleep, shell, PROFILE_ACCESS_EXEC, 5);
        recording_access(lives->recording, loader, shell, PROFILE_ACCESS_EXEC, 6);
        lives_settle(lives->recording, true);
        assert_string_equal(process(lives, shell)->executable, "/usr/bin/sleep");
}

/* Two channels: what is opened for an execution is told of after it, or just before it. */
static void told_of_by_two_channels(void **state)
{
        struct lives *lives = *state;
        uint32_t shell = lives_fork(lives, SHELL, MANAGER, 100, 1000);
        uint32_t sh = file(lives, 1, "/bin/sh"), cat = file(lives, 2, "/bin/cat");

        recording_access(lives->recording, sh, shell, PROFILE_ACCESS_EXEC, 1);
        recording_set_text(lives->recording, &lives->recording->processes[shell].executable, "/bin/sh");
        recording_set_arguments(lives->recording, shell, "sh -c x");
        lives_exec(lives, SHELL, 1100);
        assert_string_equal(process(lives, shell)->arguments, "sh -c x");
        assert_string_equal(process(lives, shell)->executable, "/bin/sh");
        recording_access(lives->recording, sh, shell, PROFILE_ACCESS_OPEN, 2);
        lives_exec(lives, SHELL, 1200);
        assert_null(process(lives, shell)->arguments);
        recording_access(lives->recording, cat, shell, PROFILE_ACCESS_EXEC, 3);
        recording_set_arguments(lives->recording, shell, "cat");
        recording_access(lives->recording, cat, shell, PROFILE_ACCESS_OPEN, 4);
        lives_exec(lives, SHELL, 1300);
        assert_null(process(lives, shell)->arguments);
        lives_settle(lives->recording, true);
        assert_string_equal(process(lives, shell)->executable, "/bin/cat");
}

static void what_is_inherited(void **state)
{
        struct lives *lives = *state;
        uint32_t shell = lives_fork(lives, SHELL, MANAGER, 100, 1000), subshell, late, own;

        lives_exec(lives, SHELL, 1100);
        recording_set_text(lives->recording, &lives->recording->processes[shell].executable, "/bin/sh");
        recording_set_text(lives->recording, &lives->recording->processes[shell].unit, "a.service");
        subshell = lives_fork(lives, CHILD, SHELL, 100, 1200);
        late = lives_fork(lives, CHILD + 1, CHILD, 100, 1300);
        own = lives_fork(lives, CHILD + 2, SHELL, 100, 1400);
        lives_exec(lives, CHILD + 2, 1500);
        lives_exec(lives, CHILD, 1600); /* its own child goes on with what it was */
        lives_settle(lives->recording, true);
        assert_null(process(lives, subshell)->executable);
        assert_string_equal(process(lives, late)->executable, "/bin/sh");
        assert_null(process(lives, own)->executable); /* it executed something that nobody saw */
        assert_string_equal(process(lives, late)->unit, "a.service");
        assert_string_equal(process(lives, own)->unit, "a.service");
        own = lives_fork(lives, CHILD + 3, MANAGER, 100, 1700); /* it may be put anywhere */
        lives_settle(lives->recording, true);
        assert_null(process(lives, own)->unit);
        assert_string_equal(process(lives, own)->executable, "/sbin/init");
}

/* Kernel threads fork kernel threads; what they execute for the kernel (modprobe) is a process like others.
 */
static void kernel_threads_are_left_out(void **state)
{
        struct lives *lives = *state;
        uint32_t kthreadd = lives_found(lives, KTHREADD, 0, 5), worker, helper, reader;

        lives->recording->processes[kthreadd].hidden = true;
        worker = lives_fork(lives, 30, KTHREADD, 100, 1000);
        helper = lives_fork(lives, 31, 30, 100, 1000);
        reader = lives_fork(lives, 32, KTHREADD, 100, 1000);
        lives_exec(lives, 31, 1100);
        recording_access(lives->recording, file(lives, 1, "/lib/firmware/x"), reader, PROFILE_ACCESS_OPEN, 1);
        lives_settle(lives->recording, true);
        assert_false(process(lives, kthreadd)->kept);
        assert_false(process(lives, worker)->kept);
        assert_true(process(lives, helper)->kept);
        assert_true(process(lives, reader)->kept);
}

static void of_a_container_only_its_own(void **state)
{
        struct lives *lives = *state;
        uint32_t shell = lives_fork(lives, SHELL, MANAGER, 100, 1000);
        uint32_t child = lives_fork(lives, CHILD, SHELL, 100, 1100);
        uint32_t other = lives_fork(lives, 60, MANAGER, 100, 1200);

        recording_access(lives->recording, file(lives, 1, "/x"), shell, PROFILE_ACCESS_OPEN, 1);
        lives_settle(lives->recording, false);
        assert_true(process(lives, shell)->kept);
        assert_true(process(lives, child)->kept);
        assert_false(process(lives, other)->kept);
        assert_false(process(lives, 0)->kept);
}

/* In /proc a parent may have the higher pid, and no two files of it are of the same moment. */
static void parents_by_pid_make_no_circle(void **state)
{
        struct lives *lives = *state;
        uint32_t a = lives_found(lives, 40, 41, 100), b = lives_found(lives, 41, 42, 100);
        uint32_t c = lives_found(lives, 42, 40, 100), d = lives_found(lives, 43, 44, 100);
        uint32_t e = lives_found(lives, 44, MANAGER, 100);

        lives_settle(lives->recording, true);
        assert_int_equal(process(lives, d)->parent, e);
        assert_int_equal(process(lives, e)->parent, 0);
        assert_int_equal(process(lives, a)->parent, PROFILE_NONE);
        assert_int_equal(process(lives, b)->parent, c);
        assert_int_equal(process(lives, c)->parent, a);
}

/* Somebody found first stands in front of a circle, and a fork that was told of is part of it. */
static void only_what_is_guessed_is_cut(void **state)
{
        struct lives *lives = *state;
        uint32_t outside = lives_found(lives, 50, 51, 100), a = lives_found(lives, 51, 53, 100);
        uint32_t b = lives_fork(lives, 52, 51, 100, 1000), c = lives_fork(lives, 53, 52, 100, 1100);

        lives_settle(lives->recording, true);
        assert_int_equal(process(lives, outside)->parent, a);
        assert_int_equal(process(lives, a)->parent, PROFILE_NONE);
        assert_int_equal(process(lives, b)->parent, a);
        assert_int_equal(process(lives, c)->parent, b);
}

/* As many as a recording holds, each the child of the one before: in milliseconds, not in minutes. */
static void a_long_line_of_ancestors(void **state)
{
        enum { GENERATIONS = 65000, FIRST = 100, SECONDS = 10 };
        struct lives *lives = *state;

        for (uint32_t i = 0; i < GENERATIONS; i++)
                lives_found(lives, FIRST + i, FIRST + i - 1, 100);
        alarm(SECONDS);
        lives_settle(lives->recording, true);
        alarm(0);
        assert_int_equal(process(lives, 1)->parent, PROFILE_NONE);
        for (uint32_t i = 2; i <= GENERATIONS; i++)
                assert_int_equal(process(lives, i)->parent, i - 1);
}

#define with_manager(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                with_manager(one_life),
                with_manager(the_very_first_moment_is_a_time),
                with_manager(a_pid_has_many_lives),
                with_manager(found_before_its_fork_is_told),
                with_manager(a_thread_executes),
                with_manager(the_last_thread_ends_the_process),
                with_manager(what_must_have_been_lost_is_counted),
                with_manager(over_the_limit_is_counted_once),
                with_manager(only_descendants),
                with_manager(an_execution_forgets_the_last_program),
                with_manager(what_it_executed_last_names_it),
                with_manager(told_of_by_two_channels),
                with_manager(what_is_inherited),
                with_manager(kernel_threads_are_left_out),
                with_manager(of_a_container_only_its_own),
                with_manager(parents_by_pid_make_no_circle),
                with_manager(only_what_is_guessed_is_cut),
                with_manager(a_long_line_of_ancestors),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
