"""The pictures of a pair as 8-bit RGB, the same for training, evaluation and inference.

Grey is repeated, alpha dropped, palettes are resolved. Two things are decided for a pair as a whole:

    turning     an EXIF orientation (JPEG, PNG, WebP, TIFF) is followed; both images must have the same one
    brightness  16-bit files, grey or colour, come from sensors of 8, 10, 12, 14 or 16 bits: the fewest that
                hold the brightest value of both images; of these the upper 8 are kept

Truth and masks are never turned nor brightened: they are numbers, not photographs
(`stereo_model.data.encodings`).
"""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.ImageFile import ImageFile

from stereo_model.data.encodings import DataFileError, as_u16, opened

DEPTHS_BITS = (8, 10, 12, 14, 16)  # of sensors whose pixels come in 16-bit files
ORIENTATION = 0x0112  # tag of EXIF
NOT_TURNED = 1
# What Pillow raises for metadata that cannot be read; the picture beside them may be whole.
_BROKEN_METADATA = (SyntaxError, ValueError, KeyError, TypeError, struct.error)

_TURNED: dict[int, Callable[[NDArray[Any]], NDArray[Any]]] = {
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.swapaxes(0, 1),
    6: lambda image: image.swapaxes(0, 1)[:, ::-1],
    7: lambda image: image.swapaxes(0, 1)[::-1, ::-1],
    8: lambda image: image.swapaxes(0, 1)[::-1],
}
"""What makes a stored picture upright, by its EXIF orientation."""

# Of 16-bit colour Pillow keeps the upper 8 bits; read with the other byte order it keeps the lower ones.
_NATIVE = "L" if sys.byteorder == "little" else "B"
_OTHER_BYTE = {"L": "B", "B": "L"}
# Grey with alpha: two channels of two bytes, read as the four channels that they take as much room as.
_GREY_ALPHA = "LA;16B"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Picture:
    """A picture as its file has it, turned upright: (H,W) or (H,W,3), uint8 or uint16."""

    values: NDArray[Any]
    orientation: int  # what the file says, 1..8

    @property
    def deep(self) -> bool:
        return self.values.dtype == np.uint16


def read_rgb(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """One picture as (H,W,3) uint8 RGB, upright, its brightness decided by itself alone.

    Raises:
        DataFileError: names the file that cannot be read.
    """
    picture = _read(path)
    return _rgb(picture, _depth_bits([picture]))


def read_rgb_pair(
    left: str | os.PathLike[str], right: str | os.PathLike[str]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The pictures of a pair as (H,W,3) uint8 RGB, upright and on one scale of brightness; any sizes.

    Raises:
        DataFileError: names the file that cannot be read, or two that are turned differently.
    """
    pair = _read(left), _read(right)
    if pair[0].orientation != pair[1].orientation:
        raise DataFileError(
            f"{right}: its EXIF orientation is {pair[1].orientation}, that of {left} is "
            f"{pair[0].orientation}; expected the images of a pair to be turned alike: save both upright, "
            "or remove the tag from both"
        )
    bits = _depth_bits(pair)
    return _rgb(pair[0], bits), _rgb(pair[1], bits)


def _depth_bits(pictures: Iterable[_Picture]) -> int:
    """Of the sensor: the fewest bits that hold every value of the 16-bit pictures."""
    brightest = max((int(each.values.max(initial=0)) for each in pictures if each.deep), default=0)
    return next(bits for bits in DEPTHS_BITS if brightest < 1 << bits)


def _rgb(picture: _Picture, bits: int) -> NDArray[np.uint8]:
    values = picture.values >> (bits - 8) if picture.deep else picture.values
    colour = np.repeat(values[..., None], 3, axis=2) if values.ndim == 2 else values
    return np.ascontiguousarray(colour, np.uint8)


def _read(path: str | os.PathLike[str]) -> _Picture:
    said: list[int] = []
    coded: list[str] = []
    deep_ppm: list[int] = []  # where the pixels of such a file begin

    def look(image: ImageFile) -> None:
        coded.extend(_rawmode(tile.args) for tile in image.tile)
        deep_ppm.extend(_begin_of_deep_ppm(image, path))
        said.append(_orientation(image))

    with opened(path, look) as image:
        values = _values(image, path)
        turn = _orientation(image)  # that of a TIFF is gone: Pillow has turned it
        if image.mode in ("RGB", "RGBA") and any(";16" in rawmode for rawmode in coded):
            values = _deep_colour(path, coded[0], values)
        elif deep_ppm:
            numbers = np.fromfile(path, ">u2", values.size, offset=deep_ppm[0])
            values = numbers.reshape(values.shape).astype(np.uint16)
    upright = _TURNED[turn](values) if turn in _TURNED else values
    return _Picture(values=upright, orientation=said[0])


def _values(image: Image.Image, path: str | os.PathLike[str]) -> NDArray[Any]:
    if image.mode.startswith("I"):
        return as_u16(np.asarray(image), path)
    if image.mode == "F":
        raise DataFileError(f"{path}: a picture of floats, expected 8 or 16 bits per channel")
    return np.array(image.convert("RGB"))


def _orientation(image: Image.Image) -> int:
    """What EXIF or XMP says, 1..8; pictures that say nothing understandable are not turned."""
    try:
        value = image.getexif().get(ORIENTATION, NOT_TURNED)
    except _BROKEN_METADATA:
        return NOT_TURNED
    return value if value in _TURNED else NOT_TURNED


def _deep_colour(
    path: str | os.PathLike[str], rawmode: str, upper_hwc: NDArray[np.uint8]
) -> NDArray[np.uint16]:
    """(H,W,3) of a colour picture of 16 bits, whose upper bytes are known."""
    if rawmode == _GREY_ALPHA:
        bytes_hwc = _read_as(path, "RGBA").astype(np.uint16)
        return np.repeat((bytes_hwc[..., 0] << 8 | bytes_hwc[..., 1])[..., None], 3, axis=2)
    kind, _, order = rawmode.partition(";16")
    lower_hwc = _read_as(path, f"{kind};16{_OTHER_BYTE[order.replace('N', _NATIVE)]}")[..., :3]
    return (upper_hwc.astype(np.uint16) << 8 | lower_hwc).astype(np.uint16)


def _begin_of_deep_ppm(image: ImageFile, path: str | os.PathLike[str]) -> Iterator[int]:
    """The place of the pixels of a colour PPM of 16 bits, which Pillow scales to 8; of others nothing."""
    for tile in image.tile:
        largest = tile.args[-1] if isinstance(tile.args, tuple) else 0
        if image.mode != "RGB" or not tile.codec_name.startswith("ppm") or largest <= 255:
            continue
        if tile.codec_name != "ppm":
            raise DataFileError(f"{path}: a PPM of 16 bits written as text (P3); convert it to P6 or PNG")
        yield tile.offset


def _read_as(path: str | os.PathLike[str], rawmode: str) -> NDArray[np.uint8]:
    """The pixels of a file whose bytes are understood in another way."""

    def change(image: ImageFile) -> None:
        image.tile = [tile._replace(args=_with_rawmode(tile.args, rawmode)) for tile in image.tile]

    with opened(path, change) as image:
        return np.array(image)


def _rawmode(args: object) -> str:
    """How a decoder of Pillow is told to understand the bytes."""
    first = args[0] if isinstance(args, tuple) and args else args
    return first if isinstance(first, str) else ""


def _with_rawmode(args: object, rawmode: str) -> Any:
    return (rawmode, *args[1:]) if isinstance(args, tuple) else rawmode
