"""Vehicles by the thousand: cars of every build, vans, lorries, buses, pick-ups and bicycles.

Words: kind / seed. Front towards -y, wheels on z = 0. Parts: paint (the bodywork), glass, trim (all
that is dark), lamp, tail, plate, rim, box, chrome. Windows are dark and glossy: nobody sees in.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from assets_manifest.made import coachwork
from assets_manifest.made.coachwork import Form
from assets_manifest.made.registry import Maker
from assets_manifest.made.solids import Solids, paint
from assets_manifest.made.vehicle_forms import Vehicle, form_of
from assets_manifest.meshes.parts import Surface

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
