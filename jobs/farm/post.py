"""A worker's reports on their way to the mailbox: which are waited for, and which wait themselves.

At most one call to the mailbox is under way. What becomes of a report:

    RESUMED, NOTE, WARNING   sent at once, with all that was kept; its answer is waited for
    first ITEM of a run      the same: it decides whether a worker's death costs the task a retry
    any other ITEM           kept for the next call, if the last one was made less than the pace (2 s) ago;
                             else sent, and waited for during 1/200 of the time since the last call at most
    end of the run           what was kept is sent, and all of it waited for

So beside the ends of a run a worker spends at most 1/200 of its time waiting, unless the mailbox takes longer
than a pace; and one with quick items makes few calls. Where items take longer than the pace, each is sent at
once. An order to stop is the answer of a call. It is heard at the item after which it is there, at the next
one where the mailbox is slow, and of quick items at the one after a pace. The pace is short beside the grace
of a stop, and beside the silence for which a worker is killed. SIGTERM a worker hears itself, at each item.

Why it is safe not to wait: an ITEM is reported once it is on disk. The driver shows it, and judges a run by
whether it came further at all, which the first ITEM tells. Whatever was told, the next run finds what is on
disk. A worker that dies takes with it what it kept for a pace, and what was on its way. The events of a run
neither overtake each other, for a call is made after the last one's answer, nor come after its end, which is
told after the answer of the last call.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator

from jobs.config import FarmConfig
from jobs.task import Event, EventKind

PACE_S = 2.0  # two calls of a worker are so far apart, where nothing but further items is to be told
PART = 1 / 200  # of its time that a worker may wait

Wish = tuple[Event, ...] | float  # events to be sent, or seconds to wait for their answer at most
Steps = Generator[Wish, str | None, str]  # replied to with the answer; None where there is none yet


def pace_of(config: FarmConfig) -> float:
    """Seconds between two calls of a worker, so that neither its silence nor a stop is told too late."""
    limits = [PACE_S, config.stop_grace_s / 5]
    if config.stall_timeout_s is not None:
        limits.append(config.stall_timeout_s / 5)
    return min(limits)


class Post:
    """The reports of one worker. Its methods say what is to be done, one `Wish` after the other, and return
    why the worker must stop, "" if it need not: whoever carries them out can be Ray or a simulation.
    """

    def __init__(self, pace_s: float, now: Callable[[], float] = time.monotonic) -> None:
        self._pace_s, self._now = pace_s, now
        self._kept: list[Event] = []
        self._called = -math.inf  # when the last call was made
        self._under_way = False  # it is not answered yet
        self._news = True  # nothing was told yet of the items of this run

    def report(self, event: Event) -> Steps:
        """Tell the driver of `event`, now or a little later."""
        self._kept.append(event)
        item = event.kind is EventKind.ITEM
        since = self._now() - self._called
        if not item or self._news:
            self._news = self._news and not item
            return (yield from self._call(math.inf))
        if since < self._pace_s:
            return (yield from self._answer(0.0))
        return (yield from self._call(since * PART))

    def settle(self) -> Steps:
        """The run is over: have everything arrive."""
        self._news = True
        return (yield from self._call(math.inf)) if self._kept else (yield from self._answer(math.inf))

    def _call(self, patience_s: float) -> Steps:
        order = yield from self._answer(math.inf)
        events, self._kept = tuple(self._kept), []
        self._called, self._under_way = self._now(), True
        yield events
        return (yield from self._answer(patience_s)) or order

    def _answer(self, patience_s: float) -> Steps:
        """Wait so long for the answer of the call that is under way, if any."""
        if not self._under_way:
            return ""
        order = yield patience_s
        self._under_way = order is None
        return order or ""
