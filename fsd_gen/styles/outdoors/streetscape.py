"""A street being filled: its road, what closes the horizon, and where things stand along it.

Places are in the road's own frame: `s` along it, `v` to its left. Traffic keeps to the right.
"""

from __future__ import annotations

import numpy as np

from assets_manifest.made import ground as grounds
from assets_manifest.made import road as roads
from assets_manifest.made import roadway
from assets_manifest.made.roadway import Road
from assets_manifest.made.street import Thing
from fsd_gen.scene.rotations import facing
from fsd_gen.scene.spec import Hard, MaterialSpec, Panel, PartLook, Vec3
from fsd_gen.styles.footprint import Footprint
from fsd_gen.styles.outdoors import paving
from fsd_gen.styles.outdoors.finishes import Finishes
from fsd_gen.styles.outdoors.fittings import thing_spot
from fsd_gen.styles.outdoors.scenery import Scenery, seed
from fsd_gen.styles.outdoors.zones import Zone
from fsd_gen.styles.sampler import AnySampler

FAR_M = 300.0  # so far along the road things stand
RIGHT, LEFT = -1, 1


class Street:
    """One street; every sort of thing has a random stream of its own."""

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
        self.finishes = Finishes(sampler)
        verge = self._verge(rng)
        self.scenery.lay("Road", roads.MAKER.asset_id(*words), (0, 0, 0), looks=self._looks(rng, verge))
        self.land = self._land(verge)
        self._keep_side_streets_free()

    def _looks(self, rng: np.random.Generator, verge: MaterialSpec) -> tuple[PartLook, ...]:
        looks = [PartLook(part="verge", material=verge)]
        if self.road.pavement_m:
            looks.append(PartLook(part="pavement", material=paving.footway(self.sampler, rng)))
        return tuple(looks)

    def _verge(self, rng: np.random.Generator) -> MaterialSpec:
        if self.zone.fences:
            return paving.lawn(self.sampler, rng)
        return paving.square(self.sampler, rng)

    def _land(self, verge: MaterialSpec) -> Panel:
        """What lies beyond the verges, to the horizon."""
        low = float(self.road.grade(np.arange(roadway.START_M, roadway.END_M, 5.0)).min()) - 0.8
        return Panel(
            name="Land",
            position=(120.0, 0.0, round(low, 4)),
            rotation=facing((0, 0, 1)),
            size=(2400, 2400),
            material=verge,
        )

    def _keep_side_streets_free(self) -> None:
        road = self.road
        long = roadway.VERGE_M + road.pavement_m
        for junction in road.junctions():
            for side in (RIGHT, LEFT):
                x, y, _ = self.at(junction.s, side * (road.half_m + 0.1 + long / 2))
                turn = road.heading_deg(junction.s)
                spot = Footprint(x=x, y=y, width=2 * junction.half_m, depth=long, heading_deg=turn)
                self.scenery.take(spot)

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
        """Stand something of the street; all of one asset are finished alike."""
        looks = self.finishes.of_thing(self.sampler.rng("finish", made[0]), made[1].kind)
        return self.stand(what, made[0], thing_spot(made[1], 0, 0, turn), s, v, looks)
