"""One wall with its openings, cut out exactly: windows, doors, shops, balconies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assets_manifest.made.solids import Corner, Solids
from assets_manifest.meshes.parts import Surface

REVEAL_M = 0.16  # from the wall's face to the pane
TILT_M = 0.014  # of a pane, at most
Rect = tuple[float, float, float, float]  # along from, along to, up from, up to


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The surfaces of a building."""

    wall: Surface
    base: Surface
    trim: Surface
    frame: Surface
    pane: Surface
    curtain: Surface
    fold: Surface  # what is shaded of a curtain
    blind: Surface
    door: Surface
    metal: Surface
    roof: Surface
    awning: Surface
    sign: Surface


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A hole in a wall. Metres: its middle along the wall, its lower edge over the ground."""

    kind: str  # window, shuttered, balcony, door, shop
    along_m: float
    bottom_m: float
    width_m: float
    height_m: float

    def rect(self) -> Rect:
        """Its edges."""
        half = self.width_m / 2
        return (self.along_m - half, self.along_m + half, self.bottom_m, self.bottom_m + self.height_m)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wall:
    """A vertical face; seen from outside it runs from its origin to the right."""

    origin: tuple[float, float]
    along: tuple[float, float]  # unit
    length_m: float

    def point(self, along_m: float, up_m: float, out_m: float = 0.0) -> Corner:
        """A point of the wall, or `out_m` before it."""
        (x, y), (ax, ay) = self.origin, self.along
        return (x + ax * along_m + ay * out_m, y + ay * along_m - ax * out_m, up_m)

    def quad(self, solids: Solids, surface: Surface, rect: Rect, out_m: float = 0.0) -> None:
        """A rectangle parallel to the wall."""
        a0, a1, u0, u1 = rect
        if a1 - a0 > 1e-6 and u1 - u0 > 1e-6:
            corners = ((a0, u0), (a1, u0), (a1, u1), (a0, u1))
            solids.quad(surface, *(self.point(a, u, out_m) for a, u in corners))

    def slab(
        self,
        solids: Solids,
        surface: Surface,
        along: tuple[float, float],
        up: tuple[float, float],
        out_m: float,
        behind_m: float = 0.02,
    ) -> None:
        """A box on the wall's face that stands out by `out_m`."""
        (x0, y0, z0), (x1, y1, z1) = (
            self.point(along[0], up[0], -behind_m),
            self.point(along[1], up[1], out_m),
        )
        solids.box(surface, (min(x0, x1), min(y0, y1), min(z0, z1)), (max(x0, x1), max(y0, y1), max(z0, z1)))


def build(
    solids: Solids,
    wall: Wall,
    openings: Sequence[Opening],
    top_m: float,
    bottom_m: float,
    look: Look,
    rng: np.random.Generator,
    stone_m: float = 0.0,
) -> None:
    """The wall with everything in it; up to `stone_m` it is of the base's stone."""
    holes = [opening.rect() for opening in openings]
    for surface, low, high in ((look.base, bottom_m, stone_m), (look.wall, stone_m or bottom_m, top_m)):
        if high > low:
            cut = [(a, b, max(u, low), min(v, high)) for a, b, u, v in holes if u < high and v > low]
            for rect in around((0.0, wall.length_m, low, high), cut):
                wall.quad(solids, surface, rect)
    style = _Style.drawn(rng)
    for opening in openings:
        _reveal(solids, wall, opening.rect(), look)
        if opening.kind == "door":
            _door(solids, wall, opening, look)
        elif opening.kind == "shop":
            _shop(solids, wall, opening, look, rng)
        else:
            _window(solids, wall, opening, look, style, rng)


def around(whole: Rect, holes: Sequence[Rect]) -> list[Rect]:
    """Rectangles that fill `whole` but for the `holes`: row by row between the holes' edges."""
    levels = sorted({whole[2], whole[3], *(edge for hole in holes for edge in hole[2:])})
    filled = []
    for low, high in zip(levels, levels[1:], strict=False):
        start = whole[0]
        for a0, a1, u0, u1 in sorted(holes):
            if u0 < high and u1 > low:
                filled.append((start, a0, low, high))
                start = a1
        filled.append((start, whole[1], low, high))
    return [rect for rect in filled if rect[1] - rect[0] > 1e-6]


