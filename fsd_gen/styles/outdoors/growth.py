"""Trees, shrubs and hedges to choose from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from assets_manifest.made import trees
from assets_manifest.made.trees import Plant
from fsd_gen.styles.footprint import Footprint
from fsd_gen.styles.outdoors.scenery import Scenery, seed

LEAST_CROWN = 0.5  # of its size that a tree is drawn at before a wall; else it is left out


def draw_plant(
    rng: np.random.Generator, kinds: Sequence[str], *, height_m: tuple[float, float], leaves: int
) -> tuple[str, Plant]:
    """The id of a new tree or shrub, and what it is."""
    kind = str(rng.choice(list(kinds)))
    tall = rng.uniform(*height_m)
    slim = {
        "broad": (0.6, 0.9),
        "round": (0.55, 0.8),
        "tall": (0.25, 0.4),
        "birch": (0.4, 0.55),
        "bare": (0.55, 0.85),
        "conifer": (0.35, 0.5),
        "shrub": (0.8, 1.3),
        "hedge": (2.0, 4.0),
    }[kind]
    words = (kind, max(4, round(tall * 10)), max(4, round(tall * rng.uniform(*slim) * 10)), leaves, seed(rng))
    return trees.MAKER.asset_id(*words), Plant.of(tuple(map(str, words)))


def draw_hedge(rng: np.random.Generator, height_m: float, length_m: float) -> tuple[str, Plant]:
    """A piece of hedge of this length."""
    words = ("hedge", round(height_m * 10), round(length_m * 10), 2200, seed(rng))
    return trees.MAKER.asset_id(*words), Plant.of(tuple(map(str, words)))


def plant_spot(plant: Plant, x: float, y: float, heading_deg: float) -> Footprint:
    """The ground that a plant takes: of a tree, what its trunk does."""
    width, depth = (
        (plant.width_m, plant.depth_m) if plant.kind in ("hedge", "shrub") else (plant.trunk_m * 4,) * 2
    )
    return Footprint(x=x, y=y, width=width, depth=depth, heading_deg=heading_deg, top=plant.height_m)


def crown_scale(
    rng: np.random.Generator, scenery: Scenery, plant: Plant, x: float, y: float, wanted: tuple[float, float]
) -> float | None:
    """How large a tree may be here with its crown off houses and the camera; None: not at all."""
    scale = float(rng.uniform(*wanted))
    room = scenery.crown_room_m(x, y) / max(plant.width_m / 2, 0.1)
    scale = min(scale, 0.95 * room)
    if scale < LEAST_CROWN:
        return None
    wide = round(plant.width_m * scale, 3)
    scenery.crowns.append(Footprint(x=x, y=y, width=wide, depth=wide, heading_deg=0, top=plant.height_m))
    return round(scale, 3)
