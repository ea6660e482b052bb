# SPDX-License-Identifier: LGPL-2.1-or-later
"""
The test beds: modelled disks, images, and what boots from them.

This file owns what every bed reports of a boot, and nothing else.
"""

import dataclasses


@dataclasses.dataclass
class Boot:
    """One finished boot. Figures that can't be had are None, not zero."""

    seconds: float                       # from the boot's start to PID 1's FinishTimestamp
    read_requests: int | None = None     # of the root's block device until then
    read_bytes: int | None = None
    stall_seconds: float | None = None   # some task waited for I/O (PSI "some")
    extra: dict = dataclasses.field(default_factory=dict)
