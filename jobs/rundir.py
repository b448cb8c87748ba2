"""One run directory: one driver at a time, and one configuration for ever.

The lock is an advisory kernel lock on `run/.lock`: it vanishes with its holder, even after SIGKILL, so no
stale lock exists. The file's text only tells others who holds it. The configuration is frozen at the first
run as `config.yaml` and `config.sha256`; the digest is written last and is what counts.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import weakref
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import yaml

from jobs.files import write_text_atomic

LOCK_NAME = ".lock"
CONFIG_NAME = "config.yaml"
DIGEST_NAME = "config.sha256"
ABSENT = "(absent)"
LOCKS_UNSUPPORTED_ERRNOS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP})


class RunLockedError(RuntimeError):
    """Another driver works in this run directory."""


class RunLockUnsupportedError(RunLockedError):
    """The file system of this run directory cannot lock files."""


class RunConfigMismatchError(ValueError):
    """The run directory belongs to another configuration."""


class RunFolderError(OSError):
    """A run directory that cannot be made or written."""


class RunLock:
    """The right to drive a run directory: `with RunLock(run_dir): ...`.

    Creates the directory. Raises RunFolderError where that cannot be done, RunLockedError, naming the
    holder's pid and host, while another process (or another RunLock of this one) holds it,
    RunLockUnsupportedError where the file system has no locks. Forked children do not keep it alive.
    """

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir
        self._fd: int | None = None

    def acquire(self) -> None:
        """Take the lock, or raise RunLockedError at once."""
        if self._fd is not None:
            raise RuntimeError(f"this RunLock already holds {self._run_dir}")
        fd = _open_lock_file(self._run_dir)
        try:
            _lock(fd, self._run_dir)
        except BaseException:
            os.close(fd)
            raise
        self._fd = fd
        _close_in_forked_children(self)
        os.ftruncate(fd, 0)
        os.pwrite(fd, json.dumps(_own_identity()).encode(), 0)

    def release(self) -> None:
        """Give the lock back; without effect if it is not held."""
        if self._fd is not None:
            os.ftruncate(self._fd, 0)
            os.close(self._fd)
            self._fd = None

    def _forget(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def __enter__(self) -> RunLock:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def freeze_config(run_dir: Path, text: str, digest: str) -> bool:
    """Bind `run_dir` to the configuration `text` (YAML) with its `digest`; True if that was new.

    A later call with the same digest changes nothing. One with another digest raises RunConfigMismatchError
    listing each key that differs. Call it holding the RunLock.
    """
    refuse_mismatch(run_dir, text, digest)
    if (run_dir / DIGEST_NAME).exists():
        return False
    write_text_atomic(run_dir / CONFIG_NAME, text)
    write_text_atomic(run_dir / DIGEST_NAME, digest + "\n")
    return True


def refuse_mismatch(run_dir: Path, text: str, digest: str) -> None:
    """What `freeze_config` refuses, without writing: raises RunConfigMismatchError."""
    config_path, digest_path = run_dir / CONFIG_NAME, run_dir / DIGEST_NAME
    if digest_path.exists():
        if digest_path.read_text().strip() != digest:
            raise _mismatch(run_dir, text)
    elif config_path.exists() and config_path.read_text() != text:
        raise _mismatch(run_dir, text)


def config_differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What differs between two configurations, one `dotted.key: old -> new` a line, sorted by key."""
    before, after = _leaves(old), _leaves(new)
    return [
        f"{key}: {before.get(key, ABSENT)} -> {after.get(key, ABSENT)}"
        for key in sorted(before.keys() | after.keys())
        if before.get(key, ABSENT) != after.get(key, ABSENT)
    ]


def _leaves(value: Any, path: str = "") -> dict[str, str]:
    """Dotted key -> printed value; empty mappings and lists are leaves, so that they can differ."""
    if isinstance(value, Mapping) and value:
        children = [(f"{path}.{key}" if path else str(key), child) for key, child in value.items()]
    elif isinstance(value, list) and value:
        children = [(f"{path}[{index}]", child) for index, child in enumerate(value)]
    else:
        return {path: repr(value)}
    return {key: leaf for child_path, child in children for key, leaf in _leaves(child, child_path).items()}


def _mismatch(run_dir: Path, text: str) -> RunConfigMismatchError:
    config_path = run_dir / CONFIG_NAME
    frozen = yaml.safe_load(config_path.read_text()) if config_path.exists() else {}
    lines = config_differences(frozen or {}, yaml.safe_load(text) or {})
    what = "\n  ".join(lines or ["no key of the file differs: the defaults or the version behind it do"])
    return RunConfigMismatchError(
        f"{run_dir} was started with another configuration ({CONFIG_NAME}); use that one, or another run "
        f"directory. Frozen -> given:\n  {what}"
    )


def _own_identity() -> dict[str, str | int]:
    started = datetime.now(UTC).isoformat(timespec="seconds")
    return {"pid": os.getpid(), "host": socket.gethostname(), "since": started}


def _open_lock_file(run_dir: Path) -> int:
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
        return os.open(run_dir / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        what = "is a file" if run_dir.is_file() else f"cannot be made or written ({error.strerror})"
        raise RunFolderError(
            f"{run_dir}: {what}; expected a folder of the run's own where files may be written: "
            "name another, or make this one writable"
        ) from error


def _lock(fd: int, run_dir: Path) -> None:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise RunLockedError(_held_message(run_dir, os.pread(fd, 4096, 0))) from None
    except OSError as error:
        if error.errno not in LOCKS_UNSUPPORTED_ERRNOS:
            raise
        raise RunLockUnsupportedError(
            f"the file system of {run_dir} offers no locks ({error.strerror}), which keep two drivers apart; "
            "put the run on a local disk, on NFSv4 with its lock service, or on Lustre mounted with -o flock"
        ) from error


def _held_message(run_dir: Path, holder: bytes) -> str:
    try:
        known = json.loads(holder)
        who = f"process {known['pid']} on {known['host']} since {known['since']}"
    except (ValueError, KeyError, TypeError):  # the holder is between taking the lock and signing it
        who = "another process"
    return f"{run_dir} is in use by {who}; wait for it, stop it, or use another run directory"


def _close_in_forked_children(lock: RunLock) -> None:
    """A forked child shares the kernel lock and would keep it after the driver's death; let it go there."""
    alive = weakref.ref(lock)

    def forget() -> None:
        held = alive()
        if held is not None:
            held._forget()

    os.register_at_fork(after_in_child=forget)
