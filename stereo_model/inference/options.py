"""What is computed and written for a pair, as a frozen value."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np

from stereo_model.inference.tiles import DEFAULT_OVERLAP, Tiling

Format = Literal["pfm", "png", "npy"]
FORMATS: tuple[Format, ...] = get_args(Format)


class InferOptionError(ValueError):
    """Options of an inference are out of range or contradict each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InferOptions:
    """What is computed and written for a pair."""

    formats: tuple[Format, ...] = FORMATS
    iterations: int | None = None  # None: the model's own
    hierarchical: bool = False  # start from an estimate at half size; for large images
    tile_hw: tuple[int, int] | None = None  # pixels; None: the whole image at once
    overlap: int = DEFAULT_OVERLAP  # pixels, of tiles
    consistency: bool = False  # ask for the right view as well: twice the time, gives the confidence
    cloud: bool = True  # where there is a calibration
    z_range_m: tuple[float, float] = (0.0, float("inf"))  # of the cloud
    remove_invisible: bool = True  # no points for pixels that match outside the right image
    min_confidence: float = 0.0  # no points below; needs `consistency`
    allow_swapped: bool = False  # go on when the images look exchanged

    def __post_init__(self) -> None:
        unknown = [name for name in self.formats if name not in FORMATS]
        if unknown or not self.formats:
            raise InferOptionError(f"formats must be some of {', '.join(FORMATS)}, got {self.formats}")
        if not 0 <= self.z_range_m[0] < self.z_range_m[1]:
            raise InferOptionError(f"z_range_m must rise from 0 m or more, got {self.z_range_m}")
        if not 0 <= self.min_confidence <= 1:
            raise InferOptionError(f"min_confidence must be in 0..1, got {self.min_confidence}")
        if self.min_confidence > 0 and not self.consistency:
            raise InferOptionError("min_confidence needs consistency=True, which measures the confidence")
        if self.tile_hw is not None:
            Tiling(height=self.tile_hw[0], width=self.tile_hw[1], overlap=self.overlap, reach=0)

    def as_json(self) -> dict[str, Any]:
        """The settings for a result.json; an unlimited range is null."""
        nearest, farthest = self.z_range_m
        values = asdict(self) | {
            "formats": list(self.formats),
            "tile_hw": self.tile_hw and list(self.tile_hw),
        }
        return values | {"z_range_m": [nearest, farthest if np.isfinite(farthest) else None]}
