"""How long an item takes, how much that differs, and so how long all the others will take."""

from __future__ import annotations

import math

from jobs.status.model import Eta

NINETEEN_OF_TWENTY = 1.96  # standard deviations


class Spread:
    """Mean and deviation of durations, as they come (Welford's sums)."""

    def __init__(self) -> None:
        self.count = 0
        self.mean = 0.0
        self._squares = 0.0

    def add(self, seconds: float) -> None:
        """Take up one more."""
        self.count += 1
        before = seconds - self.mean
        self.mean += before / self.count
        self._squares += before * (seconds - self.mean)

    @property
    def relative(self) -> float | None:
        """Standard deviation as a part of the mean; None while there is none."""
        if self.count < 2 or self.mean <= 0:
            return None
        return math.sqrt(self._squares / (self.count - 1)) / self.mean


def eta(left: int, longest: int, rate: float | None, spread: Spread) -> Eta | None:
    """When `left` items are made at `rate`, `longest` of them one after the other; None if nobody knows.

    The interval has two parts: how much the sum of the items to come may differ, and how well the mean of
    those that were made is known.
    """
    if left == 0:
        return Eta(seconds=0.0, low=0.0, high=0.0)
    if rate is None:
        return None
    seconds = max(left / rate, longest * spread.mean)
    relative = spread.relative
    if relative is None:
        return Eta(seconds=seconds, low=None, high=None)
    off = math.exp(NINETEEN_OF_TWENTY * relative * math.sqrt(1 / left + 1 / spread.count))
    return Eta(seconds=seconds, low=seconds / off, high=seconds * off)
