"""What stands behind a street's pavements: rows of houses, along side streets too, and gardens' fences."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from assets_manifest.made import roadway
from assets_manifest.made.buildings import Building
from assets_manifest.made.roadway import Junction
from assets_manifest.made.street import Thing
from assets_manifest.made.trees import Plant
from fsd_gen.styles.footprint import Footprint
from fsd_gen.styles.outdoors.fittings import draw_thing
from fsd_gen.styles.outdoors.growth import draw_hedge
from fsd_gen.styles.outdoors.houses import Facades, draw_building, lit_windows
from fsd_gen.styles.outdoors.scenery import seed
from fsd_gen.styles.outdoors.streetscape import FAR_M, LEFT, RIGHT, Street
from fsd_gen.styles.sampler import pick

MOST_WINDOWS = 22  # lit ones; every light costs noise
MOST_HOUSES = 4  # of one kind that differ
SIDE_ROOM_M = 2.4  # of pavement and air beside a side street


@dataclass(slots=True)
class Frontage:
    """Builds up one street."""

    street: Street
    facades: Facades
    windows: int = 0
    made: dict[str, list[tuple[str, Building]]] = field(default_factory=dict)

    @classmethod
    def of(cls, street: Street) -> Frontage:
        """With coats drawn for this street."""
        return cls(street, Facades(street.sampler))

    def build(self) -> None:
        """Houses on both sides, gardens' fences, side streets, and what closes the end of the road."""
        street, zone = self.street, self.street.zone
        rng = street.sampler.rng("houses")
        for side in (RIGHT, LEFT):
            s = float(rng.uniform(-50, -30))
            setback = float(rng.uniform(*zone.setback_m))
            while s < FAR_M:
                made = self._house(rng)
                s = self._past_side_streets(s, made[1].width_m)
                s = self._one(rng, made, s, side, setback + float(rng.uniform(0, 0.3)) * setback)
                if rng.uniform() < zone.gap:
                    s += float(rng.uniform(*zone.gap_m))
            if zone.fences:
                self._fences(rng, side)
            for junction in street.road.junctions():
                self._side_street(rng, junction, side, setback)
        end = roadway.END_M
        self._crosswise(rng, self._house(rng), end, 0.0, street.road.heading_deg(end) - 90, ahead=True)

    def _past_side_streets(self, s: float, width: float) -> float:
        for junction in self.street.road.junctions():
            reach = junction.half_m + SIDE_ROOM_M
            if s + 1.15 * width > junction.s - reach and s < junction.s + reach:
                return junction.s + reach
        return s

    def _house(self, rng: np.random.Generator) -> tuple[str, Building]:
        zone = self.street.zone
        kind = str(rng.choice(list(zone.houses)))
        made = self.made.setdefault(kind, [])
        if len(made) < MOST_HOUSES:
            made.append(draw_building(rng, (kind,), front_m=zone.front_m, storeys=zone.storeys))
            return made[-1]
        return pick(rng, made)

    def _one(
        self, rng: np.random.Generator, made: tuple[str, Building], s: float, side: int, setback: float
    ) -> float:
        """Build a house that begins at `s`; where the next one may begin."""
        asset, building = made
        road = self.street.road
        v = side * (road.back_m + 0.3 + setback + building.depth_m / 2)
        stretch = 1 - road.curvature * v  # the inside of a bend is shorter
        near = side * (abs(v) - building.depth_m / 2 * np.sign(stretch))
        step = building.width_m / max(0.3, 1 - road.curvature * near)
        middle = s + step / 2
        turn = self.street.turn(middle, side)
        done = self._put(rng, asset, building, middle, v, turn)
        if done and self.street.dark and -8 < s < 90:
            share, most = float(rng.uniform(0.1, 0.4)), min(4, MOST_WINDOWS - self.windows)
            name = f"Window_{self.windows:02d}"
            lit = lit_windows(rng, building, self.street.at(middle, v), turn, share, name, most)
            self.windows += len(lit)
            self.street.scenery.lights += lit
        return float(s + step + (0.05 if done else 2.0))

    def _put(
        self, rng: np.random.Generator, asset: str, building: Building, s: float, v: float, turn: float
    ) -> bool:
        spot = Footprint(
            x=0,
            y=0,
            width=building.width_m - 0.02,
            depth=building.depth_m,
            heading_deg=turn,
            top=building.eaves_m,
        )
        looks, hard = self.facades.looks(rng, building)
        return self.street.stand("Building", asset, spot, s, v, looks, hard=hard)

    def _crosswise(
        self,
        rng: np.random.Generator,
        made: tuple[str, Building],
        s: float,
        v: float,
        turn: float,
        *,
        ahead: bool = False,
    ) -> bool:
        """A house that looks along the road, or at its side street."""
        back = made[1].depth_m / 2 + 1 if ahead else 0.0
        return self._put(rng, made[0], made[1], s - back, v, turn)

    def _side_street(self, rng: np.random.Generator, junction: Junction, side: int, setback: float) -> None:
        """Houses on both edges of a side street, behind those at the corners, and one that closes it."""
        road = self.street.road
        start, end = road.back_m + setback + 15.0, road.back_m + roadway.VERGE_M
        for edge in (-1, 1):
            out = start
            while out < end:
                made = self._house(rng)
                s = junction.s + edge * (junction.half_m + SIDE_ROOM_M + setback / 2 + made[1].depth_m / 2)
                turn = road.heading_deg(junction.s) - 90.0 * edge
                self._crosswise(rng, made, s, side * (out + made[1].width_m / 2), turn)
                out += made[1].width_m + (float(rng.uniform(*self.street.zone.gap_m)) if setback else 0.05)
        made = self._house(rng)
        self._crosswise(
            rng,
            made,
            junction.s,
            side * (end + made[1].depth_m / 2 + 0.5),
            self.street.turn(junction.s, side),
        )

    def _fences(self, rng: np.random.Generator, side: int) -> None:
        """Hedges, fences and walls between gardens and pavement, with gates left open."""
        road, country = self.street.road, self.street.zone.road == "country"
        s = -20.0
        while s < 200:
            kind, run = str(rng.choice(list(self.street.zone.fences))), int(rng.integers(2, 7))
            shared, height = seed(rng) // 16 * 16, float(rng.uniform(0.8, 1.8))
            piece: tuple[str, Plant | Thing] = (
                draw_hedge(rng, height, 3.0) if kind == "hedge" else draw_thing(rng, kind, 3.0, shared)
            )
            asset, made = piece
            finish = self.street.sampler.rng("finish", asset)
            looks = () if kind == "hedge" else self.street.finishes.of_thing(finish, kind)
            depth = made.depth_m if isinstance(made, Plant) else made.size_m[1]
            for _ in range(run):
                turn = self.street.turn(s, side)
                spot = Footprint(x=0, y=0, width=2.98, depth=depth, heading_deg=turn, top=height)
                v = side * (road.back_m + 0.5 + (1.2 if country else 0.0))
                if road.clear_of_junctions(s, 3.2):
                    self.street.stand(kind.capitalize(), asset, spot, s, v, looks)
                s += 3.0 / max(0.3, 1 - road.curvature * v)
            s += float(rng.uniform(1.2, 30 if country else 4))
