"""Reading status files, and whether their driver still lives.

On the driver's own machine the kernel is asked. Elsewhere nobody's clock is believed: a driver lives while
its file changes, so it is read again after a while.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from jobs.status.model import FOLDER, VERSION, Status
from jobs.status.writer import boot_id, started_ticks

LARGEST = 64 << 20  # bytes
BEATS = 2.5  # of patience with a file that does not change
LOOK_S = 0.5
Pulse = Literal["at work", "ended", "silent"]
STATUS = TypeAdapter(Status)


class StatusFileError(ValueError):
    """A status file that is none, or of another version."""


@dataclass(frozen=True, slots=True)
class Session:
    """One driver's last word, and whether there will be another."""

    status: Status
    pulse: Pulse


def read_status(path: Path) -> Status:
    """What `path` holds. Raises StatusFileError, FileNotFoundError."""
    with path.open("rb") as file:
        content = file.read(LARGEST + 1)
    try:
        if len(content) > LARGEST:
            raise StatusFileError(f"{path}: a status file has at most {LARGEST >> 20} MiB; move it away")
        status = STATUS.validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise StatusFileError(f"{path}: no status file ({where}: {first['msg']}); move it away") from None
    if status.version != VERSION:
        raise StatusFileError(
            f"{path}: is of version {status.version}, this program reads {VERSION}; use that of its driver"
        )
    return status


def status_files(run_dir: Path) -> list[Path]:
    """The files of all sessions of a run, the oldest first."""
    return sorted(path for path in (run_dir / FOLDER).glob("*.json") if path.name[0] != ".")


def sessions(run_dir: Path, sleep: Callable[[float], None] = time.sleep) -> list[Session]:
    """All sessions of a run, the oldest first; only the last one can be at work. Raises StatusFileError."""
    paths = status_files(run_dir)
    found = [Session(status, "ended" if status.ended else "silent") for status in map(read_status, paths)]
    if found and not found[-1].status.ended:
        found[-1] = _felt(paths[-1], found[-1].status, sleep)
    return found


def _felt(path: Path, status: Status, sleep: Callable[[float], None]) -> Session:
    driver = status.driver
    if driver.boot and driver.boot == boot_id():
        alive = started_ticks(driver.pid) == driver.started != ""
        now = read_status(path)  # it may have ended since
        return Session(now, "ended" if now.ended else "at work" if alive else "silent")
    return _awaited(path, status, sleep)


def _awaited(path: Path, first: Status, sleep: Callable[[float], None]) -> Session:
    """The session after at most a few beats of waiting for a change."""
    waited = 0.0
    while waited < BEATS * min(first.every_s, 60.0):
        sleep(LOOK_S)
        waited += LOOK_S
        now = read_status(path)
        if now.beat != first.beat:
            return Session(now, "ended" if now.ended else "at work")
    return Session(first, "silent")
