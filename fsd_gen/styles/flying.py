"""Flying scenes: randomly posed, scaled and retextured real objects before a background.

The paper calls them chaotic (section 3.5).
The rig is drawn first; depths follow from it, so that disparities spread over the whole range
whatever the baseline. Then the camera turns to the objects' centre of mass.
"""

from __future__ import annotations

import numpy as np

from fsd_gen.scene.rig import StereoRig
from fsd_gen.scene.rotations import camera_to_world, facing, heading, random_rotation
from fsd_gen.scene.spec import CameraPose, Panel, Placement, SceneSpec, Vec3
from fsd_gen.styles import lighting, materials
from fsd_gen.styles.sampler import Sampler, log_uniform, pick

UNUSABLE = ("door_window", "flat")  # tags of objects that make no sense in mid-air


def compose(sampler: Sampler) -> SceneSpec:
    """A flying scene."""
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
    camera = CameraPose(
        position=first.position, target=centre, roll_deg=round(float(layout.normal(0, 2.5)), 3)
    )
    kind = layout.choice(["open", "plane", "corner"], p=[0.3, 0.4, 0.3])
    return sampler.scene(
        rig,
        camera,
        placements=placements,
        panels=_background(sampler, rig, camera, far_m, eye_m, str(kind)),
        lights=_lights(sampler, centre, far_m),
        dome=lighting.dome(sampler, "sharp") if kind == "open" else lighting.dome(sampler),
    )


def _objects(
    sampler: Sampler, rig: StereoRig, pose: np.ndarray, near_m: float, far_m: float
) -> tuple[Placement, ...]:
    """Objects spread evenly over the image and over inverse depth, never nearer than `near_m`."""
    rng, flying = sampler.rng("objects"), sampler.config.flying
    assets = sampler.some("object", without=UNUSABLE)
    placements = []
    for index in range(int(rng.integers(flying.objects[0], flying.objects[1] + 1))):
        asset = pick(rng, assets)
        longest_m = max(asset.size_m or (1.0, 1.0, 1.0))
        depth_m = 1 / rng.uniform(1 / far_m, 1 / near_m)
        across_m = log_uniform(rng, 0.12, 0.55) * rig.width / rig.focal_px * depth_m
        across_m = min(across_m, far_m * 0.5)
        depth_m = max(depth_m, near_m + across_m * 0.55)
        u, v = rng.uniform(0.02, 0.98) * rig.width, rng.uniform(0.05, 0.95) * rig.height
        seen = np.array([(u - rig.cx_px) / rig.focal_px, (v - rig.cy_px) / rig.focal_px, 1.0]) * depth_m
        x, y, z = (pose[:3, :3] @ seen + pose[:3, 3]).round(5).tolist()
        scale = round(across_m / longest_m, 6)
        upright = rng.uniform() < 0.35
        rotation = heading(rng.uniform(0, 360)) if upright else random_rotation(rng)
        coat = (
            materials.object_material(sampler, rng, longest_m) if rng.uniform() < flying.retexture else None
        )
        placements.append(
            Placement(
                name=f"Object_{index:02d}",
                asset=asset.id,
                position=(x, y, z),
                rotation=rotation,
                scale=(scale, scale, scale),
                material=coat,
            )
        )
    return tuple(placements)


def _background(
    sampler: Sampler, rig: StereoRig, camera: CameraPose, far_m: float, eye_m: float, kind: str
) -> tuple[Panel, ...]:
    """Ground under an open sky; or one slanted plane; or a corner of ground, back wall and side wall."""
    rng = sampler.rng("background")
    forward = camera_to_world(camera)[:3, 2]
    level = np.array([forward[0], forward[1], 0.0]) / np.linalg.norm(forward[:2])
    side = np.array([-level[1], level[0], 0.0])
    wide_m = far_m * 12
    ground_z = eye_m - far_m * float(rng.uniform(0.25, 0.6))
    texture_m = far_m / 2.5  # one tile, so that detail is seen at any scale of scene

    def plane(name: str, centre: np.ndarray, normal: np.ndarray, *tags: str) -> Panel:
        material = materials.surface(sampler, rng, *tags)
        scale = round(1 / (texture_m * log_uniform(rng, 0.5, 1.5)), 6)
        material = material.model_copy(update={"uv_scale": (scale, scale)})
        x, y, z = centre.round(5).tolist()
        return Panel(
            name=name, position=(x, y, z), rotation=facing(normal), size=(wide_m, wide_m), material=material
        )

    origin = np.array([0.0, 0.0, eye_m])
    ground = plane("Ground", np.array([0.0, 0.0, ground_z]), np.array([0.0, 0.0, 1.0]), "floor", "ground")
    if kind == "open":
        return (ground,)
    tilt = np.deg2rad(rng.uniform(-40, 40))
    normal = -level * np.cos(tilt) + side * np.sin(tilt) + np.array([0.0, 0.0, rng.uniform(-0.25, 0.25)])
    reach_m = far_m * (1.15 + 0.9 * abs(np.sin(tilt)) * rig.width / rig.focal_px)
    wall = plane("Background", origin + level * reach_m, normal, "wall", "brick", "stone", "wood")
    if kind == "plane":
        return (wall,)
    hand = 1.0 if rng.uniform() < 0.5 else -1.0
    flank = plane("Flank", origin + side * hand * far_m * 0.9, -side * hand + level * 0.2, "wall", "wood")
    return (ground, wall, flank)


def _lights(sampler: Sampler, centre: Vec3, far_m: float) -> tuple:
    rng = sampler.rng("lights")
    lamps = lighting.studio_lights(rng, centre=centre, reach_m=far_m)
    if rng.uniform() < 0.4:
        return (*lamps, lighting.sun(rng, irradiance=log_uniform(rng, 1.0, 6.0)))
    return lamps
