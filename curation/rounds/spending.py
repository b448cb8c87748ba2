"""What the rounds of a run have cost, all commands together, and the limits at which they end by themselves.

This process trains, scores and reports: a worker that claims its threads, and a GPU where it has one. Its
seconds are in the rounds' ledgers (`curation.rounds.effort`). Slots are drawn again by the workers of a farm:
what they claimed is in the status files of those sessions. Prices are those of the command that asks.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from curation.rounds.effort import measured, worked
from curation.rounds.layout import RoundDir
from curation.rounds.world import OnProgress, StageProgress
from jobs.status.book import Claim
from jobs.status.budget import Budget
from jobs.status.model import Prices, Used
from jobs.status.reading import read_status, status_files

DRAWN_AGAIN = re.compile(r"(^|/)rounds/\d+/regenerated$")  # what such a session makes, by a link too


class LimitReached(RuntimeError):
    """The rounds end here by themselves; the same command with a higher limit goes on."""


def spent(run_dir: Path, prices: Prices) -> float:
    """What all rounds have cost so far; a stage that was killed, up to its last minute. StatusFileError."""
    return prices.cost((*worked(run_dir), *_drawn(run_dir)))


def _drawn(run_dir: Path) -> Iterator[Used]:
    for status in map(read_status, status_files(run_dir)):
        if DRAWN_AGAIN.search(status.what):
            yield from status.progress.used


class Spending:
    """Says when to stop training and scoring. `claim` is what this process claims meanwhile."""

    def __init__(self, run_dir: Path, budget: Budget, claim: Claim) -> None:
        self._run_dir, self._budget, self.claim = run_dir, budget, claim
        self._before = 0.0  # cost of all that was done when the stage began
        self._began = 0.0
        self._note: Callable[[], None] | None = None  # the seconds of the stage; None between stages

    @contextmanager
    def measured(self, round_dir: RoundDir, stage: str) -> Iterator[None]:
        """A stage of this process: its seconds are written down. Raises LimitReached before it begins."""
        with measured(round_dir, stage, self.claim) as self._note:
            self._before, self._began = self._spent_before(), time.monotonic()
            try:
                self._look()
                yield
            finally:
                self._note = None

    def watching(self, on_progress: OnProgress) -> OnProgress:
        """Hands progress on. Raises LimitReached after a step or a sample where no more may be done."""

        def watched(now: StageProgress) -> None:
            on_progress(now)
            if self._note is not None:
                self._note()
                self._look()

        return watched

    def _spent_before(self) -> float:
        return spent(self._run_dir, self._budget.prices) if self._budget.max_cost is not None else 0.0

    def _cost(self) -> float:
        claimed, seconds = self.claim, time.monotonic() - self._began
        use = Used(pool="", cpus=claimed.cpus, gpus=claimed.gpus, worker_s=seconds)
        return self._before + self._budget.prices.cost((use,))

    def _look(self) -> None:
        if why := self._budget.reached(self._cost, datetime.now().astimezone()):
            raise LimitReached(why)
