"""Soft things: rugs with fringes, cushions that lean or lie, folded cloth, cloth that was dropped.

What cloth looks like is the scene's business: the parts called `cloth` and `pile` are plain here.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from assets_manifest.made.interior.solids import Array, Body, linear, object_maker, plain
from assets_manifest.made.interior_sizes import RUG_M
from assets_manifest.made.swatches.palettes import thing
from assets_manifest.packs.builtin.shapes import Soup, grid, joined, superquadric, with_box_uv

FRINGE_M = 0.05
HEM_M = (0.0, 0.003, 0.012)  # from a rug's edge: where its rounding has points


def _rug(_: Path, rng: np.random.Generator, size: list[float]) -> Body:
    """Lies on the floor, in slight waves; most have fringes at both ends."""
    width, depth = size
    fringed = width > 0.6 and rng.uniform() < 0.65
    long = width - 2 * FRINGE_M if fringed else width
    x, y = _hemmed(long), _hemmed(depth)
    high = float(rng.uniform(0.45, 0.75)) + _waves(rng, x, y) * float(rng.uniform(0.05, 0.3))
    points = np.empty((len(x), len(y), 3))
    points[..., 0], points[..., 1] = x[:, None], y[None, :]
    edge_x, edge_y = _rounded(x), _rounded(y)
    points[..., 2] = high / high.max() * RUG_M * np.minimum(edge_x[:, None], edge_y[None, :])
    body = Body()
    body.add(plain("pile", linear(thing(rng)), 0.95), grid(points, points[..., :2]))
    if fringed:
        yarn = plain("fringe", (0.62, 0.56, 0.45), 0.95)
        body.add(yarn, _fringe(rng, long / 2, depth, 1), _fringe(rng, long / 2, depth, -1))
    return body


def _hemmed(side: float) -> Array:
    """Places along a side, -side/2 to side/2, close together at its ends."""
    ends, steps = np.array(HEM_M), max(6, round(side / 0.05))
    inner = np.linspace(HEM_M[-1], side - HEM_M[-1], steps)[1:-1]
    return np.concatenate([ends, inner, side - ends[::-1]]) - side / 2


def _rounded(places: Array) -> Array:
    """Share of its thickness that a rug has at each place: none at the ends."""
    inset = np.minimum(places - places[0], places[-1] - places)
    return np.asarray(np.interp(inset, HEM_M, (0.0, 0.75, 1.0)))


def _waves(rng: np.random.Generator, x: Array, y: Array) -> Array:
    """A field between about -1 and 1 with waves half a metre long and longer."""
    total = np.zeros((len(x), len(y)))
    for _ in range(5):
        turn, length, phase = rng.uniform(0, np.pi), rng.uniform(0.5, 1.6), rng.uniform(0, 6.28)
        total += np.sin((x[:, None] * np.cos(turn) + y[None, :] * np.sin(turn)) * 6.28 / length + phase) / 5
    return total


def _fringe(rng: np.random.Generator, edge: float, depth: float, side: int) -> Soup:
    """Flat strands side by side, each bent a little to one side; `side` is 1 at +x, -1 at -x."""
    starts = np.arange(-depth / 2 + 0.004, depth / 2 - 0.006, 0.009)
    bend = np.clip(rng.normal(0, 0.006, len(starts)).cumsum() * 0.2, -0.015, 0.015)
    reach = FRINGE_M * rng.uniform(0.75, 1.0, len(starts))
    reach[len(starts) // 2] = FRINGE_M
    steps, strands = np.linspace(0, 1, 4), []
    for y, aside, long in zip(starts.tolist(), bend.tolist(), reach.tolist(), strict=True):
        middle = np.clip(y + aside * steps**2, -depth / 2 + 0.003, depth / 2 - 0.003)
        points = np.empty((4, 2, 3))
        points[..., 0] = (side * (edge - 0.002 + steps * (long + 0.002)))[:, None]
        points[..., 1] = middle[:, None] + np.array([-0.0025, 0.0025]) * side
        points[..., 2] = np.interp(steps, (0, 0.4, 1), (0.006, 0.003, 0.0015))[:, None]
        strands.append(grid(points, points[..., :2]))
    return joined(strands)


def _fitted(soup: Soup, size: list[float]) -> Soup:
    """The soup stretched to the size, standing on z = 0 over the origin."""
    points = soup.points_f33.reshape(-1, 3)
    low, high = points.min(axis=0), points.max(axis=0)
    middle = np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]])
    return with_box_uv((soup.points_f33 - middle) * (np.array(size) / (high - low)))


def _cushion(_: Path, rng: np.random.Generator, size: list[float]) -> Body:
    """Lies flat with a dent, or leans back where it is higher than deep."""
    width, depth, height = size
    leans = height > depth
    thick = 0.28 if leans else height / max(width, depth)
    shape = _stuffed(rng, thick)
    if leans:
        shape = shape.turned("x", float(rng.uniform(62, 78))).turned("z", float(rng.uniform(-6, 6)))
    body = Body()
    body.add(plain("cloth", linear(thing(rng)), 0.95), _fitted(shape, size))
    return body


def _stuffed(rng: np.random.Generator, thick: float) -> Soup:
    """A pillow over the unit square: pointed corners, drawn-in edges, wrinkles, a dent on top."""
    line = np.sin(np.linspace(-1, 1, 33) * np.pi / 2)
    u, v = np.meshgrid(line, line, indexing="ij")
    pull = 0.06 * (1 - np.abs(u) ** 2), 0.06 * (1 - np.abs(v) ** 2)
    x, y = u * (1 - pull[1]) / 2, v * (1 - pull[0]) / 2
    body = ((1 - u**2) * (1 - v**2)) ** 0.42
    wrinkles = 0.03 * _waves(rng, line * 1.5, line * 1.5) * body
    spot = rng.uniform(-0.3, 0.3, 2)
    dent = float(rng.uniform(0.1, 0.4)) * np.exp(-((u - spot[0]) ** 2 + (v - spot[1]) ** 2) / 0.2) * body
    sheets = []
    for sign in (1, -1):
        top = thick / 2 * (sign * (body + wrinkles) - dent * (sign > 0))
        points = np.stack([x, y, top], axis=-1)
        sheets.append(grid(points[:, ::sign], points[:, ::sign, :2]))
    return joined(sheets)


def _folded(_: Path, rng: np.random.Generator, size: list[float]) -> Body:
    """A blanket, towels or clothes, folded and stacked: soft layers, each a little different."""
    height = size[2]
    layers = int(np.clip(round(height / rng.uniform(0.015, 0.035)), 1, 10))
    step, soups = height / layers, []
    for layer in range(layers):
        wide, deep = (rng.uniform(0.94, 1.0, 2) / 2).tolist()
        pad = superquadric(1.0, 0.45, 0.18).scaled(wide, deep, step * 0.56)
        turned = pad.turned("z", float(rng.normal(0, 1.2)))
        shift = rng.normal(0, 0.01, 2).tolist()
        soups.append(turned.moved(shift[0], shift[1], (layer + 0.5) * step))
    body, one = Body(), plain("cloth", linear(thing(rng)), 0.95)
    body.add(one, _fitted(joined(soups), size))
    return body


def _dropped(_: Path, rng: np.random.Generator, size: list[float]) -> Body:
    """A heap of cloth: folds that run this way and that, thin at its ragged edge."""
    turns, rings = np.linspace(0, 2 * np.pi, 129), np.linspace(0, 1, 56)
    border = 1 + sum(
        float(rng.uniform(0.02, 0.22)) / k * np.sin(k * turns + rng.uniform(0, 6)) for k in (2, 3, 5, 9, 14)
    )
    x, y = (rings[:, None] * border * f(turns) for f in (np.cos, np.sin))
    fold = np.zeros_like(x)
    for k, weight in ((2.6, 1.0), (5.0, 0.7), (9.5, 0.4)):
        angle, warp = rng.uniform(0, np.pi), rng.uniform(0, 6, 2)
        along, beside = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
        bent = along * k + 1.1 * np.sin(beside * k * 0.6 + warp[0]) + warp[1]
        fold += weight * (1 - np.abs(np.sin(bent))) ** 1.3
    heap = (1 - rings[:, None] ** 2.2) * (0.12 + fold) + 0.05 * (1 - rings[:, None] ** 8)
    points = np.stack([x, y, heap - heap[-1].min()], axis=-1)
    body = Body()
    body.add(plain("cloth", linear(thing(rng)), 0.95), _fitted(grid(points, points[..., :2]), size))
    return body


CLOTH = object_maker("room_cloth", 1, "SEED WIDTH DEPTH HEIGHT", _dropped)
CUSHION = object_maker("room_cushion", 1, "SEED WIDTH DEPTH HEIGHT", _cushion)
FOLDED = object_maker("room_folded", 1, "SEED WIDTH DEPTH HEIGHT", _folded)
RUG = object_maker("room_rug", 1, "SEED WIDTH DEPTH", _rug)
