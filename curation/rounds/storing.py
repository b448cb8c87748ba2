"""A curation in a store: what the loop has made is put there, so that any other machine can go on with it.

The folder of this machine is the loop's; the store is the truth. After every stage, and now and then within
the long ones, all that is new is put, in the order in which the loop makes it: whatever of it a kill leaves
in the store is what a kill could have left in a folder, and the same command goes on from there. What was not
put is made again, with the same result.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from fnmatch import fnmatchcase

from curation.rounds.world import OnProgress, StageProgress
from fsd_gen.production.places import Manner, Place
from jobs.store.base import StoreError

EVERY_S = 300.0  # of a long stage; on another machine so much of it is made again at most
LONG_STAGES = ("train", "score", "final score")
MADE_IN_ORDER = (  # patterns of files of a round, see `curation.rounds.layout`
    "effort.jsonl",
    "folds.json",
    "round.json",
    "model/*.training/*.jsonl",
    "model/*.training/*",
    "model/*.curve.json",
    "model/*.pt",
    "parts/*",
    "scores.parquet",
    "verdicts.parquet",
    "report.html",
    "report.json",
    "final_scores.parquet",
    "final_verdicts.parquet",
)
log = logging.getLogger(__name__)
Clock = Callable[[], float]


def order_of_making(name: str) -> tuple[int, int, str]:
    """Sorts names within a run as the loop makes these files: the run's, round by round, the run's report."""
    folder, _, rest = name.partition("/")
    number, _, within = rest.partition("/")
    if folder != "rounds":
        return 0, 0, name
    if not number.isdigit():
        return 2, 0, name
    place = next((at for at, pattern in enumerate(MADE_IN_ORDER) if fnmatchcase(within, pattern)), -1)
    return 1, int(number) * len(MADE_IN_ORDER) + place, name


MANNER = Manner(order=order_of_making, own=("rounds/",))


class Storing:
    """Puts what a loop makes; of no effect in a folder. Call it after every stage."""

    def __init__(self, place: Place, clock: Clock = time.monotonic) -> None:
        self._place, self._clock = place, clock
        self._put_at = clock()

    def __call__(self) -> None:
        """Put all that is new. Raises StoreError, RunLockedError."""
        self._place.put_finished()
        self._put_at = self._clock()

    def during(self, on_progress: OnProgress) -> OnProgress:
        """Hands progress on, and puts what long stages have come to. A store that fails is asked later."""

        def tell(now: StageProgress) -> None:
            on_progress(now)
            if now.stage not in LONG_STAGES or self._clock() - self._put_at < EVERY_S:
                return
            try:
                self()
            except StoreError as error:
                log.warning("what is done so far could not be put, and is put later: %s", error)
                self._put_at = self._clock()

        return tell
