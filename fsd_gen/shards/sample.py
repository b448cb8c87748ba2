"""One row of a shard: two images, two disparity and two flag maps, optional channels, and their story."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fsd_gen.scene.spec import SceneSpec

QUANTUM = 256  # stored disparities are multiples of 1 / QUANTUM px


def quantise(disparity_hw: NDArray[np.floating]) -> NDArray[np.float32]:
    """Disparity rounded to multiples of 1/256 px, off by at most 1/512 px; never a negative zero."""
    return (np.rint(np.asarray(disparity_hw, np.float64) * QUANTUM) / QUANTUM + 0.0).astype(np.float32)


def is_quantised(disparity_hw: NDArray[np.float32]) -> bool:
    """Whether every value is a multiple of 1/256 px (so none is infinite or NaN)."""
    scaled_hw = disparity_hw * np.float32(QUANTUM)  # exact: a power of two
    return bool(np.isfinite(scaled_hw).all() and (np.rint(scaled_hw) == scaled_hw).all())


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
    refused: tuple[tuple[str, ...], ...] = ()  # what was wrong with each earlier attempt, codes of defects
    depth_off_share: float | None = None  # see `SampleRecord`
    instance_off_share: float | None = None
    judged_share: float | None = None


FIELDS = {  # name of a channel that every sample has -> field
    "left": "left_hwc",
    "right": "right_hwc",
    "disparity_left": "disparity_left_hw",
    "disparity_right": "disparity_right_hw",
    "flags_left": "flags_left_hw",
    "flags_right": "flags_right_hw",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StereoSample:
    """One checked stereo pair with exact truth for both views."""

    left_hwc: NDArray[np.uint8]  # sRGB
    right_hwc: NDArray[np.uint8]
    disparity_left_hw: NDArray[np.float32]  # pixels >= 0, multiples of 1/256
    disparity_right_hw: NDArray[np.float32]
    flags_left_hw: NDArray[np.uint8]  # bits of `Flag`
    flags_right_hw: NDArray[np.uint8]
    optional: Mapping[str, NDArray[Any]] = field(default_factory=dict)  # further channels, by name
    spec: SceneSpec
    render: RenderInfo

    @classmethod
    def of_channels(
        cls, channels: Mapping[str, NDArray[Any]], *, spec: SceneSpec, render: RenderInfo
    ) -> StereoSample:
        """The sample with these arrays, named as in a shard. Raises KeyError when one of six is missing."""
        fields: dict[str, Any] = {attribute: channels[name] for name, attribute in FIELDS.items()}
        optional = {name: array for name, array in channels.items() if name not in FIELDS}
        return cls(**fields, optional=optional, spec=spec, render=render)

    @property
    def channels(self) -> dict[str, NDArray[Any]]:
        """All arrays under the names that they have in a shard."""
        return {name: getattr(self, attribute) for name, attribute in FIELDS.items()} | dict(self.optional)