def _reveal(solids: Solids, wall: Wall, rect: Rect, look: Look) -> None:
    a0, a1, u0, u1 = rect
    ring = [(a0, u0), (a0, u1), (a1, u1), (a1, u0)]
    for (a, u), (b, v) in zip(ring, ring[1:] + ring[:1], strict=True):
        solids.quad(
            look.wall,
            wall.point(a, u),
            wall.point(b, v),
            wall.point(b, v, -REVEAL_M),
            wall.point(a, u, -REVEAL_M),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Style:
    """What the windows of one wall have in common."""

    mullions: int
    transom: float  # share of the height; 0: none
    surround: bool
    curtains: float

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> _Style:
        return cls(
            mullions=int(rng.integers(0, 3)),
            transom=float(rng.choice([0.0, 0.65, 0.5])),
            surround=bool(rng.uniform() < 0.5),
            curtains=float(rng.uniform(0.35, 0.9)),
        )


def _window(
    solids: Solids, wall: Wall, opening: Opening, look: Look, style: _Style, rng: np.random.Generator
) -> None:
    a0, a1, u0, u1 = opening.rect()
    _pane(solids, wall, opening.rect(), look, rng)
    _bars(solids, wall, opening.rect(), look.frame, style)
    if rng.uniform() < style.curtains:
        _curtain(solids, wall, opening.rect(), look, rng)
    wall.slab(solids, look.trim, (a0 - 0.08, a1 + 0.08), (u0 - 0.07, u0), 0.07, REVEAL_M)
    if style.surround:
        for along, up in (
            ((a0 - 0.13, a0), (u0, u1)),
            ((a1, a1 + 0.13), (u0, u1)),
            ((a0 - 0.13, a1 + 0.13), (u1, u1 + 0.16)),
        ):
            wall.slab(solids, look.trim, along, up, 0.035)
    if opening.kind == "shuttered":
        for b0, b1 in ((a0 - opening.width_m / 2, a0 - 0.02), (a1 + 0.02, a1 + opening.width_m / 2)):
            _shutter(solids, wall, (b0, b1, u0, u1), look)
    elif opening.kind == "balcony":
        _balcony(solids, wall, opening, look, rng)


def _pane(solids: Solids, wall: Wall, rect: Rect, look: Look, rng: np.random.Generator) -> None:
    """Glass, never quite in the wall's plane: so every window mirrors another piece of sky."""
    a0, a1, u0, u1 = rect
    edge = TILT_M / 2 * np.clip(rng.normal(0, 0.6, 2), -1, 1)  # that its sides stand out by
    corners = ((a0, u0, -1, -1), (a1, u0, 1, -1), (a1, u1, 1, 1), (a0, u1, -1, 1))
    places = (wall.point(a, u, -REVEAL_M + float(edge @ (h, v))) for a, u, h, v in corners)
    solids.quad(look.pane, *places)


def _bars(solids: Solids, wall: Wall, rect: Rect, frame: Surface, style: _Style) -> None:
    a0, a1, u0, u1 = rect
    wide, out = 0.06, -REVEAL_M + 0.045
    edges = [
        ((a0, a0 + wide), (u0, u1)),
        ((a1 - wide, a1), (u0, u1)),
        ((a0, a1), (u0, u0 + wide)),
        ((a0, a1), (u1 - wide, u1)),
    ]
    for k in range(style.mullions):
        middle = a0 + (a1 - a0) * (k + 1) / (style.mullions + 1)
        edges.append(((middle - 0.03, middle + 0.03), (u0, u1)))
    if style.transom:
        level = u0 + (u1 - u0) * style.transom
        edges.append(((a0, a1), (level - 0.025, level + 0.025)))
    for along, up in edges:
        wall.slab(solids, frame, along, up, out, REVEAL_M)


def _curtain(solids: Solids, wall: Wall, rect: Rect, look: Look, rng: np.random.Generator) -> None:
    """A blind let down part of the way, a net over the lower half, or curtains drawn more or less."""
    a0, a1, u0, u1 = rect
    out, kind = -REVEAL_M + 0.03, rng.uniform()
    if kind < 0.35:
        low = u1 - (u1 - u0) * float(rng.uniform(0.15, 0.95))
        wall.quad(solids, look.blind, (a0, a1, low, u1), out)
        wall.quad(solids, look.fold, (a0, a1, low, low + 0.03), out + 0.004)
    elif kind < 0.5:
        _pleats(solids, wall, (a0, a1, u0, u0 + (u1 - u0) * float(rng.uniform(0.4, 0.6))), look, out)
    else:
        share = float(rng.choice([0.12, 0.18, 0.25, 0.5])) * (a1 - a0)
        _pleats(solids, wall, (a0, a0 + share, u0, u1), look, out)
        _pleats(solids, wall, (a1 - share, a1, u0, u1), look, out)


def _pleats(solids: Solids, wall: Wall, rect: Rect, look: Look, out: float) -> None:
    """Cloth in upright folds."""
    a0, a1, u0, u1 = rect
    edges = np.linspace(a0, a1, 2 * max(1, round((a1 - a0) / 0.11)) + 1)
    for k, (b0, b1) in enumerate(zip(edges, edges[1:], strict=False)):
        near, far = (out + 0.018, out) if k % 2 else (out, out + 0.018)
        surface = look.fold if k % 2 else look.curtain
        corners = ((b0, u0, near), (b1, u0, far), (b1, u1, far), (b0, u1, near))
        solids.quad(surface, *(wall.point(float(a), u, o) for a, u, o in corners))


def _shutter(solids: Solids, wall: Wall, rect: Rect, look: Look) -> None:
    a0, a1, u0, u1 = rect
    wall.slab(solids, look.door, (a0, a1), (u0, u1), 0.03)
    for level in np.linspace(u0 + 0.08, u1 - 0.08, 9):
        wall.slab(solids, look.door, (a0 + 0.05, a1 - 0.05), (level - 0.02, level + 0.02), 0.045)


def _balcony(solids: Solids, wall: Wall, opening: Opening, look: Look, rng: np.random.Generator) -> None:
    a0, a1, floor, _ = opening.rect()
    a0, a1, out = a0 - 0.35, a1 + 0.35, 0.95
    wall.slab(solids, look.trim, (a0, a1), (floor - 0.2, floor - 0.02), out)
    inner = out - 0.04
    if rng.uniform() < 0.35:  # a closed parapet
        wall.slab(solids, look.trim, (a0, a1), (floor, floor + 0.95), out, -inner)
    else:
        _rails(
            solids,
            wall,
            look.metal,
            np.linspace(a0 + 0.03, a1 - 0.03, max(4, int((a1 - a0) / 0.14))),
            floor,
            inner,
        )
    wall.slab(solids, look.metal, (a0, a1), (floor + 0.98, floor + 1.03), out, -inner + 0.01)
    for a in (a0, a1):
        wall.slab(solids, look.metal, (a - 0.015, a + 0.015), (floor + 0.98, floor + 1.03), out)
        wall.slab(solids, look.metal, (a - 0.015, a + 0.015), (floor + 0.4, floor + 0.43), out)


def _rails(
    solids: Solids, wall: Wall, metal: Surface, at_n: NDArray[np.float64], floor: float, out: float
) -> None:
    """The upright bars of a balcony's railing: prisms on three sides."""
    ring = [(0.0, 0.012), (0.011, -0.006), (-0.011, -0.006)]
    for (b0, o0), (b1, o1) in zip(ring, ring[1:] + ring[:1], strict=True):
        corners = ((b0, o0, 0.0), (b1, o1, 0.0), (b1, o1, 1.0), (b0, o0, 1.0))
        base = [wall.point(b, floor + u, out + o) for b, o, u in corners]
        step = at_n[:, None, None] * np.array([*wall.along, 0.0])
        solids.quads(metal, np.array(base) + step)


def _door(solids: Solids, wall: Wall, opening: Opening, look: Look) -> None:
    a0, a1, u0, u1 = opening.rect()
    wall.quad(solids, look.door, opening.rect(), -REVEAL_M)
    for b0, b1, v0, v1 in ((0.12, 0.88, 0.08, 0.42), (0.12, 0.88, 0.48, 0.93)):
        along, up = (a0 + b0 * (a1 - a0), a0 + b1 * (a1 - a0)), (u0 + v0 * (u1 - u0), u0 + v1 * (u1 - u0))
        surface = look.door if v0 < 0.2 else look.pane
        wall.slab(solids, surface, along, up, -REVEAL_M + 0.02, REVEAL_M)
    handle = wall.point(a1 - 0.08, u0 + 1.02, -REVEAL_M + 0.06)
    solids.bar(look.metal, handle, wall.point(a1 - 0.08, u0 + 1.18, -REVEAL_M + 0.06), (0.012, 0.012), 6)
    wall.slab(solids, look.base, (a0 - 0.15, a1 + 0.15), (-1.5, u0), 0.4)  # the step
    for along, up in (
        ((a0 - 0.14, a0), (u0, u1)),
        ((a1, a1 + 0.14), (u0, u1)),
        ((a0 - 0.14, a1 + 0.14), (u1, u1 + 0.2)),
    ):
        wall.slab(solids, look.trim, along, up, 0.05)


def _shop(solids: Solids, wall: Wall, opening: Opening, look: Look, rng: np.random.Generator) -> None:
    """A shop window with a sign over it, and perhaps an awning."""
    a0, a1, u0, u1 = opening.rect()
    wall.quad(solids, look.pane, opening.rect(), -REVEAL_M)
    _bars(
        solids, wall, opening.rect(), look.door, _Style(mullions=1, transom=0.78, surround=False, curtains=0)
    )
    wall.slab(solids, look.base, (a0 - 0.05, a1 + 0.05), (u0 - 0.06, u0), 0.09, REVEAL_M)
    wall.slab(solids, look.sign, (a0 - 0.1, a1 + 0.1), (u1 + 0.08, u1 + 0.58), 0.06)
    _letters(solids, wall, (a0, a1, u1 + 0.18, u1 + 0.48), look.curtain, rng)
    if rng.uniform() < 0.45:
        _awning(solids, wall, opening.rect(), look)


def _letters(solids: Solids, wall: Wall, rect: Rect, surface: Surface, rng: np.random.Generator) -> None:
    """Strokes that read as writing from across the street."""
    a0, a1, u0, u1 = rect
    height = u1 - u0
    at = a0 + float(rng.uniform(0.1, 0.3)) * (a1 - a0)
    while at < a1 - 0.25 * (a1 - a0):
        wide = height * float(rng.uniform(0.45, 0.75))
        for stroke in _STROKES[rng.integers(len(_STROKES))]:
            b0, b1, v0, v1 = stroke
            wall.slab(
                solids,
                surface,
                (at + b0 * wide, at + b1 * wide),
                (u0 + v0 * height, u0 + v1 * height),
                0.075,
                0,
            )
        at += wide * (1.3 if rng.uniform() < 0.85 else 2.2)


_STROKES: tuple[tuple[Rect, ...], ...] = (
    ((0, 0.2, 0, 1), (0.2, 0.9, 0.84, 1), (0.2, 0.8, 0.42, 0.58), (0.2, 0.9, 0, 0.16)),  # E
    ((0, 0.2, 0, 1), (0.2, 0.9, 0, 0.16)),  # L
    ((0.4, 0.6, 0, 0.84), (0, 1, 0.84, 1)),  # T
    ((0, 0.2, 0, 1), (0.8, 1, 0, 1), (0.2, 0.8, 0.42, 0.58)),  # H
    ((0, 0.2, 0, 1), (0.8, 1, 0, 1), (0.2, 0.8, 0.84, 1), (0.2, 0.8, 0, 0.16)),  # O
    ((0, 0.2, 0, 1), (0.8, 1, 0, 1), (0.2, 0.8, 0.84, 1), (0.2, 0.8, 0.42, 0.58)),  # A
    ((0, 0.2, 0, 1), (0.2, 0.9, 0.84, 1), (0.2, 0.7, 0.42, 0.58)),  # F
    ((0, 0.2, 0, 1), (0.8, 1, 0, 1), (0.2, 0.8, 0, 0.16)),  # U
    ((0.35, 0.6, 0, 1),),  # I
)


def _awning(solids: Solids, wall: Wall, rect: Rect, look: Look) -> None:
    a0, a1, _, top = rect
    corners: NDArray[np.float64] = np.array(
        [
            wall.point(a0, top - 0.45, 1.1),
            wall.point(a1, top - 0.45, 1.1),
            wall.point(a1, top + 0.05, 0.02),
            wall.point(a0, top + 0.05, 0.02),
        ]
    )
    solids.quad(look.awning, *map(tuple, corners))
    low = corners[:2] - [0, 0, 0.2]
    solids.quad(look.awning, tuple(low[0]), tuple(low[1]), tuple(corners[1]), tuple(corners[0]))
    for a in (a0 + 0.02, a1 - 0.02):
        solids.bar(
            look.metal, wall.point(a, top - 0.43, 1.08), wall.point(a, top - 0.6, 0.0), (0.012, 0.012), 5
        )
