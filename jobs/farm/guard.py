"""What a worker started dies with it, also where Ray's own services died before they could see to it."""

from __future__ import annotations

import os
import subprocess


def guard_process_group() -> int | None:
    """Have all processes of this process's own group killed when it ends, however it ends.

    Ray puts a worker into a group of its own and kills that group, but not where driver, raylet and worker
    die at once. A shell in the group waits for the end of a pipe whose other end is held here alone, and then
    kills the group. Returns the end that is held; None where this process leads no group, so that a group of
    others is never touched.
    """
    if os.getpgrp() != os.getpid():
        return None
    waiting, held = os.pipe()
    subprocess.Popen(
        ["/bin/sh", "-c", "read line; kill -9 0"],
        stdin=waiting,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(waiting)
    return held
