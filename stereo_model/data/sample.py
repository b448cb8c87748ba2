"""One training or evaluation pair as the model's code sees it: plain arrays, channels first.

{"left": u8 (3,H,W), "right": u8 (3,H,W), "disparity": f32 (H,W) pixels, "valid": bool (H,W)}
and, where the data set knows it, "occluded": bool (H,W), and the right image's truth.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeAlias, TypedDict, runtime_checkable

import numpy as np
from numpy.typing import NDArray


class _Known(TypedDict):
    left: NDArray[np.uint8]
    right: NDArray[np.uint8]
    disparity: NDArray[np.float32]
    valid: NDArray[np.bool_]


class Sample(_Known, total=False):
    """A rectified pair with the left image's disparity; `disparity` is meaningless where not `valid`.

    The left pixel (v, u) shows what the right pixel (v, u - disparity) shows. `occluded` is True where the
    left pixel cannot be seen in the right image, out of its frame included, and False where not `valid`; it
    is absent where the data set does not know. `disparity_right` and `valid_right` are the truth of the right
    image, whose pixel (v, u) is seen at (v, u + disparity_right) in the left one.
    """

    occluded: NDArray[np.bool_]
    disparity_right: NDArray[np.float32]
    valid_right: NDArray[np.bool_]


RawSample: TypeAlias = Mapping[str, Any]
"""A Sample, or what somebody's own data set gives and nobody has checked yet."""

REQUIRED = ("left", "right", "disparity", "valid")
IMAGES = ("left", "right")
FLOATS = ("disparity", "disparity_right")


class SampleError(ValueError):
    """A data set gave something that is not a stereo sample."""


class StereoDataset(Protocol):
    """Anything with a length and samples by index."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> RawSample: ...


@runtime_checkable
class PartialDataset(Protocol):
    """A data set that can read a part of a sample for less than the whole costs."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> RawSample: ...

    def size_hw(self, index: int) -> tuple[int, int]:
        """Height and width of a sample in pixels, without reading it."""

    def part(self, index: int, rows: tuple[int, int], columns: tuple[int, int]) -> RawSample:
        """These rows and columns, from the first to the last but one, of all arrays of a sample."""


def checked_sample(raw: RawSample, *, source: str) -> Sample:
    """The sample with its arrays' types and shapes verified; other keys than those of Sample are left out.

    Raises:
        SampleError: names what is wrong, and `source`.
    """
    missing = [key for key in REQUIRED if key not in raw]
    if missing:
        raise SampleError(
            f"{source}: lacks {', '.join(missing)}; a sample has left, right, disparity and valid"
        )
    size = np.shape(raw["disparity"])
    arrays = {key: np.asarray(raw[key]) for key in Sample.__annotations__ if key in raw}
    for key, array in arrays.items():
        kind, shape = _expected(key, size)
        if array.dtype.name != kind or array.shape != shape or len(size) != 2:
            found = f"{array.dtype.name} {array.shape}"
            raise SampleError(f"{source}: {key} is {found}, expected {kind} {shape}")
    return _sample(arrays)


def has_right_truth(sample: RawSample) -> bool:
    """Whether the right image's truth is known too."""
    return "disparity_right" in sample and "valid_right" in sample


def without_hidden(sample: Sample) -> Sample:
    """The sample with truth only where the right image shows the pixel, as far as the sample knows."""
    columns = np.arange(sample["disparity"].shape[1], dtype=np.float32)
    shown = sample["valid"] & (sample["disparity"] <= columns)
    if "occluded" in sample:
        shown &= ~sample["occluded"]
    return {**sample, "valid": shown}


def _expected(key: str, size: tuple[int, ...]) -> tuple[str, tuple[int, ...]]:
    """Type and shape of an array of a sample whose disparity has this shape."""
    if key in IMAGES:
        return "uint8", (3, *size)
    return ("float32" if key in FLOATS else "bool"), size


def _sample(arrays: dict[str, NDArray[Any]]) -> Sample:
    sample = Sample(
        left=arrays["left"], right=arrays["right"], disparity=arrays["disparity"], valid=arrays["valid"]
    )
    if "occluded" in arrays:
        sample["occluded"] = arrays["occluded"]
    if has_right_truth(arrays):
        sample["disparity_right"] = arrays["disparity_right"]
        sample["valid_right"] = arrays["valid_right"]
    return sample
