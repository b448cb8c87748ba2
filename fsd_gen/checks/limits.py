"""How much of what is too much; part of every configuration."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class CheckLimits(BaseModel):
    """How much of what is too much. Shares are of all pixels of a view unless said otherwise."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_disparity_px: float = Field(default=768.0, gt=0)  # pixels; FoundationStereo itself looks up to 416
    max_beyond: float = Field(default=0.02, ge=0, le=1)  # share of pixels allowed beyond max_disparity_px
    min_valid: float = Field(default=0.3, ge=0, le=1)  # share of pixels with a surface and its truth
    max_sky: float = Field(default=0.7, ge=0, le=1)  # share of pixels without a surface
    max_no_truth: float = Field(default=0.05, ge=0, le=1)  # share of pixels without exact truth
    max_flag_mismatch: float = Field(default=0.001, ge=0, le=1)  # OUT_OF_FRAME against the geometry
    left_right_tolerance_px: float = Field(default=0.5, gt=0)  # pixels, beyond the two neighbours' range
    min_left_right: float = Field(default=0.97, ge=0, le=1)  # share of the pixels that both eyes see
    max_shift_px: float = Field(default=0.35, gt=0, lt=3)  # best offset of the images from the truth
    max_shift_gain: float = Field(default=0.8, gt=0)  # error at that offset over error at the truth
    max_error_ratio: float = Field(default=0.9, gt=0)  # error at the truth over error 2 px beside it
    min_textured: float = Field(default=0.01, gt=0, le=1)  # share of pixels; fewer say nothing
    max_black: float = Field(default=0.6, ge=0, le=1)  # all channels <= 3
    max_white: float = Field(default=0.4, ge=0, le=1)  # all channels >= 252
    mean_level: tuple[float, float] = (10.0, 245.0)  # mean of the image, 8-bit sRGB
