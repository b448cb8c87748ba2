"""Augmentation of stereo pairs: a pure function of a sample and a random generator.

The kinds that RAFT-Stereo (arXiv 2109.07547, section 4) and IGEV-Stereo train with, to which
FoundationStereo's is "similar" (arXiv 2501.09898, section 4.1), in this order:

    flip       vertically; or mirrored with the images exchanged, where the right image's truth is known
    scale      2^u, the same for both axes, and a stretch of each axis apart; disparity follows the x axis
    y-jitter   the right image a pixel or two up or down: no real rig is rectified perfectly
    crop       a random window
    colours    brightness, contrast, saturation, hue, gamma; now and then different in the two images
    erase      rectangles of the right image covered with its mean colour

Except for the y-jitter, which the network shall learn to ignore, a left pixel x with disparity d is still
seen at x - d in the right image afterwards. Mirroring alone would make disparity negative.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from stereo_model.data.augment.photometric import ColourChange, erase, recolour
from stereo_model.data.augment.spatial import Window, cut, draw_window, exchanged, upside_down
from stereo_model.data.sample import Sample, SampleError, has_right_truth


def _possible_factors(span: float | tuple[float, float]) -> float | tuple[float, float]:
    if isinstance(span, tuple):
        if not 0.0 <= span[0] <= span[1]:
            raise ValueError("must be two rising factors, not negative")
    elif not 0.0 <= span < 1.0:
        raise ValueError("must be at least 0 and less than 1, or two factors")
    return span


Factors = Annotated[float | tuple[float, float], AfterValidator(_possible_factors)]
Chance = Annotated[float, Field(ge=0.0, le=1.0)]


class AugmentConfig(BaseModel):
    """How strongly samples are varied.

    Factors are drawn evenly from 1 - value .. 1 + value, or between two given values. The defaults change
    colours and cover parts of the right image but never resample; the preset `paper` scales as well.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    brightness: Factors = 0.4
    contrast: Factors = 0.4
    saturation: Factors = 0.4
    gamma: Factors = 0.2  # exponent
    hue: float = Field(default=0.0, ge=0.0, le=0.5)  # turns of the colour circle, either way
    asymmetric: Chance = 0.2  # that the images' colours change differently
    erase: Chance = 0.5  # of covering parts of the right image
    erase_count: int = Field(default=2, ge=1)  # rectangles at most
    erase_side: tuple[int, int] = (20, 60)  # pixels
    scale: tuple[float, float] = (0.0, 0.0)  # exponents of two
    stretch: float = Field(default=0.0, ge=0.0, le=1.0)  # largest exponent of two of either axis, either way
    stretch_chance: Chance = 0.8
    y_jitter: int = Field(default=0, ge=0)  # rows of the right image, either way; where it reaches so far
    flip: Chance = 0.1  # of turning the pair upside down
    exchange: Chance = 0.0
    """Of mirroring the pair with the images exchanged. A sample without the right image's truth (the keys
    `disparity_right`, `valid_right`) is turned upside down instead."""

    @field_validator("erase_side")
    @classmethod
    def _rising(cls, side: tuple[int, int]) -> tuple[int, int]:
        if not 1 <= side[0] <= side[1]:
            raise ValueError("must be two rising positive numbers of pixels")
        return side

    @field_validator("scale")
    @classmethod
    def _range(cls, scale: tuple[float, float]) -> tuple[float, float]:
        if not -3.0 <= scale[0] <= scale[1] <= 3.0:
            raise ValueError("must be two rising exponents of two within -3..3")
        return scale


@dataclass(frozen=True, slots=True, kw_only=True)
class Variation:
    """How a sample is turned and which window of it is taken; drawn before any pixel is read."""

    upside_down: bool = False
    exchanged: bool = False  # mirrored, with the images in each other's place
    window: Window | None = None  # of the turned sample; None: all of it

    def rows(self, height: int) -> tuple[int, int]:
        """First and last-but-one source row that matter, of `height`: all, unless pixels stay pixels."""
        if self.window is None or self.window.resampled:
            return 0, height
        top, bottom = self.window.rows
        return (height - bottom, height - top) if self.upside_down else (top, bottom)

    def columns(self, width: int) -> tuple[int, int]:
        """The same of columns; of a pair whose images trade places, all."""
        if self.window is None or self.window.resampled or self.exchanged:
            return 0, width
        return self.window.columns

    def within(self, rows: tuple[int, int], columns: tuple[int, int], height: int) -> Variation:
        """The same of a sample of which only these source rows and columns are there."""
        if self.window is None:
            return self
        before = height - rows[1] if self.upside_down else rows[0]
        top, start = self.window.top - before, self.window.start - columns[0]
        return replace(self, window=replace(self.window, top=top, start=start))


def augment(
    sample: Sample,
    rng: np.random.Generator,
    config: AugmentConfig,
    *,
    crop_hw: tuple[int, int] | None = None,
    enlarge: bool = False,
) -> Sample:
    """A varied copy, cut to `crop_hw` pixels; the given arrays are not changed.

    The same generator state gives the same result. A sample smaller than the crop is refused with
    SampleError or, to `enlarge`, scaled up until it fills it; a scale that is drawn too small for the crop is
    raised likewise. Without a crop nothing is scaled. `occluded` rides along, except through an exchange.
    """
    size_hw = _size(sample)
    variation = draw_variation(
        size_hw, rng, config, crop_hw, right_truth=has_right_truth(sample), enlarge=enlarge
    )
    return vary(sample, variation, rng, config)


