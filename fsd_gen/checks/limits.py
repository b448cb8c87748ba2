"""How much of what is too much; part of every configuration."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _levels(pair: tuple[float, float]) -> tuple[float, float]:
    if not 0 <= pair[0] <= pair[1] <= 255:
        raise ValueError(f"must be [low, high] within [0, 255], got {list(pair)}")
    return pair


class CheckLimits(BaseModel):
    """How much of what is too much. Shares are of all pixels of a view unless said otherwise."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    max_disparity_px: float = Field(
        default=768.0, gt=0, le=8192
    )  # pixels; FoundationStereo itself looks up to 416
    max_beyond: float = Field(default=0.02, ge=0, le=1)  # share of pixels allowed beyond max_disparity_px
    min_valid: float = Field(default=0.3, ge=0, le=1)  # share of pixels with a surface and its truth
    max_sky: float = Field(default=0.7, ge=0, le=1)  # share of pixels without a surface
    max_no_truth: float = Field(default=0.05, ge=0, le=1)  # share of pixels without exact truth
    max_flag_mismatch: float = Field(default=0.001, ge=0, le=1)  # OUT_OF_FRAME against the geometry
    left_right_tolerance_px: float = Field(
        default=0.5, gt=0, le=100
    )  # pixels, beyond the two neighbours' range
    min_left_right: float = Field(default=0.97, ge=0, le=1)  # share of the pixels that both eyes see
    max_shift_px: float = Field(default=0.35, gt=0, lt=3)  # best offset of the images from the truth
    max_shift_gain: float = Field(default=0.8, gt=0, le=100)  # error at that offset over error at the truth
    max_error_ratio: float = Field(default=0.9, gt=0, le=100)  # error at the truth over error 2 px beside it
    min_textured: float = Field(default=0.01, gt=0, le=1)  # share of pixels; fewer say nothing
    max_black: float = Field(default=0.6, ge=0, le=1)  # all channels <= 3
    max_white: float = Field(default=0.4, ge=0, le=1)  # all channels >= 252
    mean_level: Annotated[tuple[float, float], AfterValidator(_levels)] = (10.0, 245.0)
    """Of the image's mean, 8-bit sRGB."""
