"""Augmentation of stereo pairs: a pure function of a sample and a random generator.

Nothing here moves a pixel of one image against the other: colours change, parts of the right image are
covered, and both images with their disparity are cropped or turned upside down together.
"""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator

from stereo_model.sample import Sample, SampleError

GREY_WEIGHTS = np.array([0.299, 0.587, 0.114], np.float32).reshape(3, 1, 1)  # ITU-R BT.601 luma


class AugmentConfig(BaseModel):
    """How strongly samples are varied. Ranges are symmetric about 1 (factors) unless a unit is given."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    brightness: float = Field(default=0.4, ge=0.0, lt=1.0)
    contrast: float = Field(default=0.4, ge=0.0, lt=1.0)
    saturation: float = Field(default=0.4, ge=0.0, lt=1.0)
    gamma: float = Field(default=0.2, ge=0.0, lt=1.0)  # exponent
    asymmetric: float = Field(
        default=0.2, ge=0.0, le=1.0
    )  # probability that the images' colours change differently
    erase: float = Field(default=0.5, ge=0.0, le=1.0)  # probability of covering parts of the right image
    erase_count: int = Field(default=2, ge=1)  # rectangles at most
    erase_side: tuple[int, int] = (20, 60)  # pixels
    flip: float = Field(default=0.1, ge=0.0, le=1.0)  # probability of turning the pair upside down

    @field_validator("erase_side")
    @classmethod
    def _rising(cls, side: tuple[int, int]) -> tuple[int, int]:
        if not 1 <= side[0] <= side[1]:
            raise ValueError("must be two rising positive numbers of pixels")
        return side


def augment(sample: Sample, rng: np.random.Generator, config: AugmentConfig) -> Sample:
    """A varied copy; the given arrays are not changed. The same generator state gives the same result."""
    left, right = _jitter(sample["left"], sample["right"], rng, config)
    if rng.random() < config.erase:
        right = _erase(right, rng, config)
    varied = Sample(left=left, right=right, disparity=sample["disparity"], valid=sample["valid"])
    return _upside_down(varied) if rng.random() < config.flip else varied


def random_crop(sample: Sample, size_hw: tuple[int, int], rng: np.random.Generator) -> Sample:
    """The same random window of both images. Raises SampleError if the sample is too small."""
    height, width = sample["disparity"].shape
    rows, columns = size_hw
    if rows > height or columns > width:
        raise SampleError(f"cannot crop {rows}x{columns} from a sample of {height}x{width} pixels")
    top = int(rng.integers(height - rows + 1))
    start = int(rng.integers(width - columns + 1))
    window = (..., slice(top, top + rows), slice(start, start + columns))
    return Sample(
        left=sample["left"][window],
        right=sample["right"][window],
        disparity=sample["disparity"][window],
        valid=sample["valid"][window],
    )


def _jitter(
    left_chw: np.ndarray, right_chw: np.ndarray, rng: np.random.Generator, config: AugmentConfig
) -> tuple[np.ndarray, np.ndarray]:
    factors = _draw_factors(rng, config)
    other = _draw_factors(rng, config)
    alike = rng.random() >= config.asymmetric
    return _recolour(left_chw, factors), _recolour(right_chw, factors if alike else other)


def _draw_factors(rng: np.random.Generator, config: AugmentConfig) -> tuple[float, float, float, float]:
    spans = (config.brightness, config.contrast, config.saturation, config.gamma)
    brightness, contrast, saturation, gamma = (1 + span * rng.uniform(-1, 1) for span in spans)
    return brightness, contrast, saturation, gamma


def _recolour(image_chw: np.ndarray, factors: tuple[float, float, float, float]) -> np.ndarray:
    brightness, contrast, saturation, gamma = factors
    pixels = image_chw.astype(np.float32) / 255 * brightness
    pixels = (pixels - pixels.mean()) * contrast + pixels.mean()
    grey = (pixels * GREY_WEIGHTS).sum(0, keepdims=True)
    pixels = np.clip((pixels - grey) * saturation + grey, 0, 1) ** gamma
    return np.round(pixels * 255).astype(np.uint8)


def _erase(right_chw: np.ndarray, rng: np.random.Generator, config: AugmentConfig) -> np.ndarray:
    """Cover rectangles with the image's mean colour, as if something stood before the right camera alone."""
    covered = right_chw.copy()
    colour = np.round(right_chw.mean((1, 2), keepdims=True)).astype(np.uint8)
    height, width = right_chw.shape[1:]
    low, high = config.erase_side
    for _ in range(int(rng.integers(1, config.erase_count + 1))):
        rows, columns = (int(side) for side in rng.integers(low, high + 1, 2))
        top, start = int(rng.integers(height)), int(rng.integers(width))
        covered[:, top : top + rows, start : start + columns] = colour
    return covered


def _upside_down(sample: Sample) -> Sample:
    return Sample(
        left=sample["left"][:, ::-1].copy(),
        right=sample["right"][:, ::-1].copy(),
        disparity=sample["disparity"][::-1].copy(),
        valid=sample["valid"][::-1].copy(),
    )
