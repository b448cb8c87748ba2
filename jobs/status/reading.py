"""Reading status files, and whether their driver still lives.

On the driver's own machine the kernel is asked. Elsewhere nobody's clock is believed: a driver lives while
its file changes, so it is read again after a while; of a run in a store, it is fetched again.
"""

from __future__ import annotations

import math
import os
import stat
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from jobs.status.model import FOLDER, VERSION, Status
from jobs.status.writer import boot_id, started_ticks
from jobs.store.bases import base_of
from jobs.store.mirror import shown_again

LARGEST = 64 << 20  # bytes
BEATS = 2.5  # of patience with a file that does not change
LOOK_S = 0.5
LOOK_IN_STORE_S = 2.0
QUIET_S = 3.0  # that nobody is told of waiting
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
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe would be waited for
    with open(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise StatusFileError(f"{path}: is no ordinary file, expected a status file; move it away")
        content = file.read(LARGEST + 1)
    try:
        if len(content) > LARGEST:
            raise StatusFileError(f"{path}: a status file has at most {LARGEST >> 20} MiB; move it away")
        status = STATUS.validate_json(content)
        _refuse_endless(asdict(status), path)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise StatusFileError(f"{path}: no status file ({where}: {first['msg']}); move it away") from None
    if status.version != VERSION:
        raise StatusFileError(
            f"{path}: is of version {status.version}, this program reads {VERSION}; use that of its driver"
        )
    return status


def _refuse_endless(value: object, path: Path) -> None:
    """Raises StatusFileError where a number is none, or endless: no writer of ours writes such."""
    if isinstance(value, float) and not math.isfinite(value):
        raise StatusFileError(f"{path}: no status file: it holds the number {value}; move it away")
    for each in (
        value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    ):
        _refuse_endless(each, path)


def status_files(run_dir: Path) -> list[Path]:
    """The files of all sessions of a run, the oldest first."""
    return sorted(path for path in (run_dir / FOLDER).glob("*.json") if path.name[0] != ".")


def _untold(text: str) -> None:
    pass


def sessions(
    run_dir: Path, sleep: Callable[[float], None] = time.sleep, say: Callable[[str], None] = _untold
) -> list[Session]:
    """All sessions of a run, the oldest first; only the last one can be at work.

    Waiting for a sign of its driver is told to `say`. Raises StatusFileError, StoreError.
    """
    paths = status_files(run_dir)
    found = [Session(status, "ended" if status.ended else "silent") for status in map(read_status, paths)]
    if found and not found[-1].status.ended:
        found[-1] = _felt(paths[-1], found[-1].status, sleep, say)
    return found


def _felt(path: Path, status: Status, sleep: Callable[[float], None], say: Callable[[str], None]) -> Session:
    driver = status.driver
    if driver.boot and driver.boot == boot_id():
        alive = started_ticks(driver.pid) == driver.started != ""
        now = read_status(path)  # it may have ended since
        return Session(now, "ended" if now.ended else "at work" if alive else "silent")
    return _awaited(path, status, sleep, say)


def _awaited(
    path: Path, first: Status, sleep: Callable[[float], None], say: Callable[[str], None]
) -> Session:
    """The session after at most a few beats of waiting for a change."""
    waited, most = 0.0, BEATS * min(first.every_s, 60.0)
    look_s = LOOK_S if base_of(path) is None else LOOK_IN_STORE_S
    while waited < most:
        if waited <= QUIET_S < waited + look_s:
            driver = f"process {first.driver.pid} on {first.driver.host}, another machine"
            say(f"waiting for a sign of the driver ({driver}), at most {most - waited:.0f} s more")
        sleep(look_s)
        waited += look_s
        now = read_status(shown_again(path))
        if now.beat != first.beat:
            return Session(now, "ended" if now.ended else "at work")
    return Session(first, "silent")
