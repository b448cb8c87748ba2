"""`render.log` of a run: what went wrong, when, with its traceback; the terminal has a line of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.files import open_to_append
from jobs.system_errors import explain
from jobs.task import Event, EventKind
from jobs.veiled import veiled

if TYPE_CHECKING:
    from fsd_gen.production.attempt import Attempt

LOG_NAME = "render.log"
LOGGED = frozenset(
    {
        EventKind.CLUSTER,
        EventKind.WARNING,
        EventKind.WORKER_LOST,
        EventKind.TASK_RETRIED,
        EventKind.TASK_FAILED,
    }
)
LONGEST = 500  # characters of a cause
GIVEN_UP = re.compile(r": slot (?P<slot>\d+) quarantined after \d+ attempts: (?P<why>.*)")


def given_up(slot: int, tried: Sequence[Attempt]) -> str:
    """What is said of a slot that no attempt could fill: each reason with its last details."""
    details = {defect.code: defect.detail for attempt in tried for defect in attempt.defects}
    why = "; ".join(f"{code} ({' '.join(detail.split())[:LONGEST]})" for code, detail in details.items())
    return f"slot {slot} quarantined after {len(tried)} attempts: {why}"


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
            with open_to_append(self.path) as file:
                file.write(veiled(entry))
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


def why_quarantined(run_dir: Path) -> dict[int, str]:
    """By slot, what was wrong with the last attempts at those that were given up, as far as the log knows."""
    path = run_dir / LOG_NAME
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", errors="replace") as file:
        found = (GIVEN_UP.search(line) for line in file)
        return {int(each["slot"]): each["why"].strip() for each in found if each}
