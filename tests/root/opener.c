/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A known program: opens and executes files in each way that makes a name hard to resolve, below the
 * folder that is given, and lives no longer than it must. What it does is told by strace, not by itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void must(long result, const char *what)
{
        if (result >= 0)
                return;
        fprintf(stderr, "opener: %s: %s\n", what, strerror(errno));
        _exit(1);
}

static void open_once(int dirfd, const char *path, int flags)
{
        int fd = openat(dirfd, path, flags | O_CLOEXEC, 0644);

        must(fd, path);
        close(fd);
}

static void in_child(void (*act)(void))
{
        pid_t child = fork();
        int status;

        must(child, "fork");
        if (child == 0) {
                act();
                _exit(0);
        }
        must(waitpid(child, &status, 0), "waitpid");
        if (status)
                _exit(1);
}

static void by_working_directory(void)
{
        must(chdir("deep/er"), "deep/er");
        open_once(AT_FDCWD, "relative", O_RDONLY);
        open_once(AT_FDCWD, "../up", O_RDONLY);
}

/* Component by component, each descriptor closed at once, as systemd's chase() does. */
static void by_descriptors(void)
{
        struct open_how how = {.flags = O_RDONLY | O_CLOEXEC};
        int first = open("deep", O_PATH | O_DIRECTORY | O_CLOEXEC), second;
        long file;

        must(first, "deep");
        second = openat(first, "er", O_PATH | O_DIRECTORY | O_CLOEXEC);
        must(second, "er");
        close(first);
        open_once(second, "below-descriptor", O_RDONLY);
        file = syscall(SYS_openat2, second, "by-openat2", &how, sizeof how);
        must(file, "by-openat2");
        close((int)file);
        close(second);
}

static void by_proc_fd(void)
{
        char path[64];
        int fd = open("through-proc", O_PATH | O_CLOEXEC);

        must(fd, "through-proc");
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        open_once(AT_FDCWD, path, O_RDONLY);
        close(fd);
}

static void by_symlinks(void)
{
        open_once(AT_FDCWD, "link-to-folder/er/behind-link", O_RDONLY);
        open_once(AT_FDCWD, "link-to-file", O_RDONLY);
}

static void by_chroot(void)
{
        must(chroot("jail"), "jail");
        must(chdir("/"), "/");
        open_once(AT_FDCWD, "/etc/inside", O_RDONLY);
}

static void by_mount_namespace(void)
{
        must(unshare(CLONE_NEWNS), "unshare");
        must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private");
        must(mount("bound", "deep", NULL, MS_BIND, NULL), "bind");
        open_once(AT_FDCWD, "deep/seen-elsewhere", O_RDONLY);
}

static void by_creating(void)
{
        open_once(AT_FDCWD, "created", O_WRONLY | O_CREAT | O_EXCL);
        open_once(AT_FDCWD, ".temporary", O_WRONLY | O_CREAT | O_EXCL);
        must(rename(".temporary", "renamed"), "renamed");
        must(creat("by-creat", 0644), "by-creat");
}

static void by_strange_names(void)
{
        open_once(AT_FDCWD, "a name with spaces", O_RDONLY);
        open_once(AT_FDCWD, "new\nline", O_RDONLY);
        open_once(AT_FDCWD, "quote\"and\\backslash", O_RDONLY);
        open_once(AT_FDCWD, "latin\xe4", O_RDONLY);
}

static void execute(const char *path)
{
        pid_t child = fork();

        must(child, "fork");
        if (child == 0) {
                execl(path, path, NULL);
                _exit(127);
        }
        must(waitpid(child, NULL, 0), "waitpid");
}

/* An orphan that outlives its parent, and dies at once. */
static void by_orphan(void)
{
        pid_t child = fork();

        must(child, "fork");
        if (child == 0) {
                if (fork() == 0) {
                        usleep(20000);
                        open_once(AT_FDCWD, "orphan", O_RDONLY);
                }
                _exit(0);
        }
        must(waitpid(child, NULL, 0), "waitpid");
        usleep(60000);
}

int main(int argc, char **argv)
{
        if (argc != 2)
                return 2;
        must(chdir(argv[1]), argv[1]);
        in_child(by_working_directory);
        in_child(by_descriptors);
        in_child(by_proc_fd);
        in_child(by_symlinks);
        in_child(by_chroot);
        in_child(by_mount_namespace);
        in_child(by_creating);
        in_child(by_strange_names);
        by_orphan();
        execute("./script");
        execute("deep/er/program");
        return 0;
}
