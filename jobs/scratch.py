"""Temporary folders that outlive no kill for long.

A folder is locked as long as its process lives; the kernel takes the lock back, however that ends. Every
process that makes its first folder removes those that nobody holds any more.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

PREFIX = "fsd-scratch-"  # of nothing else: what has this name and no lock is left over
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def scratch_folder(kind: str) -> Iterator[Path]:
    """A new folder, called after `kind`, in the system's temporary one. It is gone after the block."""
    sweep(tempfile.gettempdir())
    path, lock = _made(kind)
    try:
        yield path
    finally:
        shutil.rmtree(path)
        os.close(lock)


@cache
def sweep(folder: str) -> None:
    """Remove what killed processes left in `folder`; once in a process."""
    sweep_again(folder)


def sweep_again(folder: str) -> None:
    """Remove what processes left in `folder` that were killed since."""
    for path in Path(folder).glob(f"{PREFIX}*"):
        with suppress(OSError):  # another user's, or gone meanwhile
            descriptor = os.open(path, FOLDER)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path)
            finally:
                os.close(descriptor)


def _made(kind: str) -> tuple[Path, int]:
    while True:
        path = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{kind}-"))
        with suppress(FileNotFoundError):  # taken for a left-over before it was locked: another, then
            descriptor = os.open(path, FOLDER)
            if _held(descriptor) and path.exists():
                return path, descriptor
            os.close(descriptor)


def _held(descriptor: int) -> bool:
    """Lock it. Where a file system knows no locks, nobody sweeps either."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
