/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tables of a profile for people: one line for each entry, the name last. */
#include "show.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "cleanup.h"
#include "words.h"

void print_files(const struct profile *profile, const struct tally *tally)
{
        _cleanup_free_ uint32_t *order = files_by_use(profile, tally);
        char read[WORD_MAX], size[WORD_MAX];

        printf("%12s %12s %12s  %s\n", "FIRST USE", "READ", "SIZE", "FILE");
        for (size_t i = 0; order && i < profile->n_files; i++) {
                const struct profile_file *file = &profile->files[order[i]];
                uint32_t first_use = tally->first_use[order[i]];

                if (tally->file_pages[order[i]] == 0)
                        printf("%12s %12s", "-", "-");
                else
                        printf("%10.6f s %12s", first_use / 1e6,
                               word_size(tally->file_pages[order[i]] * PROFILE_PAGE_SIZE, read));
                printf(" %12s  ", word_size(file->size, size));
                print_name(stdout, file->path);
                fputs("\n", stdout);
        }
}

void print_moment(uint64_t time_us)
{
        if (time_us > 0)
                printf(" %12.6f s", (double)time_us / 1e6);
        else
                printf(" %14s", "-");
}

void print_status(const struct profile_process *process)
{
        int status = (int)process->exit_status;
        char word[WORD_MAX];

        if (!(process->flags & PROFILE_PROCESS_EXITED))
                snprintf(word, sizeof word, "-");
        else if (WIFSIGNALED(status) && sigabbrev_np(WTERMSIG(status)))
                snprintf(word, sizeof word, "SIG%s", sigabbrev_np(WTERMSIG(status)));
        else
                snprintf(word, sizeof word, "%d",
                         WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status));
        printf(" %9s", word);
}

void print_program(const struct profile_process *process)
{
        print_name(stdout, *process->executable ? process->executable : "-");
        if (*process->unit) {
                fputs(" (", stdout);
                print_name(stdout, process->unit);
                fputs(")", stdout);
        }
        if (*process->arguments) {
                fputs(": ", stdout);
                print_name(stdout, process->arguments);
        }
        if (process->flags & PROFILE_PROCESS_ARGUMENTS_CUT)
                fputs(" ...", stdout);
        fputs("\n", stdout);
}

void print_processes(const struct profile *profile, const struct tally *tally)
{
        printf("%10s %10s %14s %14s %9s %10s  %s\n", "PID", "PARENT", "BEGAN", "ENDED", "STATUS", "ACCESSES",
               "EXECUTABLE (UNIT): ARGUMENTS");
        for (size_t i = 0; i < profile->n_processes; i++) {
                const struct profile_process *process = &profile->processes[i];

                printf("%10u ", process->pid);
                if (process->parent == PROFILE_NONE)
                        printf("%10s", "-");
                else
                        printf("%10u", profile->processes[process->parent].pid);
                print_moment(process->fork_us);
                print_moment(process->exit_us);
                print_status(process);
                printf(" %10u  ", tally->accesses[i]);
                print_program(process);
        }
}

void print_accesses(const struct profile *profile)
{
        printf("%14s %10s %-4s  %s\n", "TIME", "PID", "HOW", "FILE");
        for (size_t i = 0; i < profile->n_accesses; i++) {
                const struct profile_access *access = &profile->accesses[i];

                printf("%12.6f s %10u %c%c%c%c  ", (double)access->time_us / 1e6,
                       profile->processes[access->process].pid,
                       access->flags & PROFILE_ACCESS_OPEN ? 'o' : '-',
                       access->flags & PROFILE_ACCESS_EXEC ? 'x' : '-',
                       access->flags & PROFILE_ACCESS_WRITE ? 'w' : '-',
                       access->flags & PROFILE_ACCESS_CREATE ? 'c' : '-');
                print_name(stdout, profile->files[access->file].path);
                fputs("\n", stdout);
        }
}
