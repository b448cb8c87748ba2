"""Places out of doors with something all round, being filled: squares, courtyards, gardens, parks."""

from __future__ import annotations

import numpy as np

from assets_manifest.made import ground as grounds
from assets_manifest.made.buildings import Building
from assets_manifest.made.ground import Ground
from assets_manifest.made.trees import Plant
from assets_manifest.records import Asset
from fsd_gen.scene.spec import PartLook
from fsd_gen.styles import materials
from fsd_gen.styles.footprint import Footprint
from fsd_gen.styles.outdoors import paving
from fsd_gen.styles.outdoors.crowd import Crowd
from fsd_gen.styles.outdoors.finishes import Finishes
from fsd_gen.styles.outdoors.fittings import draw_thing, lamp_light, thing_spot
from fsd_gen.styles.outdoors.growth import crown_scale, draw_hedge, draw_plant, plant_spot
from fsd_gen.styles.outdoors.houses import Facades, draw_building, lit_windows
from fsd_gen.styles.outdoors.scenery import Scenery, on_ground, seed
from fsd_gen.styles.outdoors.standpoint import Stand, before
from fsd_gen.styles.outdoors.vehicles import Garage, coat
from fsd_gen.styles.outdoors.yards import Yard
from fsd_gen.styles.sampler import AnySampler, pick

SIDES = ((0.0, 1.0, 0.0), (1.0, 0.0, -90.0), (0.0, -1.0, 180.0), (-1.0, 0.0, 90.0))  # outward x, y; heading
MOST_WINDOWS, MOST_LAMPS = 26, 9  # lit ones; every light costs noise
MOST_HOUSES = 6  # of one kind that differ
WOODS = ("broad", "round", "conifer", "birch", "broad", "bare")
TREES = ("broad", "round", "broad", "conifer", "tall", "birch", "bare")
CLUTTER = (
    "crate", "cone", "hydrant", "mailbox", "bench", "Bench", "trashcan", "afe-", "chair", "Chair",
    "umbrella", "antern", "boulder", "stone", "rock", "wheelbarrow", "eesaw", "Swing", "fountain",
    "flowerBox", "plantie", "hose-reel", "barbecue", "table", "sunshade", "bush", "pot",
)  # fmt: skip
AWKWARD = ("swimming", "sidewalk", "spray", "porch", "goal", "beach", "pool", "Boat", "boat")


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
        self.facades, self.finishes = Facades(sampler), Finishes(sampler)
        self.view: Stand | None = None  # of a camera that stands already
        self._houses_made: dict[str, list[tuple[str, Building]]] = {}
        self._woods: list[tuple[str, Plant]] = []
        self.scenery.lay("Ground", grounds.MAKER.asset_id(*words), (0, 0, 0), looks=self._ground_looks(rng))

    def _ground_looks(self, rng: np.random.Generator) -> tuple[PartLook, ...]:
        cover = (paving.lawn if self.yard.ground == "lawn" else paving.square)(self.sampler, rng)
        looks = [PartLook(part="ground", material=cover.but(roughness=max(0.6, cover.roughness)))]
        if self.ground.path_m:
            looks.append(PartLook(part="path", material=paving.path(self.sampler, rng)))
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
            behind = "house" if self.yard.storeys[1] < 3 else "town"
            self._houses(rng, number, behind, out + float(rng.uniform(14, 26)))
            self._wood(rng, x, y, turn, out + 2)

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
            looks, hard = self.facades.looks(rng, building)
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
                looks = self.finishes.of_thing(self.sampler.rng("finish", kind, shared), kind)
                self.scenery.put(kind.capitalize(), asset, spot.but(width=step - 0.01), looks=looks)

    def _wood(self, rng: np.random.Generator, x: float, y: float, turn: float, out: float) -> None:
        """Trees behind a side."""
        if not self._woods:
            sorts = rng.permutation(WOODS)[:4].tolist()
            self._woods += [draw_plant(rng, (sort,), height_m=(6, 13), leaves=1900) for sort in sorts]
        for along in np.arange(-out - 4, out + 4, 5.0):
            along, away = float(along + rng.uniform(-1.5, 1.5)), out + float(rng.uniform(0, 9))
            self._tree(rng, self._woods, x * away - y * along, y * away + x * along, (0.75, 1.25))

    def _tree(
        self,
        rng: np.random.Generator,
        pool: list[tuple[str, Plant]],
        x: float,
        y: float,
        scales: tuple[float, float],
    ) -> None:
        asset, plant = pick(rng, pool)
        scale = crown_scale(rng, self.scenery, plant, x, y, scales)
        spot = plant_spot(plant, x, y, float(rng.uniform(0, 360)))
        if scale is not None:
            roomy = spot.but(width=spot.width * 1.2, depth=spot.depth * 1.2)
            looks = self.finishes.of_plant(self.sampler.rng("bark", asset), plant.kind)
            self.scenery.put("Tree", asset, roomy, scale=scale, looks=looks)

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
        rng, yard = self.sampler.rng("plants"), self.yard
        sorts = [
            draw_plant(rng, (str(k),), height_m=(4, 12), leaves=6000) for k in rng.permutation(TREES)[:3]
        ]
        small = [draw_plant(rng, ("shrub",), height_m=(0.5, 1.8), leaves=1300) for _ in range(3)]
        for _ in range(int(rng.integers(yard.trees[0], yard.trees[1] + 1))):
            x, y = self.anywhere(rng)
            if not self.ground.on_path(x, y):
                self._tree(rng, sorts, x, y, (0.75, 1.2))
        for _ in range(int(rng.integers(yard.shrubs[0], yard.shrubs[1] + 1))):
            asset, plant = pick(rng, small)
            x, y = self.anywhere(rng)
            spot = plant_spot(plant, x, y, float(rng.uniform(0, 360)))
            if not self.ground.on_path(x, y):
                wide = spot.but(width=spot.width * 1.2, depth=spot.depth * 1.2)
                self.scenery.put("Shrub", asset, wide, scale=round(float(rng.uniform(0.75, 1.2)), 3))

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
            looks = self.finishes.of_thing(self.sampler.rng("finish", asset), kind)
            if self.scenery.put("Lamp", asset, spot, looks=looks) and self.dark:
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
                looks = self.finishes.of_thing(self.sampler.rng("finish", asset), kind)
                spot, tilt = thing_spot(thing, x, y, turn), self.ground.tilt(x, y)
                self.scenery.put(kind.capitalize(), asset, spot, tilt=tilt, looks=looks)
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
        garage = Garage(self.sampler)
        for _ in range(int(rng.integers(0, 5))):
            ride, (x, y, turn) = garage.cycle(rng), self.beside_path(rng, 0.9)
            spot = ride.spot(turn + 90 + float(rng.uniform(-25, 25))).but(x=x, y=y)
            tilt, looks = self.ground.tilt(x, y), coat(rng, ride)
            self.scenery.put("Cycle", ride.asset, spot, tilt=tilt, looks=looks)

    def persons(self) -> None:
        """People, alone and in twos."""
        rng, crowd = self.sampler.rng("people"), Crowd(self.sampler)
        for _ in range(int(rng.integers(self.yard.people[0], self.yard.people[1] + 1)) if crowd else 0):
            x, y = self.anywhere(rng)
            for _ in range(int(rng.integers(1, 3))):
                asset = crowd.next(rng, x, y)
                if asset is not None:
                    spot = on_ground(asset, x, y, float(rng.uniform(0, 360)), 0.15)
                    looks, scale = crowd.clothes(rng, asset), crowd.size(rng)
                    self.scenery.put("Person", asset.id, spot, looks=looks, scale=scale)
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
