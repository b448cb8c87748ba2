"""Sides of cardboard boxes: tape, labels, stamps, worn edges."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assets_manifest.made.interior.drawing import DRAWN_AT, Colour, canvas, finished, hsv, ink, saved, text
from assets_manifest.made.interior.solids import Rect
from assets_manifest.made.swatches.palettes import oklch
from jobs.extras import extra

with extra("render"):
    from PIL import Image, ImageDraw


CARTON_CELLS = (4, 2)  # columns and rows of the picture: tops, then sides
CARTON_PX = 192


def carton(folder: Path, rng: np.random.Generator) -> str:
    """Sides of cardboard boxes: two tops with tape, a plain bottom, five sides; the picture's name."""
    columns, rows = CARTON_CELLS
    kraft = hsv(rng.uniform(0.07, 0.1), rng.uniform(0.3, 0.5), rng.uniform(0.5, 0.8))
    image, draw = canvas((CARTON_PX * columns, CARTON_PX * rows), kraft)
    tape, stamp = (
        hsv(0.1, rng.uniform(0.1, 0.4), rng.uniform(0.45, 0.85)),
        ink(oklch(0.4, 0.1, rng.uniform(0, 60))),
    )
    s = CARTON_PX * DRAWN_AT
    for cell in range(columns * rows):
        x, y = cell % columns * s, cell // columns * s
        _carton_side(draw, rng, cell, (x, y, x + s, y + s), (tape, stamp))
    pixels = np.asarray(finished(image, rng, 3.0), np.float32) * _handled(rng, rows, columns)[..., None]
    return saved(Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)), folder / "carton.png").name


def _carton_side(
    draw: ImageDraw.ImageDraw, rng: np.random.Generator, cell: int, box: Rect, inks: tuple[Colour, Colour]
) -> None:
    (x, y, *_), s, (tape, stamp) = box, box[2] - box[0], inks
    if cell in (0, 1):  # the flaps meet under the tape
        draw.line((x, y + s / 2, x + s, y + s / 2), fill=(70, 50, 35), width=DRAWN_AT)
        draw.rectangle((x, y + s * 0.44, x + s, y + s * 0.56), fill=tape)
    elif cell == 3:
        draw.rectangle((x + s * 0.44, y, x + s * 0.56, y + s * rng.uniform(0.1, 0.25)), fill=tape)
    if cell in (1, 4, 5):
        _carton_label(draw, rng, (x + s * rng.uniform(0.08, 0.5), y + s * rng.choice([0.1, 0.6])), s)
    if cell in (5, 6):
        rows = int(rng.integers(1, 3))
        text(draw, rng, (x + s * 0.1, y + s * 0.42, x + s * 0.75, y + s * (0.5 + 0.06 * rows)), rows, stamp)
    if cell == 6:  # this side up
        for left in (0.62, 0.76):
            points = [(x + s * (left + dx), y + s * dy) for dx, dy in ((0, 0.86), (0.05, 0.74), (0.1, 0.86))]
            draw.polygon(points, fill=stamp)
            draw.rectangle(
                (x + s * (left + 0.035), y + s * 0.86, x + s * (left + 0.065), y + s * 0.93), fill=stamp
            )


def _carton_label(
    draw: ImageDraw.ImageDraw, rng: np.random.Generator, corner: tuple[float, float], s: float
) -> None:
    x, y = corner
    draw.rectangle((x, y, x + s * 0.35, y + s * 0.26), fill=(232, 230, 222))
    text(draw, rng, (x + s * 0.02, y + s * 0.02, x + s * 0.33, y + s * 0.15), 4, (30, 30, 30))
    for bar in range(30):
        if rng.uniform() < 0.55:
            left = x + s * (0.03 + bar * 0.01)
            draw.rectangle((left, y + s * 0.17, left + s * 0.006, y + s * 0.24), fill=(25, 25, 25))


def _handled(rng: np.random.Generator, rows: int, columns: int) -> NDArray[np.float32]:
    """Shade of each pixel: darker, scuffed edges of every side, smudges."""
    along = (np.arange(CARTON_PX, dtype=np.float32) + 0.5) / CARTON_PX
    edge = np.minimum(along, 1 - along)
    near = np.tile(np.exp(-np.minimum(edge[:, None], edge[None, :]) / 0.02), (rows, columns))
    smudges, scuffs = (_blurred(rng, rows, columns, cells) for cells in (6, CARTON_PX // 3))
    shade = (1 - 0.22 * near) * (1 + 0.03 * smudges) + 0.12 * near * scuffs
    return np.asarray(shade, np.float32)


def _blurred(rng: np.random.Generator, rows: int, columns: int, cells: int) -> NDArray[np.float32]:
    """Noise with so many cells along each side of a box."""
    values = rng.normal(0, 1, (cells * rows, cells * columns)).astype(np.float32)
    size = (CARTON_PX * columns, CARTON_PX * rows)
    return np.asarray(Image.fromarray(values).resize(size, Image.Resampling.BICUBIC), np.float32)


def carton_faces(rng: np.random.Generator) -> dict[str, Rect]:
    """Which side of the picture each face of a box shows."""
    sides = {name: _cell(3 + int(rng.integers(5))) for name in ("front", "right", "back", "left")}
    return {**sides, "top": _cell(int(rng.integers(2))), "bottom": _cell(2)}


def _cell(number: int) -> Rect:
    columns, rows = CARTON_CELLS
    column, row = number % columns, number // columns
    inset = 0.004
    return (
        (column + inset) / columns,
        1 - (row + 1 - inset) / rows,
        (column + 1 - inset) / columns,
        1 - (row + inset) / rows,
    )
