"""Where a pair was photographed from: Middlebury's calib.txt, or nine numbers of K and the baseline.

z = focal_px * baseline_m / (disparity_px + doffs_px), where doffs is the difference of the principal points,
cx_right - cx_left: 0 for most rectified rigs; Middlebury's calib.txt names it, or has cam1 to take it from.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from stereo_model.data.text import read_text

MILLIMETRES = 1000  # per metre
SKEW = 1e-3  # of fx; less moves no pixel
DOFFS_PX = 1.0  # by which doffs may differ from cx1 - cx0
_MATRIX = re.compile(r"\[([^\]]*)\]")


class CalibrationError(ValueError):
    """A calibration file cannot be understood, or does not fit the images."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """A rectified pinhole pair. (0, 0) is the centre of the upper left pixel, as in OpenCV."""

    fx: float  # pixels
    fy: float  # pixels
    cx: float  # pixels, left camera
    cy: float  # pixels
    baseline_m: float
    doffs_px: float = 0.0  # cx of the right camera minus cx of the left one
    width: int | None = None  # pixels of the images it was made for; None where the file does not say
    height: int | None = None

    def __post_init__(self) -> None:
        numbers = (self.fx, self.fy, self.cx, self.cy, self.baseline_m, self.doffs_px)
        if not np.isfinite(numbers).all():
            raise CalibrationError(f"calibration holds a number that is not finite: {numbers}")
        if min(self.fx, self.fy) <= 0 or self.baseline_m <= 0:
            raise CalibrationError(
                f"focal lengths and baseline must be positive, got fx {self.fx}, fy {self.fy} px, "
                f"baseline {self.baseline_m} m"
            )

    def resized(self, factor: float) -> Calibration:
        """The calibration of the images scaled by `factor`."""
        return replace(
            self,
            fx=self.fx * factor,
            fy=self.fy * factor,
            cx=(self.cx + 0.5) * factor - 0.5,
            cy=(self.cy + 0.5) * factor - 0.5,
            doffs_px=self.doffs_px * factor,
            width=None if self.width is None else round(self.width * factor),
            height=None if self.height is None else round(self.height * factor),
        )

    def require_size(self, width: int, height: int) -> None:
        """Raise CalibrationError unless it can belong to images of this size."""
        if self.width is not None and (self.width, self.height) != (width, height):
            raise CalibrationError(
                f"the calibration is for images of {self.width}x{self.height} pixels, these have "
                f"{width}x{height}; use the calibration of this size"
            )
        if not (0 <= self.cx < width and 0 <= self.cy < height):
            raise CalibrationError(
                f"the principal point ({self.cx:g}, {self.cy:g}) lies outside images of {width}x{height} "
                "pixels; the calibration belongs to images of another size, of about "
                f"{2 * self.cx + 1:.0f}x{2 * self.cy + 1:.0f} pixels if it is in their middle"
            )


def read_calibration(path: str | Path, *, baseline_m: float | None = None) -> Calibration:
    """Read Middlebury's calib.txt (baseline in mm), or the nine numbers of K and then the baseline in m.

    `baseline_m` replaces the file's. Raises CalibrationError naming the file and what it lacks.
    """
    try:
        text = read_text(path)
    except (OSError, UnicodeDecodeError) as error:
        raise CalibrationError(f"{path}: cannot be read ({error})") from error
    try:
        if "cam0" in text:
            return _middlebury(text, baseline_m)
        return _plain(text, baseline_m)
    except CalibrationError as error:
        raise CalibrationError(f"{path}: {error}") from error


def _middlebury(text: str, baseline_m: float | None) -> Calibration:
    fields = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    fields = {name.strip(): value.strip() for name, value in fields.items()}
    if "cam0" not in fields:
        raise CalibrationError("expected a line cam0=[fx 0 cx; 0 fy cy; 0 0 1]")
    k_9 = _matrix("cam0", fields["cam0"])
    if baseline_m is None:
        baseline_m = _field(fields, "baseline") / MILLIMETRES
    has_size = "width" in fields and "height" in fields
    return Calibration(
        fx=k_9[0],
        fy=k_9[4],
        cx=k_9[2],
        cy=k_9[5],
        baseline_m=baseline_m,
        doffs_px=_doffs(fields, k_9[2]),
        width=int(_field(fields, "width")) if has_size else None,
        height=int(_field(fields, "height")) if has_size else None,
    )


def _doffs(fields: Mapping[str, str], cx_left: float) -> float:
    """The file's doffs, or else cx1 - cx0. Raises CalibrationError where it has both and they differ."""
    named = _field(fields, "doffs") if "doffs" in fields else None
    if "cam1" not in fields:
        return named or 0.0
    measured = _matrix("cam1", fields["cam1"])[2] - cx_left
    if named is not None and not abs(named - measured) <= DOFFS_PX:
        raise CalibrationError(
            f"doffs={named:g}, but cam1 and cam0 give cx1 - cx0 = {measured:g}; correct one of them or "
            "remove the line doffs="
        )
    return round(measured, 6) if named is None else named


