"""What a texture holds at its texels. Images and truth both ask here, so that they never differ.

A value is the stored sample, made linear if it is sRGB (alpha never is), times the gain, plus the bias.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from assets_manifest.srgb import srgb_to_linear
from fsd_gen.usd.asset_files import changed_ns
from fsd_gen.usd.errors import AssetFileError
from fsd_gen.usd.flat_scene import ChannelName, Texture
from fsd_gen.usd.images import Samples, read_pixels

CHANNELS = {  # of gain and bias
    "rgb": slice(3),
    "r": slice(1),
    "g": slice(1, 2),
    "b": slice(2, 3),
    "a": slice(3, 4),
    "mean": slice(1),
}
PLANES: dict[int, dict[ChannelName, list[int]]] = {  # of grey, grey and alpha, RGB, RGBA; none: opaque
    1: {"rgb": [0, 0, 0], "r": [0], "g": [0], "b": [0], "a": [], "mean": [0]},
    2: {"rgb": [0, 0, 0], "r": [0], "g": [0], "b": [0], "a": [1], "mean": [0]},
    3: {"rgb": [0, 1, 2], "r": [0], "g": [1], "b": [2], "a": [], "mean": [0, 1, 2]},
    4: {"rgb": [0, 1, 2], "r": [0], "g": [1], "b": [2], "a": [3], "mean": [0, 1, 2]},
}
Texel = TypeVar("Texel", np.float32, np.bool_)

WHOLE = 2**31  # a side that no image exceeds
ATLAS_SIDE = 8192  # pixels, of the colours of a whole UDIM set


def image_key(texture: Texture) -> tuple[Texture, tuple[int, ...]]:
    """The same for every placement of an image, another one once the file changed. Raises AssetFileError."""
    image = replace(
        texture, scale=(1.0, 1.0), rotation_deg=0.0, translation=(0.0, 0.0), wrap_s="repeat", wrap_t="repeat"
    )
    files = [tile.path for tile in texture.tiles] or [texture.path]
    return image, tuple(changed_ns(file) for file in files)


def read_values(texture: Texture, *, max_side: int) -> NDArray[np.float32]:
    """(H, W, 3) for "rgb", (H, W, 1) for one channel; row 0 is the top of the image.

    A grey image has its value in r, g and b; an image without alpha is opaque. Raises AssetFileError.
    """
    if not texture.tiles:
        return _file_values(texture, max_side)
    columns, rows = texture.window[2:]
    each = max(1, min(max_side, ATLAS_SIDE // max(columns, rows)))
    tiles = [_file_values(_one_tile(texture, index), each) for index in range(len(texture.tiles))]
    fill_c = beyond(texture)
    return _atlas(texture, tiles, fill_c)


def read_solid(texture: Texture, threshold: float) -> NDArray[np.bool_]:
    """(H, W): where a one-channel texture is at or above the threshold; never scaled down.

    Raises AssetFileError.
    """
    if not texture.tiles:
        return _file_solid(texture, threshold)
    tiles = [_file_solid(_one_tile(texture, k), threshold)[..., None] for k in range(len(texture.tiles))]
    fill_c = beyond(texture)[:1] >= np.float32(threshold)
    return _atlas(texture, tiles, fill_c)[..., 0]


def beyond(texture: Texture) -> NDArray[np.float32]:
    """What lies beyond an image that wraps black: no light, scaled and biased like any other texel."""
    return np.asarray(texture.bias, np.float32)[CHANNELS[texture.channel]]


def _one_tile(texture: Texture, index: int) -> Texture:
    return Texture(
        path=texture.tiles[index].path,
        colour_space=texture.colour_space,
        channel=texture.channel,
        gain=texture.gain,
        bias=texture.bias,
    )


def _file_values(texture: Texture, max_side: int) -> NDArray[np.float32]:
    return _values(_samples(texture, max_side), texture)


def _values(samples_hwc: Samples, texture: Texture) -> NDArray[np.float32]:
    linear_hwc = _linear(samples_hwc, _encoded(texture))
    if texture.channel == "mean" and linear_hwc.shape[2] > 1:
        linear_hwc = linear_hwc.mean(axis=2, keepdims=True, dtype=np.float32)
    return _adjusted(linear_hwc, texture)


def _file_solid(texture: Texture, threshold: float) -> NDArray[np.bool_]:
    """Decided for each possible sample, not for each texel, where there are few of them."""
    samples_hwc = _samples(texture, WHOLE)
    samples_hw = samples_hwc[..., 0]
    if samples_hwc.dtype == np.float32 or samples_hwc.shape[2] > 1:
        return np.asarray(_values(samples_hwc, texture)[..., 0] >= np.float32(threshold))
    values_n = _value_of_sample(_full_scale(samples_hw), _encoded(texture))
    adjusted_n1 = _adjusted(values_n[:, None], texture)
    solid_n: NDArray[np.bool_] = adjusted_n1[:, 0] >= np.float32(threshold)
    return solid_n[samples_hw]


def _encoded(texture: Texture) -> bool:
    return texture.colour_space == "sRGB" and texture.channel != "a"


def _samples(texture: Texture, max_side: int) -> Samples:
    """The channels that the texture reads, as stored."""
    pixels = read_pixels(texture.path, max_side=max_side)
    planes = PLANES[pixels.channels][texture.channel]
    if not planes:
        return np.full((*pixels.samples_hwc.shape[:2], 1), 255, np.uint8)
    if planes == list(range(pixels.channels)):
        return pixels.samples_hwc
    return pixels.samples_hwc[..., planes]


def _linear(samples_hwc: Samples, encoded: bool) -> NDArray[np.float32]:
    """0..1 for whole numbers; floats are as they are."""
    if samples_hwc.dtype != np.float32:
        return _value_of_sample(_full_scale(samples_hwc), encoded)[samples_hwc]
    values_hwc = samples_hwc.astype(np.float32)
    return srgb_to_linear(values_hwc).astype(np.float32) if encoded else values_hwc


def _full_scale(samples_hwc: Samples) -> int:
    return 255 if samples_hwc.dtype == np.uint8 else 65535


@cache
def _value_of_sample(full: int, encoded: bool) -> NDArray[np.float32]:
    shares_n = np.arange(full + 1) / full
    return (srgb_to_linear(shares_n) if encoded else shares_n).astype(np.float32)


def _adjusted(values_hwc: NDArray[np.float32], texture: Texture) -> NDArray[np.float32]:
    channels = CHANNELS[texture.channel]
    gain, bias = (np.array(four, np.float32)[channels] for four in (texture.gain, texture.bias))
    if (gain == 1).all() and (bias == 0).all():
        return values_hwc
    adjusted_hwc = values_hwc * gain + bias
    if not np.isfinite(adjusted_hwc).all():
        raise AssetFileError(f"{texture.path}: its values times {texture.gain} are beyond what float32 holds")
    return adjusted_hwc


def _atlas(texture: Texture, tiles: list[NDArray[Texel]], fill_c: NDArray[Texel]) -> NDArray[Texel]:
    """All tiles in one image, each as large as the largest; `fill_c` where there is none."""
    low_s, low_t, columns, rows = texture.window
    height, width = (max(tile_hwc.shape[axis] for tile_hwc in tiles) for axis in range(2))
    atlas_hwc = np.empty((rows * height, columns * width, len(fill_c)), fill_c.dtype)
    atlas_hwc[:] = fill_c
    for tile, values_hwc in zip(texture.tiles, tiles, strict=True):
        top, left = (rows - 1 - (tile.row - low_t)) * height, (tile.column - low_s) * width
        row_n = np.arange(height) * values_hwc.shape[0] // height
        column_n = np.arange(width) * values_hwc.shape[1] // width
        atlas_hwc[top : top + height, left : left + width] = values_hwc[np.ix_(row_n, column_n)]
    return atlas_hwc
