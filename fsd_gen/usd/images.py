"""Decoding the image files of a scene, with all their bits: bad ones are AssetFileErrors, big ones no attack.

Pillow refuses images beyond 179 megapixels, to guard those who open strangers' files. A 16384 x 16384
texture is none, so the bound is ours: on the memory that the size declared in the header asks for. Pillow
also drops the low byte of 16-bit colours; here both are read.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.ImageFile import ImageFile

from assets_manifest.exr import ExrError, read_exr_channels
from fsd_gen.usd.asset_files import as_file, open_asset
from fsd_gen.usd.errors import AssetFileError

MAX_PIXELS = 2**29  # of one image of up to four bytes a pixel: 2 GiB while it is decoded
EXR_MAGIC = b"\x76\x2f\x31\x01"
BANDS = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}
SRGB_GAMMA = 1 / 2.2

Samples = NDArray[np.uint8] | NDArray[np.uint16] | NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pixels:
    """What a file holds: (H, W, C) with grey, grey and alpha, RGB or RGBA; row 0 is the top."""

    samples_hwc: Samples  # uint8 or uint16 of full scale, or float32 as they are

    @property
    def channels(self) -> int:
        """1 to 4."""
        return int(self.samples_hwc.shape[2])


@contextmanager
def open_image(path: Path) -> Iterator[Image.Image]:
    """The opened image, also from inside a package; what goes wrong while the block decodes it is reported.

    Raises:
        AssetFileError: no image that can be read, or one of more than MAX_PIXELS.
    """
    guard, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        with open_asset(path) as file, Image.open(file) as image:
            check_size(path, *image.size, bytes_each=8 if _is_deep(image) else 4)
            yield image
    except (OSError, SyntaxError, EOFError, ValueError, OverflowError) as error:
        if isinstance(error, AssetFileError):
            raise
        raise AssetFileError(f"{path}: cannot be read as an image: {error}") from error
    finally:
        Image.MAX_IMAGE_PIXELS = guard


def check_size(path: Path, width: int, height: int, *, bytes_each: int) -> None:
    """Refuse what would take too much memory, before anything of it is decoded. Raises AssetFileError."""
    limit = MAX_PIXELS * 4 // max(bytes_each, 4)
    if width * height > limit:
        raise AssetFileError(
            f"{path}: expected a texture of at most {limit / 1e6:.0f} megapixels, "
            f"got {width} x {height}; scale it down"
        )


def read_pixels(path: Path, *, max_side: int) -> Pixels:
    """The image, averaged down by a whole factor until no side exceeds `max_side` pixels.

    Raises:
        AssetFileError: it cannot be read, is too large, or holds values that are not finite.
    """
    if is_exr(path):
        return Pixels(samples_hwc=_averaged(_read_exr(path), max_side))
    with open_image(path) as image:
        if _is_deep(image):
            return Pixels(samples_hwc=_averaged(_deep_samples(image, path), max_side))
        return Pixels(samples_hwc=_byte_samples(image, max_side))


def is_exr(path: Path) -> bool:
    """Whether the file begins as OpenEXR files do. Raises AssetFileError where there is none."""
    try:
        with open_asset(path) as file:
            return file.read(4) == EXR_MAGIC
    except OSError as error:
        raise AssetFileError(f"{path}: cannot be read as an image: {error}") from error


def looks_srgb(path: Path) -> bool:
    """What the colour space `auto` means: what the file says of itself, else 8-bit RGB and RGBA are sRGB."""
    if is_exr(path):
        return False
    with open_image(path) as image:
        if "srgb" in image.info:
            return True
        if gamma := image.info.get("gamma"):
            return abs(float(gamma) - SRGB_GAMMA) < 0.01
        return not _is_deep(image) and image.mode in ("RGB", "RGBA", "P", "PA", "YCbCr", "CMYK")


def _is_deep(image: Image.Image) -> bool:
    """Whether one byte a channel is not enough."""
    return image.mode.startswith(("I", "F")) or ";16" in _raw_mode(image)


def _raw_mode(image: Image.Image) -> str:
    """How the file packs its samples, as Pillow calls it: "RGB;16B"."""
    tiles = getattr(image, "tile", ())
    args = tiles[0][3] if tiles else ""
    return str(args[0] if isinstance(args, tuple) and args else args)


def _byte_samples(image: Image.Image, max_side: int) -> NDArray[np.uint8]:
    """Averaged down; grey ones while they are one byte each."""
    plain = image.mode in BANDS and "transparency" not in image.info
    reducible = image if plain else image.convert("RGBA")
    if max(reducible.size) > max_side:
        reducible = reducible.reduce(-(-max(reducible.size) // max_side))
    return np.asarray(reducible).reshape(*reducible.size[::-1], BANDS[reducible.mode])


def _deep_samples(image: Image.Image, path: Path) -> Samples:
    """16 bits a channel, or floats."""
    if image.mode.startswith("F"):
        return _finite(np.asarray(image, np.float32)[..., None], path)
    if image.mode.startswith("I"):
        grey_hw1 = np.asarray(image)[..., None]
        if grey_hw1.min() < 0 or grey_hw1.max() > 65535:
            raise AssetFileError(f"{path}: expected at most 16 bits a channel, got {grey_hw1.max()}")
        return _with_key(grey_hw1.astype(np.uint16), image)
    if image.format != "PNG":
        raise AssetFileError(
            f"{path}: 16-bit colours are read from PNG and EXR, got {image.format}; convert it"
        )
    return _with_key(_sixteen_bits(image, path), image)


def _sixteen_bits(image: Image.Image, path: Path) -> NDArray[np.uint16]:
    """Colours or grey and alpha of a PNG, whose samples Pillow can only give byte by byte."""
    kind = _raw_mode(image).partition(";")[0]
    if kind == "LA":  # as many bytes a pixel as RGBA has
        return _bytes_as(image, "RGBA", "RGBA").view(">u2").astype(np.uint16)
    high_hwc = _bytes_as(image, kind, f"{kind};16B")
    with open_image(path) as again:
        low_hwc = _bytes_as(again, kind, f"{kind};16L")  # big-endian samples taken as little
    return high_hwc.astype(np.uint16) * np.uint16(256) + low_hwc


def _bytes_as(image: Image.Image, mode: str, raw_mode: str) -> NDArray[np.uint8]:
    assert isinstance(image, ImageFile)
    image._mode = mode
    image.tile = [tile._replace(args=raw_mode) for tile in image.tile]
    return np.asarray(image)


def _with_key(samples_hwc: NDArray[np.uint16], image: Image.Image) -> NDArray[np.uint16]:
    """With an alpha channel, where the file names one colour that stands for nothing."""
    key = image.info.get("transparency")
    if key is None or samples_hwc.shape[2] not in (1, 3):
        return samples_hwc
    solid_hw = (samples_hwc != np.atleast_1d(np.asarray(key))).any(axis=2)
    return np.dstack([samples_hwc, np.where(solid_hw, 65535, 0).astype(np.uint16)])


def _read_exr(path: Path) -> NDArray[np.float32]:
    with as_file(path) as file:
        try:
            values_hwc = read_exr_channels(file, most_pixels=MAX_PIXELS // 4)
        except (ExrError, RuntimeError, OSError, ValueError) as error:
            reason = str(error).replace(str(file), "").strip()
            raise AssetFileError(f"{path}: cannot be read as an image: {reason}") from error
    return _finite(values_hwc, path)


def _finite(values_hwc: NDArray[np.float32], path: Path) -> NDArray[np.float32]:
    if wrong := int(np.count_nonzero(~np.isfinite(values_hwc))):
        raise AssetFileError(f"{path}: {wrong} values of the image are infinite or no numbers")
    return values_hwc


def _averaged(samples_hwc: Samples, max_side: int) -> Samples:
    """Blocks of whole pixels become their mean; those at the right and bottom edge may be smaller."""
    factor = -(-max(samples_hwc.shape[:2]) // max_side)
    if factor <= 1:
        return samples_hwc
    height, width, channels = samples_hwc.shape
    starts_y, starts_x = np.arange(0, height, factor), np.arange(0, width, factor)
    means_hwc = np.empty((len(starts_y), len(starts_x), channels), np.float64)
    counts_w = np.diff(np.append(starts_x, width))[:, None]
    for row, start in enumerate(starts_y):  # band by band: the whole in float64 would not fit
        band_hwc = samples_hwc[start : start + factor].astype(np.float64)
        means_hwc[row] = np.add.reduceat(band_hwc.mean(axis=0), starts_x, axis=0) / counts_w
    if samples_hwc.dtype == np.float32:
        return means_hwc.astype(np.float32)
    return np.rint(means_hwc).astype(np.uint16)
