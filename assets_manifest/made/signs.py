"""Pictures on signs and posters, drawn with shapes alone: no fonts, the same bytes anywhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assets_manifest.made.picture import save_picture

Picture = NDArray[np.float64]  # (H, W, 3), display colours 0..1, row 0 at the top
Colour = tuple[float, float, float]

RED, BLUE, WHITE, BLACK, YELLOW = (
    (0.8, 0.08, 0.1),
    (0.05, 0.25, 0.6),
    (0.95, 0.95, 0.94),
    (0.05, 0.05, 0.05),
    (0.98, 0.78, 0.1),
)
GREEN, BROWN = (0.05, 0.4, 0.25), (0.4, 0.25, 0.12)


def _ring(corners: int, start: float) -> NDArray[np.float64]:
    turn = start + np.arange(corners) / corners * 2 * np.pi
    return 0.5 + 0.5 * np.stack([np.cos(turn), np.sin(turn)], axis=1)


OUTLINES: dict[str, NDArray[np.float64]] = {  # in the unit square, counter-clockwise
    "round": _ring(24, 0.0),
    "octagon": _ring(8, np.pi / 8),
    "diamond": np.array([(0.5, 0), (1, 0.5), (0.5, 1), (0, 0.5)], float),
    "triangle": np.array([(0.0, 0.067), (1.0, 0.067), (0.5, 0.933)], float),
    "square": np.array([(0, 0), (1, 0), (1, 1), (0, 1)], float),
}


def save(path: Path, picture: Picture) -> None:
    """As a PNG."""
    save_picture(path, np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8))


def traffic_sign(rng: np.random.Generator) -> tuple[str, Picture]:
    """The name of an outline, and the picture in its square."""
    shape = str(rng.choice(["round", "round", "triangle", "square", "octagon", "diamond"]))
    x, y = _axes(128, 128)
    radius = np.hypot(x, y)
    if shape == "round":
        return shape, _round_sign(rng, x, y, radius)
    if shape == "triangle":
        inside = (y < 0.28) & (np.abs(x) < (0.36 - y) * 0.52)
        mark = _mark(rng, x, y - 0.08, 0.18)
        return shape, _layered(128, 128, RED, (inside, WHITE), (mark & inside, BLACK))
    if shape == "octagon":
        letters = _writing(rng, x / 0.72, y / 0.2)
        return shape, _layered(128, 128, RED, ((radius < 0.47) & (radius > 0.445), WHITE), (letters, WHITE))
    if shape == "diamond":
        return shape, _layered(128, 128, WHITE, ((np.abs(x) + np.abs(y)) < 0.36, YELLOW))
    ground = (BLUE, GREEN, BLUE)[rng.integers(3)]
    return shape, _layered(
        128, 128, ground, (np.maximum(abs(x), abs(y)) > 0.46, WHITE), (_mark(rng, x, y, 0.34), WHITE)
    )


def _round_sign(rng: np.random.Generator, x: Picture, y: Picture, radius: Picture) -> Picture:
    if rng.uniform() < 0.35:
        return _layered(128, 128, BLUE, (radius > 0.46, WHITE), (_mark(rng, x, y, 0.3), WHITE))
    inside = radius < 0.37
    return _layered(128, 128, RED, (inside, WHITE), (_writing(rng, x / 0.55, y / 0.28) & inside, BLACK))


def street_name(rng: np.random.Generator) -> Picture:
    """A board with a line of writing."""
    x, y = _axes(64, 256)
    ground, ink = ((WHITE, BLACK), (BLUE, WHITE), (GREEN, WHITE), (BROWN, WHITE))[rng.integers(4)]
    border = (np.abs(x) > 0.485) | (np.abs(y) > 0.44)
    return _layered(64, 256, ground, (border, ink), (_writing(rng, x / 0.86, y / 0.5, letters=10), ink))


def poster(rng: np.random.Generator) -> Picture:
    """An advertisement: a ground, shapes, lines of writing."""
    x, y = _axes(256, 170)
    shade = 0.5 - y[:, :, None] * rng.uniform(-0.6, 0.6)
    picture = np.clip(rng.uniform(0.15, 0.95, 3) * (0.7 + 0.6 * shade), 0, 1) * np.ones((256, 170, 3))
    for _ in range(int(rng.integers(4, 9))):
        cx, cy, size = rng.uniform(-0.4, 0.4), rng.uniform(-0.45, 0.2), rng.uniform(0.06, 0.28)
        picture[_mark(rng, x - cx, y - cy, size)] = rng.uniform(0.05, 1, 3)
    for line in range(int(rng.integers(1, 5))):
        ink = WHITE if rng.uniform() < 0.5 else BLACK
        picture[_writing(rng, x / 0.8, (y - 0.2 - 0.075 * line) / 0.05, letters=12)] = ink
    return picture


def _axes(height: int, width: int) -> tuple[Picture, Picture]:
    """Coordinates -0.5..0.5, x to the right and y down."""
    y, x = np.mgrid[:height, :width]
    return (x + 0.5) / width - 0.5, (y + 0.5) / height - 0.5


def _layered(height: int, width: int, ground: Colour, *layers: tuple[NDArray[np.bool_], Colour]) -> Picture:
    picture = np.full((height, width, 3), ground, float)
    for mask, colour in layers:
        picture[mask] = colour
    return picture


def _mark(rng: np.random.Generator, x: Picture, y: Picture, size: float) -> NDArray[np.bool_]:
    """A bold simple figure: arrow, disc, bar, cross, figure of a person, chevron."""
    a, b = x / size, y / size
    arrow = ((np.abs(a) < 0.22) & (np.abs(b) < 0.9)) | ((b < -0.2) & (b > -1) & (np.abs(a) < (b + 1) * 0.8))
    person = (np.hypot(a, b + 0.75) < 0.2) | ((np.abs(a) < 0.22 + 0.12 * b) & (b > -0.5) & (b < 0.9))
    figures = (
        arrow,
        np.hypot(a, b) < 0.8,
        (np.abs(b) < 0.25) & (np.abs(a) < 0.95),
        (np.minimum(np.abs(a), np.abs(b)) < 0.22) & (np.maximum(np.abs(a), np.abs(b)) < 0.85),
        person,
        (np.abs(b - np.abs(a) * 0.8) < 0.25) & (np.abs(a) < 0.9),
    )
    return np.asarray(figures[rng.integers(len(figures))], bool)


def _writing(rng: np.random.Generator, x: Picture, y: Picture, letters: int = 3) -> NDArray[np.bool_]:
    """A line of block letters that fills -0.5..0.5 in both coordinates."""
    cell = (x + 0.5) * letters
    index, inside = np.floor(cell).astype(int), cell % 1.0
    glyphs = rng.uniform(size=(letters, 5, 3)) < 0.62  # 5 rows of 3 dots
    glyphs[:, :, 0] |= rng.uniform(size=(letters, 1)) < 0.7
    glyphs[rng.uniform(size=letters) < 0.12 * (letters > 5)] = False
    row, column = np.floor((y + 0.5) * 5).astype(int), np.floor(inside / 0.8 * 3).astype(int)
    valid = (index >= 0) & (index < letters) & (row >= 0) & (row < 5) & (column < 3)
    chosen: NDArray[np.bool_] = (
        glyphs[np.clip(index, 0, letters - 1), np.clip(row, 0, 4), np.clip(column, 0, 2)] & valid
    )
    return chosen
