"""How much memory a process holds."""

from __future__ import annotations

import os

from jobs.extras import extra

with extra("farm"):
    import psutil

MIB = 1 << 20


def resident_mb() -> int:
    """Resident memory of this process and its descendants, MiB.

    A descendant in a session of its own has a keeper that renews it when it grows (`fsd_gen.rtx.process`):
    it is not counted.
    """
    own = psutil.Process()
    session = os.getsid(0)
    descendants = (each for each in own.children(recursive=True) if _is_of(session, each))
    return sum(map(_resident_bytes, [own, *descendants])) // MIB


def _is_of(session: int, process: psutil.Process) -> bool:
    try:
        return os.getsid(process.pid) == session
    except ProcessLookupError:  # it ended since it was listed
        return False


def _resident_bytes(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.NoSuchProcess:  # it ended since it was listed
        return 0
