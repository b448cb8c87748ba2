"""Runs parts one after the other, each in a process of its own, within one budget of wall time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from benchmarks.gpu_check.child import CANNOT, WHY
from benchmarks.gpu_check.part import ROOT, Context, Part, Row

POLL_S = 0.2
RESERVE_S = 2.0  # kept back for the ends of processes
TRACES = "Timeout ("  # begins what `faulthandler` writes when a part runs out of time
MOST_TEXT = 300  # characters of a last line

State = Literal["running", "done", "failed", "timed out", "skipped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a part."""

    name: str
    state: State
    why: str = ""  # not done
    seconds: float = 0.0  # of wall time
    deadline_s: float = 0.0
    rows: tuple[Row, ...] = ()  # also of parts that did not come to their end


OnChange = Callable[[Outcome], None]


def run_parts(
    parts: Sequence[Part], context: Context, budget_s: float, log: Path, on_change: OnChange
) -> tuple[Outcome, ...]:
    """The outcome of every part. `on_change` hears of each start, row and end.

    A part gets its share of the budget, but no more than is left until `context.end`.
    """
    outcomes = []
    for part in parts:
        deadline_s = min(part.share * budget_s, context.left_s() - RESERVE_S)
        if deadline_s < part.least_s:
            why = f"budget exhausted: {max(0.0, deadline_s):.0f} s for it, it needs {part.least_s:.0f} s"
            outcomes.append(Outcome(name=part.name, state="skipped", why=why))
        else:
            started = Outcome(name=part.name, state="running", deadline_s=deadline_s)
            own = replace(context, end=time.monotonic() + deadline_s)
            outcomes.append(run_part(part, own, log, started, on_change))
        on_change(outcomes[-1])
    return tuple(outcomes)


def run_part(part: Part, context: Context, log: Path, started: Outcome, on_change: OnChange) -> Outcome:
    """Run one part to its end or its deadline; nothing that it started lives on."""
    rows = context.scratch / f"{part.name}.jsonl"
    rows.touch()
    on_change(started)
    began = time.monotonic()
    with log.open("ab") as output:
        output.write(f"==== {part.name}\n".encode())
        output.flush()
        offset = output.tell()
        child = _start(part, context, rows, output.fileno())
        try:
            _follow(child, context, rows, lambda found: on_change(replace(started, rows=found)))
        finally:
            code = _end(child)
    records, last = _read(rows), last_line(log, offset)
    state, why = _verdict(code, records, last, started.deadline_s)
    seconds = time.monotonic() - began
    return replace(started, state=state, why=why, rows=_measured(records), seconds=seconds)


def last_line(log: Path, offset: int) -> str:
    """The last line of a log after `offset` bytes that says anything; not where threads stood at the end."""
    with log.open("rb") as file:
        file.seek(offset)
        text, _, _ = file.read().decode(errors="replace").partition(TRACES)
    lines = [line.strip() for line in text.splitlines()]
    return next((line[:MOST_TEXT] for line in reversed(lines) if line), "nothing was printed")


def _start(part: Part, context: Context, rows: Path, output: int) -> subprocess.Popen[bytes]:
    """The part's process, first of a process group: its own helpers end with it."""
    arguments = (json.dumps(asdict(part)), context.to_json(), str(rows))
    return subprocess.Popen(
        [sys.executable, "-u", "-m", "benchmarks.gpu_check.child", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        cwd=ROOT,
        process_group=0,
    )


def _follow(
    child: subprocess.Popen[bytes], context: Context, rows: Path, on_rows: Callable[[tuple[Row, ...]], None]
) -> None:
    """Wait for the end of the process or of its time, and tell of new rows."""
    seen = 0
    while not _ended(child) and context.left_s() > 0:
        time.sleep(min(POLL_S, max(0.0, context.left_s())))
        if (size := rows.stat().st_size) != seen:
            seen = size
            on_rows(_measured(_read(rows)))


def _ended(child: subprocess.Popen[bytes]) -> bool:
    """Whether it came to an end; it stays a zombie, so that no other process can get its number."""
    return os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _end(child: subprocess.Popen[bytes]) -> int | None:
    """Kill what is left of the process group; the exit code, None if the process had not ended by itself."""
    ended = _ended(child)
    os.killpg(child.pid, signal.SIGKILL)
    code = child.wait()
    return code if ended else None


def _read(rows: Path) -> tuple[Row, ...]:
    """The rows that are complete."""
    whole, _, _ = rows.read_text(encoding="utf-8").rpartition("\n")
    return tuple(json.loads(line) for line in whole.splitlines())


def _measured(records: tuple[Row, ...]) -> tuple[Row, ...]:
    """Without the one that says why a part cannot run."""
    return tuple(row for row in records if WHY not in row)


def _verdict(code: int | None, records: tuple[Row, ...], last: str, deadline_s: float) -> tuple[State, str]:
    if code is None:
        return "timed out", f"not finished within {deadline_s:.0f} s; last line: {last}"
    if code == CANNOT:
        return "skipped", str(records[-1][WHY])
    if code < 0:
        return "failed", f"killed by {signal.Signals(-code).name}; last line: {last}"
    if code > 0:
        return "failed", last
    return ("done", "") if records else ("failed", f"left no result; last line: {last}")
