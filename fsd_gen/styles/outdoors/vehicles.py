"""Vehicles of one scene: models from numbers and from packs, their paint, and which comes next."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from assets_manifest.derived.parts import parts
from assets_manifest.made import vehicles as made
from assets_manifest.made.vehicle_forms import Vehicle
from assets_manifest.records import Asset
from fsd_gen.scene.spec import MaterialSpec, PartLook
from fsd_gen.styles.footprint import Footprint
from fsd_gen.styles.outdoors.scenery import is_light, seed
from fsd_gen.styles.sampler import AnySampler, pick

OFF_ROAD = (
    "peterbilt",
    "forkLift",
    "tricycle",
    "skateboard",
    "stroller",
    "cooter",
    "bike",
    "bicycle",
    "yamaha",
)
CRUDE = ("builtin/",)  # blocks with wheels: made ones are better
MODELS = (
    "hatch",
    "hatch",
    "saloon",
    "estate",
    "suv",
    "suv",
    "city",
    "mpv",
    "van",
    "saloon",
    "hatch",
    "pickup",
)
LARGE = ("lorry", "bus", "van", "minibus", "lorry")
OF_PACKS = 5  # models of packs in one scene
LONGEST_M, LONGEST_CAR_M, SHORTEST_M = 17.0, 6.4, 2.3
LAST = 6  # vehicles after which a model may come again
BODY = re.compile(
    r"paint(?!_black)|part_\d+_car$|first_?color|color_exterior|color_beige|chapa|white_?container|whiteBase|"
    r"red_cabin",
    re.IGNORECASE,
)
PAINTS = (  # linear; white, black and greys are most cars
    ((0.72, 0.72, 0.71), 20),
    ((0.016, 0.016, 0.017), 17),
    ((0.1, 0.105, 0.11), 14),
    ((0.3, 0.305, 0.31), 14),
    ((0.5, 0.505, 0.51), 10),
    ((0.02, 0.05, 0.16), 7),
    ((0.04, 0.13, 0.3), 4),
    ((0.33, 0.015, 0.015), 5),
    ((0.12, 0.012, 0.018), 2),
    ((0.03, 0.07, 0.045), 2),
    ((0.36, 0.3, 0.2), 2),
    ((0.1, 0.075, 0.05), 2),
    ((0.55, 0.34, 0.02), 1),
    ((0.42, 0.1, 0.01), 1),
    ((0.2, 0.33, 0.36), 1),
)
METALLIC = 0.45  # of the paints
KEPT = 0.12  # of the vehicles that keep the paint of their file


@dataclass(frozen=True, slots=True, kw_only=True)
class Ride:
    """A model of a vehicle: its asset, its size (across, along, height), and where its front is."""

    asset: str
    size_m: tuple[float, float, float]
    painted: tuple[str, ...]  # parts of its bodywork
    front_deg: float = -90.0  # heading of its front when it stands unturned

    @property
    def length_m(self) -> float:
        """From bumper to bumper."""
        return max(self.size_m[:2])

    @property
    def width_m(self) -> float:
        """Across."""
        return min(self.size_m[:2])

    def spot(self, towards_deg: float, margin_m: float = 0.05) -> Footprint:
        """The ground that it takes at the origin when it drives this way."""
        width, depth, height = self.size_m
        return Footprint(
            x=0,
            y=0,
            width=width + margin_m,
            depth=depth + margin_m,
            heading_deg=towards_deg - self.front_deg,
            top=height,
        )


class Garage:
    """The models of one scene; none comes again before several others have."""

    def __init__(self, sampler: AnySampler) -> None:
        self._sampler = sampler
        self._last: list[str] = []

    @cached_property
    def cars(self) -> list[Ride]:
        """Cars and vans."""
        rng = self._sampler.rng("garage", "cars")
        made = [_made(rng, kind) for kind in rng.permutation(MODELS)[:8].tolist()]
        return made + _of_packs(self._sampler, rng, SHORTEST_M, LONGEST_CAR_M)

    @cached_property
    def large(self) -> list[Ride]:
        """Lorries, buses, large vans."""
        rng = self._sampler.rng("garage", "large")
        made = [_made(rng, str(kind)) for kind in rng.choice(LARGE, 2)]
        return made + _of_packs(self._sampler, rng, LONGEST_CAR_M, LONGEST_M)[:1]

    @cached_property
    def cycles(self) -> list[Ride]:
        """Bicycles, and what packs have of scooters and motorbikes."""
        rng = self._sampler.rng("garage", "cycles")
        made = [_made(rng, "bicycle") for _ in range(3)]
        return made + [_ride(self._sampler, asset) for asset in cycles(self._sampler)]

    def next(self, rng: np.random.Generator, *, large: float = 0.0) -> Ride:
        """Another vehicle; `large`: the chance of a lorry or a bus."""
        pool = self.large if rng.uniform() < large else self.cars
        fresh = [ride for ride in pool if ride.asset not in self._last] or pool
        ride = pick(rng, fresh)
        self._last = [*self._last[1 - LAST :], ride.asset]
        return ride

    def cycle(self, rng: np.random.Generator) -> Ride:
        """A bicycle, a scooter or a motorbike."""
        return pick(rng, self.cycles)


def coat(rng: np.random.Generator, ride: Ride) -> tuple[PartLook, ...]:
    """Its bodywork in one of the colours that vehicles have; few keep their own."""
    if rng.uniform() < KEPT:
        return ()
    share = np.array([weight for _, weight in PAINTS], float)
    base = np.array(PAINTS[int(rng.choice(len(PAINTS), p=share / share.sum()))][0])
    r, g, b = np.clip(base * rng.uniform(0.75, 1.25) * rng.uniform(0.94, 1.06, 3), 0, 0.85).tolist()
    flakes = float(rng.uniform(0.4, 0.9)) if rng.uniform() < METALLIC else 0.0
    paint = MaterialSpec(colour=(r, g, b), roughness=float(rng.uniform(0.3, 0.55)), metallic=flakes)
    lacquer = paint.but(clearcoat=1.0, clearcoat_roughness=float(rng.uniform(0.01, 0.06)))
    return tuple(PartLook(part=part, material=lacquer) for part in ride.painted)


def _made(rng: np.random.Generator, kind: str) -> Ride:
    words = (kind, seed(rng))
    vehicle = Vehicle.of(tuple(map(str, words)))
    painted = ("paint", "box") if kind == "lorry" and rng.uniform() < 0.3 else ("paint",)
    return Ride(asset=made.MAKER.asset_id(*words), size_m=vehicle.size_m, painted=painted)


def _of_packs(sampler: AnySampler, rng: np.random.Generator, low_m: float, high_m: float) -> list[Ride]:
    """Some models of packs between two lengths, in a drawn order."""
    found = vehicles(sampler, low_m, high_m)
    return [_ride(sampler, found[k]) for k in rng.permutation(len(found))[:OF_PACKS].tolist()]


def vehicles(sampler: AnySampler, low_m: float = SHORTEST_M, high_m: float = LONGEST_M) -> list[Asset]:
    """Models of packs between two lengths; crude ones never."""
    return [
        asset
        for asset in sampler.assets("object", "vehicle")
        if asset.size_m
        and low_m < max(asset.size_m) <= high_m
        and is_light(asset)
        and not any(part in asset.id for part in (*OFF_ROAD, *CRUDE))
    ]


def cycles(sampler: AnySampler) -> list[Asset]:
    """Bicycles and their like, of packs."""
    return [
        asset
        for asset in sampler.assets("object", "vehicle")
        if asset.size_m
        and max(asset.size_m) <= SHORTEST_M
        and is_light(asset)
        and not any(part in asset.id for part in ("tricycle", "skateboard", "stroller", "Scopia/scooter"))
    ]


def _ride(sampler: AnySampler, asset: Asset) -> Ride:
    found = parts(asset, sampler.library.path(asset.id), sampler.library.root(asset.id))
    x, y, z = asset.size_m or (1.8, 4.4, 1.5)
    return Ride(
        asset=asset.id,
        size_m=(x, y, z),
        painted=tuple(part.name for part in found if BODY.search(part.name) and not part.textured),
        front_deg=0.0 if x > y else -90.0,
    )
