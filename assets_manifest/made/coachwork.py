"""Shells of vehicles: closed outlines on several levels, joined by smooth sheets whose panes have surfaces.

Frame: z up, metres, front towards -y, wheels on z = 0. Outlines run counter-clockwise seen from above, from
the middle of the front.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assets_manifest.made.solids import Solids
from assets_manifest.meshes.parts import Surface

Array = NDArray[np.float64]
Names = NDArray[np.str_]
ARCH_GAP_M = 0.055  # between tyre and wheel arch
SEAM_M = 0.012  # between doors


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """Shape of one vehicle's body. Places along it are metres from its front."""

    length: float
    width: float
    height: float
    sill: float  # lower edge of the body over the ground
    nose: float  # height of the bonnet at the front
    belt: float  # height of the windows' lower edge
    tail: float  # height of the deck at the rear
    cowl: float  # where the windscreen begins
    roof: tuple[float, float]  # where the roof begins and ends
    rear: float  # where the rear screen ends
    axles: tuple[float, ...]
    wheel: float  # radius
    windows: tuple[tuple[float, float], ...]  # along the side of the cabin, as shares of it
    rear_glass: bool = True
    corners: tuple[float, float] = (
        5.0,
        7.0,
    )  # exponents of the outline in front and behind: larger is boxier
    tumble: float = 0.78  # width of the roof as a share of the body's
    cladding: float = 0.1  # share of the body's height that is dark plastic
    seams: tuple[float, ...] = ()  # of doors, along the vehicle

    def y(self, from_front: ArrayLike) -> Array:
        """Model coordinate of a place along the vehicle."""
        return np.asarray(from_front, float) - self.length / 2

    def deck(self, y_n: Array) -> Array:
        """Height of the body below the windows: bonnet, belt, boot."""
        at = y_n + self.length / 2
        stops = [0.0, 0.45 * self.cowl, self.cowl, max(self.rear, self.cowl + 0.1), self.length]
        rise = self.belt - self.nose
        return np.interp(
            at, stops, [self.nose, self.nose + 0.62 * rise, self.belt, self.belt + 0.02, self.tail]
        )

    def under(self, y_n: Array) -> Array:
        """Height of the body's lower edge, with arches over the wheels."""
        low = np.full(len(y_n), self.sill)
        for axle in self.axles:
            radius = self.wheel + ARCH_GAP_M
            away = np.clip(np.abs(y_n - self.y(axle)) / radius, 0, 1)
            low = np.maximum(low, self.wheel + radius * np.sqrt(1 - away**2) - 0.02 * (away >= 1))
        return np.asarray(np.where(low > self.wheel, low, self.sill))


def outline(form: Form) -> tuple[Array, Array]:
    """Half of the plan, front middle to rear middle: half widths (N,) and y (N,)."""
    half, end = form.width / 2, form.length / 2
    edges = [0.075 * form.length, 0.925 * form.length]
    arches = [
        axle + (form.wheel + ARCH_GAP_M) * t for axle in form.axles for t in np.cos(np.linspace(0, np.pi, 13))
    ]
    seams = [seam + d for seam in form.seams for d in (0.0, SEAM_M)]
    filled = np.linspace(edges[0], edges[1], 17).tolist()
    along = np.unique(np.round([*arches, *seams, *filled, *edges], 4))
    y = form.y(along[(along >= edges[0]) & (along <= edges[1])])
    power = np.where(y < 0, *form.corners)
    x = half * (1 - np.abs(y / end) ** power) ** (1 / power)
    ends = np.array([0.0, 0.2, 0.42, 0.62, 0.78, 0.9])
    front = -end * (1 - (ends * x[0] / half) ** form.corners[0]) ** (1 / form.corners[0])
    back = end * (1 - (ends * x[-1] / half) ** form.corners[1]) ** (1 / form.corners[1])
    return (
        np.concatenate([ends * x[0], x, (ends * x[-1])[::-1]]),
        np.concatenate([front, y, back[::-1]]),
    )


def closed(x_n: Array, y_n: Array) -> tuple[Array, Array]:
    """The whole outline (K,) of a half one."""
    return np.concatenate([x_n, -x_n[-2:0:-1]]), np.concatenate([y_n, y_n[-2:0:-1]])