def draw_variation(
    size_hw: tuple[int, int],  # of the sample
    rng: np.random.Generator,
    config: AugmentConfig,
    crop_hw: tuple[int, int] | None,
    *,
    right_truth: bool,  # whether the sample knows the right image's truth
    enlarge: bool = False,  # a sample that is smaller than the crop
) -> Variation:
    """The geometric half of `augment`; `vary` with the same generator is the other one."""
    if crop_hw is not None and not enlarge:
        refuse_small(size_hw, crop_hw)
    turn, exchange = rng.random() < config.flip, rng.random() < config.exchange
    window = None if crop_hw is None else _draw_window(size_hw, crop_hw, rng, config)
    if exchange and not right_truth:
        turn, exchange = True, False
    return Variation(upside_down=turn, exchanged=exchange, window=window)


def vary(sample: Sample, variation: Variation, rng: np.random.Generator, config: AugmentConfig) -> Sample:
    """Apply a variation, then draw and apply new colours."""
    varied = exchanged(sample) if variation.exchanged else _carried(sample)
    if variation.upside_down:
        varied = upside_down(varied)
    if variation.window is not None:
        varied = cut(varied, variation.window)
    left, right = _recoloured(varied["left"], varied["right"], rng, config)
    if rng.random() < config.erase:
        right = erase(right, rng, count=config.erase_count, side=config.erase_side)
    return {**varied, "left": left, "right": right}


def crop(sample: Sample, variation: Variation) -> Sample:
    """The window of a variation that is nothing but a window."""
    return _carried(sample) if variation.window is None else cut(_carried(sample), variation.window)


def refuse_small(size_hw: tuple[int, int], crop_hw: tuple[int, int], source: str = "") -> None:
    """Raises SampleError, naming `source`, where a sample of `size_hw` pixels is smaller than the crop."""
    if crop_hw[0] > size_hw[0] or crop_hw[1] > size_hw[1]:
        named = f"{source}: " if source else ""
        raise SampleError(
            f"{named}cannot crop {crop_hw[0]}x{crop_hw[1]} (height x width) from a sample of "
            f"{size_hw[0]}x{size_hw[1]} pixels; take a smaller crop_hw, or enlarge=true to scale small "
            "samples up"
        )


def draw_crop(
    size_hw: tuple[int, int],
    crop_hw: tuple[int, int],
    rng: np.random.Generator,
    *,
    enlarge: bool = False,  # a sample that is smaller than the crop; else it is refused with SampleError
) -> Variation:
    """A random window, unscaled."""
    if not enlarge:
        refuse_small(size_hw, crop_hw)
    return Variation(window=draw_window(size_hw, crop_hw, rng))


def random_crop(sample: Sample, size_hw: tuple[int, int], rng: np.random.Generator) -> Sample:
    """The same random window of all arrays. Raises SampleError if the sample is too small."""
    return crop(sample, draw_crop(_size(sample), size_hw, rng))


def _size(sample: Sample) -> tuple[int, int]:
    height, width = sample["disparity"].shape
    return height, width


def _carried(sample: Sample) -> Sample:
    carried = Sample(
        left=sample["left"], right=sample["right"], disparity=sample["disparity"], valid=sample["valid"]
    )
    if "occluded" in sample:
        carried["occluded"] = sample["occluded"]
    return carried


def _draw_window(
    size_hw: tuple[int, int], crop_hw: tuple[int, int], rng: np.random.Generator, config: AugmentConfig
) -> Window:
    exponents = np.full(2, rng.uniform(*config.scale))
    stretch = rng.uniform(-config.stretch, config.stretch, 2)
    if rng.random() < config.stretch_chance:
        exponents += stretch
    factor_y, factor_x = (float(factor) for factor in np.exp2(exponents))
    return draw_window(size_hw, crop_hw, rng, factors_yx=(factor_y, factor_x), y_jitter=config.y_jitter)


def _recoloured(
    left_chw: NDArray[np.uint8], right_chw: NDArray[np.uint8], rng: np.random.Generator, config: AugmentConfig
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    change, other = _draw_change(rng, config), _draw_change(rng, config)
    alike = rng.random() >= config.asymmetric
    return recolour(left_chw, change), recolour(right_chw, change if alike else other)


def _draw_change(rng: np.random.Generator, config: AugmentConfig) -> ColourChange:
    return ColourChange(
        brightness=_draw_factor(rng, config.brightness),
        contrast=_draw_factor(rng, config.contrast),
        saturation=_draw_factor(rng, config.saturation),
        hue=float(rng.uniform(-config.hue, config.hue)),
        gamma=_draw_factor(rng, config.gamma),
    )


def _draw_factor(rng: np.random.Generator, span: float | tuple[float, float]) -> float:
    low, high = span if isinstance(span, tuple) else (1 - span, 1 + span)
    return float(rng.uniform(low, high))
