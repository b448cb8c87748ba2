"""A worker's reports on their way to the mailbox: which are waited for, and which wait themselves.

At most one call to the mailbox is under way. What becomes of a report:

    RESUMED, NOTE, WARNING   sent at once, with all that was kept; its answer is waited for
    first ITEM of a run      the same where the news is vital; else sent at once
    any other ITEM           kept for the next call, if the last one was made less than the pace (2 s) ago
                             and few are kept; else sent
    what was only sent       is waited for during 1/400 of the time since the last call, at most
    end of the run           the call under way is waited for; what was kept travels with the end

So a worker waits for 1/400 of its time at most, unless the mailbox takes longer than a pace; one with quick
items makes few calls. Where items take longer than the pace, each is sent at once. An order to stop is the
answer of a call. It is heard at the item after which it is there, at the next one where the mailbox is slow,
and of quick items at the one after a pace. The pace is short beside the grace of a stop, and beside the time
of silence for which a worker is killed. SIGTERM a worker hears itself, at each item.

Why it is safe not to wait: an ITEM is reported once it is on disk, and whatever was told, the next run finds
it there. The driver shows it, and counts the deaths at a task since its last new item: the news of the first
one is vital where one death more would spend a retry; elsewhere the next run tells of it by what it finds. A
worker that dies takes with it what it kept for a pace, and what was on its way. The events of a run neither
overtake each other, for a call is made after the last one's answer, nor come after its end, which is told
after the answer of the last call.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator

from jobs.config import FarmConfig
from jobs.task import Event, EventKind, Task

PACE_S = 2.0  # two calls of a worker are so far apart, where nothing but further items is to be told
PART = 1 / 400  # of its time that a worker may wait
MOST = 100  # reports that are kept; so many fit into a message that no store need hold
LONGEST_S = 400.0  # of its time that counts for this

Wish = tuple[Event, ...] | float  # events to be sent, or seconds to wait for their answer at most
Steps = Generator[Wish, str | None, str]  # replied to with the answer; None where there is none yet


def pace_of(config: FarmConfig) -> float:
    """Seconds between two calls of a worker, so that neither its silence nor a stop is told too late."""
    limits = [PACE_S, config.stop_grace_s / 5]
    if config.stall_timeout_s is not None:
        limits.append(config.stall_timeout_s / 5)
    return min(limits)


def is_last_chance(task: Task) -> bool:
    """Whether one more death at this task, without a new item, would spend a retry."""
    return task.deaths >= task.tolerates


class Post:
    """The reports of one worker. Its methods say what is to be done, one `Wish` after the other, and return
    why the worker must stop, "" if it need not: whoever carries them out can be Ray or a simulation.
    """

    def __init__(self, pace_s: float, now: Callable[[], float] = time.monotonic) -> None:
        self._pace_s, self._now = pace_s, now
        self._kept: list[Event] = []
        self._called = -math.inf  # when the last call was made
        self._under_way = False  # it is not answered yet
        self._first = self._vital = True  # no item of this run was told; and the driver must hear of it

    def begin(self, *, vital: bool) -> None:
        """A run begins, of which the first item is, or is not, `vital` news."""
        self._first, self._vital = True, vital

    def report(self, event: Event) -> Steps:
        """Tell the driver of `event`, now or a little later."""
        self._kept.append(event)
        since = self._now() - self._called
        item, first = event.kind is EventKind.ITEM, self._first
        if not item or (first and self._vital):
            self._first = first and not item
            return (yield from self._call(math.inf))
        self._first = False
        if since < self._pace_s and len(self._kept) < MOST and not first:
            return (yield from self._answer(0.0))
        return (yield from self._call(min(since, LONGEST_S) * PART))

    def settle(self) -> Steps:
        """The run is over: have arrive what was sent."""
        return (yield from self._answer(math.inf))

    def rest(self) -> tuple[Event, ...]:
        """What was kept; it is not kept any longer."""
        kept, self._kept = tuple(self._kept), []
        return kept

    def _call(self, patience_s: float) -> Steps:
        order = yield from self._answer(math.inf)
        self._called, self._under_way = self._now(), True
        yield self.rest()
        return (yield from self._answer(patience_s)) or order

    def _answer(self, patience_s: float) -> Steps:
        """Wait so long for the answer of the call that is under way, if any."""
        if not self._under_way:
            return ""
        order = yield patience_s
        self._under_way = order is None
        return order or ""
