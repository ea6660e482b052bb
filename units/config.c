/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <json-c/json.h>
#include <libeconf.h>
#include <libeconf_ext.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"

#define FOLDER "bootahead"
#define MAIN_FILE "bootahead.conf"
#define DROP_INS "bootahead.conf.d"
#define SUFFIX ".conf"

DEFINE_CLEANUP(econf_file *, econf_freeFile)
DEFINE_CLEANUP(char **, econf_freeArray)
DEFINE_CLEANUP(econf_ext_value *, econf_freeExtValue)
DEFINE_CLEANUP(struct json_object *, json_object_put)

/* Whose comes first wins. */
static const char *const layers[] = {"/etc/" FOLDER, "/run/" FOLDER, "/usr/lib/" FOLDER};
enum { LAYERS = sizeof layers / sizeof *layers, DROP_INS_MAX = 256 };

static const struct setting {
        const char *group, *name;
        bool is_switch;
        unsigned int least, most; /* of a number */
        unsigned int standard;
} settings[CONFIG_COUNT] = {
        [CONFIG_ENABLED] = {"Boot", "Enabled", true, 0, 1, 1},
        [CONFIG_CONTROL_EVERY] = {"Boot", "ControlEvery", false, 0, 100, 30},
        [CONFIG_SETTLE] = {"Collect", "SettleSeconds", false, 0, 3600, 5},
        [CONFIG_COLLECT_LIMIT] = {"Collect", "LimitSeconds", false, 1, 86400, 300},
        [CONFIG_AGE] = {"Profile", "AgeDays", false, 0, 36500, 180},
        [CONFIG_GONE_PERCENT] = {"Profile", "GonePercent", false, 1, 100, 10},
        [CONFIG_MISSED_PERCENT] = {"Profile", "MissedPercent", false, 1, 100, 10},
};

/* What config_read() is at. */
struct reading {
        struct config *config;
        void (*complain)(void *data, const char *message);
        void *data;
};

__attribute__((format(printf, 2, 3))) static void complain(const struct reading *reading, const char *format,
                                                           ...)
{
        _cleanup_free_ char *message = NULL;
        va_list arguments;
        int length;

        va_start(arguments, format);
        length = vasprintf(&message, format, arguments);
        va_end(arguments);
        if (length < 0)
                message = NULL;
        reading->complain(reading->data, message ? message : "out of memory");
}

static bool parse_switch(const char *text, unsigned int *ret)
{
        static const char *const words[][2] = {{"no", "yes"}, {"off", "on"}, {"false", "true"}, {"0", "1"}};

        for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
                *ret = !strcmp(text, words[i][1]);
                if (*ret || !strcmp(text, words[i][0]))
                        return true;
        }
        return false;
}

static bool parse_number(const struct setting *setting, const char *text, unsigned int *ret)
{
        unsigned long value;
        char *rest;

        errno = 0;
        value = strtoul(text, &rest, 10);
        if (errno || rest == text || *rest || *text < '0' || *text > '9' || value < setting->least ||
            value > setting->most)
                return false;
        *ret = (unsigned int)value;
        return true;
}

static const struct setting *find(const char *group, const char *name)
{
        for (size_t i = 0; i < CONFIG_COUNT; i++)
                if (!strcmp(settings[i].group, group) && !strcmp(settings[i].name, name))
                        return &settings[i];
        return NULL;
}

static void complain_of_value(const struct reading *reading, const struct setting *setting, const char *text,
                              const econf_ext_value *place)
{
        char wanted[64] = "yes or no";

        if (!setting->is_switch)
                snprintf(wanted, sizeof wanted, "a number from %u to %u", setting->least, setting->most);
        complain(reading, "'%s', line %llu: %s=%s is not %s, ignored", place->file,
                 (unsigned long long)place->line_number, setting->name, text, wanted);
}