def _plain(text: str, baseline_m: float | None) -> Calibration:
    """Nine numbers of K in lines of any length, then the baseline in a line of its own."""
    numbers, rest = _first_nine(text)
    if len(numbers) != 9:
        raise CalibrationError(
            "expected nine numbers (K, row by row) in one line or several, or Middlebury's cam0=; got "
            f"{len(numbers)}"
        )
    _require_camera(numbers)
    if baseline_m is None:
        after = _numbers(rest[0]) if rest else []
        if len(after) != 1:
            raise CalibrationError("expected the baseline in metres in the line after K")
        baseline_m = after[0]
    return Calibration(fx=numbers[0], fy=numbers[4], cx=numbers[2], cy=numbers[5], baseline_m=baseline_m)


def _first_nine(text: str) -> tuple[list[float], list[str]]:
    """The numbers of the lines up to the ninth number, and the lines that follow."""
    lines = [line for line in text.splitlines() if line.strip()]
    numbers: list[float] = []
    while lines and len(numbers) < 9:
        numbers += _numbers(lines.pop(0))
    return numbers, lines


def _matrix(name: str, value: str) -> list[float]:
    inside = _MATRIX.search(value)
    numbers = _numbers(inside[1].replace(";", " ")) if inside else []
    if len(numbers) != 9:
        raise CalibrationError(f"expected {name}=[fx 0 cx; 0 fy cy; 0 0 1], got {name}={value}")
    _require_camera(numbers)
    return numbers


def _require_camera(k_9: list[float]) -> None:
    """Raise CalibrationError unless the last row of K and the number below fx are those of a camera."""
    below = (k_9[3], *k_9[6:])
    if any(abs(found - wanted) > 1e-6 for found, wanted in zip(below, (0, 0, 0, 1), strict=True)):
        raise CalibrationError(
            f"expected K row by row, fx 0 cx 0 fy cy 0 0 1, got {' '.join(f'{value:g}' for value in k_9)}; "
            "is it transposed, or scaled?"
        )
    if abs(k_9[1]) > SKEW * abs(k_9[0]):
        raise CalibrationError(
            f"K has a skew of {k_9[1]:g} (its second number), expected 0: a rectified camera has none"
        )


def _field(fields: Mapping[str, str], name: str) -> float:
    numbers = _numbers(fields.get(name, ""))
    if len(numbers) != 1:
        raise CalibrationError(f"expected a line {name}=<number>, got {fields.get(name)!r}")
    return numbers[0]


def _numbers(line: str) -> list[float]:
    try:
        return [float(word) for word in line.replace(",", " ").split()]
    except ValueError as error:
        raise CalibrationError(f"expected numbers, got {line.strip()!r}") from error
