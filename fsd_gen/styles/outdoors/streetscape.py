"""A street and everything along it: houses, cars, lamps, trees, signs, people; far enough to close the view.

Places are in the road's own frame: `s` along it, `v` to its left. Traffic keeps to the right.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assets_manifest.made import ground as grounds
from assets_manifest.made import road as roads
from assets_manifest.made.buildings import Building
from assets_manifest.made.road import Road
from assets_manifest.made.street import Thing
from assets_manifest.made.trees import Plant
from assets_manifest.records import Asset
from fsd_gen.scene.rotations import facing
from fsd_gen.scene.spec import Hard, MaterialSpec, Panel, PartLook, SphereLight, Vec3
from fsd_gen.styles import materials
from fsd_gen.styles.footprint import Footprint
from fsd_gen.styles.outdoors.scenery import (
    Facades,
    Scenery,
    car_looks,
    cycles,
    draw_building,
    draw_hedge,
    draw_plant,
    draw_thing,
    facing_deg,
    lamp_light,
    lit_windows,
    on_ground,
    people,
    plant_spot,
    seed,
    thing_spot,
    vehicles,
)
from fsd_gen.styles.outdoors.yards import paving
from fsd_gen.styles.sampler import AnySampler, pick

FAR_M = 300.0  # so far along the road things stand
MOST_WINDOWS, MOST_LAMPS, MOST_HEADLIGHTS = 22, 9, 6
RIGHT, LEFT = -1, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """What stands along one sort of street."""

    road: str
    lane_m: tuple[float, float]
    parking: float  # how probable lanes for parking are
    pavement_m: tuple[float, float]
    houses: tuple[str, ...]
    front_m: tuple[float, float]
    storeys: tuple[int, int]
    setback_m: tuple[float, float]
    gap: float  # how probable a gap after a house is
    gap_m: tuple[float, float]
    fences: tuple[str, ...]  # before front gardens; none: houses stand at the pavement
    trees_m: tuple[float, float]  # between trees along the kerb; 0: none
    kit: tuple[str, ...]
    lamp: str
    backdrop: tuple[str, ...]


TOWN = Zone(
    road="street",
    lane_m=(2.9, 3.4),
    parking=0.75,
    pavement_m=(2.0, 4.0),
    houses=("town", "town", "town", "modern"),
    front_m=(8, 18),
    storeys=(3, 6),
    setback_m=(0.0, 0.0),
    gap=0.12,
    gap_m=(4, 12),
    fences=(),
    trees_m=(0, 0),
    kit=("bollard", "bin", "cabinet", "sign", "sign", "bollard", "cycle_stand", "nameplate", "planter"),
    lamp="arm_lamp",
    backdrop=("town", "hills"),
)
SUBURB = Zone(
    road="street",
    lane_m=(2.7, 3.3),
    parking=0.45,
    pavement_m=(1.4, 2.4),
    houses=("house", "house", "house", "shed"),
    front_m=(8, 13),
    storeys=(1, 2),
    setback_m=(3.0, 7.0),
    gap=0.9,
    gap_m=(2, 9),
    fences=("hedge", "fence", "wall"),
    trees_m=(12, 26),
    kit=("bin", "sign", "cabinet", "nameplate", "wire_pole", "bin"),
    lamp="arm_lamp",
    backdrop=("woods", "hills"),
)
AVENUE = Zone(
    road="avenue",
    lane_m=(3.1, 3.6),
    parking=0.5,
    pavement_m=(3.5, 6.0),
    houses=("modern", "modern", "town"),
    front_m=(14, 30),
    storeys=(4, 9),
    setback_m=(0.0, 3.0),
    gap=0.25,
    gap_m=(4, 16),
    fences=(),
    trees_m=(8, 14),
    kit=("bollard", "bin", "bench", "sign", "planter", "cycle_stand", "cabinet"),
    lamp="arm_lamp",
    backdrop=("town",),
)
COUNTRY = Zone(
    road="country",
    lane_m=(2.8, 3.5),
    parking=0.0,
    pavement_m=(0.0, 0.0),
    houses=("house", "shed"),
    front_m=(8, 15),
    storeys=(1, 2),
    setback_m=(5.0, 16.0),
    gap=1.0,
    gap_m=(14, 60),
    fences=("hedge", "fence", "wall", "railing"),
    trees_m=(6, 14),
    kit=("sign", "wire_pole", "sign"),
    lamp="arm_lamp",
    backdrop=("hills", "woods"),
)
ZONES = {"town": TOWN, "suburb": SUBURB, "avenue": AVENUE, "country": COUNTRY}


class Street:
    """One street being filled; every sort of thing has a random stream of its own."""

    def __init__(self, sampler: AnySampler, zone: Zone, *, dark: bool) -> None:
        rng = sampler.rng("road")
        self.sampler, self.zone, self.dark = sampler, zone, dark
        words = (
            zone.road,
            round(float(rng.choice([0.0, 1.0, 1.0])) * float(rng.uniform(-450, 450))),
            round(rng.uniform(*zone.lane_m) * 10),
            round(rng.uniform(19, 23)) if rng.uniform() < zone.parking else 0,
            round(rng.uniform(*zone.pavement_m) * 10),
            seed(rng),
        )
        self.road = Road.of(tuple(map(str, words)))
        self.scenery = Scenery(lambda x, y: 0.0)
        self.windows = 0
        self.scenery.lay("Road", roads.MAKER.asset_id(*words), (0, 0, 0), looks=self._looks(rng))
        self.land = self._land(rng)
        self.facades = Facades(sampler)
        self._made: dict[str, list[tuple[str, Building]]] = {}

    def _looks(self, rng: np.random.Generator) -> tuple[PartLook, ...]:
        looks = [
            PartLook(part="verge", material=self._verge(rng)),
            PartLook(part="carriageway", material=materials.made(rng, "asphalt")),
        ]
        if self.road.pavement_m:
            looks.append(PartLook(part="pavement", material=paving(self.sampler, rng)))
        return tuple(looks)

    def _verge(self, rng: np.random.Generator) -> MaterialSpec:
        if not self.zone.fences:
            return paving(self.sampler, rng)
        green = [
            a for a in self.sampler.assets("texture", "ground") if "grass" in a.id and "skimage" not in a.id
        ]
        asset = pick(rng, green or self.sampler.some("texture", "ground"))
        return materials.of_texture(rng, asset, tile_m=(asset.tile_m or 1.0) * 1.4)

    def _land(self, rng: np.random.Generator) -> Panel:
        """What lies beyond the verges, to the horizon."""
        low = float(self.road.grade(np.arange(roads.START_M, roads.END_M, 5.0)).min()) - 0.8
        return Panel(
            name="Land",
            position=(120.0, 0.0, round(low, 4)),
            rotation=facing((0, 0, 1)),
            size=(2400, 2400),
            material=self._verge(rng),
        )

    def backdrop(self) -> None:
        """What closes the horizon."""
        rng = self.sampler.rng("backdrop")
        words = (
            str(rng.choice(list(self.zone.backdrop))),
            int(rng.integers(380, 560)),
            int(rng.integers(30, 80)),
            seed(rng),
        )
        self.scenery.lay("Backdrop", grounds.BACKDROP.asset_id(*words), (110.0, 0.0, 0.0))

    def fill(self) -> None:
        """All that stands along the street, whoever moves on it."""
        self.backdrop()
        self.lamps()
        self.houses()
        self.furniture()
        self.trees()

    def at(self, s: float, v: float) -> Vec3:
        """A world point on the surface."""
        x, y, z = self.road.place(s, v).tolist()
        return (x, y, z)

    def turn(self, s: float, side: int) -> float:
        """Heading of what stands on a side of the road and faces it."""
        return self.road.heading_deg(s) + (0.0 if side == LEFT else 180.0)

    def stand(
        self,
        what: str,
        asset: str,
        spot: Footprint,
        s: float,
        v: float,
        looks: tuple[PartLook, ...] = (),
        scale: float = 1.0,
        hard: Hard | None = None,
    ) -> bool:
        """Stand an asset, whose ground is `spot`, at its place of the road."""
        x, y, z = self.at(s, v)
        return self.scenery.put(what, asset, spot.but(x=x, y=y), z=z, looks=looks, scale=scale, hard=hard)

    def thing(self, what: str, made: tuple[str, Thing], s: float, v: float, turn: float) -> bool:
        """Stand something of the street."""
        return self.stand(what, made[0], thing_spot(made[1], 0, 0, turn), s, v)

    def houses(self) -> None:
        """Rows of houses on both sides, their front gardens, and what closes the end of the road."""
        rng = self.sampler.rng("houses")
        for side in (RIGHT, LEFT):
            s = float(rng.uniform(-50, -30))
            setback = float(rng.uniform(*self.zone.setback_m))
            while s < FAR_M:
                made = self._house(rng)
                s = self._one_house(rng, made, s, side, setback + float(rng.uniform(0, 0.3)) * setback)
                if rng.uniform() < self.zone.gap:
                    s += float(rng.uniform(*self.zone.gap_m))
            if self.zone.fences:
                self._fences(rng, side)
        asset, building = self._house(rng)
        spot = Footprint(
            x=0,
            y=0,
            width=building.width_m,
            depth=building.depth_m,
            top=building.eaves_m,
            heading_deg=self.road.heading_deg(roads.END_M) - 90,
        )
        looks, hard = self.facades.looks(rng, building.kind)
        self.stand("Building", asset, spot, roads.END_M - building.depth_m / 2 - 1, 0.0, looks, hard=hard)

    def _house(self, rng: np.random.Generator) -> tuple[str, Building]:
        kind = str(rng.choice(list(self.zone.houses)))
        made = self._made.setdefault(kind, [])
        if len(made) < 4:
            made.append(draw_building(rng, (kind,), front_m=self.zone.front_m, storeys=self.zone.storeys))
            return made[-1]
        return pick(rng, made)

    def _one_house(
        self, rng: np.random.Generator, made: tuple[str, Building], s: float, side: int, setback: float
    ) -> float:
        """Build a house that begins at `s`; where the next one may begin."""
        asset, building = made
        v = side * (self.road.back_m + 0.3 + setback + building.depth_m / 2)
        stretch = 1 - self.road.curvature * v  # the inside of a bend is shorter
        step = building.width_m / max(
            0.3, 1 - self.road.curvature * side * (abs(v) - building.depth_m / 2 * np.sign(stretch))
        )
        middle = s + step / 2
        turn = self.turn(middle, side)
        spot = Footprint(
            x=0,
            y=0,
            width=building.width_m - 0.02,
            depth=building.depth_m,
            heading_deg=turn,
            top=building.eaves_m,
        )
        looks, hard = self.facades.looks(rng, building.kind)
        done = self.stand("Building", asset, spot, middle, v, looks, hard=hard)
        if done and self.dark and -8 < s < 90:
            share, most = float(rng.uniform(0.1, 0.4)), min(4, MOST_WINDOWS - self.windows)
            lit = lit_windows(
                rng, building, self.at(middle, v), turn, share, f"Window_{self.windows:02d}", most
            )
            self.windows += len(lit)
            self.scenery.lights += lit
        return float(s + step + (0.05 if done else 2.0))

    def _fences(self, rng: np.random.Generator, side: int) -> None:
        """Hedges, fences and walls between gardens and pavement, with gates left open."""
        s = -20.0
        while s < 200:
            kind, run = str(rng.choice(list(self.zone.fences))), int(rng.integers(2, 7))
            shared, height = seed(rng) // 16 * 16, float(rng.uniform(0.8, 1.8))
            pieces = (
                [draw_hedge(rng, height, 3.0)] if kind == "hedge" else [draw_thing(rng, kind, 3.0, shared)]
            )
            for _ in range(run):
                asset, made = pieces[0]
                depth = made.depth_m if isinstance(made, Plant) else made.size_m[1]
                spot = Footprint(
                    x=0, y=0, width=2.98, depth=depth, heading_deg=self.turn(s, side), top=height
                )
                v = side * (self.road.back_m + 0.5 + (1.2 if self.zone.road == "country" else 0.0))
                self.stand(kind.capitalize(), asset, spot, s, v)
                s += 3.0 / max(0.3, 1 - self.road.curvature * v)
            s += float(rng.uniform(1.2, 4 if self.zone.road != "country" else 30))

    def trees(self) -> None:
        """Trees along the kerb or the verge, and in the gardens behind."""
        rng = self.sampler.rng("trees")
        sorts = [draw_plant(rng, ("broad", "round", "tall"), height_m=(5, 11), leaves=4500) for _ in range(2)]
        wild = [
            draw_plant(rng, (kind,), height_m=(5, 14), leaves=1700) for kind in ("broad", "round", "conifer")
        ]
        step = self.zone.trees_m
        for side in (RIGHT, LEFT):
            s = float(rng.uniform(4, 12))
            while step[1] and s < FAR_M:
                pool = sorts if s < 60 else [*wild[:2]]
                off = 0.75 if self.road.pavement_m > 3 else self.road.pavement_m + 1.5
                self._tree(
                    rng, pool, s, side * (self.road.half_m + roads.KERB_M + off + float(rng.uniform(0, 0.2)))
                )
                s += float(rng.uniform(*step))
            for s in rng.uniform(-10, FAR_M, 26 if self.zone.fences else 6):
                self._tree(rng, wild, float(s), side * (self.road.back_m + float(rng.uniform(8, 40))))

    def _tree(self, rng: np.random.Generator, pool: list[tuple[str, Plant]], s: float, v: float) -> None:
        asset, plant = pick(rng, pool)
        spot = plant_spot(plant, 0, 0, float(rng.uniform(0, 360)))
        self.stand("Tree", asset, spot, s, v, scale=round(float(rng.uniform(0.75, 1.2)), 3))

    def lamps(self) -> None:
        """Street lamps at even distances on alternate sides, lit when it is dark."""
        rng = self.sampler.rng("lamps")
        made = draw_thing(rng, self.zone.lamp, float(rng.uniform(4.5, 8.5)))
        step, colour = float(rng.uniform(16, 30)), materials.blackbody(float(rng.uniform(2300, 4500)))
        power, lit = float(rng.uniform(0.4, 1.0)), 0
        for number, s in enumerate(np.arange(float(rng.uniform(-12, 8)), FAR_M, step)):
            side = (RIGHT, LEFT)[number % 2]
            v, turn = side * (self.road.half_m + roads.KERB_M + 0.35), self.turn(float(s), side)
            if self.thing("Lamp", made, float(s), v, turn) and self.dark and lit < MOST_LAMPS:
                bulb = lamp_light(made[1], f"Bulb_{number}", self.at(float(s), v), turn, colour, power)
                self.scenery.lights.append(bulb)
                lit += 1

    def furniture(self) -> None:
        """Signs that face the traffic, signals at crossings, and what else stands on pavements."""
        rng, road = self.sampler.rng("things"), self.road
        kit = [(kind, draw_thing(rng, kind, 7.0 if kind == "wire_pole" else 1.6)) for kind in self.zone.kit]
        shelter = draw_thing(rng, "shelter", float(rng.uniform(2.8, 4.2)))
        kerb, back = road.half_m + roads.KERB_M + 0.3, max(road.back_m - 0.45, road.half_m + 0.6)
        for _ in range(int(rng.integers(14, 40))):
            kind, made = kit[int(rng.integers(len(kit)))]
            s, side = float(rng.uniform(2, 150)) ** 1.0, int(rng.choice([LEFT, RIGHT]))
            if kind == "sign":
                made = draw_thing(rng, "sign") if rng.uniform() < 0.3 else made
                self.thing("Sign", made, s, side * (kerb + 0.1), road.heading_deg(s) + 90 * side)
                continue
            self.thing(
                kind.capitalize(), made, s, side * (back if rng.uniform() < 0.6 else kerb), self.turn(s, side)
            )
        if road.pavement_m > 2.4:
            side, s = int(rng.choice([LEFT, RIGHT])), float(rng.uniform(8, 45))
            spot = thing_spot(shelter[1], 0, 0, self.turn(s, side))
            self.stand("Shelter", shelter[0], spot, s, side * (road.back_m - 0.95), hard="glass")
        if self.zone.road == "avenue":
            self._signals(rng)

    def _signals(self, rng: np.random.Generator) -> None:
        made = draw_thing(rng, "signal")
        for s in self.road.crossings():
            for side in (RIGHT, LEFT):
                v = side * (self.road.half_m + roads.KERB_M + 0.25)
                self.thing("Signal", made, s + side * 2.6, v, self.road.heading_deg(s) + 90 * side)

    def parked(self) -> None:
        """Cars along the kerb, in their bays where there are any."""
        rng, pool = self.sampler.rng("parked"), vehicles(self.sampler, longest_m=6.4)
        share = float(rng.uniform(0.25, 0.85))
        if not (pool and self.road.parking_m):
            return
        for side in (RIGHT, LEFT):
            for s in np.arange(roads.START_M + 2.95, FAR_M, 5.8):
                near_crossing = any(abs(s - c) < 6 for c in self.road.crossings())
                if rng.uniform() < share and not near_crossing:
                    v = side * (self.road.half_m - self.road.parking_m / 2 - 0.05)
                    self.car(
                        "Parked",
                        pick(rng, pool),
                        float(s + rng.normal(0, 0.2)),
                        v,
                        side,
                        float(rng.normal(0, 1.2)),
                    )

    def car(self, what: str, asset: Asset, s: float, v: float, side: int, skew_deg: float = 0.0) -> bool:
        """A vehicle on the right or left side, heading as the traffic there does."""
        along = self.road.heading_deg(s) + (0.0 if side == RIGHT else 180.0) + skew_deg
        spot = on_ground(asset, 0, 0, facing_deg(asset, along))
        return self.stand(
            what,
            asset.id,
            spot,
            s,
            v,
            car_looks(self.sampler, self.sampler.rng("paint", what, round(s * 10)), asset),
        )

    def traffic(self, *, own_lane: int, gap_m: float) -> None:
        """Vehicles in every lane; the first one in the camera's lane at least `gap_m` away."""
        rng, pool = self.sampler.rng("traffic"), vehicles(self.sampler)
        large = vehicles(self.sampler, longest_m=17.0)
        lit = 0
        for side in (RIGHT, LEFT) if pool else ():
            for lane in range(self.road.lanes):
                own = side == RIGHT and lane == own_lane
                s = gap_m + 2.5 + float(rng.exponential(9)) if own else float(rng.uniform(5, 30))
                while s < FAR_M - 20:
                    asset = pick(rng, large if rng.uniform() < 0.12 else pool)
                    length = max(asset.size_m or (5.0,))
                    s += length / 2
                    v = self.road.lane_v(lane, side) + float(rng.normal(0, 0.15))
                    blocked = any(abs(s - c) < 5.5 for c in self.road.crossings())
                    if (
                        not blocked
                        and self.car("Vehicle", asset, s, v, side)
                        and self.dark
                        and lit < MOST_HEADLIGHTS
                    ):
                        lit += self._headlights(asset, s, v, side, len(self.scenery.placements))
                    s += length / 2 + 6 + float(rng.exponential(16))

    def _headlights(self, asset: Asset, s: float, v: float, side: int, number: int) -> int:
        """The lamps that face the camera: white ones of what comes, red ones of what goes ahead."""
        size = asset.size_m or (1.8, 4.4, 1.5)
        end, half = max(size[:2]) / 2 + 0.02, min(size[:2]) / 2 - 0.3
        colour: Vec3 = (14.0, 13.0, 11.5) if side == LEFT else (4.0, 0.12, 0.06)
        for k, off in enumerate((-half, half)):
            x, y, z = self.at(s - end, v + off)
            self.scenery.lights.append(
                SphereLight(
                    name=f"Light_{number}_{k}",
                    position=(round(x, 5), round(y, 5), round(z + 0.68, 5)),
                    radius_m=0.07 if side == LEFT else 0.05,
                    radiance=colour,
                )
            )
        return 2

    def persons(self, wanted: tuple[int, int]) -> None:
        """People on the pavements, some of them on crossings; bicycles parked at the back."""
        rng, pool, road = self.sampler.rng("people"), people(self.sampler), self.road
        if not pool or road.pavement_m == 0:
            return
        for _ in range(int(rng.integers(wanted[0], wanted[1] + 1))):
            s, side = 3 + 90 * float(rng.uniform()) ** 1.6, int(rng.choice([LEFT, RIGHT]))
            v = side * float(rng.uniform(road.half_m + 0.6, road.back_m - 0.35))
            turn = road.heading_deg(s) + float(rng.choice([90.0, -90.0])) + float(rng.normal(0, 15))
            if rng.uniform() < 0.2:
                s, v = (
                    pick(rng, road.crossings()) + float(rng.uniform(-1, 1)),
                    float(rng.uniform(-0.9, 0.9)) * road.half_m,
                )
                turn = road.heading_deg(s) + float(rng.choice([0.0, 180.0]))
            asset = pick(rng, pool)
            self.stand("Person", asset.id, on_ground(asset, 0, 0, turn, 0.1), s, v)
        self._cycles(rng)

    def _cycles(self, rng: np.random.Generator) -> None:
        pool = cycles(self.sampler)
        for _ in range(int(rng.integers(0, 6)) if pool else 0):
            asset, side, s = pick(rng, pool), int(rng.choice([LEFT, RIGHT])), float(rng.uniform(4, 70))
            spot = on_ground(asset, 0, 0, self.road.heading_deg(s) + 90 + float(rng.normal(0, 10)))
            self.stand("Cycle", asset.id, spot, s, side * (self.road.back_m - 0.4))
