"""Pictures going in and coming out: pairs as 8-bit RGB, picture files.

The encodings themselves live in `stereo_model.data.encodings`; here is what a user's own images need beyond
it: one brightness scale for the two images of a pair, and one clear line for each pair that cannot be used.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from jobs.files import write_bytes_atomic
from stereo_model.data.encodings import KITTI_SCALE, DataFileError, read_rgb, read_u16

DEPTHS_BITS = (8, 10, 12, 14, 16)  # of sensors whose pixels come in 16-bit files


class PairError(ValueError):
    """Two images that are no stereo pair: unequal sizes, or values that are no pixels."""


def read_pair(left: str | Path, right: str | Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The images of a pair, each (H,W,3) uint8 RGB: grey, 16-bit, palette and RGBA are accepted.

    Grey 16-bit files of 10, 12 or 14 bit sensors are brightened by the same factor in both images.

    Raises:
        DataFileError: an image cannot be read.
        PairError: the images have unequal sizes.
    """
    if all(_is_deep(path) for path in (left, right)):
        images = _same_brightness([read_u16(left), read_u16(right)])
    else:
        images = [read_rgb(left), read_rgb(right)]
    return checked_pair(*images, names=(str(left), str(right)))


def checked_pair(
    left_hwc: NDArray[Any], right_hwc: NDArray[Any], *, names: tuple[str, str] = ("left", "right")
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The pair as two (H,W,3) uint8 images; floats of 0..255 are rounded. Raises PairError in one line."""
    for image, name in zip((left_hwc, right_hwc), names, strict=True):
        if image.ndim != 3 or image.shape[2] != 3 or not image.size:
            raise PairError(f"{name}: an image of shape {image.shape}, expected (height, width, 3)")
    if left_hwc.shape != right_hwc.shape:
        sizes = " and ".join(
            f"{name} is {i.shape[1]}x{i.shape[0]}"
            for name, i in zip(names, (left_hwc, right_hwc), strict=True)
        )
        raise PairError(f"{sizes} pixels; the images of a pair have one size")
    return _as_bytes(left_hwc, names[0]), _as_bytes(right_hwc, names[1])


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


def _is_deep(path: str | Path) -> bool:
    """Whether a picture file is grey with 16 bits. Raises DataFileError."""
    try:
        with Image.open(path) as image:
            return image.mode.startswith("I")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataFileError(f"{path}: cannot be read as a picture ({reason})") from error


def _same_brightness(images_hw: Sequence[NDArray[np.uint16]]) -> list[NDArray[np.uint8]]:
    """8-bit RGB of 16-bit grey images, which both use as many of their bits as the brighter one needs."""
    brightest = max(int(image.max(initial=0)) for image in images_hw)
    bits = next(depth for depth in DEPTHS_BITS if brightest < 1 << depth)
    return [np.repeat((image >> (bits - 8)).astype(np.uint8)[..., None], 3, axis=2) for image in images_hw]


def _as_bytes(image_hwc: NDArray[Any], name: str) -> NDArray[np.uint8]:
    if image_hwc.dtype == np.uint8:
        pixels_hwc: NDArray[np.uint8] = image_hwc
        return pixels_hwc
    if image_hwc.dtype.kind != "f":
        raise PairError(f"{name}: pixels of type {image_hwc.dtype}, expected uint8 or floats of 0..255")
    broken = int((~np.isfinite(image_hwc)).any(axis=-1).sum())
    if broken:
        raise PairError(f"{name}: {broken} pixels are NaN or infinite; repair or mask the image first")
    if image_hwc.min() < 0 or image_hwc.max() > 255:
        raise PairError(f"{name}: values {image_hwc.min():g}..{image_hwc.max():g}, expected 0..255")
    rounded_hwc: NDArray[np.uint8] = np.rint(image_hwc).astype(np.uint8)
    return rounded_hwc
