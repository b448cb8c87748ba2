"""Buildings: walls with recessed windows, doors, ledges, balconies, shops and roofs.

Words: kind / frontage and depth in dm / storeys / seed. The front looks towards -y and stands at
y = -depth / 2; the origin is the middle of the plan. Walls go on below z = 0, so that a slope leaves no
gap. The parts (`wall`, `base`, `trim`, `roof` ...) lie in metres on `st_box`, ready for other materials.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from assets_manifest.made import facade
from assets_manifest.made.facade import Opening, Wall
from assets_manifest.made.registry import Maker
from assets_manifest.made.solids import Solids, paint
from assets_manifest.made.words import understood

KINDS = ("town", "modern", "house", "shed")
LIMITS = {"front_dm": (30, 900), "depth_dm": (30, 600), "storeys": (1, 12), "seed": (0, 2**31)}
SUNK_M = 2.5  # walls below the ground
PARTS = ("wall", "base", "trim", "frame", "pane", "curtain", "door", "metal", "roof", "sign", "awning")
BLINDS = ((0.6, 0.59, 0.55), (0.42, 0.36, 0.27), (0.3, 0.31, 0.32), (0.5, 0.5, 0.5), (0.12, 0.1, 0.08))
BAYS_M = {"town": (2.2, 3.4), "modern": (2.6, 4.2), "house": (2.6, 3.8), "shed": (3.0, 5.0)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Building:
    """What the words of one building say, and what follows from its seed alone."""

    kind: str
    width_m: float
    depth_m: float
    storeys: int
    seed: int

    @classmethod
    def of(cls, words: tuple[str, ...]) -> Building:
        """Raises MadeAssetError for words that are none of a building."""
        kind, (front, depth, storeys, seed) = understood(words, KINDS, LIMITS)
        return cls(kind=kind, width_m=front / 10, depth_m=depth / 10, storeys=storeys, seed=seed)

    def rng(self, *names: int) -> np.random.Generator:
        """The random stream of one of its sides."""
        return np.random.Generator(
            np.random.Philox(key=[self.seed, sum(n << 8 * i for i, n in enumerate(names))])
        )

    @property
    def ground_m(self) -> float:
        """Height of the ground floor."""
        return float(self.rng(1).uniform(3.4, 4.3)) if self.kind in ("town", "modern") else self.storey_m

    @property
    def storey_m(self) -> float:
        """Height of each other floor."""
        low, high = (2.6, 2.9) if self.kind in ("house", "shed") else (2.8, 3.4)
        return float(self.rng(2).uniform(low, high))

    @property
    def eaves_m(self) -> float:
        """Height of the walls."""
        return self.ground_m + (self.storeys - 1) * self.storey_m + (0.4 if self.storeys > 1 else 0.2)

    @property
    def pitched(self) -> bool:
        """Whether it has a gable roof; else a flat one behind a parapet."""
        return self.kind == "house" or (self.kind != "modern" and bool(self.rng(3).uniform() < 0.55))

    @property
    def stone(self) -> bool:
        """Whether the ground floor is of stone."""
        return self.kind in ("town", "modern") and bool(self.rng(10).uniform() < 0.45)

    def walls(self) -> tuple[Wall, ...]:
        """Front, right, back and left, as seen from outside."""
        w, d = self.width_m, self.depth_m
        return (
            Wall(origin=(-w / 2, -d / 2), along=(1, 0), length_m=w),
            Wall(origin=(w / 2, -d / 2), along=(0, 1), length_m=d),
            Wall(origin=(w / 2, d / 2), along=(-1, 0), length_m=w),
            Wall(origin=(-w / 2, d / 2), along=(0, -1), length_m=d),
        )


@lru_cache(maxsize=512)
def windows(building: Building) -> tuple[tuple[int, Opening], ...]:
    """Every opening with the number of its wall: what shines at night."""
    return tuple((side, opening) for side in range(4) for opening in _openings(building, side))


def make(folder: Path, words: tuple[str, ...]) -> Path:
    """The building's USD file."""
    building = Building.of(words)
    solids, look = Solids(), _palette(building)
    for side, wall in enumerate(building.walls()):
        openings = [opening for number, opening in windows(building) if number == side]
        stone_m = building.ground_m - 0.12 if building.stone else 0.0
        facade.build(solids, wall, openings, building.eaves_m, -SUNK_M, look, building.rng(9, side), stone_m)
        _ledges(solids, building, wall, look)
        if building.kind in ("town", "modern"):
            _boxes(solids, building, wall, side, look)
    (_gable if building.pitched else _flat_roof)(solids, building, look)
    return solids.write(folder)


