"""Which surfaces look alike from both eyes, by what they are made of.

A dull surface shows its own pattern, whichever eye looks. A shiny one shows what it reflects, which stands
elsewhere than the surface does: it says nothing about the surface's disparity, however exact that is. Metal
has no pattern of its own beside its reflection; a clear layer or a polish over one adds a weaker one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fsd_gen.truth.raycast import Hits
from fsd_gen.usd.flat_scene import FlatScene, Surface, Texture
from fsd_gen.usd.texels import read_values

METALLIC = 0.3  # from here on the reflection counts for more than the pattern
DULL_METAL = 0.65  # roughness at which metal's reflection has no detail left
DULL_POLISH = 0.3  # roughness at which a reflection of a few per cent has none
COAT = 0.1  # share of a clear layer that shows
NO_SHINE_IOR = 1.01  # nothing is reflected where light is not refracted
TEXELS = 64  # longer side at which a texture is looked at
GLOSSY_SHARE = 0.1  # of a texture that may be glossier


def steady_mask(scene: FlatScene, hits: Hits, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """(H, W): where the first surface looks alike from both eyes, or there is none.

    Raises AssetFileError where a texture cannot be read.
    """
    surface_b = [np.full(len(mesh.faces_f3), mesh.surface) for mesh in scene.meshes]
    surface_t = np.concatenate([*surface_b, [len(scene.surfaces)]])  # the last one: nothing
    surface_n = surface_t[np.where(hits.primitive_n >= 0, hits.primitive_n, -1)]
    steady_s = np.ones(len(scene.surfaces) + 1, bool)
    for index in np.unique(surface_n):
        if index < len(scene.surfaces):
            steady_s[index] = is_steady(scene.surfaces[index])
    return steady_s[surface_n].reshape(shape)


def is_steady(surface: Surface) -> bool:
    """Whether a surface shows its own pattern rather than reflections, wherever one looks at it.

    Where textures say how it shines, hardly any of it may be shiny. Raises AssetFileError.
    """
    roughness_hw, metallic_hw, coat_hw = (
        _values(value) for value in (surface.roughness, surface.metallic, surface.clearcoat)
    )
    metal_hw = (metallic_hw >= METALLIC) & (roughness_hw < DULL_METAL)
    polish_hw = (roughness_hw < DULL_POLISH) & (surface.ior > NO_SHINE_IOR)
    coated_hw = (coat_hw >= COAT) & (surface.clearcoat_roughness < DULL_POLISH)
    return bool((metal_hw | polish_hw | coated_hw).mean() <= GLOSSY_SHARE)


def _values(value: float | Texture) -> NDArray[np.float32]:
    """What an input is: (1, 1) where it is the same all over, (TEXELS, TEXELS) where a texture says it."""
    if not isinstance(value, Texture):
        return np.full((1, 1), value, np.float32)
    texels_hw = read_values(value, max_side=TEXELS)[..., 0]
    rows, columns = (np.arange(TEXELS) * size // TEXELS for size in texels_hw.shape)
    return texels_hw[np.ix_(rows, columns)]
