"""A pose for the rig in a stage: both eyes stand free, and what they see is worth a pair.

Poses are drawn from places or zones and looked through with a coarse grid of rays; the first that is good on
every count is taken, else the best of them, and the checks of the finished pair have the last word.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fsd_gen.scene.rig import StereoRig
from fsd_gen.scene.rotations import camera_to_world
from fsd_gen.scene.spec import CameraPose
from fsd_gen.worlds.space import FREE_M, INSIDE, Places, Space
from fsd_gen.worlds.zones import Zone

TRIES = 48  # poses looked at for one view
GRID = (24, 14)  # rays across and down
HEADROOM_M = 0.15  # kept above the camera
LEAST_SEEN = 0.55  # share of the rays that meet something
LEAST_DISPARITY = 1 / 640  # median, of the image's width: not everything is tiny
LEAST_SPREAD = 0.25  # of the logarithm of depth
MOST_OF_ONE_PLANE = 0.6  # of what is seen: no wall that fills the picture
MOST_BACKS = 0.4  # share of what is seen that is seen from behind

Array = NDArray[np.float64]
Span = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stance:
    """How a camera may stand over a floor."""

    height_m: Span
    pitch_deg: Span


def drawn_over_floors(rng: np.random.Generator, places: Places, stance: Stance) -> tuple[CameraPose, ...]:
    """Poses over places, with any heading."""
    chosen = rng.integers(len(places.floor_n3), size=TRIES)
    height_m = rng.uniform(*stance.height_m, TRIES)
    height_m = np.minimum(height_m, places.room_n[chosen] - HEADROOM_M)
    eyes_m3 = places.floor_n3[chosen] + height_m[:, None] * [0.0, 0.0, 1.0]
    return _poses(rng, eyes_m3, (0.0, 360.0), stance.pitch_deg)


def drawn_in_zones(rng: np.random.Generator, zones: tuple[Zone, ...]) -> tuple[CameraPose, ...]:
    """Poses in zones, each zone by its area."""
    areas = np.array([zone.area_m2 for zone in zones])
    counts = rng.multinomial(TRIES, areas / areas.sum())
    poses: list[CameraPose] = []
    for zone, wanted in zip(zones, counts.tolist(), strict=True):
        poses += _poses(rng, zone.somewhere(rng, wanted), zone.heading_deg, zone.pitch_deg)
    return tuple(poses[k] for k in rng.permutation(len(poses)))


def _poses(
    rng: np.random.Generator, eyes_m3: Array, heading_deg: Span, pitch_deg: Span
) -> tuple[CameraPose, ...]:
    heading_m = np.deg2rad(rng.uniform(*heading_deg, len(eyes_m3)))
    pitch_m = np.deg2rad(rng.uniform(*pitch_deg, len(eyes_m3)))
    roll_m = np.clip(rng.normal(0, 1.0, len(eyes_m3)), -3, 3)
    level_m = np.cos(pitch_m)
    ahead_m3 = np.column_stack([level_m * np.cos(heading_m), level_m * np.sin(heading_m), np.sin(pitch_m)])
    eyes_m3 = eyes_m3.round(5)
    return tuple(
        CameraPose(position=tuple(eye), target=tuple(target), roll_deg=roll)
        for eye, target, roll in zip(
            eyes_m3.tolist(), (eyes_m3 + ahead_m3).round(7).tolist(), roll_m.tolist(), strict=True
        )
    )


def choose(
    space: Space, rig: StereoRig, poses: tuple[CameraPose, ...], nearest_m: float
) -> CameraPose | None:
    """The first good pose, else the best; None where nowhere both eyes stand free.

    `nearest_m` is the distance at which a surface reaches the largest disparity that is wanted.
    """
    free = _free(space, rig, poses)
    if not free:
        return None
    scored = [(_worth(space, rig, pose, nearest_m), pose) for pose in free]
    good = [pose for worth, pose in scored if worth >= 1]
    return good[0] if good else max(scored, key=lambda each: each[0])[1]


def _free(space: Space, rig: StereoRig, poses: tuple[CameraPose, ...]) -> list[CameraPose]:
    """Poses at which both eyes, and the way between them, are free and not inside anything.

    In a stage that is all inside, only freedom counts.
    """
    if not poses:
        return []
    frames = np.array([camera_to_world(pose) for pose in poses])
    right_m3 = frames[:, :3, 0] * rig.baseline_m
    eyes_m3 = frames[:, :3, 3]
    outside = np.ones(len(poses), bool)
    free = space.cast(eyes_m3, right_m3).t_n > 1
    for share in (0.0, 1.0):
        nearest_m, back_m = space.around(eyes_m3 + share * right_m3)
        free &= nearest_m >= FREE_M
        outside &= back_m < INSIDE
    kept = free & outside if (free & outside).any() else free
    return [pose for pose, keep in zip(poses, kept, strict=True) if keep]


def _worth(space: Space, rig: StereoRig, pose: CameraPose, nearest_m: float) -> float:
    """1 and more where nothing is against the view; less by how much is."""
    frame_44 = camera_to_world(pose)
    rays_n3 = _grid(rig) @ frame_44[:3, :3].T
    hits = space.cast(np.broadcast_to(frame_44[:3, 3], rays_n3.shape), rays_n3)
    depth_n = hits.t_n[hits.primitive_n >= 0]
    if not len(depth_n):
        return 0.0
    seen, far_m = len(depth_n) / len(rays_n3), float(np.median(depth_n))
    counts = (
        seen / LEAST_SEEN,
        float(np.quantile(depth_n, 0.02)) / nearest_m,
        rig.focal_px * rig.baseline_m / far_m / (LEAST_DISPARITY * rig.width),
        float(np.std(np.log(depth_n))) / LEAST_SPREAD,
        MOST_OF_ONE_PLANE / space.largest_plane(hits),
        MOST_BACKS * len(depth_n) / max(float(space.backs(hits, rays_n3).sum()), 1e-9),
    )
    return float(np.prod(np.minimum(counts, 1.0)))


def _grid(rig: StereoRig) -> Array:
    """Directions (N, 3) through a coarse grid of the left image, with z = 1."""
    u, v = ((np.arange(number) + 0.5) / number for number in GRID)
    rays_hw3 = np.ones((GRID[1], GRID[0], 3))
    rays_hw3[..., 0] = (u * rig.width - rig.cx_px) / rig.focal_px
    rays_hw3[..., 1] = ((v * rig.height - rig.cy_px) / rig.fy_px)[:, None]
    return rays_hw3.reshape(-1, 3)


def pose_of(camera_to_world_44: Array) -> CameraPose:
    """The pose whose frame this is (x right, y down, z forward; metres, z up); its roll to 1/1000 degree."""
    position_3, ahead_3 = camera_to_world_44[:3, 3], camera_to_world_44[:3, 2]
    ours = CameraPose(position=tuple(position_3.tolist()), target=tuple((position_3 + ahead_3).tolist()))
    level_44 = camera_to_world(ours)
    right_3 = camera_to_world_44[:3, 0]
    roll = np.arctan2(right_3 @ level_44[:3, 1], right_3 @ level_44[:3, 0])
    return ours.but(roll_deg=float(np.rad2deg(roll)))
