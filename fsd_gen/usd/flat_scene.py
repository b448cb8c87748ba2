"""A stage as renderers and the ground truth need it: triangles, surfaces and lights as plain values.

`usd.reader` makes it from USD; backends and `truth` take it. World axes: z up, metres, whatever
the stage's own axis and unit were.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Rgb = tuple[float, float, float]
Four = tuple[float, float, float, float]
ColourSpace = Literal["sRGB", "raw"]
ChannelName = Literal["rgb", "r", "g", "b", "a"]
Wrap = Literal["repeat", "clamp", "mirror", "black"]
AreaShape = Literal["rect", "disk", "sphere"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Texture:
    """An image over texture coordinates: st' = rotate(st * scale) + translation, as UsdTransform2d says."""

    path: Path
    colour_space: ColourSpace
    channel: ChannelName = "rgb"
    scale: tuple[float, float] = (1.0, 1.0)
    rotation_deg: float = 0.0
    translation: tuple[float, float] = (0.0, 0.0)
    wrap: Wrap = "repeat"
    gain: Four = (1.0, 1.0, 1.0, 1.0)  # per channel, after the colour space
    bias: Four = (0.0, 0.0, 0.0, 0.0)  # value = texel * gain + bias


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """A UsdPreviewSurface. Every input is a constant or a texture."""

    name: str
    diffuse: Rgb | Texture = (0.18, 0.18, 0.18)
    emissive: Rgb | Texture = (0.0, 0.0, 0.0)
    roughness: float | Texture = 0.5
    metallic: float | Texture = 0.0
    opacity: float | Texture = 1.0
    opacity_threshold: float = 0.0  # > 0: a cut-out, each point is there or not
    ior: float = 1.5
    normal: Texture | None = None  # 0..1 stands for -1..1; green points along +t

    @property
    def transparent(self) -> bool:
        """See-through without being a cut-out."""
        return self.opacity_threshold == 0 and (isinstance(self.opacity, Texture) or self.opacity < 1)

    @property
    def cutout_texture(self) -> Texture | None:
        """The opacity of a surface with holes: a ray goes on where it is below the threshold."""
        return self.opacity if self.opacity_threshold > 0 and isinstance(self.opacity, Texture) else None

    @property
    def cutout(self) -> bool:
        """Has holes."""
        return self.cutout_texture is not None

    @property
    def mirror(self) -> bool:
        """Reflects like a mirror: a smooth metal. A matcher sees the reflection, not the surface."""
        smooth = not isinstance(self.roughness, Texture) and self.roughness < 0.15
        return smooth and not isinstance(self.metallic, Texture) and self.metallic > 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Mesh:
    """Triangles in the world with one surface."""

    name: str  # prim path, with the subset's name where there is one
    vertices_v3: NDArray[np.float64]  # metres
    faces_f3: NDArray[np.int32]
    uv_v2: NDArray[np.float32] | None
    normals_v3: NDArray[np.float32] | None  # None: flat shading
    surface: int  # index into FlatScene.surfaces


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaLight:
    """Rect (1 x 1 in x-y), disk or sphere (radius 1), placed by `to_world`; flat ones shine along -z."""

    name: str
    shape: AreaShape
    to_world: NDArray[np.float64]  # (4, 4), column vectors
    radiance: Rgb


@dataclass(frozen=True, slots=True, kw_only=True)
class ParallelLight:
    """Parallel light travelling along `direction`."""

    name: str
    direction: tuple[float, float, float]  # unit, world, from the light towards the scene
    angle_deg: float  # angular diameter
    irradiance: Rgb


@dataclass(frozen=True, slots=True, kw_only=True)
class DomeLight:
    """Light from infinitely far; `to_world` turns the latitude-longitude image as UsdLux.DomeLight says."""

    texture: Path | None
    radiance: Rgb  # multiplies the texture
    to_world: NDArray[np.float64]  # (4, 4), column vectors


@dataclass(frozen=True, slots=True, kw_only=True)
class FlatScene:
    """All that can be seen, and the left camera's place."""

    meshes: tuple[Mesh, ...]
    surfaces: tuple[Surface, ...]
    area_lights: tuple[AreaLight, ...]
    parallel_lights: tuple[ParallelLight, ...]
    dome: DomeLight | None
    left_to_world: NDArray[np.float64]  # (4, 4), column vectors; camera axes x right, y down, z forward
