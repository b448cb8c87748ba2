"""Vehicles by the thousand: cars of every build, vans, lorries, buses, pick-ups and bicycles.

Words: kind / seed. Front towards -y, wheels on z = 0. Parts: paint (the bodywork), glass, trim (all
that is dark), lamp, tail, plate, rim, box, chrome. Windows are dark and glossy: nobody sees in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from assets_manifest.made import coachwork
from assets_manifest.made.coachwork import Form
from assets_manifest.made.registry import Maker
from assets_manifest.made.solids import Solids, paint
from assets_manifest.made.words import understood
from assets_manifest.meshes.parts import Surface

CARS = ("hatch", "saloon", "estate", "suv", "city", "mpv")
KINDS = (*CARS, "van", "minibus", "pickup", "lorry", "bus", "bicycle")
LIMITS = {"seed": (0, 2**31)}
PAINTS = (
    (0.78, 0.78, 0.77),
    (0.45, 0.46, 0.47),
    (0.16, 0.165, 0.17),
    (0.02, 0.02, 0.022),
    (0.35, 0.03, 0.03),
    (0.03, 0.07, 0.2),
    (0.25, 0.22, 0.16),
    (0.05, 0.1, 0.07),
)


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


def make(folder: Path, words: tuple[str, ...]) -> Path:
    """The vehicle's USD file."""
    vehicle, solids = Vehicle.of(words), Solids()
    surfaces = _surfaces(vehicle)
    if vehicle.kind == "bicycle":
        _bicycle(solids, surfaces, vehicle.rng(2))
        return solids.write(folder)
    form, rng = form_of(vehicle), vehicle.rng(2)
    coachwork.body(solids, surfaces, form)
    coachwork.cabin(solids, surfaces, form)
    coachwork.wheels(solids, surfaces, form, int(rng.integers(5, 11)))
    _fittings(solids, surfaces, form, vehicle.kind, rng)
    if vehicle.kind == "lorry":
        _load(solids, surfaces, form, rng)
    return solids.write(folder)


MAKER = Maker(name="vehicle", version=1, kind="object", make=make)


def _surfaces(vehicle: Vehicle) -> Mapping[str, Surface]:
    rng = vehicle.rng(1)
    alloy = (0.5, 0.5, 0.51) if rng.uniform() < 0.75 else (0.04, 0.04, 0.045)
    dark = paint("trim", (0.02, 0.02, 0.021), 0.55)
    return {
        "paint": paint("paint", PAINTS[rng.integers(len(PAINTS))], 0.18),
        "glass": paint("glass", (0.014, 0.017, 0.019), 0.02),
        **dict.fromkeys(("trim", "gap", "grille", "tyre"), dark),
        "lamp": paint("lamp", (0.62, 0.64, 0.66), 0.06),
        "tail": paint("tail", (0.3, 0.008, 0.008), 0.08),
        "plate": paint("plate", (0.75, 0.74, 0.66), 0.5),
        "rim": paint("rim", alloy, 0.35, metallic=0.8),
        "chrome": paint("chrome", (0.6, 0.6, 0.6), 0.15, metallic=1.0),
        "box": paint("box", (0.7, 0.7, 0.69), 0.5),
    }


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


def _fittings(
    solids: Solids, surfaces: Mapping[str, Surface], form: Form, kind: str, rng: np.random.Generator
) -> None:
    """Number plates, mirrors, handles, roof rails, a rear wiper."""
    end, half = form.length / 2, form.width / 2
    z = form.sill + 0.2 + 0.1 * (kind in ("suv", "bus", "lorry"))
    for y0, y1 in ((-end - 0.012, -end + 0.03), (end - 0.03, end + 0.012)):
        solids.box(surfaces["plate"], (-0.26, y0, z), (0.26, y1, z + 0.115))
    y = float(form.y(form.cowl)) + (0.28 if kind != "bus" else 0.0)
    z = form.belt + (0.05 if kind != "bus" else 0.6)
    housing = surfaces["paint"] if rng.uniform() < 0.6 else surfaces["trim"]
    for side in (-1, 1):
        ends = sorted((side * (0.87 * half), side * (half + 0.14)))
        solids.box(housing, (ends[0], y, z), (ends[1], y + 0.09, z + 0.14))
        for seam in form.seams[1:]:
            at = float(form.y(seam)) - 0.2
            ends = sorted((side * 0.95 * half, side * (half + 0.012)))
            solids.box(
                surfaces["trim"], (ends[0], at, form.belt - 0.16), (ends[1], at + 0.15, form.belt - 0.135)
            )
    if kind in ("estate", "suv", "mpv") and rng.uniform() < 0.6:
        y0, y1 = form.y(np.array(form.roof)).tolist()
        for x in (-0.6 * half, 0.6 * half):
            solids.bar(
                surfaces["chrome"],
                (x, y0 + 0.15, form.height + 0.03),
                (x, y1 - 0.1, form.height + 0.03),
                (0.016, 0.016),
                6,
            )


