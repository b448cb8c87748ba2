"""Which samples of some shards are wanted, by what is known of them without their pixels.

    stratum    flying | [flying, indoor]
    baseline   [0.05, 0.3] or 0.05..0.3, metres
    disparity  [2, 192] or ..192, pixels: all disparities of the sample lie there, from the 5 % quantile of
               its surfaces to the largest
    flags      {mirror: 0.1, sky: 0.2..0.8}: share of the left view's pixels, 0 to 1; one number is the most
    verdict    keep | [keep, unjudged]: what the run's curation last decided of it

A sample is kept where all that are given hold. An end of a range may be left out (null, or nothing).
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from stereo_model.data.base import DataOptionError
from stereo_model.data.shards.verdicts import OUTCOMES, UNJUDGED

FLAGS = ("occluded", "out_of_frame", "sky", "transparent", "mirror", "no_truth")
SPAN = "[LOWEST, HIGHEST] or LOWEST..HIGHEST"

Value = Callable[[str], Any]  # a column of a sample by its name, as `fsd_gen.shards.record` names them


@dataclass(frozen=True, slots=True)
class Span:
    """A range of numbers, both ends included."""

    lowest: float = -math.inf
    highest: float = math.inf

    def holds(self, *values: float | None) -> bool:
        """Whether all values are known and lie in it."""
        return all(value is not None and self.lowest <= value <= self.highest for value in values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """The samples that are wanted; see the module. `Keep.parse` makes one of what users write."""

    stratum: frozenset[str] | None = None
    baseline: Span | None = None
    disparity: Span | None = None
    flags: Mapping[str, Span] | None = None
    verdict: frozenset[str] | None = None

    @classmethod
    def parse(cls, values: Mapping[str, Any] | Keep | None) -> Keep:
        """From a mapping such as an option's. Raises DataOptionError in one line."""
        if isinstance(values, Keep) or values is None:
            return values or cls()
        if not isinstance(values, Mapping):
            raise DataOptionError(f"keep: expected fields such as keep.stratum=flying, got {values!r:.60}")
        known = [field.name for field in fields(cls)]
        for name in values:
            _refuse_unknown(f"keep.{name}", name, known)
        return cls(**{name: _READ[name](value) for name, value in values.items()})

    def require_strata(self, there: Iterable[str]) -> None:
        """Refuse a stratum of which no sample is there. Raises DataOptionError that lists those there are."""
        known = sorted(set(there))
        for name in sorted(self.stratum or ()) if known else ():
            _refuse_unknown(f"keep.stratum: no sample is of {name!r}", name, known)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of a sample that decide."""
        names = [] if self.stratum is None else ["stratum"]
        names += [] if self.baseline is None else ["baseline_m"]
        names += [] if self.disparity is None else ["disparity_p05", "disparity_max"]
        return (*names, *(f"{flag}_share" for flag in self.flags or ()))

    def accepts(self, value: Value, verdict: str | None = None) -> bool:
        """Whether a sample is wanted; `verdict` is the last outcome on it."""
        return (
            (self.stratum is None or value("stratum") in self.stratum)
            and (self.baseline is None or self.baseline.holds(value("baseline_m")))
            and (
                self.disparity is None or self.disparity.holds(value("disparity_p05"), value("disparity_max"))
            )
            and all(span.holds(value(f"{flag}_share")) for flag, span in (self.flags or {}).items())
            and (self.verdict is None or (verdict or UNJUDGED) in self.verdict)
        )

    def __str__(self) -> str:
        given = ((field.name, getattr(self, field.name)) for field in fields(self))
        return ", ".join(f"keep.{name}={_written(value)}" for name, value in given if value is not None)


def _names(name: str, value: Any, known: Iterable[str] = ()) -> frozenset[str]:
    names = value if isinstance(value, list | tuple | set | frozenset) else [value]
    if not names or not all(isinstance(each, str) and each for each in names):
        raise DataOptionError(f"keep.{name}: expected a name or a list of names, got {value!r:.60}")
    for each in names if known else ():
        _refuse_unknown(f"keep.{name}: {each!r}", each, known)
    return frozenset(names)


def _span(name: str, value: Any, least: float = -math.inf, most: float = math.inf) -> Span:
    ends = value.split("..") if isinstance(value, str) else value
    if not isinstance(ends, list | tuple) or len(ends) != 2:
        raise DataOptionError(f"keep.{name}: expected {SPAN}, got {value!r:.60}")
    try:
        lowest, highest = (_end(end, other) for end, other in zip(ends, (least, most), strict=True))
    except (TypeError, ValueError):
        raise DataOptionError(f"keep.{name}: expected {SPAN} of numbers, got {value!r:.60}") from None
    if not least <= lowest <= highest <= most:
        bounds = "" if math.inf in (-least, most) else f" between {least:g} and {most:g}"
        raise DataOptionError(f"keep.{name}: expected {SPAN}, rising{bounds}, got {value!r:.60}")
    return Span(lowest, highest)


def _end(value: Any, default: float) -> float:
    if value is None or value == "":
        return default
    if isinstance(value, bool) or not math.isfinite(number := float(value)):
        raise ValueError("not a finite number")
    return number


def _flags(value: Any) -> Mapping[str, Span]:
    if not isinstance(value, Mapping):
        raise DataOptionError(
            f"keep.flags: expected shares by flag, such as {{mirror: 0.1}}, got {value!r:.60}"
        )
    for name in value:
        _refuse_unknown(f"keep.flags.{name}", name, FLAGS)
    return {name: _share(f"flags.{name}", share) for name, share in value.items()}


def _share(name: str, value: Any) -> Span:
    single = isinstance(value, int | float) and not isinstance(value, bool)
    return _span(name, [None, value] if single else value, 0.0, 1.0)


def _refuse_unknown(where: str, name: Any, known: Iterable[str]) -> None:
    known = list(known)
    if name not in known:
        near = difflib.get_close_matches(str(name), known, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise DataOptionError(f"{where}: there are {', '.join(known)}{hint}")


def _written(value: Any) -> str:
    if isinstance(value, Span):
        return f"{value.lowest:g}..{value.highest:g}".replace("-inf", "").replace("inf", "")
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {_written(span)}" for name, span in sorted(value.items())) + "}"
    return "|".join(sorted(value))


_READ: Mapping[str, Callable[[Any], Any]] = {
    "stratum": lambda value: _names("stratum", value),
    "baseline": lambda value: _span("baseline", value, 0.0),
    "disparity": lambda value: _span("disparity", value, 0.0),
    "flags": _flags,
    "verdict": lambda value: _names("verdict", value, OUTCOMES),
}