def shell(solids: Solids, surfaces: Mapping[str, Surface], rings_lk3: Array, names_lk: Names) -> None:
    """Smooth sheets between outlines on L levels; `names_lk` (L-1, K) says which surface each pane has."""
    across = np.roll(rings_lk3, -1, axis=1) - np.roll(rings_lk3, 1, axis=1)
    up = np.gradient(rings_lk3, axis=0)
    normals = np.cross(across, up)
    normals /= np.maximum(np.linalg.norm(normals, axis=2, keepdims=True), 1e-9)
    for name in np.unique(names_lk).tolist():
        low, at = np.nonzero(names_lk == name)
        then = (at + 1) % rings_lk3.shape[1]
        corners = [(low, at), (low, then), (low + 1, then), (low + 1, at)]
        solids.quads(
            surfaces[name],
            np.stack([rings_lk3[c] for c in corners], axis=1),
            np.stack([normals[c] for c in corners], axis=1),
        )


def lid(solids: Solids, surface: Surface, ring_k3: Array, crown_m: float, columns: int = 7) -> None:
    """Closes an outline with a slightly domed sheet."""
    half = len(ring_k3) // 2
    right, left = ring_k3[: half + 1], ring_k3[[0, *range(len(ring_k3) - 1, half - 1, -1)]]
    share = np.linspace(0, 1, columns)[None, :, None]
    points = left[:, None] + (right - left)[:, None] * share
    wide = np.abs(right[:, 0])[:, None] / max(float(np.abs(ring_k3[:, 0]).max()), 1e-9)
    points[..., 2] += crown_m * (1 - (2 * share[..., 0] - 1) ** 2) * wide
    ahead, aside = np.gradient(points, axis=0), np.gradient(points, axis=1)
    normals = np.cross(aside, ahead)
    length = np.linalg.norm(normals, axis=2, keepdims=True)
    normals = np.where(length > 1e-9, normals / np.maximum(length, 1e-9), [0.0, 0.0, 1.0])
    grid = [points[:-1, :-1], points[:-1, 1:], points[1:, 1:], points[1:, :-1]]
    bent = [normals[:-1, :-1], normals[:-1, 1:], normals[1:, 1:], normals[1:, :-1]]
    solids.quads(surface, np.stack(grid, axis=2).reshape(-1, 4, 3), np.stack(bent, axis=2).reshape(-1, 4, 3))


LEVELS = np.array([0.0, 0.1, 0.3, 0.45, 0.58, 0.72, 0.86, 0.95, 1.0])
WIDE = np.array([0.945, 0.965, 0.99, 1.0, 1.0, 0.995, 0.98, 0.965, 0.93])  # of the body on each level


def body(solids: Solids, surfaces: Mapping[str, Surface], form: Form) -> None:
    """All below the windows: flanks with arches and doors, ends with lamps, the bonnet and the boot."""
    x, y = closed(*outline(form))
    low, high = form.under(y), form.deck(y)
    rings = np.empty((len(LEVELS), len(x), 3))
    rings[..., 0] = WIDE[:, None] * x
    rings[..., 1] = (1 - 0.35 * (1 - WIDE))[:, None] * y
    rings[..., 2] = low + LEVELS[:, None] * (high - low)
    shell(solids, surfaces, rings, _panes(form, x, y))
    lid(solids, surfaces["paint"], rings[-1], 0.035)
    inner = 0.84 * form.width / 2
    solids.box(
        surfaces["trim"],
        (-inner, -form.length / 2 + 0.12, form.sill + 0.02),
        (inner, form.length / 2 - 0.12, min(form.nose, form.belt) - 0.06),
    )


def _panes(form: Form, x: Array, y: Array) -> Names:
    """Which surface each pane of the body has."""
    middle_x = (x + np.roll(x, -1)) / 2 / (form.width / 2)
    middle_y = (y + np.roll(y, -1)) / 2
    level = (LEVELS[1:] + LEVELS[:-1]) / 2
    names = np.full((len(level), len(x)), "paint", dtype="<U8")
    front, back = middle_y < -form.length / 2 * 0.965, middle_y > form.length / 2 * 0.965
    corner_f = (middle_y < -form.length / 2 * 0.86) & (np.abs(middle_x) > 0.5)
    corner_b = (middle_y > form.length / 2 * 0.91) & (np.abs(middle_x) > 0.6)
    for row, at in enumerate(level):
        if at < form.cladding:
            names[row] = "trim"
        for seam in form.seams:
            on_seam = (np.abs(middle_y - form.y(seam + SEAM_M / 2)) < SEAM_M / 2) & (np.abs(middle_x) > 0.8)
            names[row, on_seam] = "gap"
        if 0.3 < at < 0.58 or at < 0.1:
            names[row, front & (np.abs(middle_x) < 0.55)] = "grille"
        if 0.58 < at < 0.9:
            names[row, corner_f] = "lamp"
        if 0.58 < at < 0.95:
            names[row, corner_b] = "tail"
        if at < 0.3:
            names[row, back & (np.abs(middle_x) < 0.7)] = "trim"
    return names


