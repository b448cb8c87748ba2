"""What is behind flying objects: sky, planes, corners, boxes, stacks of panels, and pictures before them.

A backdrop is panels and the half-spaces that they leave free, so that nothing flies through a wall.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from assets_manifest.made.textures import with_tag
from fsd_gen.scene.rig import StereoRig
from fsd_gen.scene.rotations import camera_to_world, facing
from fsd_gen.scene.spec import CameraPose, MaterialSpec, Panel
from fsd_gen.styles import materials
from fsd_gen.styles.hard import Quota, harden_panel
from fsd_gen.styles.sampler import AnySampler, log_uniform, pick

Array = NDArray[np.float64]
Kind = Literal["sky", "open", "plane", "corner", "box", "stack"]
KINDS: tuple[Kind, ...] = ("sky", "open", "plane", "corner", "box", "stack")
CHANCES = (0.12, 0.2, 0.18, 0.15, 0.2, 0.15)
UP = np.array([0.0, 0.0, 1.0])
TILE_PX = (220.0, 800.0)  # how large a backdrop's tile may appear
BUSY = (  # sorts of made textures that have something to match wherever one looks
    "wallpaper", "bricks", "tiles", "gravel", "terrazzo", "planks", "parquet", "carpet", "printed_cloth",
    "concrete", "slabs", "setts", "rooftiles", "bark", "weathered",
    "panelled", "rug", "poster", "newsprint", "spines", "cardboard", "turf",
)  # fmt: skip
PICTURES = ("poster", "poster", "poster", "label", "newsprint", "spines", "rug")


@dataclass(frozen=True, slots=True, kw_only=True)
class Backdrop:
    """Panels, and the half-spaces in which objects may be: points and inward normals."""

    kind: Kind
    panels: tuple[Panel, ...]
    points_p3: Array
    normals_p3: Array

    def room_m(self, position_3: Array) -> float:
        """Distance to the nearest endless panel; negative behind one."""
        if not len(self.points_p3):
            return float("inf")
        return float(np.einsum("pk,pk->p", position_3 - self.points_p3, self.normals_p3).min())


@dataclass(frozen=True, slots=True, kw_only=True)
class Painter:
    """Draws the panels of one scene."""

    sampler: AnySampler
    rng: np.random.Generator
    rig: StereoRig
    camera: CameraPose
    far_m: float

    def backdrop(self) -> Backdrop:
        """Any of the kinds."""
        kind = KINDS[int(self.rng.choice(len(KINDS), p=CHANCES))]
        walls = self._walls(kind)
        panels = [
            self._endless(name, point_3, normal_3, *tags) for name, (point_3, normal_3, tags) in walls.items()
        ]
        return Backdrop(
            kind=kind,
            panels=tuple(panels),
            points_p3=np.array([point_3 for point_3, _, _ in walls.values()]).reshape(-1, 3),
            normals_p3=np.array([normal_3 for _, normal_3, _ in walls.values()]).reshape(-1, 3),
        )

    def pictures(self, number: int, quota: Quota, backdrop: Backdrop) -> tuple[Panel, ...]:
        """Finite panels at several depths before the backdrop, as if hung in mid-air."""
        rng, pose_44 = self.rng, camera_to_world(self.camera)
        panels = []
        for index in range(number):
            depth_m = self.far_m * float(rng.uniform(0.75, 1.6))
            size = self._size_at(depth_m)
            seen_3 = self._ray(rng.uniform(-0.05, 1.05), rng.uniform(-0.05, 1.05)) * depth_m
            centre_3 = pose_44[:3, :3] @ seen_3 + pose_44[:3, 3]
            if backdrop.room_m(centre_3) < 0.55 * max(size):
                continue
            turned_3 = -pose_44[:3, 2] + 0.6 * rng.normal(size=3)
            panel = self._panel(f"Picture_{index:02d}", centre_3, turned_3, size, self._picture(size))
            panels.append(harden_panel(rng, quota, panel))
        return tuple(panels)

    def _walls(self, kind: Kind) -> dict[str, tuple[Array, Array, tuple[str, ...]]]:
        """Name, a point of each endless panel, its inward normal, and tags of its texture."""
        rng, far_m = self.rng, self.far_m
        forward = camera_to_world(self.camera)[:3, 2]
        level = np.array([forward[0], forward[1], 0.0]) / max(float(np.hypot(*forward[:2])), 1e-6)
        yaw = float(np.deg2rad(rng.uniform(-35, 35)))
        ahead = level * np.cos(yaw) + np.cross(UP, level) * np.sin(yaw)
        side, eye = np.cross(UP, ahead), np.array(self.camera.position)
        wide, deep = far_m * rng.uniform(0.75, 1.2), far_m * rng.uniform(1.25, 1.8)
        low, high = far_m * rng.uniform(0.3, 0.6), far_m * rng.uniform(0.4, 0.8)
        hand = side if rng.uniform() < 0.5 else -side
        ground = (eye - UP * low, UP, ("floor", "ground", "carpet"))
        wall = (eye + ahead * deep, -ahead + UP * rng.uniform(-0.15, 0.15) * (kind == "plane"), ("wall",))
        flank = (eye + hand * wide, -hand, ("wall", "wood"))
        other = (eye - hand * wide, hand, ("wall", "stone"))
        behind = (eye - ahead * far_m * 0.5, ahead, ("wall",))
        ceiling = (eye + UP * high, -UP, ("wall", "wood"))
        named = {"Ground": ground, "Wall": wall, "Flank": flank, "Other": other, "Behind": behind}
        named["Ceiling"] = ceiling
        taken: dict[Kind, tuple[str, ...]] = {
            "open": ("Ground",),
            "plane": ("Wall",),
            "corner": ("Ground", "Wall", "Flank"),
            "box": tuple(named),
        }
        return {name: _unit(named[name]) for name in taken.get(kind, ())}

    def _endless(self, name: str, point_3: Array, normal_3: Array, *tags: str) -> Panel:
        far = (self.far_m * 12, self.far_m * 12)
        return self._panel(name, point_3, normal_3, far, self._busy(*tags))

    def _busy(self, *tags: str) -> MaterialSpec:
        """A texture with content, at its real size unless that would be a blur or a haze from here."""
        rng = self.rng
        photos = self.sampler.assets("photo") + self.sampler.assets("texture", "painting")
        if photos and rng.uniform() < 0.15:
            coat = materials.of_texture(rng, pick(rng, photos), tile_m=self.far_m)
        elif rng.uniform() < self.sampler.style.made:
            sorts = [s for s in with_tag(*tags) if s in BUSY] if rng.uniform() < 0.5 else BUSY
            coat = materials.made(rng, pick(rng, sorts or BUSY))
        else:
            coat = materials.real_surface(self.sampler, rng, *tags)
        tile_px = self.rig.focal_px / self.far_m / coat.uv_scale[0] * log_uniform(rng, 0.5, 2.0)
        factor = float(np.clip(tile_px, *TILE_PX)) / (self.rig.focal_px / self.far_m / coat.uv_scale[0])
        tiles = round(coat.uv_scale[0] / factor, 6)
        return coat.but(uv_scale=(tiles, tiles))

    def _picture(self, size: tuple[float, float]) -> MaterialSpec:
        rng, photos = self.rng, self.sampler.assets("photo") + self.sampler.assets("texture", "painting")
        if not photos or rng.uniform() < (1 + self.sampler.style.made) / 2:  # there are few photos
            return materials.spread(rng, pick(rng, PICTURES), size)
        coat = materials.of_texture(rng, pick(rng, photos), tile_m=1.0, spin=False)
        return coat.but(uv_scale=(round(1 / size[0], 5), round(1 / size[1], 5)), uv_offset=(0.0, 0.0))

    def _size_at(self, depth_m: float) -> tuple[float, float]:
        """A tenth to half of the view at that depth, of any shape."""
        across_m = log_uniform(self.rng, 0.1, 0.45) * self.rig.width / self.rig.focal_px * depth_m
        return round(across_m, 4), round(across_m * log_uniform(self.rng, 0.6, 1.6), 4)

    def _ray(self, u: float, v: float) -> Array:
        rig = self.rig
        x, y = u * rig.width - rig.cx_px, v * rig.height - rig.cy_px
        return np.array([x / rig.focal_px, y / rig.focal_px, 1.0])

    def _panel(
        self, name: str, centre_3: Array, normal_3: Array, size: tuple[float, float], coat: MaterialSpec
    ) -> Panel:
        x, y, z = centre_3.round(5).tolist()
        return Panel(name=name, position=(x, y, z), rotation=facing(normal_3), size=size, material=coat)


def _unit(wall: tuple[Array, Array, tuple[str, ...]]) -> tuple[Array, Array, tuple[str, ...]]:
    point_3, normal_3, tags = wall
    return point_3, normal_3 / np.linalg.norm(normal_3), tags
