"""Objects let go over the ground of a stage, where the camera sees them, until they rest on it.

Physics has the stage's own triangles around the place, and what was dropped before. What does not come to
rest, leaves the place, comes too near the camera, or reaches more than 2 mm into anything is tried elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assets_manifest.derived.hulls import hulls
from assets_manifest.records import Asset
from fsd_gen.physics.bodies import Block, Body, standing
from fsd_gen.scene.rig import StereoRig
from fsd_gen.scene.rotations import camera_to_world, heading, random_rotation
from fsd_gen.scene.spec import CameraPose, Placement
from fsd_gen.styles.heaps.let_go import world_points
from fsd_gen.styles.sampler import AnySampler, count, pick

if TYPE_CHECKING:
    from fsd_gen.worlds.space import Space

UNSUITED = ("wall", "ceiling", "door_window", "flat")
TRIES = 12  # places looked at for one object
FALLS = 3  # of them at which it is let go, at most
NEAR, FURTHEST_M = 1.3, 12.0  # from the camera: in nearest distances of the rig, and at most
UNEVEN = 0.5  # highest ground under an object over its middle, of its radius
RIM = 8  # rays around it
SMALL_M = 0.5  # what is no longer may tumble from any pose
TUMBLING = 0.5  # share of those that do
TUMBLE_M, STAND_M = (0.03, 0.25), 0.008  # height of the fall
FALL_S = 1.6
REACHES_M = (0.4, 0.1)  # beside an object: ground that it may slide or roll over; less where that is too fine
MOST_PENETRATION_M = 0.002

Array = NDArray[np.float64]
UP = np.array([0.0, 0.0, 1.0])


def dropped(
    sampler: AnySampler, space: Space, rig: StereoRig, camera: CameraPose, wanted: tuple[int, int]
) -> tuple[Placement, ...]:
    """Objects that rest on free ground in view; fewer where there is no room for all."""
    rng = sampler.rng("objects")
    number = count(rng, wanted)
    if not number:
        return ()
    assets = [asset for asset in sampler.some("object", without=UNSUITED) if asset.size_m]
    view = _View(space, rig, camera_to_world(camera), sampler.nearest_m(rig))
    placements: list[Placement] = []
    resting: list[Body] = []
    for index in range(number):
        asset = pick(rng, assets)
        body = _at_rest(view, rng, _let_go(sampler, asset, rng), resting)
        if body is not None:
            resting.append(body)
            name = f"Object_{index:02d}"
            placed = Placement(name=name, asset=asset.id, position=body.position, rotation=body.rotation)
            placements.append(placed)
    return tuple(placements)


@dataclass(frozen=True, slots=True)
class _View:
    """A stage and the left eye in it."""

    space: Space
    rig: StereoRig
    frame_44: Array  # camera to world
    nearest_m: float  # at which a surface reaches the largest disparity

    def ground(self, rng: np.random.Generator, radius_m: float) -> Array:
        """Points (N, 3) on level ground that the left eye sees, not too near."""
        rig = self.rig
        u_n, v_n = rng.uniform(0.05, 0.95, TRIES) * rig.width, rng.uniform(0.4, 1.0, TRIES) * rig.height
        seen_n3 = np.column_stack(
            [(u_n - rig.cx_px) / rig.focal_px, (v_n - rig.cy_px) / rig.fy_px, np.ones(TRIES)]
        )
        rays_n3, eye_3 = seen_n3 @ self.frame_44[:3, :3].T, self.frame_44[:3, 3]
        hits = self.space.cast(np.broadcast_to(eye_3, rays_n3.shape), rays_n3)
        keep_n = self.space.level(hits) & (hits.t_n > self.nearest_m * NEAR + radius_m)
        keep_n &= (hits.t_n < FURTHEST_M) & (rays_n3[:, 2] < 0)
        points: Array = eye_3 + rays_n3[keep_n] * hits.t_n[keep_n, None]
        return points

    def is_too_near(self, points_n3: Array) -> bool:
        """Whether any of the points is nearer than the largest disparity allows."""
        depth_n = (points_n3 - self.frame_44[:3, 3]) @ self.frame_44[:3, 2]
        return bool(depth_n.min() < self.nearest_m)


@dataclass(frozen=True, slots=True)
class _Fall:
    """An object about to be let go: turned as it is, its origin not yet moved."""

    body: Body
    low_3: Array  # of its corners
    high_3: Array
    height_m: float  # above the ground

    @property
    def radius_m(self) -> float:
        return float(np.hypot(*(self.high_3 - self.low_3)[:2])) / 2

    def over(self, spot_3: Array, ground_m: float) -> Body:
        """Its body with its middle over the spot, that far above the ground there."""
        x, y = (spot_3 - (self.low_3 + self.high_3) / 2)[:2].tolist()
        return replace(self.body, position=(x, y, float(ground_m + self.height_m - self.low_3[2])))


def _let_go(sampler: AnySampler, asset: Asset, rng: np.random.Generator) -> _Fall:
    """Upright just above the ground; half of the small things in any pose, and higher."""
    library = sampler.library
    pieces = hulls(asset, library.path(asset.id), library.root(asset.id))
    tumbles = max(asset.size_m or (1.0,)) <= SMALL_M and rng.uniform() < TUMBLING
    rotation = random_rotation(rng) if tumbles else heading(float(rng.uniform(0, 360)))
    body = Body(hulls=pieces, position=(0.0, 0.0, 0.0), rotation=rotation)
    points_n3 = world_points(body)
    height_m = float(rng.uniform(*TUMBLE_M)) if tumbles else STAND_M
    return _Fall(body, points_n3.min(axis=0), points_n3.max(axis=0), height_m)


def _at_rest(view: _View, rng: np.random.Generator, fall: _Fall, resting: list[Body]) -> Body | None:
    """The object where it came to rest, at the first place of a few at which it does."""
    falls = 0
    for spot_3 in view.ground(rng, fall.radius_m):
        ground_m = _ground_under(view.space, spot_3, fall)
        if ground_m is None or not _is_clear(spot_3, fall.radius_m, resting):
            continue
        body = _fallen(view, fall.over(spot_3, ground_m), resting)
        falls += 1
        if body is not None or falls == FALLS:
            return body
    return None


def _fallen(view: _View, body: Body, resting: list[Body]) -> Body | None:
    """The body after its fall; None where it cannot stay."""
    from fsd_gen.worlds.ground import ground_near

    for reach_m in REACHES_M:
        points_n3 = world_points(body)
        low_3, high_3 = points_n3.min(axis=0) - reach_m, points_n3.max(axis=0) + reach_m
        if (ground := ground_near(view.space, low_3, high_3, (low_3 + high_3) / 2)) is not None:
            return _settled(view, body, (*ground, *_blocks(resting)), low_3, high_3)
    return None


def _blocks(resting: list[Body]) -> Iterator[Block]:
    """What rests already, as what stands fast."""
    for body in resting:
        yield from standing(body.hulls, body.position, body.rotation, body.scale)


def _settled(view: _View, body: Body, static: tuple[Block, ...], low_3: Array, high_3: Array) -> Body | None:
    """The body where it rests; None where it does not, leaves the box, sinks in or is too near."""
    from fsd_gen.physics.settle import settle  # needs an extra, which reading a configuration does not

    (end,) = settle((body,), static, FALL_S)
    if not end.at_rest or end.penetration_m > MOST_PENETRATION_M:
        return None
    moved = replace(body, position=end.position, rotation=end.rotation)
    points_n3 = world_points(moved)
    left = (points_n3.min(axis=0) < low_3).any() or (points_n3.max(axis=0) > high_3).any()
    return None if left or view.is_too_near(points_n3) else moved


def _is_clear(spot_3: Array, radius_m: float, resting: list[Body]) -> bool:
    """Whether what rests already lies outside the object's circle."""
    return all(
        np.linalg.norm((world_points(body) - spot_3)[:, :2], axis=1).min() > radius_m for body in resting
    )


