"""Houses: which are built, what their walls are coated with, which of their windows shine at night."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from assets_manifest.made import buildings
from assets_manifest.made.buildings import Building
from fsd_gen.scene.rotations import facing, heading, rotation_matrix
from fsd_gen.scene.spec import Hard, MaterialSpec, PartLook, RectLight, Vec3
from fsd_gen.styles import materials
from fsd_gen.styles.lighting import scaled
from fsd_gen.styles.outdoors.scenery import seed
from fsd_gen.styles.sampler import AnySampler, log_uniform, pick

COATS = 5


def draw_building(
    rng: np.random.Generator, kinds: Sequence[str], *, front_m: tuple[float, float], storeys: tuple[int, int]
) -> tuple[str, Building]:
    """The id of a new building, and what it is."""
    kind = str(rng.choice(list(kinds)))
    tall = (
        1
        if kind == "shed"
        else int(rng.integers(1, 3))
        if kind == "house"
        else int(rng.integers(storeys[0], storeys[1] + 1))
    )
    depth = rng.uniform(8, 13)
    words = (kind, round(rng.uniform(*front_m) * 10), round(depth * 10), tall, seed(rng))
    return buildings.MAKER.asset_id(*words), Building.of(tuple(map(str, words)))


class Facades:
    """The walls and roofs of one scene's houses: a few coats, shared by many."""

    def __init__(self, sampler: AnySampler) -> None:
        rng = sampler.rng("facades")
        self.coats = [_coat(sampler, rng) for _ in range(COATS)]
        self.bases = [materials.made(rng, pick(rng, ("concrete", "granite")))]
        self.roofs = [materials.made(rng, "rooftiles") for _ in range(2)]
        self.reflecting = MaterialSpec(
            colour=(0.35, 0.4, 0.42), metallic=0.9, roughness=float(rng.uniform(0.02, 0.08))
        )

    def looks(self, rng: np.random.Generator, building: Building) -> tuple[tuple[PartLook, ...], Hard | None]:
        """What one house looks like; now and then one of offices has panes like mirrors."""
        looks = [PartLook(part="wall", material=pick(rng, self.coats))]
        if rng.uniform() < 0.6:
            looks.append(PartLook(part="base", material=pick(rng, self.bases)))
        if building.pitched:
            looks.append(PartLook(part="roof", material=pick(rng, self.roofs)))
        if building.kind == "modern" and rng.uniform() < 0.3:
            return (*looks, PartLook(part="pane", material=self.reflecting)), "mirror"
        return tuple(looks), None


def _coat(sampler: AnySampler, rng: np.random.Generator) -> MaterialSpec:
    kind = rng.uniform()
    if kind < 0.62:
        return materials.made(rng, "stucco")
    if kind < 0.9:
        return materials.made(rng, "bricks")
    return materials.surface(sampler, rng, "brick")


def lit_windows(
    rng: np.random.Generator,
    building: Building,
    position: Vec3,
    heading_deg: float,
    share: float,
    name: str,
    most: int,
) -> list[RectLight]:
    """Some windows of a building, lit from inside."""
    found: list[RectLight] = []
    walls, turn = building.walls(), rotation_matrix(heading(heading_deg))
    for number, (side, opening) in enumerate(buildings.windows(building)):
        if opening.kind == "door" or rng.uniform() >= share or len(found) >= most:
            continue
        wall = walls[side]
        local = wall.point(
            opening.along_m, opening.bottom_m + opening.height_m / 2, -0.142
        )  # before the pane, behind curtains
        x, y, z = (turn @ np.array(local) + np.array(position)).tolist()
        outward = turn @ np.array([wall.along[1], -wall.along[0], 0.0])
        warm = materials.blackbody(rng.uniform(2500, 4500))
        found.append(
            RectLight(
                name=f"{name}_{number}",
                position=(round(x, 5), round(y, 5), round(z, 5)),
                rotation=facing(-outward),
                size=(round(opening.width_m - 0.02, 4), round(opening.height_m - 0.02, 4)),
                radiance=scaled(warm, log_uniform(rng, 0.25, 1.6)),
            )
        )
    return found
