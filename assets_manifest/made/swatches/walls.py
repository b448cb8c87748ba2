"""Plaster, paint, concrete, brick, tiles."""

from __future__ import annotations

import numpy as np

from assets_manifest.made.pixels import shaded
from assets_manifest.made.swatches.fields import (
    Bond,
    Draft,
    Field,
    Image,
    Swatch,
    axis,
    bond,
    cells,
    each,
    mixed,
    noise,
    soft,
)
from assets_manifest.made.swatches.palettes import among, clay, flat, mineral, oklch, paint, ramp, scheme
from assets_manifest.made.swatches.wear import worn


def plaster(draft: Draft) -> Swatch:
    """Painted wall: rolled, trowelled, or rough render; relief well below two millimetres."""
    rng = draft.rng
    kind = draft.whole(0, 3)
    if kind == 0:  # rolled paint
        height = noise(rng, draft.cycles(0.008), slope=3, high=160) * np.float32(draft.uniform(3e-5, 1.2e-4))
    elif kind == 1:  # trowelled
        stroke = noise(rng, draft.cycles(0.12), slope=2.2, across=draft.uniform(1, 3))
        height = np.abs(stroke) * np.float32(draft.uniform(2e-4, 6e-4))
    elif kind == 2:  # rough render
        height = noise(rng, draft.cycles(0.012), slope=2.5, high=140) * np.float32(draft.uniform(2e-4, 5e-4))
    else:  # nearly smooth
        height = noise(rng, draft.cycles(0.05), slope=2.5) * np.float32(draft.uniform(1e-5, 6e-5))
    clouds = noise(rng, 2, slope=2.4)
    uneven = draft.uniform(0.005, 0.025) * clouds + draft.uniform(0.0, 0.02) * height / height.std()
    return Swatch(rgb=flat(paint(rng), (1 + uneven) * worn(draft, most=0.5)), height_m=height)


def concrete(draft: Draft) -> Swatch:
    """Cast concrete: clouds, stains, pores, and perhaps the marks of its formwork."""
    rng = draft.rng
    low, _, high = mineral(rng)
    tone = oklch(draft.uniform(0.55, 0.78), draft.uniform(0, 0.015), draft.uniform(60, 260))
    clouds, fine = noise(rng, 2, slope=2.3), noise(rng, 60, slope=1.2)
    pores = soft(noise(rng, draft.cycles(0.008), slope=3) - draft.uniform(2.0, 2.8), 0.3)
    height = fine * np.float32(6e-5) - pores * np.float32(1.5e-3)
    shade = 1 + draft.uniform(0.03, 0.09) * clouds + 0.02 * fine - 0.45 * pores
    if draft.chance(0.4):  # boards or panels
        boards = bond(draft, draft.count(draft.uniform(0.1, 0.6)), draft.whole(1, 2), ragged=True)
        seam = 1 - soft(boards.edge_m - 0.004, 0.006)
        shade = shade * (0.95 + 0.1 * each(rng, boards.number, boards.total)) - 0.2 * seam
        height = height - seam * np.float32(2e-3)
    stain = soft(noise(rng, 3, slope=2, down=draft.uniform(1, 5)) - 1.1, 0.8)
    return Swatch(
        rgb=mixed(flat(tone, shade), flat((low + high) / 2, shade * 0.85), stain * 0.4), height_m=height
    )


