"""The two views of a sample, as the checks walk over them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fsd_gen.shards.flags import Flag
from fsd_gen.shards.sample import StereoSample

WITHOUT_SURFACE = (Flag.SKY | Flag.NO_TRUTH).value

View = tuple[str, NDArray[np.uint8], NDArray[np.float32], NDArray[np.uint8]]


def views(sample: StereoSample) -> tuple[View, ...]:
    """Name, image, disparity and flags of both eyes, the left one first."""
    return (
        ("left", sample.left_hwc, sample.disparity_left_hw, sample.flags_left_hw),
        ("right", sample.right_hwc, sample.disparity_right_hw, sample.flags_right_hw),
    )
