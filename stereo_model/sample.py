"""One training or evaluation pair as the model's code sees it: plain arrays, channels first.

{"left": u8 (3,H,W), "right": u8 (3,H,W), "disparity": f32 (H,W) pixels, "valid": bool (H,W)}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, TypedDict

import numpy as np


class Sample(TypedDict):
    """A rectified pair with the left image's disparity; `disparity` is meaningless where not `valid`."""

    left: np.ndarray
    right: np.ndarray
    disparity: np.ndarray
    valid: np.ndarray


class SampleError(ValueError):
    """A data set gave something that is not a stereo sample."""


class StereoDataset(Protocol):
    """Anything with a length and samples by index."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Mapping[str, np.ndarray]: ...


def checked_sample(raw: Mapping[str, np.ndarray], *, source: str) -> Sample:
    """The sample with its arrays' types and shapes verified. Raises SampleError naming what is wrong."""
    missing = [key for key in Sample.__annotations__ if key not in raw]
    if missing:
        raise SampleError(
            f"{source}: lacks {', '.join(missing)}; a sample has left, right, disparity and valid"
        )
    arrays = {key: np.asarray(raw[key]) for key in Sample.__annotations__}
    size = arrays["disparity"].shape
    expected = {"left": ("uint8", (3, *size)), "right": ("uint8", (3, *size))}
    expected |= {"disparity": ("float32", size), "valid": ("bool", size)}
    for key, (kind, shape) in expected.items():
        if arrays[key].dtype.name != kind or arrays[key].shape != shape or len(size) != 2:
            found = f"{arrays[key].dtype.name} {arrays[key].shape}"
            raise SampleError(f"{source}: {key} is {found}, expected {kind} {shape}")
    return Sample(**arrays)