def bricks(draft: Draft) -> Swatch:
    """Bricks, blocks or ashlar with mortar joints."""
    rng = draft.rng
    high_m, ratio = ((0.07, 3.2), (0.05, 4.5), (0.2, 2.0), (0.3, 1.6))[
        int(rng.choice(4, p=[0.5, 0.2, 0.2, 0.1]))
    ]
    rows, columns = draft.count(high_m, multiple=2), draft.count(high_m * ratio)
    laid = bond(
        draft, rows, columns, shift=(0.5, 0.5, 0.25, 0.0)[draft.whole(0, 3)] if rows % 4 == 0 else 0.5
    )
    joint_m = draft.uniform(0.004, 0.012)
    rough = noise(rng, draft.cycles(0.03), slope=1.6)
    face = soft(laid.edge_m - joint_m / 2 + rough * np.float32(draft.uniform(0.0, 0.0012)), 0.004)
    tone = each(rng, laid.number, laid.total)
    stone = shaded(ramp(tone * 0.8 + 0.1 + 0.08 * rough, clay(rng)), 1 + 0.05 * noise(rng, 90, slope=1))
    mortar = oklch(draft.uniform(0.45, 0.88), draft.uniform(0, 0.02), draft.uniform(40, 110))
    if draft.chance(0.2):  # painted over
        mortar = paint(rng)
        stone = flat(mortar, 0.97 + 0.03 * tone + 0.015 * rough)
    height = face * np.float32(draft.uniform(0.002, 0.006)) + rough * face * np.float32(3e-4)
    return Swatch(rgb=mixed(flat(mortar, 1 + 0.05 * rough), stone, face), height_m=height)


def tiles(draft: Draft) -> Swatch:
    """Glazed or stone tiles: square, metro, hexagonal, mosaic; plain, chequered or printed."""
    rng = draft.rng
    laid = _hexagons(draft) if draft.chance(0.2) else _rectangles(draft)
    joint_m = draft.uniform(0.0015, 0.005)
    face = soft(laid.edge_m - joint_m / 2, 0.002)
    grout = oklch(draft.uniform(0.4, 0.93), draft.uniform(0, 0.02), draft.uniform(0, 360))
    image = _glaze(draft, laid)
    dome = soft(laid.edge_m - 0.004, 0.008)
    tilt = (each(rng, laid.number, laid.total) - 0.5) * (laid.u - 0.5) * np.float32(draft.uniform(0, 6e-4))
    height = face * np.float32(0.001) + dome * np.float32(draft.uniform(0, 4e-4)) + tilt
    image = mixed(flat(grout, 1 + 0.06 * noise(rng, 6, slope=1.8)), image, face)
    return Swatch(rgb=shaded(image, worn(draft)), height_m=height)


