/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "decision.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"

static const char decision_path[] = BOOTAHEAD_RUNDIR "/decision";
static const char temporary_path[] = BOOTAHEAD_RUNDIR "/decision.new";
static const char folder_path[] = BOOTAHEAD_RUNDIR;

enum { TEXT_MAX = 4096 }; /* of a decision, and of a kernel command line */

static const char *const mode_names[DECISION_MODE_COUNT] = {
        [DECISION_OFF] = "off",
        [DECISION_CONTROL] = "control",
        [DECISION_COLLECT] = "collect",
        [DECISION_REPLAY] = "replay",
};

/* A boot to repair the system, or into something else than the system, is not typical; and what runs from a
 * medium that is carried about has no boots in common. */
static const char *const rescue_words[] = {
        "single",
        "s",
        "S",
        "1",
        "-s",
        "-b",
        "rescue",
        "emergency",
        "systemd.unit=rescue.target",
        "systemd.unit=emergency.target",
        "boot=live",
        "boot=casper",
        "rd.live.image",
};

const char *decision_mode_name(enum decision_mode mode)
{
        return mode_names[mode];
}

static bool parse_mode(const char *name, enum decision_mode *ret)
{
        for (int mode = 0; mode < DECISION_MODE_COUNT; mode++) {
                if (!strcmp(name, mode_names[mode])) {
                        *ret = (enum decision_mode)mode;
                        return true;
                }
        }
        return false;
}

