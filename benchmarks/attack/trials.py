"""A trial is one bad input for one reader; a tally what became of all trials of a kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Outcome = Literal["detected", "harmless", "missed", "crashed"]
OUTCOMES: tuple[Outcome, ...] = ("detected", "harmless", "missed", "crashed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One bad input. `act` reads it and raises one of `refused`, in one line, where all is well."""

    name: str
    act: Callable[[], object]
    refused: tuple[type[Exception], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of one bad input.

    detected: refused in one clear line; harmless: accepted, and all that is read is as it was written;
    missed: accepted though it is not; crashed: a traceback, a signal, or over its limits in our own process.
    """

    name: str
    outcome: Outcome
    said: str
    seconds: float
    peak_bytes: int | None = None  # of the process that read it, which starts at some 65 MB


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """All results of a kind."""

    kind: str
    results: tuple[Result, ...]

    def count(self, outcome: Outcome) -> int:
        """How many came out like this."""
        return sum(result.outcome == outcome for result in self.results)

    @property
    def slowest_s(self) -> float:
        """Seconds of the slowest trial."""
        return max((result.seconds for result in self.results), default=0.0)

    @property
    def peak_bytes(self) -> int:
        """Most memory that a process needed for it."""
        return max((result.peak_bytes or 0 for result in self.results), default=0)

    @property
    def bad(self) -> tuple[Result, ...]:
        """What must not be."""
        return tuple(result for result in self.results if result.outcome in ("missed", "crashed"))


def table(tallies: Iterable[Tally]) -> str:
    """The counts as a Markdown table."""
    head = ["kind", "tried", *OUTCOMES, "slowest, s", "peak memory, MB"]
    rows = [head, ["---", *["---:"] * (len(head) - 1)], *map(_row, tallies)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _row(tally: Tally) -> Sequence[str]:
    counts = [str(tally.count(outcome)) for outcome in OUTCOMES]
    costs = [f"{tally.slowest_s:.2f}", f"{tally.peak_bytes / 1e6:.0f}"]
    return [tally.kind, str(len(tally.results)), *counts, *costs]
