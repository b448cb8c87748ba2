"""Image files as the arrays a renderer samples: linear, float16, small enough, decoded once per process."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from assets_manifest.meshes.textures import srgb_to_linear
from fsd_gen.usd.flat_scene import Texture
from fsd_gen.usd.images import open_image

MAX_SIDE = 2048  # pixels; larger colour textures are averaged down
CHANNELS = {"rgb": slice(3), "r": slice(1), "g": slice(1, 2), "b": slice(2, 3), "a": slice(3, 4)}

_RAW_OF_BYTE = (np.arange(256) / 255).astype(np.float32)
_LINEAR_OF_BYTE = srgb_to_linear(np.arange(256) / 255).astype(np.float32)


def read_texture(texture: Texture, *, max_side: int = MAX_SIDE) -> NDArray[np.float32]:
    """Values (H, W, 3) for "rgb", (H, W, 1) for one channel; row 0 is the top of the image.

    A grey image has its value in r, g and b; an image without alpha is opaque. Raises AssetFileError.
    """
    with open_image(texture.path) as image:
        if image.mode.startswith(("I", "F")):
            return _deep_grey(image, texture, max_side)
        bytes_hwc = _bytes(image, max_side)
    if texture.channel == "a" and bytes_hwc.shape[2] == 3:
        bytes_hwc = np.full((*bytes_hwc.shape[:2], 4), 255, np.uint8)
    raw = texture.colour_space == "raw" or texture.channel == "a"  # alpha is never encoded
    value_of_byte = _RAW_OF_BYTE if raw else _LINEAR_OF_BYTE
    return _adjusted(value_of_byte[bytes_hwc[..., CHANNELS[texture.channel]]], texture)


def _bytes(image: Image.Image, max_side: int) -> NDArray[np.uint8]:
    """(H, W, 3) or (H, W, 4), averaged down to `max_side` pixels; grey ones while they are one byte each."""
    reducible = image if image.mode in ("RGB", "RGBA", "L") else image.convert("RGBA")
    if max(reducible.size) > max_side:
        reducible = reducible.reduce(-(-max(reducible.size) // max_side))
    return np.asarray(reducible.convert("RGBA") if reducible.mode == "L" else reducible)


def _deep_grey(image: Image.Image, texture: Texture, max_side: int) -> NDArray[np.float32]:
    """A 16-bit or float grey image."""
    values_hw = np.asarray(image, np.float32) / (65535.0 if image.mode.startswith("I") else 1.0)
    step = -(-max(values_hw.shape) // max_side)
    values_hwc = values_hw[::step, ::step, None]
    values_hwc = np.repeat(values_hwc, 3, axis=2) if texture.channel == "rgb" else values_hwc
    return _adjusted(values_hwc, texture)


def _adjusted(values_hwc: NDArray[np.float32], texture: Texture) -> NDArray[np.float32]:
    channels = CHANNELS[texture.channel]
    gain, bias = (np.array(four, np.float32)[channels] for four in (texture.gain, texture.bias))
    return values_hwc if (gain == 1).all() and (bias == 0).all() else values_hwc * gain + bias


def read_cutout(texture: Texture, threshold: float) -> NDArray[np.float32]:
    """(H, W, 1): 1 where the opacity is at or above the threshold, 0 in the holes; never scaled down."""
    opacity_hwc = read_texture(texture, max_side=2**31)
    return (opacity_hwc[..., :1] >= threshold).astype(np.float32)


class TextureCache:
    """Decoded textures, the least recently used dropped first once `max_bytes` are held."""

    def __init__(self, max_bytes: int = 512 * 2**20) -> None:
        self._max_bytes = max_bytes
        self._arrays: OrderedDict[Hashable, NDArray[np.float16]] = OrderedDict()
        self._held = 0

    def values(self, texture: Texture) -> NDArray[np.float16]:
        """What `read_texture` gives."""
        return self._get((_image_key(texture),), lambda: read_texture(texture))

    def cutout(self, texture: Texture, threshold: float) -> NDArray[np.float16]:
        """What `read_cutout` gives."""
        return self._get((_image_key(texture), threshold), lambda: read_cutout(texture, threshold))

    def _get(self, key: Hashable, read: Callable[[], NDArray[np.float32]]) -> NDArray[np.float16]:
        if key in self._arrays:
            self._arrays.move_to_end(key)
            return self._arrays[key]
        array = read().astype(np.float16)
        self._arrays[key] = array
        self._held += array.nbytes
        while self._held > self._max_bytes and len(self._arrays) > 1:
            self._held -= self._arrays.popitem(last=False)[1].nbytes
        return array


def _image_key(texture: Texture) -> Hashable:
    """The same for every placement of an image, another one once the file changed."""
    image = replace(texture, scale=(1.0, 1.0), rotation_deg=0.0, translation=(0.0, 0.0), wrap="repeat")
    return image, texture.path.stat().st_mtime_ns
