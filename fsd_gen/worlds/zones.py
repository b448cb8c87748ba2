"""Where cameras may stand in a stage of the user's, in metres with z up, as a config or a file says it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, ValidationError, model_validator

from fsd_gen.sections import ConfigError, Range, Section, suggestion, within
from fsd_gen.strict_yaml import read_mapping, read_text
from jobs.expected import Place, complaints

Metres = Annotated[float, Field(ge=-1e6, le=1e6)]
Corner = tuple[Metres, Metres]
Heading = Annotated[Range, AfterValidator(within(-720, 720, "degrees"))]
Pitch = Annotated[Range, AfterValidator(within(-90, 90, "degrees"))]
LEAST_AREA_M2 = 1e-6
MOST_DRAWS = 10_000


class Zone(Section):
    """Ground above which a left camera may stand: a box or a polygon, heights, and where it may look."""

    box: tuple[Corner, Corner] | None = None  # two opposite corners, x and y in metres
    polygon: tuple[Corner, ...] | None = None  # its corners in order, x and y in metres
    z_m: Annotated[Range, AfterValidator(within(-1e6, 1e6, "metres"))]  # heights of the camera
    heading_deg: Heading = (0.0, 360.0)  # counter-clockwise from +x, seen from above
    pitch_deg: Pitch = (-15.0, 5.0)  # up is positive

    @model_validator(mode="after")
    def _one_outline(self) -> Zone:
        if (self.box is None) == (self.polygon is None):
            raise ValueError("expected either a box [[x0, y0], [x1, y1]] or a polygon, and not both")
        if self.polygon is not None and len(self.polygon) < 3:
            raise ValueError(f"polygon: expected at least 3 corners, got {len(self.polygon)}")
        if self.area_m2 < LEAST_AREA_M2:
            raise ValueError("expected an outline with an area, got one that is empty")
        return self

    @property
    def corners_n2(self) -> NDArray[np.float64]:
        """The outline (N, 2), in order."""
        if self.polygon is not None:
            return np.array(self.polygon, float)
        assert self.box is not None
        (x0, y0), (x1, y1) = self.box
        return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], float)

    @property
    def area_m2(self) -> float:
        """Area within the outline."""
        x_n, y_n = self.corners_n2.T
        return abs(float(x_n @ np.roll(y_n, -1) - y_n @ np.roll(x_n, -1))) / 2

    def somewhere(self, rng: np.random.Generator, wanted: int) -> NDArray[np.float64]:
        """Points (wanted, 3) evenly within the zone; fewer where the outline fills almost none of its box."""
        corners_n2 = self.corners_n2
        points_m2 = rng.uniform(corners_n2.min(axis=0), corners_n2.max(axis=0), (MOST_DRAWS, 2))
        inside_m2 = points_m2[_inside(points_m2, corners_n2)][:wanted]
        return np.column_stack([inside_m2, rng.uniform(*self.z_m, len(inside_m2))])


def _inside(points_m2: NDArray[np.float64], corners_n2: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which points a line to the right of them leaves the outline an odd number of times."""
    x_m, y_m = points_m2.T
    odd_m = np.zeros(len(points_m2), bool)
    for (x0, y0), (x1, y1) in zip(corners_n2, np.roll(corners_n2, -1, axis=0), strict=True):
        crosses_m = (y0 > y_m) != (y1 > y_m)
        if crosses_m.any():
            odd_m ^= crosses_m & (x_m < x0 + (y_m - y0) / ((y1 - y0) or 1.0) * (x1 - x0))
    return odd_m


def read_zones(path: Path) -> tuple[Zone, ...]:
    """The zones that a YAML file lists under `zones`.

    Raises:
        ConfigError: it cannot be read; says which zone is wrong and why.
    """
    content = read_mapping(read_text(path), str(path))
    listed = content.get("zones")
    if not isinstance(listed, list) or not listed or len(content) > 1:
        raise ConfigError(
            f"{path}: expected a list and nothing else, such as "
            "zones: [{box: [[0, 0], [4, 3]], z_m: [0.8, 1.6]}]"
        )
    return tuple(_zone(each, f"{path}: zone {number}") for number, each in enumerate(listed, 1))


def _zone(content: Any, where: str) -> Zone:
    try:
        return Zone.model_validate(content)
    except ValidationError as error:
        raise ConfigError(f"{where}: {complaints(error, _suggested)}") from None


def _suggested(name: str, section: Place) -> str:
    return suggestion(name, Zone.model_fields)
