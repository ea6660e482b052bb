/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager.h"

#include <errno.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "cleanup.h"

#define SERVICE "org.freedesktop.systemd1"
#define OBJECT "/org/freedesktop/systemd1"
#define MANAGER SERVICE ".Manager"
#define FINISH "FinishTimestampMonotonic"

DEFINE_CLEANUP(sd_bus *, sd_bus_close_unref)

enum {
        CALL_TIMEOUT_US = 5000000,
        RELOAD_TIMEOUT_US = 60000000,
        ASKS_A_SECOND = 4,
};

int manager_open(sd_bus **ret)
{
        int r = sd_bus_new(ret);

        if (r >= 0)
                r = sd_bus_set_address(*ret, "unix:path=/run/systemd/private");
        if (r >= 0)
                r = sd_bus_start(*ret);
        return r < 0 ? r : sd_bus_set_method_call_timeout(*ret, CALL_TIMEOUT_US);
}

static int reload(sd_bus *bus)
{
        _cleanup_free_ char *state = NULL;
        int r = sd_bus_get_property_string(bus, SERVICE, OBJECT, MANAGER, "SystemState", NULL, &state);

        if (r < 0 || !strcmp(state, "stopping"))
                return r;
        r = sd_bus_set_method_call_timeout(bus, RELOAD_TIMEOUT_US);
        return r < 0 ? r : sd_bus_call_method(bus, SERVICE, OBJECT, MANAGER, "Reload", NULL, NULL, NULL);
}

int manager_reload(void)
{
        CLEANUP(sd_bus_close_unref) sd_bus *bus = NULL;
        int r = manager_open(&bus);

        if (r >= 0)
                r = reload(bus);
        return r < 0 ? r : 0;
}

static int read_time(sd_bus *bus, const char *object, const char *interface, const char *name, uint64_t *ret)
{
        return sd_bus_get_property_trivial(bus, SERVICE, object, interface, name, NULL, 't', ret);
}

int manager_read_times(struct manager_times *ret)
{
        CLEANUP(sd_bus_close_unref) sd_bus *bus = NULL;
        const struct {
                const char *object, *interface, *name;
                uint64_t *time;
        } times[] = {
                {OBJECT, MANAGER, "InitRDTimestampMonotonic", &ret->initramfs},
                {OBJECT, MANAGER, "UserspaceTimestampMonotonic", &ret->userspace},
                {OBJECT, MANAGER, FINISH, &ret->finish},
#define TARGET(target) OBJECT "/unit/" target "_2etarget", SERVICE ".Unit", "ActiveEnterTimestampMonotonic"
                {TARGET("sysinit"), &ret->sysinit},
                {TARGET("basic"), &ret->basic},
                {TARGET("default"), &ret->default_target},
#undef TARGET
        };
        int r = manager_open(&bus);

        *ret = (struct manager_times){0};
        for (size_t i = 0; r >= 0 && i < sizeof times / sizeof *times; i++)
                r = read_time(bus, times[i].object, times[i].interface, times[i].name, times[i].time);
        return r < 0 ? r : 0;
}

/* systemd serves late in its own start, and closes its connections when it re-executes itself. */
static bool has_finished(void)
{
        CLEANUP(sd_bus_close_unref) sd_bus *bus = NULL;
        uint64_t finish = 0;
        int r = manager_open(&bus);

        if (r >= 0)
                r = read_time(bus, OBJECT, MANAGER, FINISH, &finish);
        return r >= 0 && finish > 0;
}

bool manager_wait(unsigned int seconds)
{
        static const struct timespec pause = {.tv_nsec = 1000000000 / ASKS_A_SECOND};
        bool finished = has_finished();

        for (unsigned int asked = 0; !finished && sd_booted() > 0 && asked < seconds * ASKS_A_SECOND;
             asked++) {
                nanosleep(&pause, NULL);
                finished = has_finished();
        }
        return finished;
}
