"""What a part of the check is: a function that measures, row by row, until it is done or its time is up."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

ROOT = Path(__file__).resolve().parents[2]  # of the checkout

Value = str | int | float | bool | None
Row = Mapping[str, Value]  # "case", and what was measured there, the unit in the name
Device = Literal["cuda", "cpu"]


class CannotRunError(RuntimeError):
    """A part cannot run on this machine; the message says why. It counts as skipped, not as failed."""


class CheckFailedError(RuntimeError):
    """A part ran, and what it looked at is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One thing to measure."""

    name: str
    run: str  # "module:function"; a `Run`, found in the part's own process
    share: float  # of the whole budget, at most
    least_s: float = 20.0  # not started with less time than that
    needs: tuple[str, ...] = ()  # modules
    gpu: bool = True  # measures the GPU, where --device says so


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What every part is told."""

    device: Device
    smoke: bool  # the least that still runs every line
    out: Path  # for files to keep
    scratch: Path  # for files to throw away
    end: float  # of time.monotonic(), which all processes of a machine share
    data: Path | None = None  # shards to train on
    real: Path | None = None  # pairs to evaluate on, in the layout of the data set `folder`

    def left_s(self) -> float:
        """Seconds until the deadline."""
        return self.end - time.monotonic()

    def to_json(self) -> str:
        """For the process of a part."""
        return json.dumps(asdict(self), default=str)

    @classmethod
    def from_json(cls, text: str) -> Context:
        """The same again."""
        values: dict[str, Any] = json.loads(text)
        paths = {name: values[name] and Path(values[name]) for name in ("out", "scratch", "data", "real")}
        return cls(**values | paths)


Run = Callable[[Context], Iterator[Row]]
