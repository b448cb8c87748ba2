"""Pictures going in and coming out: pairs as 8-bit RGB, picture files.

How files become RGB is told in `stereo_model.data.pictures`; here is what makes two images a pair, and one
clear line for each pair that cannot be used.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from jobs.files import write_bytes_atomic
from stereo_model.data.encodings import KITTI_SCALE
from stereo_model.data.pictures import DEPTHS_BITS, read_rgb_pair

UNIT_FLOATS = 1.0  # floats that go no further are a share of white, not pixels of 0..255


class PairError(ValueError):
    """Two images that are no stereo pair: unequal sizes, or values that are no pixels."""


def read_pair(left: str | Path, right: str | Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The images of a pair, each (H,W,3) uint8 RGB: grey, 16-bit, palette and RGBA are accepted.

    Raises:
        DataFileError: an image cannot be read, or the two are turned differently.
        PairError: the images have unequal sizes.
    """
    return checked_pair(*read_rgb_pair(left, right), names=(str(left), str(right)))


def checked_pair(
    left_hwc: NDArray[Any], right_hwc: NDArray[Any], *, names: tuple[str, str] = ("left", "right")
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The pair as two (H,W,3) uint8 images; floats of 0..255 are rounded. Raises PairError in one line."""
    for image, name in zip((left_hwc, right_hwc), names, strict=True):
        _require_array(image, name)
        if image.ndim != 3 or image.shape[2] != 3 or not image.size:
            raise PairError(f"{name}: an image of shape {image.shape}, expected (height, width, 3)")
    if left_hwc.shape != right_hwc.shape:
        sizes = " and ".join(
            f"{name} is {i.shape[1]}x{i.shape[0]}"
            for name, i in zip(names, (left_hwc, right_hwc), strict=True)
        )
        raise PairError(f"{sizes} pixels; the images of a pair have one size")
    return _as_bytes(left_hwc, names[0]), _as_bytes(right_hwc, names[1])


def _require_array(image: object, name: str) -> None:
    if isinstance(image, np.ndarray):
        return
    kind = f"{type(image).__module__}.{type(image).__qualname__}".removeprefix("builtins.")
    remedy = "np.asarray(image)"
    if kind.startswith("torch."):
        remedy = "image.cpu().numpy(), channels moved to the end where they come first"
    raise PairError(f"{name}: given as {kind}, expected a numpy array (height, width, 3) of uint8; {remedy}")


def within_png16(disparity_hw: NDArray[np.floating], *, scale: float = KITTI_SCALE) -> NDArray[np.bool_]:
    """Which disparities a 16-bit PNG can hold (H,W): finite, not negative and not above 65535 / scale px."""
    stored_hw = np.rint(np.where(np.isfinite(disparity_hw), disparity_hw, -1.0).astype(np.float64) * scale)
    return (stored_hw >= 0) & (stored_hw <= 0xFFFF)


def encode_image(image: NDArray[np.integer], *, kind: str = "PNG") -> bytes:
    """The bytes of a picture file: (H,W) or (H,W,3) uint8, or (H,W) uint16; kind PNG or JPEG."""
    buffer = io.BytesIO()
    options = {"quality": 85} if kind == "JPEG" else {}
    Image.fromarray(image).save(buffer, kind, **options)
    return buffer.getvalue()


def write_image(path: str | Path, image: NDArray[np.integer]) -> None:
    """Write a PNG of (H,W) or (H,W,3) uint8, or (H,W) uint16, whole or not at all."""
    write_bytes_atomic(Path(path), encode_image(image))


def _as_bytes(image_hwc: NDArray[Any], name: str) -> NDArray[np.uint8]:
    if image_hwc.dtype == np.uint8:
        pixels_hwc: NDArray[np.uint8] = image_hwc
        return pixels_hwc
    if image_hwc.dtype.kind == "f":
        broken = int((~np.isfinite(image_hwc)).any(axis=-1).sum())
        if broken:
            raise PairError(f"{name}: {broken} pixels are NaN or infinite; repair or mask the image first")
    low, high = float(image_hwc.min()), float(image_hwc.max())
    remedy = _remedy(image_hwc.dtype, low, high)
    if remedy is not None:
        raise PairError(f"{name}: {_complaint(image_hwc.dtype, low, high)}; {remedy}")
    rounded_hwc: NDArray[np.uint8] = np.rint(image_hwc).astype(np.uint8)
    return rounded_hwc


def _complaint(kind: np.dtype[Any], low: float, high: float) -> str:
    values = f"values {low:g}..{high:g}"
    if kind.kind == "f":
        return f"{values}, expected 0..255"
    return f"pixels of type {kind}, expected uint8 or floats of 0..255, got {values}"


def _remedy(kind: np.dtype[Any], low: float, high: float) -> str | None:
    """What makes pixels of these values out of others; None where they are."""
    if low < 0:
        return "undo the normalisation of the image first"
    if kind.kind == "f" and 0 < high <= UNIT_FLOATS:
        return "multiply by 255"
    if kind.kind == "f" and high <= 255:
        return None
    if kind.kind == "b":
        return "multiply by 255 and convert with .astype(np.uint8)"
    if high <= 255:
        return "convert with .astype(np.uint8)"
    bits = next((bits for bits in DEPTHS_BITS if high < 1 << bits), None)
    return "scale to 0..255" if bits is None else f"divide by {1 << (bits - 8)} ({bits}-bit data)"