static int take(const struct reading *reading, const char *group, const char *name, const char *text,
                const econf_ext_value *place)
{
        const struct setting *setting = find(group, name);
        struct config_value *value;
        unsigned int number;
        char *origin;

        if (!setting) {
                complain(reading, "'%s', line %llu: there is no setting '%s' in [%s]", place->file,
                         (unsigned long long)place->line_number, name, group);
                return 0;
        }
        value = &reading->config->values[setting - settings];
        if (!*text) { /* as in systemd: the default again */
                number = setting->standard;
        } else if (!(setting->is_switch ? parse_switch(text, &number)
                                        : parse_number(setting, text, &number))) {
                complain_of_value(reading, setting, text, place);
                return 0;
        }
        if (asprintf(&origin, "%s:%llu", place->file, (unsigned long long)place->line_number) < 0)
                return -ENOMEM;
        free(value->origin);
        *value = (struct config_value){.number = number, .origin = origin};
        return 0;
}

static int take_key(const struct reading *reading, econf_file *file, const char *group, const char *name)
{
        CLEANUP(econf_freeExtValue) econf_ext_value *place = NULL;
        _cleanup_free_ char *text = NULL;
        econf_err error = econf_getExtValue(file, group, name, &place);

        if (error == ECONF_SUCCESS)
                error = econf_getStringValue(file, group, name, &text);
        if (error != ECONF_SUCCESS)
                return error == ECONF_NOMEM ? -ENOMEM : 0;
        return take(reading, group, name, text ? text : "", place);
}

static int take_group(const struct reading *reading, econf_file *file, const char *group)
{
        CLEANUP(econf_freeArray) char **names = NULL;
        size_t n = 0;
        econf_err error = econf_getKeys(file, group, &n, &names);
        int r = 0;

        if (error == ECONF_NOMEM)
                return -ENOMEM;
        for (size_t i = 0; i < n && r == 0; i++)
                r = take_key(reading, file, group, names[i]);
        return r;
}

/* libeconf lists a group as often as it begins. */
static bool is_first(char **groups, size_t at)
{
        for (size_t i = 0; i < at; i++)
                if (!strcmp(groups[i], groups[at]))
                        return false;
        return true;
}

static void complain_of_file(const struct reading *reading, const char *path, econf_err error)
{
        _cleanup_free_ char *file = NULL;
        uint64_t line = 0;

        econf_errLocation(&file, &line);
        complain(reading, "'%s', line %llu: %s, the file is ignored", path, (unsigned long long)line,
                 econf_errString(error));
}

static int read_file(const struct reading *reading, const char *path)
{
        CLEANUP(econf_freeFile) econf_file *file = NULL;
        CLEANUP(econf_freeArray) char **groups = NULL;
        size_t n = 0;
        econf_err error;
        int r = 0;

        if (access(path, R_OK) < 0) {
                complain(reading, "'%s': %s, the file is ignored", path, strerror(errno));
                return 0;
        }
        error = econf_readFile(&file, path, "=", "#;");
        if (error == ECONF_SUCCESS)
                error = econf_getGroups(file, &n, &groups);
        if (error == ECONF_NOGROUP)
                return 0;
        if (error == ECONF_NOMEM)
                return -ENOMEM;
        if (error != ECONF_SUCCESS) {
                complain_of_file(reading, path, error);
                return 0;
        }
        for (size_t i = 0; i < n && r == 0; i++)
                if (is_first(groups, i))
                        r = take_group(reading, file, groups[i]);
        return r;
}

static int read_main(const struct reading *reading, const char *root)
{
        for (int layer = 0; layer < LAYERS; layer++) {
                _cleanup_free_ char *path = NULL;

                if (asprintf(&path, "%s%s/" MAIN_FILE, root, layers[layer]) < 0)
                        return -ENOMEM;
                if (access(path, F_OK) == 0)
                        return read_file(reading, path);
        }
        return 0;
}

struct drop_in {
        char *name;
        int layer;
};

static int by_name(const void *left, const void *right)
{
        const struct drop_in *a = left, *b = right;
        int difference = strcmp(a->name, b->name);

        return difference ? difference : a->layer - b->layer;
}

static bool is_drop_in(const char *name)
{
        size_t length = strlen(name);

        return *name != '.' && length > strlen(SUFFIX) && !strcmp(name + length - strlen(SUFFIX), SUFFIX);
}

