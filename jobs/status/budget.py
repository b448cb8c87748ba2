"""When a session is to stop by itself: at a time, or at a price."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from jobs.status.model import Prices

FREE = Prices()
SPAN = re.compile(r"\+(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
CLOCK = re.compile(r"(\d{1,2}):(\d{2})")


class UntilError(ValueError):
    """A text that names no time to come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What a session may use, and what that costs."""

    prices: Prices = FREE
    max_cost: float | None = None  # in the units of the prices
    spent: float = 0.0  # of it by what was done before this session
    until: datetime | None = None  # with its time zone

    def __post_init__(self) -> None:
        if self.max_cost is not None and self.max_cost <= 0:
            raise ValueError(f"a largest cost is more than 0, got {self.max_cost:g}")
        if self.max_cost is not None and not self.prices:
            raise ValueError("a largest cost needs prices: of a worker's hour, or of its CPUs and GPUs")

    def reached(self, cost: Callable[[], float], now: datetime) -> str:
        """Which limit is reached, in words; "" while none is."""
        if self.until is not None and now >= self.until:
            return f"it is {self.until.isoformat(sep=' ', timespec='seconds')}, as long as it was to run"
        if self.max_cost is not None and (all_ := self.spent + cost()) >= self.max_cost:
            return f"it has cost {all_:.2f}, of {self.max_cost:g} that it may"
        return ""


def until(text: str, now: datetime) -> datetime:
    """The time that `text` names: in ISO 8601, "18:30" (the next one) or "+1d2h30m". `now` has a time zone.

    What names no zone is in that of this machine, summer time or not as it is then. Raises UntilError.
    """
    found = _named(text.strip(), now)
    if found is None:
        raise UntilError(
            f"expected a time such as 2030-01-31T18:30, 18:30 (the next one), +8h or +1d2h30m, got {text!r}"
        )
    if found <= now:
        raise UntilError(f"{text!r} is over: it is {now.isoformat(sep=' ', timespec='seconds')}")
    return found


def _named(text: str, now: datetime) -> datetime | None:
    try:
        if (span := SPAN.fullmatch(text)) and any(span.groups()):
            days, hours, minutes, seconds = (int(each or 0) for each in span.groups())
            return now + timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        if clock := CLOCK.fullmatch(text):
            here = now.astimezone().replace(tzinfo=None)
            today = here.replace(hour=int(clock[1]), minute=int(clock[2]), second=0, microsecond=0, fold=0)
            days_after = (today + timedelta(days=day) for day in range(2))
            return next((when for day in days_after if (when := day.astimezone()) > now), None)
        found = datetime.fromisoformat(text)
        return found if found.tzinfo else found.astimezone()
    except (ValueError, OverflowError):
        return None
