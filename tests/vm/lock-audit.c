/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Locks the audit system until the next boot, as `auditctl -e 2` does, on a machine without auditctl. Runs
 * from an initramfs, in front of everything else.
 */
#include <libaudit.h>
#include <stdio.h>

int main(void)
{
        int fd = audit_open();

        if (fd < 0 || audit_set_enabled(fd, 2) < 0) {
                perror("lock-audit");
                return 1;
        }
        audit_close(fd);
        return 0;
}
