"""What a round took: seconds per stage, in a ledger that survives every kill."""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager

from curation.rounds.layout import RoundDir


@contextmanager
def measured(round_dir: RoundDir, stage: str) -> Iterator[None]:
    """Append the seconds spent inside to the round's ledger, also when it ends in an exception."""
    wall, cpu = time.monotonic(), _cpu_s()
    try:
        yield
    finally:
        round_dir.effort.parent.mkdir(parents=True, exist_ok=True)
        seconds = {"cpu_s": _cpu_s() - cpu, "wall_s": time.monotonic() - wall}
        line = {"stage": stage} | {kind: round(value, 3) for kind, value in seconds.items()}
        with round_dir.effort.open("a", encoding="utf-8") as ledger:
            ledger.write("\n" + json.dumps(line))  # a line torn by a crash stays alone


def _cpu_s() -> float:
    """CPU seconds of this process and its finished children."""
    uses = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(use.ru_utime + use.ru_stime for use in uses)


def effort(round_dir: RoundDir) -> dict[str, dict[str, float]]:
    """Seconds per stage: {"train": {"cpu_s": ..., "wall_s": ...}, ...}; a kill loses the stage in work."""
    total: dict[str, dict[str, float]] = {}
    text = round_dir.effort.read_text("utf-8") if round_dir.effort.exists() else ""
    for line in (json.loads(line) for line in text.splitlines() if line.endswith("}")):
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
