"""One training or evaluation pair as the model's code sees it: plain arrays, channels first.

{"left": u8 (3,H,W), "right": u8 (3,H,W), "disparity": f32 (H,W) pixels, "valid": bool (H,W)}
and, where the data set knows it, "occluded": bool (H,W).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, TypedDict

import numpy as np


class _Known(TypedDict):
    left: np.ndarray
    right: np.ndarray
    disparity: np.ndarray
    valid: np.ndarray


class Sample(_Known, total=False):
    """A rectified pair with the left image's disparity; `disparity` is meaningless where not `valid`.

    The left pixel (v, u) shows what the right pixel (v, u - disparity) shows. `occluded` is True where the
    left pixel cannot be seen in the right image, out of its frame included, and False where not `valid`; it
    is absent where the data set does not know.
    """

    occluded: np.ndarray


REQUIRED = tuple(_Known.__annotations__)


class SampleError(ValueError):
    """A data set gave something that is not a stereo sample."""


class StereoDataset(Protocol):
    """Anything with a length and samples by index."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Mapping[str, np.ndarray]: ...


def checked_sample(raw: Mapping[str, np.ndarray], *, source: str) -> Sample:
    """The sample with its arrays' types and shapes verified; `occluded` is kept where there is one.

    Raises:
        SampleError: names what is wrong, and `source`.
    """
    missing = [key for key in REQUIRED if key not in raw]
    if missing:
        raise SampleError(
            f"{source}: lacks {', '.join(missing)}; a sample has left, right, disparity and valid"
        )
    size = np.shape(raw["disparity"])
    expected = {"left": ("uint8", (3, *size)), "right": ("uint8", (3, *size))}
    expected |= {"disparity": ("float32", size), "valid": ("bool", size), "occluded": ("bool", size)}
    arrays = {key: np.asarray(raw[key]) for key in expected if key in raw}
    for key, array in arrays.items():
        kind, shape = expected[key]
        if array.dtype.name != kind or array.shape != shape or len(size) != 2:
            found = f"{array.dtype.name} {array.shape}"
            raise SampleError(f"{source}: {key} is {found}, expected {kind} {shape}")
    return Sample(**arrays)


def without_hidden(sample: Sample) -> Sample:
    """The sample with truth only where the right image shows the pixel, as far as the sample knows."""
    columns = np.arange(sample["disparity"].shape[1], dtype=np.float32)
    shown = sample["valid"] & (sample["disparity"] <= columns)
    if "occluded" in sample:
        shown &= ~sample["occluded"]
    return {**sample, "valid": shown}
