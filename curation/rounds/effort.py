"""What a round took: seconds per stage, in a ledger that survives every kill."""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from curation.rounds.layout import RoundDir
from jobs.files import open_to_append
from jobs.status.book import Claim
from jobs.status.model import Used

NOTE_EVERY_S = 60.0  # what a kill may lose of a stage that is noted


@contextmanager
def measured(round_dir: RoundDir, stage: str, claim: Claim | None = None) -> Iterator[Callable[[], None]]:
    """Append the seconds spent inside to the round's ledger, also when it ends in an exception.

    Those of a long stage are appended in parts, if what this yields is called now and then. `claim` is what
    this process claims meanwhile as a worker; None where it only waits for others.
    """
    line = {"stage": stage} if claim is None else {"stage": stage, "cpus": claim.cpus, "gpus": claim.gpus}
    wall, cpu = time.monotonic(), _cpu_s()

    def note() -> None:
        nonlocal wall, cpu
        was, (wall, cpu) = (wall, cpu), (time.monotonic(), _cpu_s())
        _append(round_dir, line | {"cpu_s": round(cpu - was[1], 3), "wall_s": round(wall - was[0], 3)})

    def note_if_due() -> None:
        if time.monotonic() - wall >= NOTE_EVERY_S:
            note()

    try:
        yield note_if_due
    finally:
        note()


def _append(round_dir: RoundDir, line: dict[str, Any]) -> None:
    round_dir.effort.parent.mkdir(parents=True, exist_ok=True)
    with open_to_append(round_dir.effort) as ledger:
        ledger.write("\n" + json.dumps(line))  # a line torn by a crash stays alone


def _cpu_s() -> float:
    """CPU seconds of this process and its finished children."""
    uses = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(use.ru_utime + use.ru_stime for use in uses)


def _lines(round_dir: RoundDir) -> Iterator[dict[str, Any]]:
    text = round_dir.effort.read_text("utf-8") if round_dir.effort.exists() else ""
    return (json.loads(line) for line in text.splitlines() if line.endswith("}"))


def effort(round_dir: RoundDir) -> dict[str, dict[str, float]]:
    """Seconds per stage: {"train": {"cpu_s": ..., "wall_s": ...}, ...}."""
    total: dict[str, dict[str, float]] = {}
    for line in _lines(round_dir):
        sums = total.setdefault(line["stage"], {"cpu_s": 0.0, "wall_s": 0.0})
        for name in sums:
            sums[name] = round(sums[name] + line[name], 3)
    return total


def effort_until(round_dir: RoundDir) -> dict[str, dict[str, float]]:
    """Seconds per stage of this round and all before it."""
    total: dict[str, dict[str, float]] = {}
    for number in range(1, round_dir.number + 1):
        for stage, seconds in effort(RoundDir(run_dir=round_dir.run_dir, number=number)).items():
            sums = total.setdefault(stage, dict.fromkeys(seconds, 0.0))
            for kind, value in seconds.items():
                sums[kind] += value
    return total


def worked(run_dir: Path) -> Iterator[Used]:
    """What the processes of all rounds claimed as workers, for how long."""
    numbers = sorted(int(path.name) for path in (run_dir / "rounds").glob("*") if path.name.isdecimal())
    for number in numbers:
        for line in _lines(RoundDir(run_dir=run_dir, number=number)):
            if "cpus" in line:
                yield Used(pool="", cpus=line["cpus"], gpus=line["gpus"], worker_s=line["wall_s"])
