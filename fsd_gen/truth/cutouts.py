"""Cut-outs: surfaces whose opacity texture says, texel by texel, where there is material and where a hole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fsd_gen.usd.flat_scene import Surface, Texture
from fsd_gen.usd.images import open_image

Array = NDArray[np.float64]
CHANNEL_INDEX = {"r": 0, "g": 1, "b": 2, "a": 3, "rgb": 0}


@dataclass(frozen=True, slots=True)
class CutoutMask:
    """Opacity texture turned into solid / hole per texel, looked up without filtering, as backends do."""

    solid_hw: NDArray[np.bool_]
    texture: Texture

    @classmethod
    def of(cls, surface: Surface) -> CutoutMask:
        """The mask of a cut-out surface. Raises AssetFileError."""
        assert isinstance(surface.opacity, Texture)
        with open_image(surface.opacity.path) as image:
            alpha_hw = np.asarray(image.convert("RGBA"))[..., CHANNEL_INDEX[surface.opacity.channel]]
        return cls(alpha_hw >= surface.opacity_threshold * 255, surface.opacity)

    def solid(self, uv_n2: NDArray[np.floating]) -> NDArray[np.bool_]:
        """Whether there is material at the texture coordinates."""
        st_n2 = transform_uv(uv_n2, self.texture)
        height, width = self.solid_hw.shape
        column_n = _wrapped(np.floor(st_n2[:, 0] * width).astype(np.int64), width, self.texture.wrap)
        row_n = _wrapped(np.floor((1 - st_n2[:, 1]) * height).astype(np.int64), height, self.texture.wrap)
        return self.solid_hw[row_n, column_n]


def transform_uv(uv_n2: NDArray[np.floating], texture: Texture) -> Array:
    """UsdTransform2d: scale, then rotate counter-clockwise, then translate."""
    angle = np.deg2rad(texture.rotation_deg)
    cos, sin = np.cos(angle), np.sin(angle)
    scaled_n2 = uv_n2 * np.asarray(texture.scale)
    moved_n2: Array = scaled_n2 @ np.array([[cos, sin], [-sin, cos]]) + np.asarray(texture.translation)
    return moved_n2


def _wrapped(
    index_n: NDArray[np.int64], size: int, wrap: Literal["repeat", "clamp", "mirror", "black"]
) -> NDArray[np.int64]:
    """Texel indices inside the image, by the texture's wrap mode."""
    if wrap == "clamp":
        return np.clip(index_n, 0, size - 1)
    if wrap == "mirror":
        folded_n = index_n % (2 * size)
        return np.where(folded_n < size, folded_n, 2 * size - 1 - folded_n)
    return index_n % size
