"""A stage as renderers and the ground truth need it: triangles, surfaces and lights as plain values.

`usd.reader` makes it from USD; backends and `truth` take it. World axes: z up, metres, whatever
the stage's own axis and unit were.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Rgb = tuple[float, float, float]
Four = tuple[float, float, float, float]
ColourSpace = Literal["sRGB", "raw"]
ChannelName = Literal["rgb", "r", "g", "b", "a", "mean"]  # mean: of red, green and blue
Wrap = Literal["repeat", "clamp", "mirror", "black"]
AreaShape = Literal["rect", "disk", "sphere"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One image of a UDIM set; it covers column <= s' < column + 1, row <= t' < row + 1."""

    column: int
    row: int
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Texture:
    """An image over texture coordinates: st' = rotate(st * scale) + translation, as UsdTransform2d says."""

    path: Path  # may lie in a package: scene.usdz[oak.png]; of a UDIM set, its pattern
    colour_space: ColourSpace
    channel: ChannelName = "rgb"
    scale: tuple[float, float] = (1.0, 1.0)
    rotation_deg: float = 0.0
    translation: tuple[float, float] = (0.0, 0.0)
    wrap_s: Wrap = "repeat"
    wrap_t: Wrap = "repeat"
    gain: Four = (1.0, 1.0, 1.0, 1.0)  # per channel, after the colour space
    bias: Four = (0.0, 0.0, 0.0, 0.0)  # value = texel * gain + bias, also beyond a black-wrapped image
    tiles: tuple[Tile, ...] = ()  # a UDIM set; nothing of it repeats

    @property
    def window(self) -> tuple[int, int, int, int]:
        """First column and row, columns and rows of texture space that the image covers."""
        if not self.tiles:
            return 0, 0, 1, 1
        columns, rows = ([getattr(tile, axis) for tile in self.tiles] for axis in ("column", "row"))
        low_s, low_t = min(columns), min(rows)
        return low_s, low_t, max(columns) - low_s + 1, max(rows) - low_t + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """What of an MDL material nobody but RTX can read; the rest of its surface stands in for it."""

    mdl: str  # the module as the stage names it, and the material in it: "vMaterials_2/Steel.mdl (Worn)"
    material: str  # path of the prim
    lack: str = ""  # what cannot be read of a material that is known; empty: nothing is known of it
    holes: bool = False  # it may have holes, or let light through: to the truth it is opaque

    @property
    def kind(self) -> str:
        """The material without the prim that uses it."""
        return f"{self.mdl}: {self.lack}" if self.lack else self.mdl


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
    presence: bool = False  # opacity is the share of the surface that is there; nothing refracts
    ior: float = 1.5
    clearcoat: float | Texture = 0.0  # share of a second, clear layer over all
    clearcoat_roughness: float = 0.01
    normal: Texture | None = None  # 0..1 stands for -1..1; green points along +t
    tint: Rgb = (1.0, 1.0, 1.0)  # of light that passes through glass, beside the diffuse colour's
    unread: Unread | None = None  # None: everything that makes its look is here

    @property
    def absent(self) -> bool:
        """Not there at all: opaque nowhere enough for its threshold, or present nowhere."""
        if isinstance(self.opacity, Texture):
            return False
        return self.opacity < self.opacity_threshold or (self.presence and self.opacity <= 0)

    @property
    def coated(self) -> bool:
        """Has a clear layer over it."""
        return isinstance(self.clearcoat, Texture) or self.clearcoat > 0

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
class Shaping:
    """Into which directions a light shines, as UsdLux.ShapingAPI says."""

    axis: tuple[float, float, float]  # unit, world: the middle of the cone
    cone_deg: float  # no light further than this from the axis
    softness: float = 0.0  # share of the cone, from its edge inwards, over which light fades
    focus: float = 0.0  # power of the cosine to the axis
    focus_tint: Rgb = (0.0, 0.0, 0.0)  # factor where that power is 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaLight:
    """Rect (1 x 1 in x-y), disk or sphere (radius 1), placed by `to_world`; flat ones shine along -z."""

    name: str
    shape: AreaShape
    to_world: NDArray[np.float64]  # (4, 4), column vectors
    radiance: Rgb
    shaping: Shaping | None = None  # None: as far as its shape lets it


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

    def gives_light(self) -> bool:
        """Whether anything in it shines."""
        glows = any(surface.emissive != (0.0, 0.0, 0.0) for surface in self.surfaces)
        return bool(glows or self.area_lights or self.parallel_lights or self.dome)

    def around_the_camera(self) -> FlatScene:
        """The same scene with the origin moved to the left camera, for whatever computes in float32."""
        shift_3 = -self.left_to_world[:3, 3]
        meshes = (replace(mesh, vertices_v3=mesh.vertices_v3 + shift_3) for mesh in self.meshes)
        lights = (replace(light, to_world=_shifted(light.to_world, shift_3)) for light in self.area_lights)
        return replace(
            self,
            meshes=tuple(meshes),
            area_lights=tuple(lights),
            left_to_world=_shifted(self.left_to_world, shift_3),
        )


def _shifted(to_world_44: NDArray[np.float64], shift_3: NDArray[np.float64]) -> NDArray[np.float64]:
    moved_44 = to_world_44.copy()
    moved_44[:3, 3] += shift_3
    return moved_44
