"""How much memory a process holds."""

from __future__ import annotations

from jobs.extras import extra

with extra("farm"):
    import psutil

MIB = 1 << 20


def resident_mb() -> int:
    """Resident memory of this process and its descendants, MiB."""
    own = psutil.Process()
    return sum(map(_resident_bytes, [own, *own.children(recursive=True)])) // MIB


def _resident_bytes(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.NoSuchProcess:  # it ended since it was listed
        return 0
