"""Where lamps of ours can hang in a stage: in free air overhead, away from everything."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fsd_gen.worlds.space import Space

FURTHEST_M = 4.0
LEAST_M = 0.25  # from the camera

Array = NDArray[np.float64]


def overhead(space: Space, eye_3: Array, rng: np.random.Generator, number: int) -> Array:
    """Points (number, 3) on the way up from the eye, each before what is there."""
    azimuth_n, height_n = rng.uniform(0, 2 * np.pi, number), rng.uniform(0.25, 0.9, number)
    level_n = np.sqrt(1 - height_n**2)
    up_n3 = np.column_stack([level_n * np.cos(azimuth_n), level_n * np.sin(azimuth_n), height_n])
    free_n = np.minimum(space.cast(np.broadcast_to(eye_3, up_n3.shape), up_n3).t_n, FURTHEST_M)
    reach_n = np.maximum(rng.uniform(0.5, 0.8, number) * free_n, LEAST_M)
    spots: Array = eye_3 + up_n3 * reach_n[:, None]
    return spots
