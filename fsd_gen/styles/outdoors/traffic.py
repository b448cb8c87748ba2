"""Who uses a street: parked cars, traffic in the lanes and in side streets, people, bicycles."""

from __future__ import annotations

import numpy as np

from assets_manifest.made import roadway
from fsd_gen.scene.spec import SphereLight, Vec3
from fsd_gen.styles.outdoors.crowd import Crowd
from fsd_gen.styles.outdoors.scenery import on_ground
from fsd_gen.styles.outdoors.streetscape import LEFT, RIGHT, Street
from fsd_gen.styles.outdoors.vehicles import Garage, Ride, coat
from fsd_gen.styles.sampler import pick

MOST_HEADLIGHTS = 6
BAY_M = 5.8
PARKED_M, DRIVEN_M = 130.0, 210.0  # so far along the road vehicles are; what is further is a few pixels


class Traffic:
    """Vehicles and people of one street."""

    def __init__(self, street: Street) -> None:
        self.street, self.garage = street, Garage(street.sampler)
        self._lit = 0

    def parked(self) -> None:
        """Cars along the kerb, in their bays where there are any, and in side streets."""
        street, road = self.street, self.street.road
        rng = street.sampler.rng("parked")
        share = float(rng.uniform(0.25, 0.85))
        for side in (RIGHT, LEFT) if road.parking_m else ():
            for s in np.arange(roadway.START_M + 7 * BAY_M + 2.95, PARKED_M, BAY_M).tolist():
                free = road.clear_of_junctions(s, 4.0) and not any(abs(s - c) < 6 for c in road.crossings())
                if rng.uniform() < share and free:
                    v = side * (road.half_m - road.parking_m / 2 - 0.05)
                    skew = float(rng.normal(0, 1.2))
                    self._car(
                        rng, "Parked", self.garage.next(rng), s + float(rng.normal(0, 0.2)), v, side, skew
                    )
        self._in_side_streets(rng)

    def _in_side_streets(self, rng: np.random.Generator) -> None:
        """A car that waits to turn, others along the kerbs behind it."""
        road = self.street.road
        for junction in road.junctions():
            for side in (RIGHT, LEFT):
                if rng.uniform() < 0.45:
                    ride = self.garage.next(rng)
                    v = side * (road.back_m + 4.6 + ride.length_m / 2)
                    self._across(rng, ride, junction.s + side * junction.half_m * 0.5, v, -side)
                for out in np.arange(road.back_m + 13, road.back_m + 40, 6.2).tolist():
                    if rng.uniform() < 0.5:
                        ride = self.garage.next(rng)
                        s = junction.s - side * (junction.half_m - 0.2 - ride.width_m / 2)
                        self._across(rng, ride, s, side * out, side)

    def _across(self, rng: np.random.Generator, ride: Ride, s: float, v: float, towards: int) -> None:
        """A vehicle in a side street, heading to the left (1) or to the right of the road."""
        self._stand(rng, "Crossing", ride, s, v, self.street.road.heading_deg(s) + 90.0 * towards)

    def _car(
        self,
        rng: np.random.Generator,
        what: str,
        ride: Ride,
        s: float,
        v: float,
        side: int,
        skew_deg: float = 0.0,
    ) -> bool:
        """A vehicle on the right or left side, heading as the traffic there does."""
        along = self.street.road.heading_deg(s) + (0.0 if side == RIGHT else 180.0) + skew_deg
        return self._stand(rng, what, ride, s, v, along)

    def _stand(
        self, rng: np.random.Generator, what: str, ride: Ride, s: float, v: float, along_deg: float
    ) -> bool:
        paint = self.street.sampler.rng("paint", what, round(s * 10), round(v * 10))
        return self.street.stand(what, ride.asset, ride.spot(along_deg), s, v, coat(paint, ride))

    def drive(self, *, own_lane: int, gap_m: float) -> None:
        """Vehicles in every lane; the first one in the camera's lane at least `gap_m` away."""
        street, road = self.street, self.street.road
        rng = street.sampler.rng("traffic")
        for side in (RIGHT, LEFT):
            for lane in range(road.lanes):
                own = side == RIGHT and lane == own_lane
                s = gap_m + 2.5 + float(rng.exponential(9)) if own else float(rng.uniform(5, 30))
                while s < DRIVEN_M:
                    ride = self.garage.next(rng, large=0.14)
                    s += ride.length_m / 2
                    v = road.lane_v(lane, side) + float(rng.normal(0, 0.15))
                    blocked = any(abs(s - c) < 2.0 + ride.length_m / 2 for c in road.crossings())
                    if not blocked and self._car(rng, "Vehicle", ride, s, v, side):
                        self._light_up(ride, s, v, side)
                    s += ride.length_m / 2 + 6 + float(rng.exponential(16))

    def _light_up(self, ride: Ride, s: float, v: float, side: int) -> None:
        """The lamps that face the camera: white ones of what comes, red ones of what goes ahead."""
        if not self.street.dark or self._lit >= MOST_HEADLIGHTS:
            return
        number, coming = len(self.street.scenery.placements), side == LEFT
        end, half = ride.length_m / 2 + 0.02, ride.width_m / 2 - 0.3
        colour: Vec3 = (14.0, 13.0, 11.5) if coming else (4.0, 0.12, 0.06)
        for k, off in enumerate((-half, half)):
            x, y, z = self.street.at(s - end, v + off)
            self.street.scenery.lights.append(
                SphereLight(
                    name=f"Light_{number}_{k}",
                    position=(round(x, 5), round(y, 5), round(z + 0.68, 5)),
                    radius_m=0.07 if coming else 0.05,
                    radiance=colour,
                )
            )
        self._lit += 2

    def persons(self, wanted: tuple[int, int]) -> None:
        """People on the pavements, some of them on crossings; bicycles parked at the back."""
        street, road = self.street, self.street.road
        rng, crowd = street.sampler.rng("people"), Crowd(street.sampler)
        if not crowd or road.pavement_m == 0:
            return
        for _ in range(int(rng.integers(wanted[0], wanted[1] + 1))):
            s, side = 3 + 90 * float(rng.uniform()) ** 1.6, int(rng.choice([LEFT, RIGHT]))
            v = side * float(rng.uniform(road.half_m + 0.6, road.back_m - 0.35))
            turn = road.heading_deg(s) + float(rng.choice([90.0, -90.0])) + float(rng.normal(0, 15))
            if rng.uniform() < 0.2:
                s = pick(rng, road.crossings()) + float(rng.uniform(-1, 1))
                v = float(rng.uniform(-0.9, 0.9)) * road.half_m
                turn = road.heading_deg(s) + float(rng.choice([0.0, 180.0]))
            x, y, _ = street.at(s, v)
            asset = crowd.next(rng, x, y) if road.clear_of_junctions(s, 0.3) else None
            if asset is not None:
                looks, scale = crowd.clothes(rng, asset), crowd.size(rng)
                street.stand("Person", asset.id, on_ground(asset, 0, 0, turn, 0.1), s, v, looks, scale)
        self._cycles(rng)

    def _cycles(self, rng: np.random.Generator) -> None:
        road = self.street.road
        for _ in range(int(rng.integers(0, 7))):
            ride, side, s = self.garage.cycle(rng), int(rng.choice([LEFT, RIGHT])), float(rng.uniform(4, 70))
            spot = ride.spot(road.heading_deg(s) + float(rng.choice([0.0, 90.0])) + float(rng.normal(0, 10)))
            looks = coat(rng, ride)
            self.street.stand("Cycle", ride.asset, spot, s, side * (road.back_m - 0.5), looks)
