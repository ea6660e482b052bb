/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "boot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "cleanup.h"
#include "machine.h"

static void read_boot_id(const struct view *view, uint8_t ret[16])
{
        char text[64];
        size_t n = 0;

        if (view_read(view->proc, "sys/kernel/random/boot_id", text, sizeof text) < 0)
                return;
        for (const char *at = text; *at && n < 16; at++) {
                unsigned int byte;

                if (*at == '-')
                        continue;
                if (sscanf(at, "%2x", &byte) != 1)
                        return;
                ret[n++] = (uint8_t)byte;
                at++;
        }
}

/* The firmware's vendor names the hypervisors that matter; without one it is taken for a real machine. */
static void read_machine(const struct view *view, char *ret, size_t size)
{
        char vendor[64], flags[16384];

        snprintf(ret, size, "physical");
        if (*view->prefix) {
                snprintf(ret, size, "container");
                return;
        }
        if (view_read(view->proc, "cpuinfo", flags, sizeof flags) >= 0 && strstr(flags, " hypervisor"))
                snprintf(ret, size, "virtual");
        if (view->sys >= 0 && view_read(view->sys, "class/dmi/id/sys_vendor", vendor, sizeof vendor) > 0 &&
            !strcmp(ret, "virtual")) {
                vendor[strcspn(vendor, "\n")] = '\0';
                snprintf(ret, size, "%s", vendor);
        }
}

int boot_describe(const struct collection *collection, struct profile *profile)
{
        struct profile_boot *boot = profile_add_boot(profile);
        char os[160], machine[80];
        struct utsname names;

        if (!boot)
                return -errno;
        uname(&names);
        os_describe(collection->view.root, os, sizeof os);
        read_machine(&collection->view, machine, sizeof machine);
        read_boot_id(&collection->view, boot->id);
        boot->kernel = profile_string(profile, names.release);
        boot->os = profile_string(profile, os);
        boot->machine = profile_string(profile, machine);
        boot->choice = profile_string(profile, collection->choice);
        if (!boot->kernel || !boot->os || !boot->machine || !boot->choice)
                return -ENOMEM;
        boot->wall_us = collection->wall_us;
        boot->start_us = collection->start_us;
        return 0;
}

void boot_conclude(const struct collection *collection, struct profile *profile)
{
        struct profile_boot *boot = &profile->boots[0];

        boot->sources = collection->sources;
        boot->contents = collection->contents;
        boot->end_us = collection->start_us + collection_now_us(collection);
        memcpy(boot->losses, collection->recording->losses, sizeof boot->losses);
}
