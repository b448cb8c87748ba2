"""`render.log` of a run: what went wrong, when, with its traceback; the terminal has a line of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from jobs.system_errors import explain
from jobs.task import Event, EventKind

LOG_NAME = "render.log"
LOGGED = frozenset({EventKind.WARNING, EventKind.TASK_RETRIED, EventKind.TASK_FAILED})
LONGEST = 500  # characters of a cause


class RunLog:
    """Takes the farm's events, writes down what went wrong, and passes all of them on."""

    def __init__(self, run_dir: Path, on_event: Callable[[Event], None] | None = None) -> None:
        self.path = run_dir / LOG_NAME
        self.problem = ""  # why something could not be written down
        self._on_event = on_event

    def __call__(self, event: Event) -> None:
        if event.kind in LOGGED:
            self.write(f"{event.kind} {event.task_id} {event.worker}: {event.message}", event.data)
        if self._on_event is not None:
            self._on_event(event)

    def write(self, text: str, trace: object = None) -> None:
        """Add an entry. A log that cannot be written stops no run: `problem` says why."""
        stamp = datetime.now(UTC).isoformat(timespec="seconds")
        entry = f"{stamp} {text}\n" + (f"{trace}\n" if isinstance(trace, str) and trace else "")
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(entry)
        except OSError as error:
            self.problem = explain(error)


def cause(trace: str) -> str:
    """The exception of a traceback in one line, by its own words; other texts as they are."""
    lines = trace.strip().splitlines() or [""]
    frames = [index for index, line in enumerate(lines) if line.startswith("  ")]
    told = lines[frames[-1] + 1 :] if frames and frames[-1] + 1 < len(lines) else lines
    text = " ".join(" ".join(told).split())
    kind, colon, what = text.partition(": ")
    named = bool(colon) and kind.replace(".", "").replace("_", "").isalnum()
    short = f"{kind.rpartition('.')[2]}: {what}" if named else text
    return short[:LONGEST]
