"""How published stereo data sets write a disparity or a mask into a file; one function per encoding.

Readers give the stored numbers in pixels and never guess: a file that is not what its data set's
documentation says raises DataFileError with the file's name. Which numbers mean "no truth" is the data
set's business, except where the encoding itself says so.

    PFM         32-bit floats, bottom row first, byte order by the sign of the scale line
                (netpbm.sourceforge.net/doc/pfm.html; vision.middlebury.edu/stereo/submit3/upload-format.html)
    16-bit PNG  disparity x scale, 0 = no truth (KITTI's development kits: scale 256)
    Sintel      R*4 + G/64 + B/16384 in an 8-bit RGB PNG (README of the MPI-Sintel stereo training data)
    FSD         (R*255*255 + G*255 + B) / 1000 in an 8-bit RGB PNG (the data set's model card)
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from PIL.ImageFile import ImageFile

from jobs.contents import NO_FILE, UNKNOWN, contents
from jobs.files import write_bytes_atomic

# What Pillow and numpy raise for files that are missing, truncated, damaged or of another kind.
UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError)
_PFM_HEADER = re.compile(rb"\A(P[fF])\s+(\d+)\s+(\d+)\s+([-+]?[0-9.eE+-]+)[ \t\r]*\n")
_PFM_MAX_PIXELS = 1 << 30
KITTI_SCALE = 256
FSD_RADIX = 255
FSD_SCALE = 1000
FSD_MAX_CODE = FSD_RADIX**3 - 1  # three digits of radix 255: 16581.374 px
SINTEL_STEP = 2.0**-14


class DataFileError(ValueError):
    """A file of a data set cannot be read, or does not hold what its data set's documentation says."""