MAKER = Maker(name="building", version=2, kind="object", make=make)


def _palette(building: Building) -> facade.Look:
    rng = building.rng(4)
    wall = np.array([0.55, 0.5, 0.42]) * rng.uniform(0.55, 1.2) * rng.uniform(0.93, 1.07, 3)
    wood = np.array(
        [
            (0.03, 0.06, 0.04),
            (0.16, 0.07, 0.03),
            (0.04, 0.06, 0.12),
            (0.25, 0.03, 0.02),
            (0.3, 0.3, 0.28),
            (0.02, 0.02, 0.025),
        ][rng.integers(6)]
    )
    white = (0.68, 0.67, 0.64) if rng.uniform() < 0.7 else (0.05, 0.05, 0.055)
    awning = np.array(
        [(0.4, 0.03, 0.02), (0.03, 0.12, 0.07), (0.04, 0.07, 0.2), (0.5, 0.45, 0.35)][rng.integers(4)]
    )
    cloth = np.array([0.55, 0.53, 0.49]) * rng.uniform(0.6, 1.25)
    if rng.uniform() < 0.3:
        cloth = cloth * rng.uniform(0.35, 1.0, 3)
    return facade.Look(
        wall=paint("wall", _rgb(wall), 0.9),
        base=paint("base", _rgb(wall * 0.55), 0.9),
        trim=paint("trim", _rgb(np.minimum(wall * 1.35, 0.75)), 0.8),
        frame=paint("frame", white, 0.45),
        pane=paint("pane", (0.018, 0.022, 0.026), 0.04),
        curtain=paint("curtain", _rgb(cloth), 0.95),
        fold=paint("fold", _rgb(cloth * 0.72), 0.95),
        blind=paint("blind", _rgb(np.array(BLINDS[rng.integers(len(BLINDS))])), 0.8),
        door=paint("door", _rgb(wood), 0.4),
        metal=paint("metal", (0.045, 0.045, 0.05), 0.5),
        roof=paint("roof", _rgb(np.array([0.2, 0.09, 0.06]) * rng.uniform(0.5, 1.2)), 0.85),
        awning=paint("awning", _rgb(awning), 0.9),
        sign=paint("sign", _rgb(awning * 0.7), 0.5),
    )


