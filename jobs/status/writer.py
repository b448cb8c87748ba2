"""Writes what a session has done so far into its run's folder, every few seconds, until it ends."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from jobs.files import write_json_atomic
from jobs.locks import own_identity
from jobs.status.book import Book, Claim, last_line
from jobs.status.model import FOLDER, VERSION, Driver, Prices, Status
from jobs.system_errors import explain
from jobs.task import Event, FarmHalted, FarmInterrupted, Task
from jobs.veiled import veiled

EVERY_S = 5.0
BOOT = Path("/proc/sys/kernel/random/boot_id")


class StatusWriter:
    """Context manager and event sink around one `run_tasks`; a status that cannot be written stops no run.

    `what` names what is made; `publish` brings each file that was written elsewhere, or says why not.
    """

    def __init__(
        self,
        run_dir: Path,
        tasks: Iterable[Task],
        *,
        what: str = "",
        claims: Mapping[str, Claim] | None = None,
        prices: Prices | None = None,
        every_s: float = EVERY_S,
        publish: Callable[[Path], str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._book = Book(tasks, clock(), claims or {})
        self._prices = prices or Prices()
        self._what = what
        self._every_s = every_s
        self._publish = publish
        self._driver = this_process()
        self._begun = _now()
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
        self.path = run_dir / FOLDER / f"{stamp}-{self._driver.pid}.json"
        self.problem = ""  # why the status could not be written
        self._beat = 0
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep_writing, daemon=True)

    def __call__(self, event: Event) -> None:
        """Count an event."""
        with self._lock:
            self._book.add(event, self._clock())

    def cost(self) -> float:
        """What this session has cost so far."""
        with self._lock:
            return self._prices.cost(self._book.used(self._clock()))

    def __enter__(self) -> StatusWriter:
        self._write()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        self._write(_ended(error), complete=error is None)

    def _keep_writing(self) -> None:
        while not self._over.wait(self._every_s):
            self._write()

    def _write(self, ended: str = "", *, complete: bool = False) -> None:
        status = self._status(ended, complete=complete)
        try:
            self.path.parent.mkdir(exist_ok=True)
            write_json_atomic(self.path, asdict(status))
        except OSError as error:
            self.problem = explain(error)
            return
        self.problem = self._publish(self.path) if self._publish is not None else ""

    def _status(self, ended: str, *, complete: bool) -> Status:
        with self._lock:
            progress = self._book.progress(self._clock())
        self._beat += 1
        return Status(
            version=VERSION,
            session=self.path.stem,
            what=self._what,
            driver=self._driver,
            begun=self._begun,
            written=_now(),
            beat=self._beat,
            every_s=self._every_s,
            ended=ended,
            complete=complete and not progress.tasks_failed,
            prices=self._prices,
            progress=progress,
        )


def this_process() -> Driver:
    """How others may find out whether this process lives."""
    known = own_identity()
    return Driver(
        host=str(known["host"]),
        boot=boot_id(),
        pid=os.getpid(),
        started=started_ticks(os.getpid()),
        user=str(known["user"]),
        command=str(known["command"]),
    )


def boot_id() -> str:
    """What tells the processes of this boot, and of this container, from any other; "" where nothing does."""
    with suppress(OSError):
        return f"{BOOT.read_text().strip()} {os.readlink('/proc/self/ns/pid')}"
    return ""


def started_ticks(pid: int) -> str:
    """When a process started, by the kernel; "" where none lives, or the system does not say."""
    with suppress(OSError):
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "" if state in "ZX" else fields[18]
    return ""


def _ended(error: BaseException | None) -> str:
    if error is None:
        return "ended"
    if isinstance(error, FarmInterrupted | FarmHalted):
        return veiled(f"stopped: {error}")
    kind = type(error)
    named = f"{kind.__name__}: " if kind.__module__ == "builtins" else ""  # ours are sentences
    return f"failed: {named}{veiled(last_line(str(error)))}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