def _load(solids: Solids, surfaces: Mapping[str, Surface], form: Form, rng: np.random.Generator) -> None:
    """The closed box behind a lorry's cab, ribbed, on a frame."""
    half, top = form.width / 2, float(rng.uniform(3.0, 3.6))
    start, end = float(form.y(2.0)), form.length / 2
    solids.box(surfaces["box"], (-half - 0.02, start, 1.02), (half + 0.02, end, top))
    for y in np.arange(start + 0.6, end - 0.1, 0.62):
        for side in (-1, 1):
            ends = sorted((side * (half + 0.02), side * (half + 0.035)))
            solids.box(surfaces["box"], (ends[0], y, 1.02), (ends[1], y + 0.04, top))
    for z in (1.0, top - 0.06):
        solids.box(surfaces["chrome"], (-half - 0.04, start - 0.02, z), (half + 0.04, end + 0.01, z + 0.08))


def _bicycle(solids: Solids, surfaces: Mapping[str, Surface], rng: np.random.Generator) -> None:
    """A bicycle that leans on its stand."""
    r = 0.34
    hubs = np.array([(0, -0.53, r), (0, 0.53, r)], float)
    turn = np.linspace(0, 2 * np.pi, 25)
    for hub in hubs:
        rim = hub + r * np.stack([0 * turn, np.cos(turn), np.sin(turn)], axis=1)
        for a, b in zip(rim, rim[1:], strict=False):
            solids.bar(surfaces["tyre"], a, b, (0.017, 0.017), 5, closed=False)
        for a in rim[:-1:2]:
            solids.bar(surfaces["rim"], hub, a, (0.002, 0.002), 3, closed=False)
    crank, seat, head = (0, 0.06, 0.3), (0, 0.2, 0.86), (0, -0.36, 0.86)
    for a, b, size in (
        (crank, seat, 0.016),
        (crank, (0, -0.39, 0.72), 0.018),
        ((0, 0.17, 0.75), head, 0.015),
        (crank, hubs[1], 0.011),
        ((0, 0.17, 0.75), hubs[1], 0.009),
        (hubs[0], (0, -0.35, 0.95), 0.014),
    ):
        solids.bar(surfaces["paint"], a, b, (size, size), 7)
    solids.bar(surfaces["rim"], (-0.28, -0.3, 1.02), (0.28, -0.3, 1.02), (0.013, 0.013), 7)
    solids.bar(surfaces["rim"], (0, -0.35, 0.95), (0, -0.31, 1.03), (0.014, 0.014), 7)
    solids.box(surfaces["trim"], (-0.07, 0.1, 0.87), (0.07, 0.34, 0.92))
    solids.bar(surfaces["gap"], (-0.02, 0.06, 0.3), (0.02, 0.06, 0.3), (0.09, 0.09), 14)
    if rng.uniform() < 0.6:
        guard = np.linspace(0.3, 2.9, 9)
        for hub in hubs:
            line = hub + (r + 0.035) * np.stack([0 * guard, np.cos(guard), np.sin(guard)], axis=1)
            for a, b in zip(line, line[1:], strict=False):
                solids.bar(surfaces["trim"], a, b, (0.02, 0.02), 4, closed=False)
        solids.box(surfaces["trim"], (-0.07, 0.32, 0.74), (0.07, 0.72, 0.755))