def read_u8(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """A one-channel mask as (H,W) uint8; a 1-bit or palette file gives its indices 0, 1, ...

    Raises:
        DataFileError: unreadable, or several channels.
    """
    with opened(path) as image:
        values = np.asarray(image)
    if values.ndim != 2 or values.dtype not in (np.uint8, np.bool_):
        raise DataFileError(f"{path}: {values.dtype} {values.shape}, expected a mask of one 8-bit channel")
    return values.astype(np.uint8)


def read_u8_rgb(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """Numbers packed into an 8-bit RGB picture, (H,W,3) uint8; an alpha channel is ignored.

    Raises:
        DataFileError: unreadable, or not 8-bit RGB.
    """
    with opened(path) as image:
        if image.mode not in ("RGB", "RGBA"):
            raise DataFileError(f"{path}: picture of mode {image.mode}, expected numbers in 8-bit RGB")
        return np.array(image)[..., :3]


def read_u16(path: str | os.PathLike[str]) -> NDArray[np.uint16]:
    """A one-channel 16-bit PNG as (H,W) uint16.

    Raises:
        DataFileError: unreadable, or not one channel of 16 bits.
    """
    with opened(path) as image:
        return as_u16(np.asarray(image), path)


def read_png16(
    path: str | os.PathLike[str], *, scale: float = KITTI_SCALE
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Disparity (H,W) in pixels and where there is one (H,W), of a 16-bit PNG of disparity x scale.

    Stored 0 means no truth. Raises DataFileError.
    """
    stored_hw = read_u16(path)
    return (stored_hw / np.float64(scale)).astype(np.float32), stored_hw > 0


def write_png16(
    path: str | os.PathLike[str],
    disparity_hw: NDArray[np.floating],
    valid_hw: NDArray[np.bool_] | None = None,
    *,
    scale: float = KITTI_SCALE,
) -> None:
    """Write a disparity in pixels as a 16-bit PNG; off by at most half of 1/scale.

    Where not `valid_hw` (default: where not finite) 0 is stored. A valid disparity below 1/scale is stored
    as 1/scale, since 0 means no truth.

    Raises:
        ValueError: a valid disparity is negative or does not fit into 16 bits.
    """
    valid_hw = np.isfinite(disparity_hw) if valid_hw is None else valid_hw
    stored_hw = np.rint(np.where(valid_hw, disparity_hw, 0).astype(np.float64) * scale)
    if stored_hw.size and not 0 <= stored_hw.min() <= stored_hw.max() <= 0xFFFF:
        extremes = f"{stored_hw.min() / scale:g}..{stored_hw.max() / scale:g}"
        raise ValueError(f"{path}: disparities {extremes} px, a 16-bit PNG holds 0..{0xFFFF / scale:g}")
    stored_hw = np.where(valid_hw, np.maximum(stored_hw, 1), 0).astype(np.uint16)
    buffer = BytesIO()
    Image.fromarray(stored_hw).save(buffer, "PNG")
    write_bytes_atomic(Path(path), buffer.getvalue())


def read_pfm(path: str | os.PathLike[str]) -> NDArray[np.float32]:
    """A portable float map, (H,W) or for colour (H,W,3), top row first, in this machine's byte order.

    The magnitude of the scale line is ignored, as the stereo benchmarks do. Raises DataFileError.
    """
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        raise DataFileError(f"{path}: cannot be read ({one_line(error)})") from error
    header = _PFM_HEADER.match(raw[:256])
    if header is None:
        raise DataFileError(f"{path}: not a PFM file, {_seen(path) or f'it begins with {raw[:16]!r}'}")
    width, height, channels = int(header[2]), int(header[3]), 3 if header[1] == b"PF" else 1
    if not 0 < width * height <= _PFM_MAX_PIXELS:
        raise DataFileError(f"{path}: a PFM file of {width}x{height} pixels")
    expected, found = 4 * width * height * channels, len(raw) - header.end()
    if found != expected:
        raise DataFileError(f"{path}: {found} bytes of pixels, expected {expected} for {width}x{height}")
    values = np.frombuffer(raw, _pfm_dtype(header[4], path), offset=header.end())
    shape = (height, width) if channels == 1 else (height, width, channels)
    return np.array(values.reshape(shape)[::-1], dtype=np.float32)


def read_disparity_pfm(path: str | os.PathLike[str]) -> NDArray[np.float32]:
    """A portable float map of one channel, (H,W), as `read_pfm` gives it.

    Raises:
        DataFileError: unreadable, or a map of colours.
    """
    values = read_pfm(path)
    if values.ndim != 2:
        raise DataFileError(
            f"{path}: has {values.shape[2]} channels (a colour PFM, it begins with PF), expected 1: a "
            "disparity map, which begins with Pf"
        )
    return values


def write_pfm(
    path: str | os.PathLike[str], values: NDArray[np.floating], *, little_endian: bool = True
) -> None:
    """Write (H,W) or (H,W,3) floats, top row first in memory, as a portable float map.

    Raises:
        ValueError: another shape.
    """
    if values.ndim != 2 and (values.ndim != 3 or values.shape[2] != 3):
        raise ValueError(f"{path}: a PFM file holds (H,W) or (H,W,3), got {values.shape}")
    magic, order = ("Pf" if values.ndim == 2 else "PF"), ("<" if little_endian else ">")
    header = f"{magic}\n{values.shape[1]} {values.shape[0]}\n{-1.0 if little_endian else 1.0}\n"
    write_bytes_atomic(Path(path), header.encode() + values[::-1].astype(f"{order}f4").tobytes())


def encode_npy(values: NDArray[np.generic]) -> bytes:
    """The bytes of an array's .npy file.

    To be written as any bytes are: where `np.save` finds the disk full, its error does not say that it is.
    """
    buffer = BytesIO()
    np.save(buffer, values, allow_pickle=False)
    return buffer.getvalue()


def decode_sintel(rgb_hwc: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Disparity (H,W) in pixels from Sintel's packing, R*4 + G/64 + B/16384; exact in float32.

    The channels are widened first: 4 * R does not fit into 8 bits.
    """
    r_hw, g_hw, b_hw = np.moveaxis(rgb_hwc.astype(np.float32), -1, 0)
    return np.asarray(r_hw * 4 + g_hw * 2.0**-6 + b_hw * 2.0**-14, np.float32)


def encode_sintel(disparity_hw: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Sintel's packing (H,W,3) of a disparity in pixels, rounded to 1/16384 px.

    Raises:
        ValueError: outside 0..1023.99; 4 * 255 + 3.99 is the largest that fits.
    """
    code_hw = np.rint(np.asarray(disparity_hw, np.float64) / SINTEL_STEP)
    if not ((code_hw >= 0) & (code_hw < 2**24)).all():
        raise ValueError("Sintel's packing holds disparities from 0 up to but not including 1024 px")
    code_hw = code_hw.astype(np.int64)
    return np.stack([code_hw >> 16, code_hw >> 8 & 0xFF, code_hw & 0xFF], axis=-1).astype(np.uint8)


def decode_fsd(rgb_hwc: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Disparity (H,W) in pixels from FSD's packing: (R*255*255 + G*255 + B) / 1000, as published.

    The radix is 255 although a channel has 256 values, so (0, 0, 255) and (0, 1, 0) mean the same and
    reading with radix 256 gives up to 0.8 % too much: little enough to look right, too much to be right.
    """
    code_hw = rgb_hwc.astype(np.int64) @ np.array([FSD_RADIX**2, FSD_RADIX, 1])
    return np.asarray(code_hw / FSD_SCALE, np.float32)


def encode_fsd(disparity_hw: NDArray[np.floating]) -> NDArray[np.uint8]:
    """FSD's packing (H,W,3) of a disparity in pixels, rounded to 1/1000 px; digits stay below 255.

    Raises:
        ValueError: negative, not finite or above 16581.374 px.
    """
    code_hw = np.rint(np.asarray(disparity_hw, np.float64) * FSD_SCALE)
    if not ((code_hw >= 0) & (code_hw <= FSD_MAX_CODE)).all():
        raise ValueError(f"FSD's packing holds disparities of 0..{FSD_MAX_CODE / FSD_SCALE} px")
    high_hw, low_hw = np.divmod(code_hw.astype(np.int64), FSD_RADIX)
    return np.stack([*np.divmod(high_hw, FSD_RADIX), low_hw], axis=-1).astype(np.uint8)


def disparity_of_depth(
    depth_hw: NDArray[np.floating] | NDArray[np.integer], focal_baseline: float
) -> NDArray[np.float32]:
    """focal_baseline / depth in pixels, 0 where the depth is 0.

    `focal_baseline` is focal length in pixels times baseline in the depth's unit; the depth is along the
    optical axis, not along the ray.
    """
    deep_hw = np.asarray(depth_hw, np.float64)
    quotient_hw = np.zeros_like(deep_hw)
    np.divide(focal_baseline, deep_hw, out=quotient_hw, where=deep_hw > 0)
    return quotient_hw.astype(np.float32)


@contextmanager
def opened(
    path: str | os.PathLike[str], before: Callable[[ImageFile], None] = lambda image: None
) -> Iterator[ImageFile]:
    """A picture file, decoded; `before` sees it first. Raises DataFileError for what is no whole picture."""
    try:
        image = Image.open(path)
        before(image)
        image.load()
    except FileNotFoundError as error:
        raise DataFileError(f"{path}: no such file") from error
    except UNREADABLE as error:
        seen = _seen(path) if isinstance(error, UnidentifiedImageError) else None
        raise DataFileError(f"{path}: cannot be read as a picture ({seen or one_line(error)})") from error
    with image:
        yield image


def _seen(path: str | os.PathLike[str]) -> str | None:
    """What a file that is not the expected one is, to stand in a message; None where that cannot be told."""
    what = contents(Path(path))
    return None if what in (UNKNOWN, NO_FILE) else f"it is {what}"


def as_u16(values: NDArray[Any], path: str | os.PathLike[str]) -> NDArray[np.uint16]:
    """Pillow's array of a 16-bit grey picture; some of its modes hold it in 32 bits."""
    if values.ndim != 2 or values.dtype.kind not in "iu" or values.dtype.itemsize == 1:
        raise DataFileError(f"{path}: {values.dtype} {values.shape}, expected one channel of 16 bits")
    if values.size and (values.min() < 0 or values.max() > 0xFFFF):
        raise DataFileError(f"{path}: values {values.min()}..{values.max()}, expected 16 bits")
    return values.astype(np.uint16)


def _pfm_dtype(scale: bytes, path: str | os.PathLike[str]) -> str:
    try:
        value = float(scale)
    except ValueError:
        value = 0.0
    if value == 0 or not np.isfinite(value):
        raise DataFileError(f"{path}: scale {scale!r} in the PFM header; its sign tells the byte order")
    return "<f4" if value < 0 else ">f4"


def one_line(error: BaseException) -> str:
    """An error's type and message, short enough to stand in another message."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
