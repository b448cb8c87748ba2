"""Places out of doors with something all round: squares, courtyards, gardens, parks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assets_manifest.made import ground as grounds
from assets_manifest.made.buildings import Building
from assets_manifest.made.ground import Ground
from assets_manifest.made.trees import Plant
from assets_manifest.records import Asset
from fsd_gen.scene.spec import MaterialSpec, PartLook
from fsd_gen.styles import materials
from fsd_gen.styles.footprint import Footprint
from fsd_gen.styles.outdoors.scenery import (
    Facades,
    Scenery,
    choose,
    cycles,
    draw_building,
    draw_hedge,
    draw_plant,
    draw_thing,
    lamp_light,
    lit_windows,
    on_ground,
    people,
    plant_spot,
    seed,
    thing_spot,
)
from fsd_gen.styles.outdoors.standpoint import Stand, before
from fsd_gen.styles.sampler import AnySampler, pick

SIDES = ((0.0, 1.0, 0.0), (1.0, 0.0, -90.0), (0.0, -1.0, 180.0), (-1.0, 0.0, 90.0))  # outward x, y; heading
MOST_WINDOWS, MOST_LAMPS = 26, 9  # lit ones; every light costs noise
CLUTTER = (
    "crate",
    "cone",
    "hydrant",
    "mailbox",
    "bench",
    "Bench",
    "trashcan",
    "afe-",
    "chair",
    "Chair",
    "umbrella",
    "antern",
    "boulder",
    "stone",
    "rock",
    "wheelbarrow",
    "eesaw",
    "Swing",
    "fountain",
    "flowerBox",
    "plantie",
    "hose-reel",
    "barbecue",
    "table",
    "sunshade",
    "bush",
    "pot",
)
AWKWARD = ("swimming", "sidewalk", "spray", "porch", "goal", "beach", "pool", "Boat", "boat")

MOST_HOUSES = 6  # of one kind that differ


@dataclass(frozen=True, slots=True, kw_only=True)
class Yard:
    """How one sort of place is laid out."""

    side_m: tuple[float, float]
    ground: str
    relief_m: tuple[float, float]
    path_m: tuple[float, float]  # 0, 0: none
    around: tuple[str, ...]  # what closes each side, to be drawn from
    trees: tuple[int, int]
    shrubs: tuple[int, int]
    lamps: tuple[int, int]
    people: tuple[int, int]
    things: tuple[int, int]
    kit: tuple[str, ...]  # made things
    storeys: tuple[int, int]
    backdrop: tuple[str, ...]


SQUARE = Yard(
    side_m=(26, 46),
    ground="paved",
    relief_m=(0.0, 0.35),
    path_m=(0, 0),
    around=("town", "town", "modern"),
    trees=(3, 9),
    shrubs=(0, 2),
    lamps=(3, 7),
    people=(3, 12),
    things=(8, 18),
    kit=("bench", "bench", "bin", "planter", "bollard", "cycle_stand", "cabinet", "nameplate", "bollard"),
    storeys=(3, 6),
    backdrop=("town", "hills"),
)
COURTYARD = Yard(
    side_m=(10, 18),
    ground="paved",
    relief_m=(0.0, 0.1),
    path_m=(0, 0),
    around=("town", "modern", "town"),
    trees=(0, 2),
    shrubs=(1, 5),
    lamps=(1, 3),
    people=(0, 4),
    things=(8, 20),
    kit=("bin", "bin", "planter", "bench", "cycle_stand", "cabinet", "bin"),
    storeys=(2, 5),
    backdrop=("town",),
)
GARDEN = Yard(
    side_m=(14, 28),
    ground="lawn",
    relief_m=(0.05, 0.8),
    path_m=(0.8, 1.6),
    around=("hedge", "fence", "wall", "house", "hedge"),
    trees=(3, 8),
    shrubs=(5, 14),
    lamps=(0, 3),
    people=(0, 3),
    things=(6, 16),
    kit=("bench", "planter", "planter", "bin"),
    storeys=(1, 2),
    backdrop=("woods", "hills"),
)
PARK = Yard(
    side_m=(45, 80),
    ground="lawn",
    relief_m=(0.3, 1.8),
    path_m=(1.8, 4.0),
    around=("hedge", "railing", "trees", "town", "trees"),
    trees=(14, 34),
    shrubs=(4, 14),
    lamps=(3, 7),
    people=(3, 10),
    things=(4, 12),
    kit=("bench", "bench", "bin", "bench", "bollard", "cycle_stand"),
    storeys=(2, 5),
    backdrop=("woods", "hills"),
)
YARDS = {"square": SQUARE, "courtyard": COURTYARD, "garden": GARDEN, "park": PARK}


class Place:
    """One place being filled; every sort of thing has a random stream of its own."""

    def __init__(self, sampler: AnySampler, yard: Yard, *, dark: bool) -> None:
        rng = sampler.rng("ground")
        self.sampler, self.yard, self.dark = sampler, yard, dark
        words = (
            yard.ground,
            round(rng.uniform(*yard.side_m) * 10),
            round(rng.uniform(*yard.relief_m) * 100),
            round(rng.uniform(*yard.path_m) * 10),
            seed(rng),
        )
        self.ground = Ground.of(tuple(map(str, words)))
        self.half = self.ground.yard_m / 2
        self.scenery = Scenery(self.ground.height)
        self.windows = 0
        self.facades = Facades(sampler)
        self.view: Stand | None = None  # of a camera that stands already
        self._houses_made: dict[str, list[tuple[str, Building]]] = {}
        self._woods: list[tuple[str, Plant]] = []
        self.scenery.lay("Ground", grounds.MAKER.asset_id(*words), (0, 0, 0), looks=self._ground_looks(rng))

    def _ground_looks(self, rng: np.random.Generator) -> tuple[PartLook, ...]:
        lawn = self.yard.ground == "lawn"
        if lawn:
            assets = [
                a
                for a in self.sampler.assets("texture", "ground")
                if "grass" in a.id and "skimage" not in a.id
            ]
            asset = pick(rng, assets or self.sampler.some("texture", "ground"))
            cover = materials.of_texture(rng, asset, tile_m=(asset.tile_m or 1.0) * rng.uniform(0.8, 1.6))
        else:
            cover = paving(self.sampler, rng)
        looks = [PartLook(part="ground", material=cover.but(roughness=max(0.6, cover.roughness)))]
        if self.ground.path_m:
            looks.append(PartLook(part="path", material=paving(self.sampler, rng)))
        return tuple(looks)

    def backdrop(self) -> None:
        """What is seen far off between everything else."""
        rng = self.sampler.rng("backdrop")
        kind = str(rng.choice(list(self.yard.backdrop)))
        words = (kind, int(rng.integers(190, 320)), int(rng.integers(25, 75)), seed(rng))
        self.scenery.lay("Backdrop", grounds.BACKDROP.asset_id(*words), (0.0, 0.0, 0.0))

    def enclose(self) -> None:
        """Close each of the four sides; behind what is low stands something high, further off."""
        rng = self.sampler.rng("around")
        for number, (x, y, turn) in enumerate(SIDES):
            kind = str(rng.choice(list(self.yard.around)))
            out = self.half + 1.0 + float(rng.uniform(0, 2))
            if kind in ("town", "modern", "house"):
                self._houses(rng, number, kind, out)
                continue
            if kind != "trees":
                self._barrier(rng, kind, x, y, turn)
            self._wood(rng, x, y, turn, out + 2)
            self._houses(
                rng, number, "house" if self.yard.storeys[1] < 3 else "town", out + float(rng.uniform(14, 26))
            )

    def _houses(self, rng: np.random.Generator, side: int, kind: str, out: float) -> None:
        """A row of houses along one side, wall to wall or with gaps."""
        x, y, turn = SIDES[side]
        gap = float(rng.choice([0.0, 0.0, 3.0])) if kind != "house" else float(rng.uniform(2, 7))
        reach = out + (14 if side in (0, 2) else -0.5)
        at = -reach
        while at < reach:
            asset, building = self._house(rng, kind)
            along, away = at + building.width_m / 2, out + building.depth_m / 2
            at += building.width_m + gap
            spot = Footprint(
                x=x * away - y * along,
                y=y * away + x * along,
                width=building.width_m - 0.01,
                depth=building.depth_m,
                heading_deg=turn,
                top=building.eaves_m,
            )
            z = self.ground.height(spot.x - x * building.depth_m / 2, spot.y - y * building.depth_m / 2)
            looks, hard = self.facades.looks(rng, kind)
            if self.scenery.put("Building", asset, spot, z=z, looks=looks, hard=hard) and self.dark:
                most = min(7, MOST_WINDOWS - self.windows)
                lit = lit_windows(
                    rng, building, (spot.x, spot.y, z), turn, 0.25, f"Window_{self.windows:02d}", most
                )
                self.windows += len(lit)
                self.scenery.lights += lit

    def _house(self, rng: np.random.Generator, kind: str) -> tuple[str, Building]:
        """A new house, or one like a house further on: made ones cost time."""
        made = self._houses_made.setdefault(kind, [])
        if len(made) < MOST_HOUSES:
            made.append(draw_building(rng, (kind,), front_m=(7, 17), storeys=self.yard.storeys))
            return made[-1]
        return pick(rng, made)

    def _barrier(self, rng: np.random.Generator, kind: str, x: float, y: float, turn: float) -> None:
        """Pieces of hedge, fence, wall or railing in one line, each at its own height on the slope."""
        step = 3.0
        shared = seed(rng) // 16 * 16
        height = float(rng.uniform(0.9, 2.2))
        hedges = [draw_hedge(rng, height, step) for _ in range(2)]
        for number, along in enumerate(np.arange(-self.half - 0.5, self.half + 0.5, step) + step / 2):
            px, py = x * self.half - y * along, y * self.half + x * along
            if kind == "hedge":
                asset, plant = hedges[number % 2]
                spot = Footprint(
                    x=px, y=py, width=step - 0.01, depth=plant.depth_m, heading_deg=turn, top=height
                )
                self.scenery.put("Hedge", asset, spot, scale=1.0)
            elif not (
                self.ground.path_m and abs(px - float(self.ground.path_x(py))) < self.ground.path_m / 2 + 1.6
            ):
                asset, thing = draw_thing(rng, kind, step, min(shared + number % 4, 2**31 - 1))
                spot = thing_spot(thing, px, py, turn)
                self.scenery.put(kind.capitalize(), asset, spot.but(width=step - 0.01))

    def _wood(self, rng: np.random.Generator, x: float, y: float, turn: float, out: float) -> None:
        """Trees behind a side."""
        if not self._woods:
            sorts = ("broad", "round", "conifer", "broad")
            self._woods += [draw_plant(rng, (sort,), height_m=(6, 13), leaves=1700) for sort in sorts]
        for along in np.arange(-out - 4, out + 4, 5.0):
            asset, plant = pick(rng, self._woods)
            along, away = float(along + rng.uniform(-1.5, 1.5)), out + float(rng.uniform(0, 9))
            spot = plant_spot(plant, x * away - y * along, y * away + x * along, float(rng.uniform(0, 360)))
            self.scenery.put("Tree", asset, spot, scale=round(float(rng.uniform(0.75, 1.25)), 3))

    def anywhere(self, rng: np.random.Generator, margin_m: float = 1.0) -> tuple[float, float]:
        """A place in the yard."""
        reach = self.half - margin_m
        if self.view and rng.uniform() < 0.7:
            x, y = before(self.view, rng, 2.2, 1.6 * self.half)
            return float(np.clip(x, -reach, reach)), float(np.clip(y, -reach, reach))
        return float(rng.uniform(-reach, reach)), float(rng.uniform(-reach, reach))

    def beside_path(self, rng: np.random.Generator, off_m: float) -> tuple[float, float, float]:
        """A place along the path (or along the sides, where there is none), and the heading that faces it."""
        along, side = float(rng.uniform(-self.half + 1, self.half - 1)), float(rng.choice([-1.0, 1.0]))
        if self.ground.path_m:
            x = float(self.ground.path_x(along)) + side * (self.ground.path_m / 2 + off_m)
            return x, along, -90.0 * side
        x, y, turn = SIDES[int(rng.integers(4))]
        reach = self.half - 0.4 - off_m
        return x * reach - y * along, y * reach + x * along, turn

    def vegetation(self) -> None:
        """Trees and shrubs."""
        rng = self.sampler.rng("plants")
        sorts = [
            draw_plant(rng, ("broad", "round", "broad", "conifer", "tall"), height_m=(4, 12), leaves=6000)
            for _ in range(3)
        ]
        small = [draw_plant(rng, ("shrub",), height_m=(0.5, 1.8), leaves=1100) for _ in range(3)]
        for what, pool, wanted in (("Tree", sorts, self.yard.trees), ("Shrub", small, self.yard.shrubs)):
            for _ in range(int(rng.integers(wanted[0], wanted[1] + 1))):
                asset, plant = pool[int(rng.integers(3))]
                scale = round(float(rng.uniform(0.75, 1.2)), 3)
                x, y = self.anywhere(rng)
                spot = plant_spot(plant, x, y, float(rng.uniform(0, 360)))
                if not self.ground.on_path(x, y):
                    self.scenery.put(
                        what, asset, spot.but(width=spot.width * 1.2, depth=spot.depth * 1.2), scale=scale
                    )

    def lamps(self) -> None:
        """Street lamps, lit when it is dark."""
        rng = self.sampler.rng("lamps")
        kind = str(rng.choice(["arm_lamp", "ball_lamp", "lantern"]))
        asset, thing = draw_thing(rng, kind, float(rng.uniform(3.2, 5.5)))
        colour, power = materials.blackbody(float(rng.uniform(2300, 4200))), float(rng.uniform(0.35, 0.9))
        for number in range(
            min(MOST_LAMPS, int(rng.integers(self.yard.lamps[0] + self.dark, self.yard.lamps[1] + 2)))
        ):
            x, y, turn = self.beside_path(rng, 0.6)
            spot = thing_spot(thing, x, y, turn)
            if self.scenery.put("Lamp", asset, spot) and self.dark:
                at = (x, y, self.ground.height(x, y))
                self.scenery.lights.append(lamp_light(thing, f"Bulb_{number}", at, turn, colour, power))

    def furniture(self) -> None:
        """Benches, bins, planters ... along path or sides, and what else lies about."""
        rng = self.sampler.rng("things")
        loose = self._loose()
        for _ in range(int(rng.integers(self.yard.things[0], self.yard.things[1] + 1))):
            x, y, turn = self.beside_path(rng, float(rng.uniform(0.5, 1.4)))
            if self.view and rng.uniform() < 0.55:
                x, y = self.anywhere(rng)
            if rng.uniform() < 0.6 or not loose:
                kind = self.yard.kit[int(rng.integers(len(self.yard.kit)))]
                asset, thing = draw_thing(rng, kind, float(rng.uniform(1.4, 2.0)))
                self.scenery.put(
                    kind.capitalize(), asset, thing_spot(thing, x, y, turn), tilt=self.ground.tilt(x, y)
                )
                continue
            found = pick(rng, loose)
            if rng.uniform() < 0.5:
                x, y = self.anywhere(rng)
            spot = on_ground(found, x, y, float(rng.uniform(0, 360)))
            self.scenery.put("Thing", found.id, spot, tilt=self.ground.tilt(x, y))
        self._cycles(rng)

    def _loose(self) -> list[Asset]:
        return [asset for asset in self.sampler.assets("object") if is_loose(asset)]

    def _cycles(self, rng: np.random.Generator) -> None:
        pool = cycles(self.sampler)
        for _ in range(int(rng.integers(0, 4))):
            asset, (x, y, turn) = choose(rng, pool), self.beside_path(rng, 0.9)
            if asset:
                spot = on_ground(asset, x, y, turn + float(rng.uniform(-25, 25)))
                self.scenery.put("Cycle", asset.id, spot, tilt=self.ground.tilt(x, y))

    def persons(self) -> None:
        """People, alone and in twos."""
        rng, pool = self.sampler.rng("people"), people(self.sampler)
        for _ in range(int(rng.integers(self.yard.people[0], self.yard.people[1] + 1)) if pool else 0):
            x, y = self.anywhere(rng)
            turn = float(rng.uniform(0, 360))
            for _ in range(int(rng.integers(1, 3))):
                asset = pick(rng, pool)
                self.scenery.put("Person", asset.id, on_ground(asset, x, y, turn, 0.15))
                x, y = x + float(rng.uniform(-0.9, 0.9)), y + float(rng.uniform(-0.9, 0.9))


def is_loose(asset: Asset) -> bool:
    """Whether it may lie about outdoors."""
    return (
        "outdoor" in asset.tags
        and not {"vehicle", "glass"} & set(asset.tags)
        and asset.size_m is not None
        and max(asset.size_m) < 2.6
        and (asset.triangles or 0) < 25_000
        and any(part in asset.id for part in CLUTTER)
        and not any(part in asset.id for part in AWKWARD)
    )


def paving(sampler: AnySampler, rng: np.random.Generator) -> MaterialSpec:
    """Stones, slabs, gravel or asphalt underfoot."""
    if rng.uniform() < 0.5:
        return materials.made(rng, pick(rng, ("gravel", "granite", "concrete", "asphalt", "gravel", "tiles")))
    assets = [
        a
        for a in sampler.assets("texture", "outdoor")
        if any(t in a.tags for t in ("ground", "floor"))
        and not any(part in a.id for part in ("grass", "wood", "planks", "dirt", "earth"))
    ]
    if not assets:
        return materials.made(rng, "gravel")
    asset = pick(rng, assets)
    tile_m = (asset.tile_m or 1.0) * float(rng.uniform(0.8, 1.4))
    return materials.of_texture(rng, asset, tile_m=tile_m).but(roughness=float(rng.uniform(0.55, 0.95)))
