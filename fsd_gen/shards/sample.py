"""One row of a shard: two images, two disparity maps, two flag maps and the whole story behind them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag

import numpy as np
from numpy.typing import NDArray

from fsd_gen.scene.spec import SceneSpec


class Flag(IntFlag):
    """Per-pixel facts, one bit each, in `flags_left` and `flags_right`.

    A pixel without any bit has exact disparity and is seen by both eyes.
    """

    OCCLUDED = 1  # inside the other image, but something nearer hides it there
    OUT_OF_FRAME = 2  # its match lies outside the other image
    SKY = 4  # no surface: at infinity, disparity 0
    TRANSPARENT = 8  # first surface is see-through; the disparity is that of the first surface
    MIRROR = 16  # first surface is mirror-like; the disparity is that of the mirror itself
    NO_TRUTH = 32  # the disparity could not be computed exactly; the stored value is 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderInfo:
    """How the images of a sample came about, and what they cost."""

    backend: str  # "mitsuba"
    backend_version: str
    variant: str  # "llvm_ad_rgb"
    denoiser: str  # "oidn 2.5.1", or "" for none
    exposure: float  # the linear images were multiplied by this before the film curve
    host_cpu_s: float  # CPU seconds of the whole sample: all stages, refused attempts included
    wall_s: float
    stage_cpu_s: dict[str, float]  # of: author, truth, load, trace, denoise, develop, refused
    white_balance: tuple[float, ...] = (1.0, 1.0, 1.0)  # and by this, per channel


@dataclass(frozen=True, slots=True, kw_only=True)
class StereoSample:
    """One checked stereo pair with exact truth for both views."""

    left_hwc: NDArray[np.uint8]  # sRGB
    right_hwc: NDArray[np.uint8]
    disparity_left_hw: NDArray[np.float32]  # pixels >= 0, multiples of 1/256
    disparity_right_hw: NDArray[np.float32]
    flags_left_hw: NDArray[np.uint8]  # bits of `Flag`
    flags_right_hw: NDArray[np.uint8]
    spec: SceneSpec
    render: RenderInfo
