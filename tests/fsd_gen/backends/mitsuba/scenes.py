"""Tiny scenes whose pixels can be worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fsd_gen.scene.rig import StereoRig
from fsd_gen.scene.spec import RenderSettings
from fsd_gen.usd.flat_scene import FlatScene, Mesh, ParallelLight, Surface
from fsd_gen.usd.staged import StagedScene

WIDTH, HEIGHT = 64, 36
RIG = StereoRig.centred(width=WIDTH, height=HEIGHT, focal_px=32.0, baseline_m=0.5)
PLAIN = RenderSettings(spp=16, denoise=False)
LOOKING_ALONG_Y = np.array([[1.0, 0, 0, 0], [0, 0, 1.0, 0], [0, -1.0, 0, 0], [0, 0, 0, 1.0]])
MATTE = Surface(name="matte", diffuse=(0.5, 0.25, 0.125), roughness=1.0, ior=1.0)
GLOW = Surface(name="glow", diffuse=(0.0, 0.0, 0.0), emissive=(1.0, 1.0, 1.0), ior=1.0)
SUN = ParallelLight(name="sun", direction=(0.0, 1.0, 0.0), angle_deg=0.0, irradiance=(2.0, 2.0, 2.0))


def wall(surface: int, *, y: float = 4.0, half: float = 20.0, x: float = 0.0, z: float = 0.0) -> Mesh:
    """A square facing the camera at distance `y`; the texture covers it once, upright."""
    square = [(-half, -half), (half, -half), (half, half), (-half, half)]
    return Mesh(
        name=f"wall_{surface}",
        vertices_v3=np.array([[x + a, y, z + b] for a, b in square]),
        faces_f3=np.array([[0, 1, 2], [0, 2, 3]], np.int32),
        uv_v2=np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32),
        normals_v3=None,
        surface=surface,
    )


def turned(mesh: Mesh) -> Mesh:
    """The same, facing the other way."""
    return replace(mesh, faces_f3=mesh.faces_f3[:, ::-1].copy())


def scene(*meshes: Mesh, surfaces: tuple[Surface, ...] = (MATTE,), **lights: object) -> StagedScene:
    given = {"area_lights": (), "parallel_lights": (), "dome": None, **lights}
    flat = FlatScene(meshes=meshes, surfaces=surfaces, left_to_world=LOOKING_ALONG_Y, **given)
    return StagedScene(path=Path("/not/read/by/mitsuba.usdc"), flat=flat)


def middle(image_hwc: NDArray[np.float32]) -> NDArray[np.float32]:
    return image_hwc[HEIGHT // 2 - 4 : HEIGHT // 2 + 4, WIDTH // 2 - 4 : WIDTH // 2 + 4].mean(axis=(0, 1))