/* Return: 0, also where there is no such folder, or -ENOMEM. */
static int list_drop_ins(const char *root, int layer, struct drop_in found[static DROP_INS_MAX], size_t *n)
{
        _cleanup_free_ char *path = NULL;
        _cleanup_closedir_ DIR *folder = NULL;
        const struct dirent *entry;

        if (asprintf(&path, "%s%s/" DROP_INS, root, layers[layer]) < 0)
                return -ENOMEM;
        folder = opendir(path);
        while (folder && *n < DROP_INS_MAX && (entry = readdir(folder))) {
                if (!is_drop_in(entry->d_name))
                        continue;
                found[*n] = (struct drop_in){.name = strdup(entry->d_name), .layer = layer};
                if (!found[*n].name)
                        return -ENOMEM;
                ++*n;
        }
        return 0;
}

static int read_drop_ins(const struct reading *reading, const char *root)
{
        struct drop_in found[DROP_INS_MAX];
        size_t n = 0;
        int r = 0;

        for (int layer = 0; layer < LAYERS && r == 0; layer++)
                r = list_drop_ins(root, layer, found, &n);
        qsort(found, n, sizeof *found, by_name);
        for (size_t i = 0; i < n && r == 0; i++) {
                _cleanup_free_ char *path = NULL;

                if (i > 0 && !strcmp(found[i].name, found[i - 1].name))
                        continue;
                if (asprintf(&path, "%s%s/" DROP_INS "/%s", root, layers[found[i].layer], found[i].name) < 0)
                        r = -ENOMEM;
                else
                        r = read_file(reading, path);
        }
        for (size_t i = 0; i < n; i++)
                free(found[i].name);
        return r;
}

int config_read(const char *root, void (*hear)(void *data, const char *message), void *data,
                struct config *ret)
{
        struct config config = {0};
        struct reading reading = {.config = &config, .complain = hear, .data = data};
        int r;

        for (size_t i = 0; i < CONFIG_COUNT; i++)
                config.values[i].number = settings[i].standard;
        r = read_main(&reading, root);
        if (r == 0)
                r = read_drop_ins(&reading, root);
        if (r < 0)
                config_done(&config);
        else
                *ret = config;
        return r;
}

void config_done(struct config *config)
{
        for (size_t i = 0; i < CONFIG_COUNT; i++)
                free(config->values[i].origin);
}

static struct json_object *json_value(const struct config *config, enum config_setting setting)
{
        unsigned int number = config_number(config, setting);

        return settings[setting].is_switch ? json_object_new_boolean((int)number)
                                           : json_object_new_int64(number);
}

static int print_json(const struct config *config, FILE *out)
{
        CLEANUP(json_object_put) struct json_object *all = json_object_new_object();

        if (!all)
                return -ENOMEM;
        for (enum config_setting i = 0; i < CONFIG_COUNT; i++) {
                struct json_object *group = json_object_object_get(all, settings[i].group), *one;
                const char *origin = config->values[i].origin;

                if (!group) {
                        group = json_object_new_object();
                        json_object_object_add(all, settings[i].group, group);
                }
                one = json_object_new_object();
                json_object_object_add(one, "value", json_value(config, i));
                json_object_object_add(one, "origin", origin ? json_object_new_string(origin) : NULL);
                json_object_object_add(group, settings[i].name, one);
        }
        fprintf(out, "%s\n",
                json_object_to_json_string_ext(all,
                                               JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
        return 0;
}

static void print_text(const struct config *config, FILE *out)
{
        const char *group = "";

        for (enum config_setting i = 0; i < CONFIG_COUNT; i++) {
                const char *origin = config->values[i].origin;
                unsigned int number = config_number(config, i);
                char line[64];

                if (strcmp(group, settings[i].group) != 0)
                        fprintf(out, "%s[%s]\n", *group ? "\n" : "", settings[i].group);
                group = settings[i].group;
                if (settings[i].is_switch)
                        snprintf(line, sizeof line, "%s=%s", settings[i].name, number ? "yes" : "no");
                else
                        snprintf(line, sizeof line, "%s=%u", settings[i].name, number);
                fprintf(out, "%-24s # %s\n", line, origin ? origin : "default");
        }
}

int config_print(const struct config *config, bool json, FILE *out)
{
        if (json)
                return print_json(config, out);
        print_text(config, out);
        return 0;
}
