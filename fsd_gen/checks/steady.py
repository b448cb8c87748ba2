"""Where a surface looks alike from both eyes, by what it is made of and how steeply it is looked at.

Light that a surface scatters widely shows its own pattern, whichever eye looks. Light that it throws back
sharply shows what it comes from, which stands elsewhere than the surface: that says nothing about the
surface's disparity, however exact it is. The share of the latter is Fresnel's reflectance (by Schlick: more
at a flat angle, all of what metal gives) times how narrow the roughness leaves it, plus the same of a clear
coat. It is near 1 for chrome and black table glass, 0.2 for a polished floor some metres away, 0.05 for
satin paint.

What is of one colour shows nothing of its own: all changes on it are light's, and a lamp is so bright that a
small share of it stands out as a highlight. There less is let pass.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

from fsd_gen.scene.rig import StereoRig
from fsd_gen.truth.raycast import Hits
from fsd_gen.truth.surfaces import normal_map
from fsd_gen.usd.flat_scene import FlatScene, Rgb, Surface, Texture
from fsd_gen.usd.texels import read_values

MOST_MIRRORED = 0.15  # share of the light; sound scenes look alike up to more, floors under lamps do not
MOST_ON_PLAIN = 0.03  # the same where the surface is of one colour: satin paint in lamplight has highlights
COAT_F0 = 0.04  # reflectance of a clear coat, looked at straight
TEXELS = 64  # longer side at which a texture is averaged

Array = NDArray[np.float64]


def steady_mask(scene: FlatScene, rig: StereoRig, hits: Hits) -> NDArray[np.bool_]:
    """(H, W): where what the left eye sees first looks alike from both eyes, or it sees nothing.

    Raises AssetFileError where a texture cannot be read.
    """
    surface_b = [np.full(len(mesh.faces_f3), mesh.surface) for mesh in scene.meshes]
    surface_t = np.concatenate([*surface_b, [len(scene.surfaces)]])  # the last one: nothing
    surface_n = surface_t[np.where(hits.primitive_n >= 0, hits.primitive_n, -1)]
    shine_s5 = np.zeros((len(scene.surfaces) + 1, 5))
    shine_s5[-1] = astuple(NO_SHINE)
    for index in np.unique(surface_n):
        if index < len(scene.surfaces):
            shine_s5[index] = astuple(Shine.of(scene.surfaces[index]))
    most_s = np.array([*map(_most, scene.surfaces), MOST_MIRRORED])
    shine = Shine(*shine_s5[surface_n].T)
    mirrored_n = np.asarray(shine.mirrored(_cosine(scene, rig, hits).ravel()))
    steady_hw: NDArray[np.bool_] = (mirrored_n <= most_s[surface_n]).reshape(rig.height, rig.width)
    return steady_hw


def _most(surface: Surface) -> float:
    shown = (surface.diffuse, surface.emissive, surface.normal)
    return MOST_MIRRORED if any(isinstance(each, Texture) for each in shown) else MOST_ON_PLAIN


@dataclass(frozen=True, slots=True)
class Shine:
    """How surfaces throw light back, averaged over their textures. Numbers, or arrays of one per pixel."""

    reflectance: float | Array  # looked at straight; metal's is its colour
    sharpness: float | Array  # 1 for a perfect polish, 0 for what scatters all around
    scattered: float | Array  # share of the light by the surface's own colour, and what it gives itself
    coat: float | Array  # sharpness of the clear coat, times its share
    refracts: float | Array  # 0 where light goes straight through, as nothing is reflected there; else 1

    @classmethod
    def of(cls, surface: Surface) -> Shine:
        """Of a surface of a scene. Raises AssetFileError."""
        metal, colour = _mean(surface.metallic), _mean(surface.diffuse)
        polish = ((surface.ior - 1) / (surface.ior + 1)) ** 2
        return cls(
            reflectance=polish * (1 - metal) + colour * metal,
            sharpness=float(((1 - _values(surface.roughness)) ** 2).mean()),
            scattered=colour * (1 - metal) + min(1.0, _mean(surface.emissive)),
            coat=_mean(surface.clearcoat) * (1 - surface.clearcoat_roughness) ** 2,
            refracts=float(polish > 0 or metal > 0),
        )

    def mirrored(self, cosine: float | Array) -> float | Array:
        """Share of the light that is thrown back sharply, seen at this cosine to the surface's normal."""
        grazing = (1 - np.asarray(cosine)) ** 5
        reflected = self.refracts * (self.reflectance + (1 - self.reflectance) * grazing)
        sharp = self.sharpness * reflected + self.coat * (COAT_F0 + (1 - COAT_F0) * grazing)
        wide = self.scattered + (1 - self.sharpness) * reflected
        return sharp / np.maximum(sharp + wide, 1e-9)


NO_SHINE = Shine(reflectance=0.0, sharpness=0.0, scattered=1.0, coat=0.0, refracts=0.0)


def _cosine(scene: FlatScene, rig: StereoRig, hits: Hits) -> Array:
    """(H, W): of the angle between each ray and the normal of what it meets."""
    directions_hw3 = rig.ray_directions().reshape(rig.height, rig.width, 3)
    along_hw = -np.einsum("hwk,hwk->hw", normal_map(scene, rig, hits), directions_hw3)
    cosine_hw: Array = np.clip(along_hw / np.linalg.norm(directions_hw3, axis=2), 0.0, 1.0)
    return cosine_hw


def _mean(value: float | Rgb | Texture) -> float:
    return float(_values(value).mean())


def _values(value: float | Rgb | Texture) -> NDArray[np.floating]:
    return read_values(value, max_side=TEXELS) if isinstance(value, Texture) else np.asarray(value, float)
