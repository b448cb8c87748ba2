"""Flying scenes: randomly posed, scaled and retextured real objects before a background.

The paper calls them chaotic (section 3.5).
The rig is drawn first; depths follow from it, so that disparities spread over the whole range
whatever the baseline. Then the camera turns to the objects' centre of mass.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fsd_gen.scene.rig import StereoRig
from fsd_gen.scene.rotations import camera_to_world, facing, heading, random_rotation
from fsd_gen.scene.spec import CameraPose, LightSpec, MaterialSpec, Panel, Placement, SceneSpec, Vec3
from fsd_gen.sections import PositiveCount, Share
from fsd_gen.styles import lighting, materials
from fsd_gen.styles.registry import Style
from fsd_gen.styles.sampler import Sampler, StyleConfig, count, log_uniform, pick

UNUSABLE = ("door_window", "flat")  # tags of objects that make no sense in mid-air
UP = np.array([0.0, 0.0, 1.0])

Array = NDArray[np.float64]


class Config(StyleConfig):
    """How many objects, and how many of them get another material."""

    objects: PositiveCount = (10, 32)  # how many
    retexture: Share = 0.6  # of the objects
    metal: Share = 0.12  # of the retextured ones
    glass: Share = 0.06  # of the retextured ones


def compose(sampler: Sampler[Config]) -> SceneSpec:
    """Flying objects before a background (chaotic, in the words of the paper)."""
    rig = sampler.rig()
    layout = sampler.rng("layout")
    near_m = sampler.nearest_m(rig) * layout.uniform(1.15, 2.2)
    far_m = near_m * layout.uniform(3.0, 8.0)
    eye_m = round(near_m * float(layout.uniform(1.0, 2.0)), 4)
    azimuth, pitch = layout.uniform(0, 2 * np.pi), np.deg2rad(layout.uniform(-14, 8))
    target = (float(np.cos(azimuth)), float(np.sin(azimuth)), eye_m + float(np.tan(pitch)))
    first = CameraPose(position=(0.0, 0.0, eye_m), target=target)
    placements = _objects(sampler, rig, camera_to_world(first), near_m, far_m)
    centre = tuple(np.mean([p.position for p in placements], axis=0).round(5).tolist())
    camera = CameraPose(position=first.position, target=centre, roll_deg=float(layout.normal(0, 2.5)))
    kind = str(layout.choice(["open", "plane", "corner"], p=[0.3, 0.4, 0.3]))
    return sampler.scene(
        rig,
        camera,
        placements=placements,
        panels=_background(sampler, rig, camera, far_m, kind),
        lights=_lights(sampler, centre, far_m),
        dome=lighting.dome(sampler, "sharp") if kind == "open" else lighting.dome(sampler),
    )


def _objects(
    sampler: Sampler[Config], rig: StereoRig, pose_44: Array, near_m: float, far_m: float
) -> tuple[Placement, ...]:
    """Objects spread evenly over the image and over inverse depth, never nearer than `near_m`."""
    rng, assets = sampler.rng("objects"), sampler.some("object", without=UNUSABLE)
    placements = []
    for index in range(count(rng, sampler.style.objects)):
        asset = pick(rng, assets)
        longest_m = max(asset.size_m or (1.0, 1.0, 1.0))
        position, across_m = _somewhere(rng, rig, pose_44, near_m, far_m)
        scale = across_m / longest_m
        upright = rng.uniform() < 0.35
        rotation = heading(rng.uniform(0, 360)) if upright else random_rotation(rng)
        placements.append(
            Placement(
                name=f"Object_{index:02d}",
                asset=asset.id,
                position=position,
                rotation=rotation,
                scale=(scale, scale, scale),
                material=_coat(sampler, rng, longest_m),
            )
        )
    return tuple(placements)


def _somewhere(
    rng: np.random.Generator, rig: StereoRig, pose_44: Array, near_m: float, far_m: float
) -> tuple[Vec3, float]:
    """A place in view for an object, and how large it is to be, in metres."""
    depth_m = 1 / rng.uniform(1 / far_m, 1 / near_m)
    across_m = log_uniform(rng, 0.12, 0.55) * rig.width / rig.focal_px * depth_m
    across_m = min(across_m, far_m * 0.5)
    depth_m = max(depth_m, near_m + across_m * 0.55)
    u, v = rng.uniform(0.02, 0.98) * rig.width, rng.uniform(0.05, 0.95) * rig.height
    seen_3 = np.array([(u - rig.cx_px) / rig.focal_px, (v - rig.cy_px) / rig.fy_px, 1.0]) * depth_m
    x, y, z = (pose_44[:3, :3] @ seen_3 + pose_44[:3, 3]).tolist()
    return (x, y, z), across_m


def _coat(sampler: Sampler[Config], rng: np.random.Generator, size_m: float) -> MaterialSpec | None:
    style = sampler.style
    if rng.uniform() >= style.retexture:
        return None
    return materials.object_material(sampler, rng, size_m, metal=style.metal, glass=style.glass)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Backdrop:
    """Draws large planes whose texture shows detail at any scale of scene."""

    sampler: Sampler[Config]
    rng: np.random.Generator
    far_m: float

    def plane(self, name: str, centre_3: Array, normal_3: Array, *tags: str) -> Panel:
        """A plane through `centre_3` with a texture of one of the `tags`."""
        material = materials.surface(self.sampler, self.rng, *tags)
        tile_m = self.far_m / 2.5
        scale = round(1 / (tile_m * log_uniform(self.rng, 0.5, 1.5)), 6)
        x, y, z = centre_3.round(5).tolist()
        return Panel(
            name=name,
            position=(x, y, z),
            rotation=facing(normal_3),
            size=(self.far_m * 12, self.far_m * 12),
            material=material.but(uv_scale=(scale, scale)),
        )


def _background(
    sampler: Sampler[Config], rig: StereoRig, camera: CameraPose, far_m: float, kind: str
) -> tuple[Panel, ...]:
    """Ground under an open sky; or one slanted plane; or a corner of ground, back wall and side wall."""
    rng = sampler.rng("background")
    draw = _Backdrop(sampler=sampler, rng=rng, far_m=far_m)
    forward = camera_to_world(camera)[:3, 2]
    level = np.array([forward[0], forward[1], 0.0]) / np.linalg.norm(forward[:2])
    side = np.array([-level[1], level[0], 0.0])
    origin = np.array(camera.position)
    ground_z = origin[2] - far_m * float(rng.uniform(0.25, 0.6))
    ground = draw.plane("Ground", np.array([0.0, 0.0, ground_z]), UP, "floor", "ground")
    if kind == "open":
        return (ground,)
    tilt = np.deg2rad(rng.uniform(-40, 40))
    normal = -level * np.cos(tilt) + side * np.sin(tilt) + UP * rng.uniform(-0.25, 0.25)
    reach_m = far_m * (1.15 + 0.9 * abs(np.sin(tilt)) * rig.width / rig.focal_px)
    wall = draw.plane("Background", origin + level * reach_m, normal, "wall", "brick", "stone", "wood")
    if kind == "plane":
        return (wall,)
    hand = 1.0 if rng.uniform() < 0.5 else -1.0
    beside = origin + side * hand * far_m * 0.9
    flank = draw.plane("Flank", beside, -side * hand + level * 0.2, "wall", "wood")
    return (ground, wall, flank)


def _lights(sampler: Sampler[Config], centre: Vec3, far_m: float) -> tuple[LightSpec, ...]:
    rng = sampler.rng("lights")
    lamps = lighting.studio_lights(rng, centre=centre, reach_m=far_m)
    if rng.uniform() < 0.4:
        return (*lamps, lighting.sun(rng, irradiance=log_uniform(rng, 1.0, 6.0)))
    return lamps


STYLE = Style(name="flying", config=Config, compose=compose)
