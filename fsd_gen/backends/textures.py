"""The arrays a renderer samples: linear, float16 where that holds them, small enough, decoded once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable

import numpy as np
from numpy.typing import NDArray

from fsd_gen.usd.flat_scene import Texture
from fsd_gen.usd.texels import image_key, read_solid, read_values

MAX_SIDE = 2048  # pixels; larger colour textures are averaged down
HALF_RANGE = (2.0**-10, 65504.0)  # largest values between these lose nothing that can be seen in float16

TextureValues = NDArray[np.float16] | NDArray[np.float32]


def read_texture(texture: Texture, *, max_side: int = MAX_SIDE) -> NDArray[np.float32]:
    """Values (H, W, 3) for "rgb", (H, W, 1) for one channel; row 0 is the top of the image.

    A grey image has its value in r, g and b; an image without alpha is opaque. Raises AssetFileError.
    """
    return read_values(texture, max_side=max_side)


def read_cutout(texture: Texture, threshold: float) -> NDArray[np.float32]:
    """(H, W, 1): 1 where the opacity is at or above the threshold, 0 in the holes; never scaled down."""
    return read_solid(texture, threshold)[..., None].astype(np.float32)


class TextureCache:
    """Decoded textures, the least recently used dropped first once `max_bytes` are held."""

    def __init__(self, max_bytes: int = 512 * 2**20) -> None:
        self._max_bytes = max_bytes
        self._arrays: OrderedDict[Hashable, TextureValues] = OrderedDict()
        self._held = 0

    def values(self, texture: Texture) -> TextureValues:
        """What `read_texture` gives."""
        return self._get((image_key(texture),), lambda: _compact(read_texture(texture)))

    def cutout(self, texture: Texture, threshold: float) -> TextureValues:
        """What `read_cutout` gives."""
        key = (image_key(texture), threshold)
        return self._get(key, lambda: read_solid(texture, threshold)[..., None].astype(np.float16))

    def _get(self, key: Hashable, read: Callable[[], TextureValues]) -> TextureValues:
        if key in self._arrays:
            self._arrays.move_to_end(key)
            return self._arrays[key]
        array = read()
        self._arrays[key] = array
        self._held += array.nbytes
        while self._held > self._max_bytes and len(self._arrays) > 1:
            self._held -= self._arrays.popitem(last=False)[1].nbytes
        return array


def _compact(values_hwc: NDArray[np.float32]) -> TextureValues:
    """Half the memory, unless the values are too large or too small for it, as those of lamps may be."""
    largest = max(float(values_hwc.max()), -float(values_hwc.min()))
    fits = largest == 0 or HALF_RANGE[0] <= largest <= HALF_RANGE[1]
    return values_hwc.astype(np.float16) if fits else values_hwc
