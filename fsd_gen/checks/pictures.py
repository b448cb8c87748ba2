"""Both images of a sample as the checks that compare them look at them: grey, and how noisy they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from fsd_gen.shards.sample import StereoSample
from jobs.extras import extra

with extra("render"):
    from scipy import ndimage


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """Worked out once for all checks."""

    left_hw: NDArray[np.float32]  # 8-bit grey levels, means of 3 x 3 pixels
    right_hw: NDArray[np.float32]
    noise: float  # standard deviation in 8-bit levels, of the noisier one

    @classmethod
    def of(cls, sample: StereoSample) -> Self:
        """Those of `sample`."""
        images = (sample.left_hwc, sample.right_hwc)
        left_hw, right_hw = (ndimage.uniform_filter(_grey(image_hwc), 3) for image_hwc in images)
        return cls(left_hw=left_hw, right_hw=right_hw, noise=max(map(noise_level, images)))


def _grey(image_hwc: NDArray[np.uint8]) -> NDArray[np.float32]:
    sum_hw = image_hwc[..., 0].astype(np.uint16) + image_hwc[..., 1] + image_hwc[..., 2]
    grey_hw: NDArray[np.float32] = np.divide(sum_hw, 3, dtype=np.float32)
    return grey_hw


def noise_level(image_hwc: NDArray[np.uint8]) -> float:
    """Robust standard deviation of pixel noise in 8-bit levels (Immerkaer's second-difference mask)."""
    g_hw = image_hwc[..., 1].astype(np.int16)
    rows_hw = g_hw[:-2] - 2 * g_hw[1:-1] + g_hw[2:]
    mask_hw = rows_hw[:, :-2] - 2 * rows_hw[:, 1:-1] + rows_hw[:, 2:]
    return float(_median(np.abs(mask_hw)) / (0.6745 * 6))


def _median(levels_hw: NDArray[np.int16]) -> np.float32:
    """Of small whole numbers, which are counted."""
    up_to = np.cumsum(np.bincount(levels_hw.ravel()))
    middle_2 = np.searchsorted(up_to, [(levels_hw.size - 1) // 2, levels_hw.size // 2], side="right")
    return np.float32(middle_2.mean())