def _rgb(colour: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> tuple[float, float, float]:
    r, g, b = np.clip(colour, 0, 1).tolist()
    return (r, g, b)


def _openings(building: Building, side: int) -> Iterator[Opening]:
    """Windows in bays, floor by floor; a door or shops below them at the front."""
    wall, front = building.walls()[side], side in (0, 2)
    rng = building.rng(5, side if not front else 0)
    share = 1.0 if front else float(rng.choice([0.0, 0.35, 0.8]))
    bays = max(1, round((wall.length_m - 0.8) / rng.uniform(*BAYS_M[building.kind])))
    bay_m = (wall.length_m - 0.8) / bays
    style = _window_style(building, rng, bay_m)
    door_bay = int(rng.integers(bays))
    shops = front and building.kind in ("town", "modern") and building.rng(6).uniform() < 0.55
    for floor in range(building.storeys):
        for bay in range(bays):
            along = 0.4 + (bay + 0.5) * bay_m
            if floor == 0 and front and bay == door_bay:
                yield Opening(
                    kind="door", along_m=along, bottom_m=0.12, width_m=min(1.2, bay_m - 0.5), height_m=2.25
                )
            elif floor == 0 and shops:
                yield Opening(
                    kind="shop",
                    along_m=along,
                    bottom_m=0.45,
                    width_m=bay_m - 0.45,
                    height_m=building.ground_m - 1.35,
                )
            elif rng.uniform() < share:
                yield style.at(building, floor, bay, along)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Windows:
    """All windows of one front."""

    width_m: float
    height_m: float
    sill_m: float
    balconies: int  # every how many bays; 0: none
    shutters: bool

    def at(self, building: Building, floor: int, bay: int, along_m: float) -> Opening:
        base = 0.0 if floor == 0 else building.ground_m + (floor - 1) * building.storey_m
        balcony = self.balconies > 0 and floor > 0 and bay % self.balconies == 0
        sill = 0.12 if balcony else self.sill_m + (0.25 if floor == 0 else 0.0)
        return Opening(
            kind="balcony" if balcony else "shuttered" if self.shutters else "window",
            along_m=along_m,
            bottom_m=base + sill,
            width_m=self.width_m,
            height_m=self.height_m + (self.sill_m - 0.12) * balcony,
        )


def _window_style(building: Building, rng: np.random.Generator, bay_m: float) -> _Windows:
    wide = {"modern": (0.62, 0.85), "town": (0.36, 0.5), "house": (0.36, 0.55), "shed": (0.25, 0.4)}
    height = min(float(rng.uniform(1.25, 1.75)), building.storey_m - 1.15)
    return _Windows(
        width_m=max(0.5, bay_m * float(rng.uniform(*wide[building.kind]))),
        height_m=height,
        sill_m=float(rng.uniform(0.75, 0.95)),
        balconies=int(rng.choice([0, 0, 1, 2, 3])) if building.kind in ("town", "modern") else 0,
        shutters=building.kind in ("town", "house") and rng.uniform() < 0.3 and bay_m > 2.4,
    )


def _ledges(solids: Solids, building: Building, wall: Wall, look: facade.Look) -> None:
    """A plinth, bands between storeys, a cornice and a rain pipe."""
    rng = building.rng(7)
    wall.slab(solids, look.base, (0, wall.length_m), (-SUNK_M, float(rng.uniform(0.06, 0.11))), 0.03)
    if building.kind in ("town", "modern") and rng.uniform() < 0.7:
        band = building.ground_m - 0.12
        wall.slab(solids, look.trim, (-0.06, wall.length_m + 0.06), (band, band + 0.2), 0.07)
    reach = float(rng.uniform(0.12, 0.4))
    for step in range(2 if not building.pitched else 1):
        top = building.eaves_m - 0.22 * step
        out = reach / (1 + step)
        wall.slab(solids, look.trim, (-out, wall.length_m + out), (top - 0.22, top), out)
    pipe = wall.point(0.12, -SUNK_M, 0.07), wall.point(0.12, building.eaves_m - 0.2, 0.07)
    solids.bar(look.metal, *pipe, (0.045, 0.045), 8)


def _boxes(solids: Solids, building: Building, wall: Wall, side: int, look: facade.Look) -> None:
    """Air conditioners, lamps, boxes of cables between windows, where there is room for them."""
    rng = building.rng(11, side)
    rects = [opening.rect() for number, opening in windows(building) if number == side]
    for _ in range(int(rng.integers(0, 7))):
        a, u = rng.uniform(0.5, max(0.6, wall.length_m - 1.4)), rng.uniform(2.4, building.eaves_m - 1.2)
        wide, high, deep = (0.8, 0.55, 0.3) if rng.uniform() < 0.5 else (0.28, 0.35, 0.14)
        if all(
            a + wide < a0 - 0.2 or a > a1 + 0.2 or u + high < u0 - 0.3 or u > u1 + 0.3
            for a0, a1, u0, u1 in rects
        ):
            wall.slab(solids, look.blind if wide > 0.5 else look.metal, (a, a + wide), (u, u + high), deep)
            if wide > 0.5:
                wall.slab(solids, look.metal, (a + 0.08, a + 0.5), (u + 0.07, u + 0.48), deep + 0.008, -deep)


def _flat_roof(solids: Solids, building: Building, look: facade.Look) -> None:
    w, d, top = building.width_m / 2, building.depth_m / 2, building.eaves_m
    solids.box(look.roof, (-w, -d, top - 0.1), (w, d, top + 0.03))
    rng = building.rng(8)
    parapet = float(rng.uniform(0.2, 0.9))
    for low, high in (
        ((-w, -d), (w, -d + 0.2)),
        ((-w, d - 0.2), (w, d)),
        ((-w, -d), (-w + 0.2, d)),
        ((w - 0.2, -d), (w, d)),
    ):
        solids.box(look.wall, (*low, top - 0.1), (*high, top + parapet))
    for _ in range(int(rng.integers(1, 4))):  # what houses lifts and air
        x, y = rng.uniform(-0.6, 0.6) * w, rng.uniform(-0.5, 0.5) * d
        size = rng.uniform(0.5, 1.6, 2)
        solids.box(
            look.metal,
            (x - size[0], y - size[1], top),
            (x + size[0], y + size[1], top + rng.uniform(0.8, 2.2)),
        )


def _gable(solids: Solids, building: Building, look: facade.Look) -> None:
    """Two slopes with eaves over front and back, triangles of wall at the sides, chimneys."""
    rng = building.rng(8)
    w, d, top = building.width_m / 2, building.depth_m / 2, building.eaves_m
    slope = np.tan(np.radians(rng.uniform(25, 45)))
    ridge, over = top + slope * d, 0.35
    low = top - slope * over
    for s in (-1, 1):
        edge = [
            (s * (w + 0.15), s * (d + over), low),
            (-s * (w + 0.15), s * (d + over), low),
            (-s * (w + 0.15), 0, ridge),
            (s * (w + 0.15), 0, ridge),
        ]
        upper = np.array(edge) + [0, 0, 0.14]
        solids.quad(look.roof, *map(tuple, upper))
        solids.quad(look.trim, *edge[::-1])
        solids.quad(look.trim, edge[0], edge[1], tuple(upper[1]), tuple(upper[0]))
        solids.quad(look.trim, edge[1], edge[2], tuple(upper[2]), tuple(upper[1]))
        solids.quad(look.trim, edge[3], edge[0], tuple(upper[0]), tuple(upper[3]))
        gable = np.array([[(s * w, -s * d, top), (s * w, s * d, top), (s * w, 0, ridge)]], float)
        solids.triangles(look.wall, gable)
    for _ in range(int(rng.integers(1, 3))):
        x, y = rng.uniform(-0.8, 0.8) * w, rng.uniform(-0.4, 0.4) * d
        solids.box(look.base, (x - 0.35, y - 0.3, top), (x + 0.35, y + 0.3, ridge + 0.7))
        solids.box(look.trim, (x - 0.4, y - 0.35, ridge + 0.7), (x + 0.4, y + 0.35, ridge + 0.8))
        for pot in (-0.18, 0.18):
            solids.bar(look.roof, (x + pot, y, ridge + 0.8), (x + pot, y, ridge + 1.15), (0.1, 0.085), 8)
    _on_the_slopes(solids, building, look, rng, slope)


def _on_the_slopes(
    solids: Solids, building: Building, look: facade.Look, rng: np.random.Generator, slope: float
) -> None:
    """Gutters along the eaves, the ridge, skylights and solar panels."""
    w, d, top = building.width_m / 2, building.depth_m / 2, building.eaves_m
    low = top - slope * 0.35
    for s in (-1, 1):
        y = s * (d + 0.41)
        solids.bar(look.metal, (-w - 0.15, y, low + 0.05), (w + 0.15, y, low + 0.05), (0.065, 0.065), 7)
        for _ in range(int(rng.integers(0, 4))):
            solar = rng.uniform() < 0.35
            wide, long = (float(rng.uniform(1.5, 3.4)), 1.7) if solar else (0.8, 1.1)
            if w < wide:
                continue
            x, down = rng.uniform(-w + 0.3, w - wide - 0.3), rng.uniform(0.12, 0.5) * d
            ends = [s * down, s * min(down + long * np.cos(np.arctan(slope)), 0.96 * d)]
            corners = [
                (x + a * wide, y, top + slope * (d - abs(y)) + 0.2)
                for a, y in ((0, ends[1]), (1, ends[1]), (1, ends[0]), (0, ends[0]))
            ]
            solids.quad(look.pane, *(corners if s < 0 else corners[::-1]))
    solids.bar(
        look.roof,
        (-w - 0.15, 0, top + slope * d + 0.12),
        (w + 0.15, 0, top + slope * d + 0.12),
        (0.12, 0.12),
        8,
    )
