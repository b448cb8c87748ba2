"""Making a stored sample again from what the shard holds, and comparing the two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from assets_manifest.library import AssetLibrary
from fsd_gen.backends.base import Backend
from fsd_gen.production.attempt import produce
from fsd_gen.shards.channels import KNOWN
from fsd_gen.shards.sample import StereoSample


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A stored sample against its replay."""

    truth_differs_px: int  # pixels of both views whose disparity, flags or other truth differ in any bit
    psnr_left_db: float  # inf where identical
    psnr_right_db: float

    @property
    def same_truth(self) -> bool:
        """Whether disparity, flags and optional channels of both views are bit-identical."""
        return self.truth_differs_px == 0


def replay(stored: StereoSample, library: AssetLibrary, backend: Backend) -> tuple[StereoSample, Comparison]:
    """Render the stored scene again, with the optional channels that this program knows."""
    again = produce(stored.spec, library, backend, [name for name in stored.optional if name in KNOWN])
    return again, compare(stored, again)


def compare(a: StereoSample, b: StereoSample) -> Comparison:
    """How far two samples of one scene differ."""
    return Comparison(
        truth_differs_px=_differing_px(a, b, "left") + _differing_px(a, b, "right"),
        psnr_left_db=psnr(a.left_hwc, b.left_hwc),
        psnr_right_db=psnr(a.right_hwc, b.right_hwc),
    )


def _differing_px(a: StereoSample, b: StereoSample, view: Literal["left", "right"]) -> int:
    """Pixels of a view where any channel of truth that both have is not bit-identical."""
    differs_hw = np.zeros(a.left_hwc.shape[:2], bool)
    for name in a.channels.keys() & b.channels.keys():
        if name.endswith(f"_{view}"):
            other = a.channels[name] != b.channels[name]
            differs_hw |= other.reshape(*differs_hw.shape, -1).any(axis=2)
    return int(differs_hw.sum())


def psnr(a_hwc: NDArray[np.uint8], b_hwc: NDArray[np.uint8]) -> float:
    """Peak signal-to-noise ratio of two 8-bit images in dB; inf where they are equal."""
    mean = float(((a_hwc.astype(np.float64) - b_hwc) ** 2).mean())
    return float("inf") if mean == 0 else float(10 * np.log10(255**2 / mean))
