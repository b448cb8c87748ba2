"""How wide a rig may be before every scene of a style shows too much too near: told before a run begins.

A necessary condition, of the room alone: an empty one whose floor, ceiling and walls the camera sees from
where the style puts it. Furniture and what else stands there only takes from it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fsd_gen.rigs.config import RigConfig
from fsd_gen.sections import ImageConfig

PITCHES = 200  # tried
MOST_UP_DEG = 20.0  # that a camera in a room looks, or down


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The widest lens of a config, and the disparity that all but a few pixels are to stay within."""

    focal_px: float
    across: float  # tangents of half the angles of view, without the few pixels
    down: float
    limit_px: float

    @classmethod
    def of(cls, rigs: RigConfig, image: ImageConfig, *, limit_px: float, beyond: float) -> View:
        """Of what a config draws; `beyond` is the share of pixels that need not stay within `limit_px`."""
        lens = rigs.lens(image.width, image.height)
        focal_px = lens.fx if lens else image.width / 2 / math.tan(math.radians(rigs.hfov_deg[1]) / 2)
        kept = (1 - 2 * beyond) / 2
        return cls(
            focal_px=focal_px,
            across=kept * image.width / focal_px,
            down=kept * image.height / (lens.fy if lens else focal_px),
            limit_px=limit_px,
        )

    def widest_m(self, *, sides_m: tuple[float, float], ceiling_m: float, eye_m: float) -> float:
        """Baseline of the widest rig in a room, metres; infinite sides and ceilings are those of no room.

        `eye_m` is the greatest height of the camera.
        """
        over_floor = self.limit_px / self.focal_px * self._nearest_m(min(eye_m, ceiling_m), ceiling_m)
        far_side = 1 + 2 * self.across * self.focal_px / self.limit_px  # what both eyes see, in baselines
        return min(over_floor, math.hypot(*sides_m) / far_side)

    def _nearest_m(self, eye_m: float, ceiling_m: float) -> float:
        """Depth of the nearer of floor and ceiling, from where and looking so that it is greatest."""
        half, up = math.atan(self.down), np.radians(np.linspace(-MOST_UP_DEG, MOST_UP_DEG, PITCHES))
        to_floor, to_ceiling = (np.maximum(np.sin(half + sign * up), 1e-9) for sign in (-1, 1))
        found = np.minimum(eye_m / to_floor, ceiling_m / (to_floor + to_ceiling))
        return float(found.max() * math.cos(half))
