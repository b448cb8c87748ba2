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

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from fsd_gen.scene.rig import StereoRig
from fsd_gen.truth.raycast import Hits
from fsd_gen.truth.surfaces import cosines
from fsd_gen.usd.flat_scene import FlatScene, Rgb, Surface, Texture
from fsd_gen.usd.texels import image_key, read_values

MOST_MIRRORED = 0.15  # share of the light; sound scenes look alike up to more, floors under lamps do not
MOST_ON_PLAIN = 0.03  # the same where the surface is of one colour: satin paint in lamplight has highlights
COAT_F0 = 0.04  # reflectance of a clear coat, looked at straight
ROUNDING = 1e-9  # of shares; what is that near to a limit is asked pixel by pixel
TEXELS = 64  # longer side at which a texture is averaged

Array = NDArray[np.float64]


def steady_mask(scene: FlatScene, rig: StereoRig, hits: Hits) -> NDArray[np.bool_]:
    """(H, W): where what the left eye sees first looks alike from both eyes, or it sees nothing.

    Most surfaces do at every angle, or at none. Of the others each pixel is asked.

    Raises AssetFileError where a texture cannot be read.
    """
    surface_n = _surfaces_seen(scene, hits)
    seen = [int(index) for index in np.flatnonzero(np.bincount(surface_n)) if index < len(scene.surfaces)]
    shines = {index: Shine.of(scene.surfaces[index]) for index in seen}
    most = {index: _most(scene.surfaces[index]) for index in seen}
    steady_s, doubtful_s = np.ones(len(scene.surfaces) + 1, bool), np.zeros(len(scene.surfaces) + 1, bool)
    for index in seen:
        verdict = shines[index].at_every_angle(most[index])
        steady_s[index], doubtful_s[index] = verdict is True, verdict is None
    steady_n = steady_s[surface_n]
    asked_m = np.flatnonzero(doubtful_s[surface_n])
    if len(asked_m):
        mirrored_m = _shines_at(shines, surface_n[asked_m]).mirrored(cosines(scene, rig, hits, asked_m))
        most_s = np.array([most.get(index, 0.0) for index in range(len(steady_s))])
        steady_n[asked_m] = mirrored_m <= most_s[surface_n[asked_m]]
    return steady_n.reshape(rig.height, rig.width)


def _shines_at(shines: Mapping[int, Shine], surface_m: NDArray[np.int32]) -> Shine:
    """How the surface of each pixel shines."""
    shine_s5 = np.zeros((max(shines) + 1, 5))
    for index, shine in shines.items():
        shine_s5[index] = astuple(shine)
    return Shine(*(column_s[surface_m] for column_s in np.ascontiguousarray(shine_s5.T)))


def _surfaces_seen(scene: FlatScene, hits: Hits) -> NDArray[np.int32]:
    """The surface that each left pixel shows, (H * W,); behind the last one: nothing."""
    count_b = [len(mesh.faces_f3) for mesh in scene.meshes]
    surface_b = np.array([*(mesh.surface for mesh in scene.meshes), len(scene.surfaces)], np.int32)
    surface_t = np.repeat(surface_b, [*count_b, 1])
    surface_n: NDArray[np.int32] = surface_t[np.maximum(hits.primitive_n, -1)]
    return surface_n


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
            sharpness=_sharpness(surface.roughness),
            scattered=colour * (1 - metal) + min(1.0, _mean(surface.emissive)),
            coat=_mean(surface.clearcoat) * (1 - surface.clearcoat_roughness) ** 2,
            refracts=float(polish > 0 or metal > 0),
        )

    def at_every_angle(self, most: float) -> bool | None:
        """Whether at every angle no more than `most` of the light is thrown back sharply; None: it depends.

        Both parts of the light change in step with `grazing`, so their share is largest at one of its ends.
        """
        ends = np.array([0.0, 1.0])
        mirrored_2 = np.asarray(self.mirrored(ends))
        if (mirrored_2 <= most - ROUNDING).all():
            return True
        return False if (mirrored_2 >= most + ROUNDING).all() else None

    def mirrored(self, cosine: float | Array) -> float | Array:
        """Share of the light that is thrown back sharply, seen at this cosine to the surface's normal."""
        grazing = (1 - np.asarray(cosine)) ** 5
        reflected = self.refracts * (self.reflectance + (1 - self.reflectance) * grazing)
        sharp = self.sharpness * reflected + self.coat * (COAT_F0 + (1 - COAT_F0) * grazing)
        wide = self.scattered + (1 - self.sharpness) * reflected
        return sharp / np.maximum(sharp + wide, 1e-9)


def _mean(value: float | Rgb | Texture) -> float:
    return _averages(value)[0]


def _sharpness(roughness: float | Texture) -> float:
    return _averages(roughness)[1]


def _averages(value: float | Rgb | Texture) -> tuple[float, float]:
    """Of the values, and of what they lack to 1, squared."""
    if isinstance(value, Texture):
        return image_averages(*image_key(value))
    values = np.asarray(value, float)
    return float(values.mean()), float(((1 - values) ** 2).mean())


@lru_cache(maxsize=4096)
def image_averages(texture: Texture, changed_ns: tuple[int, ...]) -> tuple[float, float]:
    """Of an image's values, and of what they lack to 1, squared. It is decoded once until its file changes.

    Many scenes show the same ones. Raises AssetFileError.
    """
    del changed_ns
    values_hwc = read_values(texture, max_side=TEXELS)
    return float(values_hwc.mean()), float(((1 - values_hwc) ** 2).mean())