def _rectangles(draft: Draft) -> Bond:
    side_m = float(draft.rng.choice([0.025, 0.05, 0.1, 0.15, 0.2, 0.3]))
    rows = draft.count(side_m, multiple=2, most=32)
    columns = max(1, rows // int(draft.rng.choice([1, 1, 1, 2, 2, 4])))
    return bond(draft, rows, columns, shift=0.0 if rows == columns else 0.5 * draft.whole(0, 1))


def _hexagons(draft: Draft) -> Bond:
    """Regular to within the tile's closure."""
    columns = draft.count(draft.uniform(0.04, 0.18), multiple=2, most=24)
    rows = 2 * max(1, round(columns / 2 / 0.866))
    x, y = axis()[None, :] * np.float32(columns), axis()[:, None] * np.float32(rows)
    best = np.full((len(axis()), len(axis())), 99, np.float32)
    second, number = best.copy(), np.zeros(best.shape, np.intp)
    low = np.floor(y).astype(np.intp)
    for di in (-1, 0, 1):
        row = low + di
        shift = np.where(row % 2, np.float32(0.5), np.float32(0))
        column = np.rint(x - shift - 0.5).astype(np.intp)
        for dj in (-1, 0, 1):
            far = (x - column - dj - shift - 0.5) ** 2 + ((y - row - 0.5) * np.float32(columns / rows)) ** 2
            closer = far < best
            np.minimum(second, np.maximum(best, far), out=second)
            np.copyto(number, (row % rows) * columns + (column + dj) % columns, where=closer)
            np.minimum(best, far, out=best)
    edge = (np.sqrt(second) - np.sqrt(best)) / 2 * np.float32(draft.tile_m / columns)
    return Bond(number=number, u=np.sqrt(best), v=np.sqrt(best), edge_m=edge, total=rows * columns)


def _glaze(draft: Draft, laid: Bond) -> Image:
    """The faces: shades of one colour, several colours, a chequer, a print in each tile, or stone."""
    rng, kind = draft.rng, int(draft.rng.choice(5, p=[0.47, 0.06, 0.09, 0.12, 0.26]))
    tone, clouds = each(rng, laid.number, laid.total), noise(rng, 5, slope=2)
    if kind == 0:
        shade = 1 + draft.uniform(0.01, 0.15) * (tone - 0.5) + draft.uniform(0, 0.03) * clouds
        return flat(scheme(rng, 3)[0] if draft.chance(0.5) else paint(rng), shade)
    colours = scheme(rng, draft.whole(3, 5))
    if kind == 1:
        return shaded(among(colours, (tone * 997).astype(np.intp)), 1 + 0.02 * clouds)
    if kind == 2:
        rows = max(1, int(np.sqrt(laid.total)))
        return shaded(among(colours[:2], laid.number // rows + laid.number % rows), 1 + 0.02 * clouds)
    if kind == 3:
        return _printed(draft, laid, colours)
    return ramp(0.5 + 0.2 * (tone - 0.5) + 0.18 * clouds, mineral(rng))


def _printed(draft: Draft, laid: Bond, colours: list[np.ndarray]) -> Image:
    """The same figure in every tile: rosettes, stars and quarter rings, as on cement tiles."""
    a, b = np.abs(laid.u - 0.5) * 2, np.abs(laid.v - 0.5) * 2
    radius, corner = np.hypot(a, b), np.hypot(1 - a, 1 - b)
    petals = np.cos(draft.whole(2, 4) * 2 * np.arctan2(b, a))
    number = (radius < draft.uniform(0.5, 0.8) + draft.uniform(0.1, 0.3) * petals).astype(np.intp)
    number += 2 * (corner < draft.uniform(0.3, 0.7)).astype(np.intp)
    number = np.where(np.abs(a - b) < draft.uniform(0.0, 0.12), 4, number)
    number = np.where(radius < draft.uniform(0.1, 0.3), 3, number)
    return among(colours, number)


def panelled(draft: Draft) -> Swatch:
    """Tongue and groove, slats or corrugated sheet, painted."""
    rng = draft.rng
    boards = draft.count(draft.uniform(0.02, 0.12), most=40)
    x = axis()[None, :] * np.float32(boards) % 1
    slats = draft.chance(0.4)
    profile: Field = (
        np.abs(np.sin(np.pi * x))
        if slats
        else soft(np.minimum(x, 1 - x) * draft.tile_m / boards - 0.002, 0.004)
    )
    relief = np.broadcast_to(profile, (len(axis()), len(axis()))).astype(np.float32)
    grain = noise(rng, 4, slope=1.5, down=20)
    shade = 0.88 + 0.12 * relief + draft.uniform(0.005, 0.03) * grain
    return Swatch(rgb=flat(paint(rng), shade), height_m=relief * np.float32(draft.uniform(0.002, 0.005)))


def gravel(draft: Draft) -> Swatch:
    """Pebbles, gravel, crazy paving or cracked earth."""
    rng = draft.rng
    stones = draft.count(draft.uniform(0.02, 0.3), most=48)
    near, edge, number = cells(rng, stones, stones)
    size_m = draft.tile_m / stones
    face = soft(edge - draft.uniform(0.02, 0.12), 0.08)
    fine = noise(rng, 40, slope=1.3)
    tone = 0.7 * each(rng, number, stones * stones) + 0.15 + 0.1 * fine
    stone = shaded(ramp(tone, mineral(rng, 4)), 1.05 - 0.3 * near * draft.uniform(0, 1))
    joint = flat(oklch(draft.uniform(0.3, 0.6), 0.02, draft.uniform(40, 100)), 1 + 0.1 * fine)
    bulge = face * (1 - 0.5 * near**2) * np.float32(min(size_m * 0.25, 0.012))
    return Swatch(rgb=mixed(joint, stone, face), height_m=bulge + fine * np.float32(2e-4))
