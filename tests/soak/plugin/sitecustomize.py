"""Python looks for a module of this name at its start: every process of a run may have a clock of its own.

What asks for the time of the day is told another one, hours off; what counts seconds is not, nor are files.
"""

from __future__ import annotations

import datetime
import json
import os
import time
from typing import Any


def _shift_clock(hours: float) -> None:
    seconds, real, real_ns = hours * 3600, time.time, time.time_ns
    time.time = lambda: real() + seconds
    time.time_ns = lambda: real_ns() + int(seconds * 1e9)

    class Shifted(datetime.datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return super().now(tz) + datetime.timedelta(seconds=seconds)

        @classmethod
        def utcnow(cls) -> Any:
            return super().utcnow() + datetime.timedelta(seconds=seconds)

    Shifted.__module__, Shifted.__qualname__ = "datetime", "datetime"  # so that its values travel
    datetime.datetime = Shifted


if HOURS := json.loads(os.environ.get("SOAK_WEATHER", "{}")).get("hours"):
    _shift_clock(HOURS[os.getpid() % len(HOURS)])
