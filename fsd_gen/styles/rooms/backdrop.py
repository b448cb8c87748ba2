"""Furniture along the walls behind what a camera looks at, so that there is something at every depth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from assets_manifest.records import Asset
from fsd_gen.scene.rotations import heading
from fsd_gen.scene.spec import CameraPose, Placement
from fsd_gen.styles.footprint import Footprint, is_free
from fsd_gen.styles.rooms.floorplan import Floor
from fsd_gen.styles.rooms.room import Room, wall_heading
from fsd_gen.styles.sampler import AnySampler, pick

UNSUITED = (
    "door_window",
    "ceiling",
    "outdoor",
    "vehicle",
    "flat",
    "character",
    "staircase",
    "fixture",
    "bathroom",
)
PIECES = 9  # at most
TRIES = 6
CAMERA_CLEAR_M = 0.7


def behind(
    sampler: AnySampler, floor: Floor, camera: CameraPose, near_n3: NDArray[np.float64]
) -> tuple[Placement, ...]:
    """Pieces with their backs to the walls, clear of each other, camera, openings and the points given."""
    rng, room = sampler.rng("behind"), floor.room
    assets = tuple(
        a
        for a in sampler.assets("object", "floor", "indoor", without=UNSUITED)
        if a.size_m and max(a.size_m[:2]) < 2.2 and 0.4 < a.size_m[2] < room.ceiling_m - 0.1
    )
    low, high = near_n3[:, :2].min(axis=0), near_n3[:, :2].max(axis=0)
    x, y = ((low + high) / 2).tolist()
    width, depth = (high - low + 0.3).tolist()
    taken = [Footprint(x=x, y=y, width=width, depth=depth, heading_deg=0.0)]
    placements: list[Placement] = []
    for _ in range(PIECES * TRIES if assets else 0):
        if len(placements) == PIECES:
            break
        asset = pick(rng, assets)
        spot = _by_a_wall(rng, room, asset)
        free = floor.is_free(spot) and is_free(spot, taken)
        if free and spot.distance_to(camera.position[0], camera.position[1]) > CAMERA_CLEAR_M:
            taken.append(spot)
            placements.append(_stand(f"Behind_{len(placements)}", asset, spot))
    return tuple(placements)


def _by_a_wall(rng: np.random.Generator, room: Room, asset: Asset) -> Footprint:
    width, depth, height = asset.size_m or (1.0, 1.0, 1.0)
    wall = int(rng.integers(4))
    slack = max(0.0, room.wall_length(wall) / 2 - width / 2 - 0.05)
    x, y, _ = room.on_wall(wall, float(rng.uniform(-slack, slack)), 0.0, depth / 2 + 0.04)
    turn = wall_heading(wall)
    return Footprint(x=x, y=y, width=width + 0.04, depth=depth + 0.04, heading_deg=turn, top=height)


def _stand(name: str, asset: Asset, spot: Footprint) -> Placement:
    return Placement(
        name=name, asset=asset.id, position=(spot.x, spot.y, 0.0), rotation=heading(spot.heading_deg)
    )
