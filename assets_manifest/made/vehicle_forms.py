"""What vehicles of each build are like: lengths, heights, screens, axles, windows, drawn from a seed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from assets_manifest.made.coachwork import Form
from assets_manifest.made.words import understood

CARS = ("hatch", "saloon", "estate", "suv", "city", "mpv")
KINDS = (*CARS, "van", "minibus", "pickup", "lorry", "bus", "bicycle")
LIMITS = {"seed": (0, 2**31)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Vehicle:
    """What the words of one vehicle say."""

    kind: str
    seed: int

    @classmethod
    def of(cls, words: tuple[str, ...]) -> Vehicle:
        """Raises MadeAssetError for words that are none of a vehicle."""
        kind, (seed,) = understood(words, KINDS, LIMITS)
        return cls(kind=kind, seed=seed)

    def rng(self, name: int) -> np.random.Generator:
        """One of its random streams."""
        return np.random.Generator(np.random.Philox(key=[self.seed, name]))

    @property
    def size_m(self) -> tuple[float, float, float]:
        """Across (without mirrors), along and height."""
        if self.kind == "bicycle":
            return (0.6, 1.75, 1.1)
        form = form_of(self)
        return (form.width, form.length, form.height + (0.15 if self.kind in ("lorry", "bus") else 0.0))


DOORS = ((0.05, 0.42), (0.46, 0.78), (0.81, 0.93))  # windows of a car's side


@lru_cache(maxsize=1024)
def form_of(vehicle: Vehicle) -> Form:
    """The shape of its body."""
    if vehicle.kind in CARS:
        return _car(vehicle)
    return {"van": _van, "minibus": _van, "pickup": _pickup, "lorry": _lorry, "bus": _bus}[vehicle.kind](
        vehicle
    )


CAR_SIZES = {  # length, width, height, bonnet as a share of the length, rear screen's run as one
    "hatch": ((3.85, 4.4), (1.7, 1.82), (1.42, 1.54), (0.2, 0.26), (0.06, 0.14)),
    "saloon": ((4.4, 5.0), (1.75, 1.88), (1.4, 1.48), (0.24, 0.29), (0.13, 0.2)),
    "estate": ((4.4, 4.9), (1.75, 1.86), (1.43, 1.52), (0.23, 0.28), (0.03, 0.08)),
    "suv": ((4.15, 4.75), (1.78, 1.92), (1.58, 1.74), (0.21, 0.26), (0.05, 0.1)),
    "city": ((3.0, 3.65), (1.58, 1.68), (1.46, 1.58), (0.15, 0.2), (0.03, 0.07)),
    "mpv": ((4.2, 4.8), (1.76, 1.88), (1.58, 1.8), (0.15, 0.2), (0.03, 0.07)),
}


def _car(vehicle: Vehicle) -> Form:
    rng, kind = vehicle.rng(0), vehicle.kind
    length, width, height, bonnet, run = (float(rng.uniform(*each)) for each in CAR_SIZES[kind])
    high = kind in ("suv", "mpv")
    wheel = float(rng.uniform(0.31, 0.335)) + 0.03 * (kind == "suv") - 0.02 * (kind == "city")
    belt = height * float(rng.uniform(0.6, 0.645))
    cowl, rear = bonnet * length, length * (0.86 if kind == "saloon" else 0.975)
    screen = (height - belt) * float(rng.uniform(0.95, 1.5)) * (0.75 if high else 1.0)
    base = length * float(rng.uniform(0.585, 0.615))
    front = length * float(rng.uniform(0.185, 0.205))
    windows = DOORS if kind != "city" else ((0.05, 0.6), (0.64, 0.92))
    return Form(
        length=length,
        width=width,
        height=height,
        sill=wheel * (0.72 if kind == "suv" else 0.6),
        nose=belt * float(rng.uniform(0.74, 0.86)),
        belt=belt,
        tail=belt * float(rng.uniform(0.94, 1.03)),
        cowl=cowl,
        roof=(cowl + screen, rear - run * length),
        rear=rear,
        axles=(front, front + base),
        wheel=wheel,
        windows=windows,
        corners=(float(rng.uniform(3.6, 5.5)), float(rng.uniform(5.0, 8.0))),
        tumble=float(rng.uniform(0.7, 0.78)) + 0.04 * high,
        cladding=0.32 if kind == "suv" and rng.uniform() < 0.5 else 0.1,
        seams=(front + 0.42, front + 0.42 + 0.235 * length, front + base - 0.3),
    )


def _van(vehicle: Vehicle) -> Form:
    rng, bus = vehicle.rng(0), vehicle.kind == "minibus"
    length, height = float(rng.uniform(4.8, 6.0)), float(rng.uniform(1.95, 2.6))
    length, height = (length, min(height, 2.1)) if bus else (length, height)
    cowl = length * float(rng.uniform(0.13, 0.17))
    axle = float(rng.uniform(0.88, 1.0))
    belt = float(rng.uniform(1.1, 1.2))
    windows = ((0.03, 0.2), (0.235, 0.45), (0.48, 0.7), (0.73, 0.95)) if bus else ((0.03, 0.22),)
    return Form(
        length=length,
        width=float(rng.uniform(1.9, 2.05)),
        height=height,
        sill=0.24,
        nose=belt * 0.82,
        belt=belt,
        tail=belt,
        cowl=cowl,
        roof=(cowl + (height - belt) * float(rng.uniform(0.55, 0.75)), length * 0.975),
        rear=length * 0.985,
        axles=(axle, length - float(rng.uniform(1.0, 1.35))),
        wheel=0.34,
        windows=windows,
        rear_glass=bus or rng.uniform() < 0.5,
        corners=(5.0, 14.0),
        tumble=0.84,
        cladding=float(rng.choice([0.1, 0.35])),
        seams=(axle + 0.5, axle + 1.35, axle + 2.4),
    )


def _pickup(vehicle: Vehicle) -> Form:
    rng = vehicle.rng(0)
    length, height = float(rng.uniform(5.0, 5.4)), float(rng.uniform(1.74, 1.86))
    belt, cowl, front = height * 0.62, length * 0.235, length * 0.18
    rear = length * float(rng.uniform(0.56, 0.68))
    return Form(
        length=length,
        width=float(rng.uniform(1.82, 1.95)),
        height=height,
        sill=0.3,
        nose=belt * 0.9,
        belt=belt,
        tail=belt * 0.97,
        cowl=cowl,
        roof=(cowl + 0.62, rear - 0.12),
        rear=rear,
        axles=(front, front + length * 0.6),
        wheel=0.38,
        windows=((0.06, 0.5), (0.54, 0.9)),
        corners=(5.5, 14.0),
        cladding=0.3,
        seams=(front + 0.5, front + 1.5, rear),
    )


def _lorry(vehicle: Vehicle) -> Form:
    """Cab, skirts and wheels; the load comes on top."""
    rng = vehicle.rng(0)
    length, height = float(rng.uniform(6.2, 8.4)), float(rng.uniform(2.3, 2.65))
    return Form(
        length=length,
        width=float(rng.uniform(2.15, 2.45)),
        height=height,
        sill=0.42,
        nose=1.25,
        belt=1.35,
        tail=0.95,
        cowl=0.22,
        roof=(0.6, 1.75),
        rear=1.8,
        axles=(1.15, length - 1.6),
        wheel=0.46,
        windows=((0.05, 0.62),),
        rear_glass=False,
        corners=(7.0, 20.0),
        tumble=0.9,
        cladding=0.2,
        seams=(0.62, 1.5),
    )


def _bus(vehicle: Vehicle) -> Form:
    rng = vehicle.rng(0)
    length, height = float(rng.uniform(9.5, 12.0)), float(rng.uniform(2.85, 3.1))
    edges = np.linspace(0.02, 0.98, int(rng.integers(6, 9)))
    return Form(
        length=length,
        width=2.5,
        height=height,
        sill=0.3,
        nose=0.98,
        belt=1.05,
        tail=1.15,
        cowl=0.06,
        roof=(0.32, length - 0.12),
        rear=length - 0.03,
        axles=(2.5, length - 3.0),
        wheel=0.47,
        windows=tuple((float(a) + 0.006, float(b) - 0.006) for a, b in zip(edges, edges[1:], strict=False)),
        corners=(9.0, 16.0),
        tumble=0.93,
        cladding=0.1,
        seams=(0.55, 1.75, length / 2, length / 2 + 1.2),
    )