static int read_text(int root, const char *path, char ret[static TEXT_MAX])
{
        _cleanup_close_ int fd = openat(root, path + 1, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        size_t filled = 0;
        ssize_t n;

        if (fd < 0)
                return -errno;
        do {
                n = read(fd, ret + filled, TEXT_MAX - 1 - filled);
                if (n < 0)
                        return -errno;
                filled += (size_t)n;
        } while (n > 0 && filled < TEXT_MAX - 1);
        ret[filled] = '\0';
        return 0;
}

static const char *value_of(const char *line, const char *key)
{
        size_t length = strlen(key);

        return !strncmp(line, key, length) && line[length] == '=' ? line + length + 1 : NULL;
}

static void keep(char *field, size_t size, const char *value)
{
        snprintf(field, size, "%s", value);
}

static bool take_line(const char *line, struct decision *decision)
{
        const char *value;

        if ((value = value_of(line, "mode")))
                return parse_mode(value, &decision->mode);
        if ((value = value_of(line, "stage")))
                decision->early = !strcmp(value, "early");
        else if ((value = value_of(line, "profile")))
                decision->refused = !strcmp(value, "refused");
        else if ((value = value_of(line, "pages")))
                decision->pages = !strcmp(value, "told");
        else if ((value = value_of(line, "ledger")))
                decision->recorded = !strcmp(value, "kept");
        else if ((value = value_of(line, "collected")))
                decision->over = !strcmp(value, "over");
        else if ((value = value_of(line, "request")))
                keep(decision->request, sizeof decision->request, value);
        else if ((value = value_of(line, "source")))
                keep(decision->source, sizeof decision->source, value);
        else if ((value = value_of(line, "why")))
                keep(decision->why, sizeof decision->why, value);
        return true;
}

int decision_read(int root, struct decision *ret)
{
        char text[TEXT_MAX], *rest = text, *line;
        struct decision decision = {.mode = DECISION_MODE_COUNT, .request = "auto"};
        int r = read_text(root, decision_path, text);

        if (r < 0)
                return r;
        while ((line = strsep(&rest, "\n"))) {
                if (!take_line(line, &decision))
                        return -EBADMSG;
        }
        if (decision.mode == DECISION_MODE_COUNT)
                return -EBADMSG;
        *ret = decision;
        return 0;
}

static int create(int root, FILE **ret)
{
        int fd =
                openat(root, temporary_path + 1, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);

        if (fd < 0)
                return -errno;
        *ret = fdopen(fd, "w");
        if (*ret)
                return 0;
        close(fd);
        return -ENOMEM;
}

int decision_write(int root, const struct decision *decision)
{
        _cleanup_fclose_ FILE *out = NULL;
        int r;

        if (mkdirat(root, folder_path + 1, 0755) < 0 && errno != EEXIST)
                return -errno;
        r = create(root, &out);
        if (r < 0)
                return r;
        fprintf(out, "mode=%s\nwhy=%s\nstage=%s\nrequest=%s\n", mode_names[decision->mode], decision->why,
                decision->early ? "early" : "late", decision->request);
        if (*decision->source)
                fprintf(out, "source=%s\n", decision->source);
        if (decision->refused)
                fputs("profile=refused\n", out);
        if (decision->over)
                fputs("collected=over\n", out);
        if (decision->pages)
                fputs("pages=told\n", out);
        if (decision->recorded)
                fputs("ledger=kept\n", out);
        if (fflush(out) || ferror(out))
                return -EIO;
        return renameat(root, temporary_path + 1, root, decision_path + 1) < 0 ? -errno : 0;
}

static bool is_rescue(const char *word)
{
        const char *init = value_of(word, "init");

        for (size_t i = 0; i < sizeof rescue_words / sizeof *rescue_words; i++) {
                if (!strcmp(word, rescue_words[i]))
                        return true;
        }
        if (value_of(word, "elfcorehdr")) /* the kernel that saves the memory of one that crashed */
                return true;
        return init && strcmp(init, BOOTAHEAD_LIBEXECDIR "/bootahead-init") != 0;
}

/* Return: whether the command line settles what this boot does. */
static bool take_command_line(const char *line, struct decision *decision)
{
        char buffer[TEXT_MAX], *text = buffer;
        bool asked = false, rescue = false;
        const char *value;
        char *word;

        keep(buffer, sizeof buffer, line);
        while ((word = strsep(&text, " \t\n"))) {
                if ((value = value_of(word, "bootahead")))
                        asked = parse_mode(value, &decision->mode);
                else if ((value = value_of(word, "bootahead.source")))
                        keep(decision->request, sizeof decision->request, value);
                else if (!strcmp(word, "bootahead.pages"))
                        decision->pages = true;
                else if (is_rescue(word))
                        rescue = true;
        }
        if (asked)
                keep(decision->why, sizeof decision->why, "asked for on the kernel command line");
        if (!asked && rescue) {
                decision->mode = DECISION_OFF;
                keep(decision->why, sizeof decision->why, "not an ordinary boot");
        }
        return asked || rescue;
}

static void choose(struct decision *decision, enum decision_mode mode, const char *why)
{
        decision->mode = mode;
        keep(decision->why, sizeof decision->why, why);
}

static void choose_without_profile(const struct decision_facts *facts, struct decision *ret)
{
        if (facts->next.mode == DECISION_COLLECT)
                choose(ret, DECISION_COLLECT, facts->next.why);
        else if (facts->packages)
                choose(ret, DECISION_CONTROL, "the packages have changed, this boot is not typical");
        else
                choose(ret, DECISION_COLLECT, "there is no profile");
}

static void choose_by_facts(const struct decision_facts *facts, struct decision *ret)
{
        const struct decision_next *next = &facts->next;

        *ret = (struct decision){.request = "auto"};
        if (take_command_line(facts->command_line, ret))
                return;
        if (!facts->mounted) {
                ret->mode = DECISION_CONTROL;
                snprintf(ret->why, sizeof ret->why, "%.*s is not mounted yet",
                         (int)(strrchr(BOOTAHEAD_STATEDIR, '/') - BOOTAHEAD_STATEDIR), BOOTAHEAD_STATEDIR);
        } else if (next->mode == DECISION_OFF) {
                choose(ret, DECISION_OFF, next->why);
                ret->recorded = true;
        } else if (!facts->profile) {
                choose_without_profile(facts, ret);
        } else if (next->mode == DECISION_COLLECT || next->mode == DECISION_CONTROL) {
                choose(ret, next->mode, next->why);
        } else {
                choose(ret, DECISION_REPLAY, "there is a profile");
        }
}

static bool exists(int root, const char *path)
{
        return faccessat(root, path + 1, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void name_unit(enum decision_mode mode, char ret[static 64])
{
        snprintf(ret, 64, "bootahead-%s.service", mode_names[mode]);
}

/* As systemd has it: in the file system, or for one boot on the kernel command line. */
static bool is_masked(const struct decision_facts *facts, enum decision_mode mode)
{
        char buffer[TEXT_MAX], unit[64], *text = buffer, *word;
        const char *value;

        name_unit(mode, unit);
        keep(buffer, sizeof buffer, facts->command_line);
        while ((word = strsep(&text, " \t\n"))) {
                value = value_of(word, "systemd.mask");
                if (value && !strcmp(value, unit))
                        return true;
        }
        return facts->masked & 1u << mode;
}

void decision_choose(const struct decision_facts *facts, struct decision *ret)
{
        char unit[64];

        choose_by_facts(facts, ret);
        if ((ret->mode != DECISION_COLLECT && ret->mode != DECISION_REPLAY) || !is_masked(facts, ret->mode))
                return;
        name_unit(ret->mode, unit);
        ret->mode = DECISION_CONTROL;
        snprintf(ret->why, sizeof ret->why, "%s is masked", unit);
}

void decision_read_next(int root, struct decision_next *ret)
{
        char text[TEXT_MAX], *rest = text, *line;
        const char *value;

        *ret = (struct decision_next){.mode = DECISION_MODE_COUNT};
        if (read_text(root, BOOTAHEAD_STATEDIR "/" DECISION_NEXT, text) < 0)
                return;
        while ((line = strsep(&rest, "\n"))) {
                if ((value = value_of(line, "mode")))
                        (void)parse_mode(value, &ret->mode);
                else if ((value = value_of(line, "why")))
                        keep(ret->why, sizeof ret->why, value);
        }
}

size_t decision_format_next(const struct decision_next *next, char *ret, size_t size)
{
        return (size_t)snprintf(ret, size, "mode=%s\nwhy=%s\n", mode_names[next->mode], next->why);
}

/* Return: set of 1 << mode, of the units that an administrator has masked. */
static unsigned int masks(int root)
{
        static const char *const folders[] = {"/etc/systemd/system", "/run/systemd/system"};
        unsigned int result = 0;

        for (enum decision_mode mode = 0; mode < DECISION_MODE_COUNT; mode++) {
                for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
                        char unit[64], path[128], target[sizeof "/dev/null" + 1] = "";

                        name_unit(mode, unit);
                        snprintf(path, sizeof path, "%s/%s", folders[i], unit);
                        if (readlinkat(root, path + 1, target, sizeof target - 1) > 0 &&
                            !strcmp(target, "/dev/null"))
                                result |= 1u << mode;
                }
        }
        return result;
}

int decision_make(int here, int root, struct decision *ret)
{
        char line[TEXT_MAX], parent[] = BOOTAHEAD_STATEDIR;
        struct decision_facts facts = {.command_line = line};
        int r = read_text(here, "/proc/cmdline", line);

        if (r < 0)
                return r;
        *strrchr(parent, '/') = '\0';
        facts.mounted = exists(root, parent);
        facts.profile = exists(root, BOOTAHEAD_STATEDIR "/profile");
        facts.packages = exists(root, BOOTAHEAD_STATEDIR "/" DECISION_PACKAGES);
        facts.masked = masks(root);
        decision_read_next(root, &facts.next);
        decision_choose(&facts, ret);
        return 0;
}

int decision_by_command_line(int here, struct decision *ret)
{
        char line[TEXT_MAX];
        int r = read_text(here, "/proc/cmdline", line);

        if (r < 0)
                return r;
        *ret = (struct decision){.request = "auto"};
        return take_command_line(line, ret);
}

static bool auditd_enabled(int root)
{
        return exists(root, "/etc/systemd/system/multi-user.target.wants/auditd.service") ||
               exists(root, "/etc/systemd/system/sysinit.target.wants/auditd.service");
}

bool decision_by_audit(int root, const struct decision *decision)
{
        if (decision->mode != DECISION_COLLECT || decision->over)
                return false;
        if (*decision->source)
                return strstr(decision->source, "audit") != NULL;
        return !strcmp(decision->request, "audit") && !auditd_enabled(root);
}
