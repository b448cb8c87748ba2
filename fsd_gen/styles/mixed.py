"""A furnished room with objects flying in its free space: what WMGStereo found to train best.

The room obeys the room. The objects hang anywhere in the view, turned and coated at random, and touch neither
walls nor furniture nor the camera.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from assets_manifest.records import Asset
from fsd_gen.scene.rig import StereoRig
from fsd_gen.scene.rotations import camera_to_world, random_rotation
from fsd_gen.scene.spec import CameraPose, Placement, SceneSpec
from fsd_gen.sections import PositiveCount, Share
from fsd_gen.styles import indoor, materials
from fsd_gen.styles.footprint import Footprint
from fsd_gen.styles.needs import OBJECT, TEXTURE, Need
from fsd_gen.styles.registry import Style
from fsd_gen.styles.rooms.room import Room
from fsd_gen.styles.sampler import Sampler, count, log_uniform, pick

TRIES = 40  # places tried for one object
UNUSABLE = ("flat", "door_window")
SIZES_M = (0.06, 0.5)  # of an object, as it flies
GAP_M = 0.02
Array = NDArray[np.float64]


class Config(indoor.Config):
    """Furnished rooms with flying objects."""

    flying: PositiveCount = (4, 18)
    """Objects in the air; those that find no free place are left out."""

    recoat: Share = 0.5
    """Of the flying objects that get another material."""

    metal: Share = 0.15
    """Of the recoated ones."""

    glass: Share = 0.08
    """Of the recoated ones."""

    def needs(self) -> tuple[Need, ...]:
        """Things to fly, and something to cover them with."""
        return (OBJECT, TEXTURE)


@dataclass(frozen=True, slots=True)
class Ball:
    """The room that a flying object needs, however it is turned."""

    centre_3: Array
    radius: float

    def clear_of(self, spot: Footprint) -> bool:
        """Whether it touches nothing of what stands on that ground."""
        x, y, z = self.centre_3.tolist()
        beside = spot.distance_to(x, y)
        over = max(spot.bottom - z, z - spot.top, 0.0)
        return float(np.hypot(beside, over)) > self.radius + GAP_M


@dataclass(slots=True)
class Air:
    """The free space of a furnished room before a camera."""

    rig: StereoRig
    camera: CameraPose
    room: Room
    nearest_m: float
    spots: tuple[Footprint, ...]
    balls: list[Ball] = field(default_factory=list)

    def place(self, rng: np.random.Generator, radius: float) -> Ball | None:
        """A free place in view, evenly over the image and over inverse depth; None where none was found."""
        pose_44, reach = camera_to_world(self.camera), float(np.hypot(self.room.width_m, self.room.depth_m))
        nearest = self.nearest_m + radius
        for _ in range(TRIES):
            depth = 1 / float(rng.uniform(1 / max(reach, nearest * 1.2), 1 / nearest))
            u, v = rng.uniform(0.03, 0.97) * self.rig.width, rng.uniform(0.05, 0.95) * self.rig.height
            ball = Ball(pose_44[:3, :3] @ self._seen(u, v, depth) + pose_44[:3, 3], radius)
            if self._is_free(ball):
                self.balls.append(ball)
                return ball
        return None

    def _seen(self, u: float, v: float, depth: float) -> Array:
        """The point at this depth behind a pixel, in the camera's axes."""
        rig = self.rig
        return np.array([(u - rig.cx_px) / rig.focal_px, (v - rig.cy_px) / rig.focal_px, 1.0]) * depth

    def _is_free(self, ball: Ball) -> bool:
        apart = (
            float(np.linalg.norm(ball.centre_3 - other.centre_3)) > ball.radius + other.radius + GAP_M
            for other in self.balls
        )
        return _inside(ball, self.room) and all(apart) and all(ball.clear_of(spot) for spot in self.spots)


def compose(sampler: Sampler[Config]) -> SceneSpec:
    """An indoor scene, and objects in the air of it."""
    room = indoor.draw_room(sampler)
    rig = sampler.rig(nearest_m=min(room.width_m, room.depth_m) * 0.28)
    interior = indoor.build(sampler, room)
    lights, lamps, dome = indoor.light(sampler, interior)
    camera = indoor.aim(sampler, room, rig, interior.furnished)
    return sampler.scene(
        rig,
        camera,
        placements=(*interior.placements, *lamps, *_flying(sampler, rig, camera, interior)),
        panels=interior.panels,
        lights=lights,
        dome=dome,
    )


def _flying(
    sampler: Sampler[Config], rig: StereoRig, camera: CameraPose, interior: indoor.Interior
) -> list[Placement]:
    rng = sampler.rng("flying")
    assets = [asset for asset in sampler.some("object", without=UNUSABLE) if asset.size_m]
    spots = (*(stood.spot for stood in interior.floor.stood), *interior.furnished.things)
    air = Air(rig, camera, interior.room, sampler.nearest_m(rig), spots)
    placements: list[Placement] = []
    for index in range(count(rng, sampler.style.flying)):
        asset, across_m = pick(rng, assets), log_uniform(rng, *SIZES_M)
        ball = air.place(rng, across_m / 2)
        if ball:
            placements.append(_object(sampler, rng, f"Flying_{index:02d}", asset, ball))
    return placements


def _object(
    sampler: Sampler[Config], rng: np.random.Generator, name: str, asset: Asset, ball: Ball
) -> Placement:
    """The asset, turned and coated at random, within the ball."""
    style, size_3 = sampler.style, np.array(asset.size_m)
    scale = 2 * ball.radius / float(np.linalg.norm(size_3))
    coat = None
    if rng.uniform() < style.recoat:
        longest = float(size_3.max())
        coat = materials.object_material(sampler, rng, longest, metal=style.metal, glass=style.glass)
    rotation = random_rotation(rng)
    return Placement(
        name=name,
        asset=asset.id,
        position=_origin(ball, float(size_3[2]) * scale, rotation),
        rotation=rotation,
        scale=(scale, scale, scale),
        material=coat,
    )


def _origin(
    ball: Ball, height_m: float, rotation: tuple[float, float, float, float]
) -> tuple[float, float, float]:
    """Where the asset's origin, the middle of its foot, has to be for its middle to be the ball's."""
    w, qx, qy, qz = rotation
    up_3 = np.array([2 * (qx * qz + w * qy), 2 * (qy * qz - w * qx), 1 - 2 * (qx * qx + qy * qy)])
    x, y, z = (ball.centre_3 - up_3 * height_m / 2).tolist()
    return (x, y, z)


def _inside(ball: Ball, room: Room) -> bool:
    """Whether it touches neither walls (nor what hangs flat on them), floor nor ceiling lamps."""
    x, y, z = map(float, ball.centre_3)
    free = ball.radius + 0.12
    level = free < z < room.ceiling_m - free - 0.3
    return level and abs(x) < room.width_m / 2 - free and abs(y) < room.depth_m / 2 - free


STYLE = Style(name="mixed", config=Config, compose=compose)