def _ground_under(space: Space, spot_3: Array, fall: _Fall) -> float | None:
    """The highest ground under an object; None where it is too uneven, or the stage is in the way."""
    radius_m, height_m = fall.radius_m, float(fall.high_3[2] - fall.low_3[2]) + fall.height_m
    reach_m = height_m + UNEVEN * radius_m + 0.02
    if space.cast(spot_3[None] + UP * 0.01, UP[None]).t_n[0] < reach_m:
        return None
    angles = np.arange(RIM) * 2 * np.pi / RIM
    out_k3 = np.column_stack([np.cos(angles), np.sin(angles), np.zeros(RIM)])
    above_k3 = spot_3 + UP * reach_m + np.concatenate([out_k3 * radius_m, out_k3 * radius_m / 2])
    down_k = space.cast(above_k3, np.broadcast_to(-UP, above_k3.shape)).t_n
    rise_m = float(reach_m - down_k.min())
    if rise_m > UNEVEN * radius_m or float(reach_m - down_k.max()) < -UNEVEN * radius_m:
        return None
    ground_m = float(spot_3[2]) + max(rise_m, 0.0)
    levels = [np.array([*spot_3[:2], ground_m + share * height_m]) for share in (0.1, 0.5, 0.9)]
    starts_n3, rays_n3 = np.repeat(levels, RIM, axis=0), np.tile(out_k3, (3, 1))
    return ground_m if bool((space.cast(starts_n3, rays_n3).t_n > radius_m).all()) else None
