"""Making a stored sample again from what the shard holds, and comparing the two."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assets_manifest.library import AssetLibrary
from fsd_gen.backends.base import Backend
from fsd_gen.production.attempt import produce
from fsd_gen.shards.sample import StereoSample


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A stored sample against its replay."""

    truth_differs_px: int  # pixels of both views whose disparity or flags are not bit-identical
    psnr_left_db: float  # inf where identical
    psnr_right_db: float

    @property
    def same_truth(self) -> bool:
        """Whether disparity and flags of both views are bit-identical."""
        return self.truth_differs_px == 0


def replay(stored: StereoSample, library: AssetLibrary, backend: Backend) -> tuple[StereoSample, Comparison]:
    """Render the stored scene again."""
    again = produce(stored.spec, library, backend)
    return again, compare(stored, again)


def compare(a: StereoSample, b: StereoSample) -> Comparison:
    """How far two samples of one scene differ."""
    differs = (
        (a.disparity_left_hw != b.disparity_left_hw) | (a.flags_left_hw != b.flags_left_hw),
        (a.disparity_right_hw != b.disparity_right_hw) | (a.flags_right_hw != b.flags_right_hw),
    )
    return Comparison(
        truth_differs_px=sum(int(mask.sum()) for mask in differs),
        psnr_left_db=psnr(a.left_hwc, b.left_hwc),
        psnr_right_db=psnr(a.right_hwc, b.right_hwc),
    )


def psnr(a_hwc: NDArray[np.uint8], b_hwc: NDArray[np.uint8]) -> float:
    """Peak signal-to-noise ratio of two 8-bit images in dB; inf where they are equal."""
    mean = float(((a_hwc.astype(np.float64) - b_hwc) ** 2).mean())
    return float("inf") if mean == 0 else float(10 * np.log10(255**2 / mean))
