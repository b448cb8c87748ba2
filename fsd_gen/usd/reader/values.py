"""Values of a stage, checked: what a prim says must be of the kind that its schema promises, and finite."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fsd_gen.usd.errors import StageError
from fsd_gen.usd.flat_scene import Rgb
from fsd_gen.usd.openusd import Usd
from fsd_gen.usd.reader.stage import rgb_of

KINDS = {"numbers": "fiu", "whole numbers": "iu"}  # numpy's kinds of dtypes
BRIGHTEST = 1e24  # of lights and of what glows: float32 holds sums of it, and its share of a small angle


def floats_of(attribute: Usd.Attribute, time: Usd.TimeCode, width: int) -> NDArray[np.float32]:
    """(N, width), empty where nothing is authored. Raises StageError."""
    values = _array(attribute, time, "numbers")
    if width == 1 and values.ndim == 1:
        values = values[:, None]
    if values.size and (values.ndim != 2 or values.shape[1] != width):
        raise StageError(f"{where(attribute)}: expected {width} numbers each, got shape {values.shape}")
    return values.astype(np.float32).reshape(-1, width)


def ints_of(attribute: Usd.Attribute, time: Usd.TimeCode) -> NDArray[np.int32]:
    """(N,), empty where nothing is authored. Raises StageError."""
    values = _array(attribute, time, "whole numbers")
    if values.ndim != 1:
        raise StageError(f"{where(attribute)}: expected one number each, got shape {values.shape}")
    return values.astype(np.int32)


def _array(attribute: Usd.Attribute, time: Usd.TimeCode, kind: str) -> NDArray[Any]:
    value = attribute.Get(time) if attribute else None
    if value is None:
        return np.zeros(0, np.int32)
    array = np.asarray(value)
    if array.size and array.dtype.kind not in KINDS[kind]:
        raise StageError(f"{where(attribute)}: expected {kind}, got {type(value).__name__}")
    return array


def token_of(attribute: Usd.Attribute, time: Usd.TimeCode, known: Sequence[str]) -> str:
    """One of the words that the schema knows. Raises StageError."""
    value = str(attribute.Get(time))
    if value not in known:
        raise StageError(f"{where(attribute)}: expected one of {', '.join(known)}, got {value!r}")
    return value


def number_of(attribute: Usd.Attribute, time: Usd.TimeCode, *, least: float = -math.inf) -> float:
    """One finite number. Raises StageError."""
    return finite(attribute.Get(time), where(attribute), least=least)


def finite(value: Any, named: str, *, least: float = -math.inf, most: float = math.inf) -> float:
    """`value` as a number; `named` says whose it is. Raises StageError."""
    usable = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not usable or not least <= value <= most:
        lower = "" if least == -math.inf else f" of at least {least:g}"
        upper = "" if most == math.inf else f" and at most {most:g}"
        raise StageError(f"{named}: expected a finite number{lower}{upper}, got {value!r}")
    return float(value)


def colour(value: Any, named: str) -> Rgb:
    """Three finite numbers that are not negative. Raises StageError."""
    try:
        array = np.asarray(value, np.float64)
    except (TypeError, ValueError):
        array = np.zeros(0)
    if array.shape != (3,) or not np.isfinite(array).all() or array.min() < 0:
        raise StageError(f"{named}: expected three finite numbers of at least 0, got {value!r}")
    return rgb_of(array)


def where(attribute: Usd.Attribute) -> str:
    """The prim in angle brackets, and which attribute of it."""
    return f"<{attribute.GetPrim().GetPath()}>: {attribute.GetName()}"
