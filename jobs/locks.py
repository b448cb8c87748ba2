"""The right to work in a folder, for one process at a time: a run of the farm, or a training.

The lock is an advisory kernel lock on `FOLDER/.lock`: it vanishes with its holder, even after SIGKILL, so no
stale lock exists and nothing has to be cleared by hand, whatever the file says. Its text only tells others
who holds it: user, process, host, command, since when.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import getpass
import json
import os
import shlex
import socket
import sys
import weakref
from abc import ABC, abstractmethod
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from jobs.files import open_own
from jobs.system_errors import explain
from jobs.veiled import veiled

LOCK_NAME = ".lock"
LOCKS = Path("/proc/locks")  # of the kernel
LOCKS_UNSUPPORTED_ERRNOS = frozenset(
    {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL}
)
LONGEST_COMMAND = 200  # characters of it that others are told


class RunLockedError(RuntimeError):
    """Another process works in this folder."""


class RunLockUnsupportedError(RunLockedError):
    """The file system of this folder cannot lock files."""


class RunFolderError(OSError):
    """A folder for a run that cannot be made or written."""


class WhileHeld(ABC):
    """A lock that is held inside a `with` block."""

    @abstractmethod
    def acquire(self) -> None: ...

    @abstractmethod
    def release(self) -> None: ...

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


class RunLock(WhileHeld):
    """The right to work in a run's folder: `with RunLock(run_dir): ...`.

    Creates the folder, and removes it again where nothing came to lie in it. Raises RunFolderError where it
    cannot be made, RunLockedError, naming the holder's user, process, host and command, while another process
    (or another RunLock of this one) holds it, RunLockUnsupportedError where the file system has no locks.
    Forked children do not keep it alive.
    """

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir
        self._fd: int | None = None
        self._made: list[Path] = []  # folders that were not there before, the innermost first

    def acquire(self) -> None:
        """Take the lock, or raise RunLockedError at once."""
        if self._fd is not None:
            raise RuntimeError(f"this RunLock already holds {self._run_dir}")
        self._made, fd = _open_lock_file(self._run_dir)
        try:
            _lock(fd, self._run_dir)
            if not os.fstat(fd).st_nlink:  # the holder before went, and took the folder along
                raise RunLockedError(_held_message(self._run_dir, b""))
            _sign(fd, self._run_dir)
        except BaseException:
            os.close(fd)
            raise
        self._fd = fd
        _close_in_forked_children(self)

    def release(self) -> None:
        """Give the lock back; without effect if it is not held."""
        if self._fd is not None:
            os.ftruncate(self._fd, 0)
            self._take_along()
            os.close(self._fd)
            self._fd = None

    def _take_along(self) -> None:
        """Remove the folder where it was made for nothing: a refused command leaves no trace."""
        if not self._made or [path.name for path in self._run_dir.iterdir()] != [LOCK_NAME]:
            return
        with contextlib.suppress(OSError):  # somebody else needs one of the folders by now
            (self._run_dir / LOCK_NAME).unlink()
            for folder in self._made:
                folder.rmdir()

    def _forget(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def _sign(fd: int, run_dir: Path) -> None:
    try:
        os.ftruncate(fd, 0)
        os.pwrite(fd, json.dumps(own_identity()).encode(), 0)
    except OSError as error:
        raise _unusable(run_dir, error) from error


def own_identity() -> dict[str, str | int | float]:
    """What a lock says of its holder."""
    return {
        "user": _user(),
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "command": veiled(shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]))[:LONGEST_COMMAND],
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        return f"user {os.getuid()}"


def _open_lock_file(run_dir: Path) -> tuple[list[Path], int]:
    """The folders that had to be made for it, the innermost first, and the open file."""
    try:
        made = [path for path in (run_dir, *run_dir.parents) if not path.exists()]
        run_dir.mkdir(parents=True, exist_ok=True)
        return made, open_own(run_dir / LOCK_NAME, os.O_RDWR | os.O_CREAT)
    except OSError as error:
        raise _unusable(run_dir, error) from error


def _unusable(run_dir: Path, error: OSError) -> RunFolderError:
    return RunFolderError(f"{run_dir} cannot be the folder of a run: {explain(error, run_dir)}")


def _lock(fd: int, run_dir: Path) -> None:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise RunLockedError(_held_message(run_dir, os.pread(fd, 4096, 0))) from None
    except OSError as error:
        if error.errno not in LOCKS_UNSUPPORTED_ERRNOS:
            raise _unusable(run_dir, error) from error
        raise RunLockUnsupportedError(
            f"the file system of {run_dir} offers no locks ({error.strerror}), which keep two drivers apart; "
            "put the run on a local disk, on NFSv4 with its lock service, or on Lustre mounted with -o flock"
        ) from error


def holder_here(run_dir: Path) -> str:
    """Who of this machine holds the lock of a folder, in words; "" where nobody does, or nobody can tell.

    The lock itself is not touched: even to try it might turn away another one.
    """
    try:
        inode = (run_dir / LOCK_NAME).stat().st_ino
        held = (line.split() for line in LOCKS.read_text().splitlines() if " FLOCK " in line)
        if any(field.rpartition(":")[2] == str(inode) for fields in held for field in fields if ":" in field):
            return who((run_dir / LOCK_NAME).read_bytes()[:4096])
    except OSError:
        pass
    return ""


def _held_message(run_dir: Path, holder: bytes) -> str:
    return f"{run_dir} is in use by {who(holder)}; wait for it, stop it, or use another place"


def who(holder: bytes) -> str:
    """The holder of a lock in words, by what it says."""
    try:
        known = json.loads(holder)
        who = f"process {known['pid']} on {known['host']} since {known['since']}"
        return " ".join(f"{who}, {known['user']}'s `{known['command']}`".split())
    except (ValueError, KeyError, TypeError, RecursionError):  # not signed yet, or by somebody else
        return "another process"


def _close_in_forked_children(lock: RunLock) -> None:
    """A forked child shares the kernel lock and would keep it after the driver's death; let it go there."""
    alive = weakref.ref(lock)

    def forget() -> None:
        held = alive()
        if held is not None:
            held._forget()

    os.register_at_fork(after_in_child=forget)
