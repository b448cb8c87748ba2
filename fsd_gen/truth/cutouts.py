"""Cut-outs: surfaces whose opacity texture says, texel by texel, where there is material and where a hole."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fsd_gen.usd.flat_scene import Surface, Texture, Wrap
from fsd_gen.usd.texels import beyond, read_solid

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CutoutMask:
    """Opacity texture turned into solid / hole per texel, looked up without filtering, as backends do."""

    solid_hw: NDArray[np.bool_]
    texture: Texture
    solid_beyond: bool = False  # what is there beyond the image, where it wraps black

    @classmethod
    def of(cls, surface: Surface) -> CutoutMask:
        """The mask of a cut-out surface. Raises AssetFileError."""
        holes = surface.cutout_texture
        assert holes is not None
        outside = bool(beyond(holes)[0] >= np.float32(surface.opacity_threshold))
        return cls(read_solid(holes, surface.opacity_threshold), holes, outside)

    def solid(self, uv_n2: NDArray[np.floating]) -> NDArray[np.bool_]:
        """Whether there is material at the texture coordinates."""
        st_n2 = transform_uv(uv_n2, self.texture)
        height, width = self.solid_hw.shape
        column_n = np.floor(st_n2[:, 0] * width).astype(np.int64)
        row_n = np.floor((1 - st_n2[:, 1]) * height).astype(np.int64)
        wrap_s, wrap_t = self.texture.wrap_s, self.texture.wrap_t
        solid_n = self.solid_hw[_wrapped(row_n, height, wrap_t), _wrapped(column_n, width, wrap_s)]
        outside_n = _outside(row_n, height, wrap_t) | _outside(column_n, width, wrap_s)
        return np.where(outside_n, self.solid_beyond, solid_n)


def transform_uv(uv_n2: NDArray[np.floating], texture: Texture) -> Array:
    """UsdTransform2d: scale, then rotate counter-clockwise, then translate; 0..1 is the whole image."""
    angle = np.deg2rad(texture.rotation_deg)
    cos, sin = np.cos(angle), np.sin(angle)
    scaled_n2 = uv_n2 * np.asarray(texture.scale)
    moved_n2: Array = scaled_n2 @ np.array([[cos, sin], [-sin, cos]]) + np.asarray(texture.translation)
    if texture.tiles:
        moved_n2 = (moved_n2 - texture.window[:2]) / texture.window[2:]
    return moved_n2


def _wrapped(index_n: NDArray[np.int64], size: int, wrap: Wrap) -> NDArray[np.int64]:
    """Texel indices inside the image, by the texture's wrap mode."""
    if wrap in ("clamp", "black"):
        return np.clip(index_n, 0, size - 1)
    if wrap == "mirror":
        folded_n = index_n % (2 * size)
        return np.where(folded_n < size, folded_n, 2 * size - 1 - folded_n)
    return index_n % size


def _outside(index_n: NDArray[np.int64], size: int, wrap: Wrap) -> NDArray[np.bool_]:
    """Where a black-wrapped image has ended."""
    return (index_n < 0) | (index_n >= size) if wrap == "black" else np.zeros(len(index_n), bool)
