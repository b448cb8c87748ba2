"""Virtual time, and answers that come later."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count

LIMIT_S = 4000.0  # the longest of ten thousand schedules takes 1500
MOST_WAITS = 200_000


class Endless(AssertionError):
    """The loop did not end."""


class Answer:
    """What a call will be answered with."""

    def __init__(self) -> None:
        self.ready = False
        self.value: object = None
        self.error: Exception | None = None

    def give(self, value: object = None, error: Exception | None = None) -> None:
        if not self.ready:
            self.ready, self.value, self.error = True, value, error


class Clock:
    """Seconds since the start, and what is to happen when."""

    def __init__(self) -> None:
        self.now = 0.0
        self._waits = 0
        self._number = count()
        self._due: list[tuple[float, int, Callable[[], None]]] = []

    def at(self, moment: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._due, (max(moment, self.now), next(self._number), act))

    def after(self, delay: float, act: Callable[[], None]) -> None:
        self.at(self.now + delay, act)

    def wait(self, answers: list[Answer], count: int, timeout_s: float) -> list[Answer]:
        """Let things happen until so many answers are there or the time is over."""
        self._waits += 1
        deadline = self.now + timeout_s
        self.now += 1e-4  # what the caller needs for itself
        while True:
            ready = [answer for answer in answers if answer.ready]
            if len(ready) >= count:
                return ready[:count]
            if self.now > LIMIT_S or self._waits > MOST_WAITS:
                raise Endless(f"no end after {self.now:.0f} s and {self._waits} looks")
            if not self._due or self._due[0][0] > deadline:
                self.now = max(self.now, deadline)
                return ready
            moment, _, act = heapq.heappop(self._due)
            self.now = max(self.now, moment)
            act()