def cabin(solids: Solids, surfaces: Mapping[str, Surface], form: Form) -> None:
    """Windows all round between pillars, and the roof."""
    sides = sorted({0.0, 0.035, *(edge for window in form.windows for edge in window), 0.965, 1.0})
    low = _cabin_outline(form, sides, form.cowl, form.rear, 0.91 * form.width / 2, 0.14)
    top = _cabin_outline(form, sides, *form.roof, form.tumble * form.width / 2, 0.07)
    eaves = np.array([0.0, 0.05, 0.35, 0.65, 0.9, 0.97])
    rings = np.empty((len(eaves) + 1, len(low[0]), 3))
    for axis in (0, 1):
        rings[:-1, :, axis] = low[axis] + eaves[:, None] * (top[axis] - low[axis])
        rings[-1, :, axis] = top[axis] * (0.93 if axis == 0 else 1)
    rings[:-1, :, 0] *= 1 + 0.10 * (eaves * (1 - eaves))[:, None]
    base, high = form.belt - 0.03, form.height - 0.03
    rings[:-1, :, 2] = base + eaves[:, None] * (high - base)
    rings[-1, :, 2] = high + 0.012
    shell(solids, surfaces, rings, _glass(form, sides, eaves))
    lid(solids, surfaces["paint"], rings[-1], 0.018)


def _cabin_outline(
    form: Form, sides: list[float], start: float, end: float, half: float, bow: float
) -> tuple[Array, Array]:
    share = np.array(sides)
    y_side = form.y(start + share * (end - start))
    x_side = half * (1 - 0.10 * np.abs(2 * share - 0.9) ** 3)
    ends = np.array([0.0, 0.5, 0.9])
    front = y_side[0] - bow * (1 - (ends * x_side[0] / half) ** 2)
    back = y_side[-1] + 0.5 * bow * (1 - (ends * x_side[-1] / half) ** 2)
    x = np.concatenate([ends * x_side[0], x_side, (ends * x_side[-1])[::-1]])
    return closed(x, np.concatenate([front, y_side, back[::-1]]))


def _glass(form: Form, sides: list[float], levels: Array) -> Names:
    """Which panes of the cabin are windows."""
    count = len(sides) + 6  # of the half outline's points
    kind = np.full(count - 1, "paint", dtype="<U8")
    kind[:2] = "glass"
    kind[-2:] = "glass" if form.rear_glass else "paint"
    for number in range(len(sides) - 1):
        middle = (sides[number] + sides[number + 1]) / 2
        if any(a < middle < b for a, b in form.windows):
            kind[3 + number] = "glass"
    whole = np.concatenate([kind, kind[::-1]])
    names = np.repeat(whole[None], len(levels), axis=0)
    names[0] = "trim"
    names[4:] = "paint"
    return names


def wheels(solids: Solids, surfaces: Mapping[str, Surface], form: Form, spokes: int) -> None:
    """Tyres and rims under the arches."""
    r, out = form.wheel, form.width / 2 * 0.985
    for axle in form.axles:
        y = float(form.y(axle))
        for side in (-1, 1):
            ends = sorted((side * (out - 0.21), side * out))
            solids.bar(surfaces["tyre"], (ends[0], y, r), (ends[1], y, r), (r, r), 24)
            face = side * (out + 0.004)
            solids.bar(surfaces["rim"], (side * (out - 0.03), y, r), (face, y, r), (0.68 * r, 0.66 * r), 20)
            _holes(solids, surfaces["gap"], side * (out + 0.007), y, r, spokes)


def _holes(solids: Solids, dark: Surface, x: float, y: float, r: float, spokes: int) -> None:
    """What is dark between the spokes of a rim."""
    turn = np.arange(spokes) / spokes * 2 * np.pi
    wide = 0.62 * np.pi / spokes
    corners = [
        (0.22 * r, -wide * 0.8),
        (0.56 * r, -wide),
        (0.6 * r, 0.0),
        (0.56 * r, wide),
        (0.22 * r, wide * 0.8),
    ]
    points = np.array([[(x, y + d * np.cos(t + a), r + d * np.sin(t + a)) for d, a in corners] for t in turn])
    fan = points[:, [[0, 1, 2], [0, 2, 3], [0, 3, 4]]].reshape(-1, 3, 3)
    solids.triangles(dark, fan if x > 0 else fan[:, ::-1])
