"""The checks in their plain form: every step for every pixel, by the obvious means.

What `fsd_gen.checks` finds must equal this to the bit.
"""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
from numpy.typing import NDArray

from fsd_gen.checks.steady import MOST_MIRRORED, MOST_ON_PLAIN, Shine
from fsd_gen.scene.rig import StereoRig
from fsd_gen.truth.raycast import Hits
from fsd_gen.truth.surfaces import normal_map
from fsd_gen.usd.flat_scene import FlatScene, Surface, Texture


def steady_mask(scene: FlatScene, rig: StereoRig, hits: Hits) -> NDArray[np.bool_]:
    """As in `fsd_gen.checks.steady`: every pixel is asked."""
    surface_b = [np.full(len(mesh.faces_f3), mesh.surface) for mesh in scene.meshes]
    surface_t = np.concatenate([*surface_b, [len(scene.surfaces)]])  # the last one: nothing
    surface_n = surface_t[np.where(hits.primitive_n >= 0, hits.primitive_n, -1)]
    shine_s5 = np.zeros((len(scene.surfaces) + 1, 5))
    shine_s5[-1] = (0.0, 0.0, 1.0, 0.0, 0.0)
    for index in np.unique(surface_n):
        if index < len(scene.surfaces):
            shine_s5[index] = astuple(Shine.of(scene.surfaces[index]))
    most_s = np.array([*map(_most, scene.surfaces), MOST_MIRRORED])
    shine = Shine(*shine_s5[surface_n].T)
    mirrored_n = np.asarray(shine.mirrored(cosine_map(scene, rig, hits).ravel()))
    steady_hw: NDArray[np.bool_] = (mirrored_n <= most_s[surface_n]).reshape(rig.height, rig.width)
    return steady_hw


def _most(surface: Surface) -> float:
    shown = (surface.diffuse, surface.emissive, surface.normal)
    return MOST_MIRRORED if any(isinstance(each, Texture) for each in shown) else MOST_ON_PLAIN


def cosine_map(scene: FlatScene, rig: StereoRig, hits: Hits) -> NDArray[np.float64]:
    """(H, W): of the angle between each ray and the normal of what it meets."""
    directions_hw3 = rig.ray_directions()
    along_hw = -np.einsum("hwk,hwk->hw", normal_map(scene, rig, hits), directions_hw3)
    cosine_hw: NDArray[np.float64] = np.clip(along_hw / np.linalg.norm(directions_hw3, axis=2), 0.0, 1.0)
    return cosine_hw
