"""Objects put onto free ground of a stage, where the camera sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assets_manifest.records import Asset
from fsd_gen.scene.rig import StereoRig
from fsd_gen.scene.rotations import camera_to_world, heading
from fsd_gen.scene.spec import CameraPose, Placement
from fsd_gen.styles.sampler import AnySampler, count, pick

if TYPE_CHECKING:
    from fsd_gen.worlds.space import Space

UNSUITED = ("wall", "ceiling", "door_window", "flat")
TRIES = 12  # places tried for one object
NEAR, FURTHEST_M = 1.3, 12.0  # from the camera: in nearest distances of the rig, and at most
EVEN_M = 0.015  # ground under an object
RIM = 8  # rays around it

Array = NDArray[np.float64]
UP = np.array([0.0, 0.0, 1.0])


def dropped(
    sampler: AnySampler, space: Space, rig: StereoRig, camera: CameraPose, wanted: tuple[int, int]
) -> tuple[Placement, ...]:
    """Objects standing on even, free ground in view; fewer where there is no room for all."""
    rng = sampler.rng("objects")
    number = count(rng, wanted)
    if not number:
        return ()
    assets = [asset for asset in sampler.some("object", without=UNSUITED) if asset.size_m]
    placements: list[Placement] = []
    taken: list[tuple[Array, float]] = []
    for index in range(number):
        asset = pick(rng, assets)
        radius_m = float(np.hypot(*_size(asset)[:2])) / 2
        spots_n3 = _seen_ground(space, rig, camera, rng, sampler.nearest_m(rig) * NEAR + radius_m)
        free = (spot for spot in spots_n3 if _is_clear(spot, radius_m, taken))
        spot = next((spot for spot in free if _has_room(space, spot, radius_m, _size(asset)[2])), None)
        if spot is not None:
            taken.append((spot, radius_m))
            placements.append(_standing(f"Object_{index:02d}", asset, spot, float(rng.uniform(0, 360))))
    return tuple(placements)


def _seen_ground(
    space: Space, rig: StereoRig, camera: CameraPose, rng: np.random.Generator, nearest_m: float
) -> Array:
    """Points (N, 3) on level ground that the left eye sees, not too near."""
    frame_44 = camera_to_world(camera)
    u_n, v_n = rng.uniform(0.05, 0.95, TRIES) * rig.width, rng.uniform(0.4, 1.0, TRIES) * rig.height
    seen_n3 = np.column_stack(
        [(u_n - rig.cx_px) / rig.focal_px, (v_n - rig.cy_px) / rig.fy_px, np.ones(TRIES)]
    )
    rays_n3, eye_3 = seen_n3 @ frame_44[:3, :3].T, frame_44[:3, 3]
    hits = space.cast(np.broadcast_to(eye_3, rays_n3.shape), rays_n3)
    keep_n = space.level(hits) & (hits.t_n > nearest_m) & (hits.t_n < FURTHEST_M) & (rays_n3[:, 2] < 0)
    points: Array = eye_3 + rays_n3[keep_n] * hits.t_n[keep_n, None]
    return points


def _is_clear(spot_3: Array, radius_m: float, taken: list[tuple[Array, float]]) -> bool:
    return all(np.hypot(*(spot_3 - other)[:2]) > radius_m + reach for other, reach in taken)


def _has_room(space: Space, spot_3: Array, radius_m: float, height_m: float) -> bool:
    """Whether the ground under the object is even, and nothing of the stage is where it would be."""
    angles = np.arange(RIM) * 2 * np.pi / RIM
    out_k3 = np.column_stack([np.cos(angles), np.sin(angles), np.zeros(RIM)])
    above_3 = spot_3 + UP * (height_m + 0.05)
    if space.cast(spot_3[None] + UP * 0.01, UP[None]).t_n[0] < height_m + 0.05:
        return False
    rim_k3 = above_3 + np.concatenate([out_k3 * radius_m, out_k3 * radius_m / 2])
    down = space.cast(rim_k3, np.broadcast_to(-UP, rim_k3.shape)).t_n
    if np.abs(down - height_m - 0.05).max() > EVEN_M:
        return False
    levels = [spot_3 + UP * share * height_m for share in (0.1, 0.5, 0.9)]
    starts_n3, rays_n3 = np.repeat(levels, RIM, axis=0), np.tile(out_k3, (3, 1))
    return bool((space.cast(starts_n3, rays_n3).t_n > radius_m).all())


def _standing(name: str, asset: Asset, spot_3: Array, turn_deg: float) -> Placement:
    x, y, z = spot_3.tolist()
    return Placement(name=name, asset=asset.id, position=(x, y, z), rotation=heading(turn_deg))


def _size(asset: Asset) -> tuple[float, float, float]:
    return asset.size_m or (1.0, 1.0, 1.0)
