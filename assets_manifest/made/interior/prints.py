"""Printed things: pictures, posters, pages of text, house fronts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assets_manifest.made.interior.drawing import (
    DRAWN_AT,
    Colour,
    canvas,
    finished,
    hsv,
    palette,
    saved,
    text,
)
from assets_manifest.made.interior.solids import numbers
from assets_manifest.made.registry import Maker
from jobs.extras import extra

with extra("render"):
    from PIL import Image, ImageDraw

PRINT_PX = 384
FACADE_PX = 768


def _landscape(image: Image.Image, draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    """Hills behind hills under a sky."""
    side = image.width
    sky, land = palette(rng, 2), palette(rng, 5)
    steps_n = np.linspace(0, 1, side)[:, None, None]
    ramp = np.array(sky[0]) * (1 - steps_n) + np.array(sky[1]) * steps_n
    image.paste(Image.fromarray(np.broadcast_to(ramp, (side, side, 3)).astype(np.uint8)))
    sun = rng.uniform(0.1, 0.9, 2) * side * (1, 0.4)
    reach = side * rng.uniform(0.03, 0.09)
    draw.ellipse((*(sun - reach), *(sun + reach)), fill=(250, 240, 210))
    x_n = np.linspace(0, 1, 60)
    for layer in range(5):
        waves = [
            rng.uniform(0.01, 0.06) * np.sin(x_n * rng.uniform(3, 25) + rng.uniform(0, 6)) for _ in range(4)
        ]
        y_n = 0.35 + layer * 0.13 + np.sum(waves, axis=0)
        points = [(float(x * side), float(y * side)) for x, y in zip(x_n, y_n, strict=True)]
        draw.polygon([*points, (side, side), (0, side)], fill=land[layer])


def _shapes(image: Image.Image, draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    """Discs, rectangles and bars on top of each other."""
    side, colours = image.width, palette(rng, 6)
    for number in range(int(rng.integers(6, 40))):
        x, y = rng.uniform(-0.1, 1.0, 2) * side
        reach = side * rng.uniform(0.04, 0.35) / (1 + number / 15)
        box = (x, y, x + reach, y + reach * rng.uniform(0.2, 1.6))
        fill = colours[int(rng.integers(6))]
        [draw.ellipse, draw.rectangle, draw.rectangle][int(rng.integers(3))](box, fill=fill)


def _poster(image: Image.Image, draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    """A picture above a title and small print."""
    side, (paper, ink, *_) = image.width, palette(rng, 3)
    draw.rectangle((0, 0, side, side), fill=paper)
    scene = Image.new("RGB", (side, side))
    (_landscape if rng.uniform() < 0.5 else _shapes)(scene, ImageDraw.Draw(scene), rng)
    margin, picture = side * 0.07, side * rng.uniform(0.45, 0.7)
    image.paste(scene.resize((round(side - 2 * margin), round(picture))), (round(margin), round(margin)))
    title = picture + margin * 1.6
    text(draw, rng, (margin, title, side - margin, title + side * 0.1), 1, ink)
    text(draw, rng, (margin, title + side * 0.12, side - margin, side - margin), 5, ink)


def _map(image: Image.Image, draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    """Areas, streets and names."""
    side = image.width
    draw.rectangle((0, 0, side, side), fill=hsv(rng.uniform(0.1, 0.4), 0.15, 0.92))
    for _ in range(25):
        centre, reach = rng.uniform(0, side, 2), side * rng.uniform(0.04, 0.16)
        angles_n = np.sort(rng.uniform(0, 2 * np.pi, 9))
        outline = centre + reach * np.stack([np.cos(angles_n), np.sin(angles_n)], 1)
        draw.polygon([tuple(p) for p in outline.tolist()], fill=hsv(rng.uniform(0.05, 0.6), 0.3, 0.85))
    for _ in range(28):
        ends = rng.uniform(-0.1, 1.1, 4) * side
        draw.line(tuple(ends), fill=hsv(0.1, rng.uniform(0, 0.7), 0.95), width=int(rng.integers(2, 9)))
    for _ in range(40):
        x, y = rng.uniform(0, 0.9, 2) * side
        text(draw, rng, (x, y, x + side * 0.09, y + side * 0.02), 1, (60, 50, 50))


def _drawing(image: Image.Image, draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    """What a child draws: a house, a sun, a rainbow, people, in thick strokes."""
    side = image.width
    draw.rectangle((0, 0, side, side), fill=hsv(rng.uniform(0.08, 0.16), rng.uniform(0, 0.3), 0.95))
    pen = side // 45
    for ring in range(5):
        reach = side * (0.3 - 0.03 * ring)
        box = (side * 0.3 - reach, side * 0.45 - reach, side * 0.3 + reach, side * 0.45 + reach)
        draw.arc(box, 180, 360, fill=hsv(ring / 5, 0.9, 0.9), width=pen)
    for _ in range(int(rng.integers(2, 6))):
        x, y, tall = rng.uniform(0.1, 0.85) * side, rng.uniform(0.45, 0.6) * side, side * 0.2
        ink = hsv(rng.uniform(), 0.9, rng.uniform(0.2, 0.8))
        draw.ellipse((x - tall / 5, y, x + tall / 5, y + tall / 2.5), outline=ink, width=pen)
        for dx in (-0.25, 0.25):
            draw.line((x, y + tall, x + dx * tall, y + tall * 1.5), fill=ink, width=pen)
            draw.line((x, y + tall * 0.6, x + dx * tall * 1.3, y + tall * 0.5), fill=ink, width=pen)
        draw.line((x, y + tall * 0.4, x, y + tall), fill=ink, width=pen)


STYLES: tuple[Callable[[Image.Image, ImageDraw.ImageDraw, np.random.Generator], None], ...] = (
    _landscape,
    _shapes,
    _poster,
    _poster,
    _map,
    _drawing,
)


def _print(folder: Path, words: tuple[str, ...]) -> Path:
    (seed,) = numbers(words, "SEED")
    rng = np.random.default_rng(seed)
    image, draw = canvas((PRINT_PX, PRINT_PX), palette(rng, 1)[0])
    STYLES[int(rng.integers(len(STYLES)))](image, draw, rng)
    return saved(finished(image, rng), folder / "print.png")


def _page(folder: Path, words: tuple[str, ...]) -> Path:
    """A sheet of paper, written or printed on."""
    (seed,) = numbers(words, "SEED")
    rng = np.random.default_rng(seed)
    width, height = 256, 360
    image, draw = canvas((width, height), hsv(rng.uniform(), rng.uniform(0, 0.06), 0.96))
    ink, top = (35, 35, 45), 0.08
    while top < 0.9:
        tall = rng.uniform(0.08, 0.25)
        box = tuple(np.array([0.1 * width, top * height, 0.9 * width, (top + tall) * height]) * DRAWN_AT)
        if rng.uniform() < 0.25:
            draw.rectangle(box, fill=palette(rng, 1)[0])
        else:
            text(draw, rng, box, max(1, round(tall * 45)), ink)
        top += tall + 0.04
    return saved(finished(image, rng, 1.0), folder / "page.png")


def _facade(folder: Path, words: tuple[str, ...]) -> Path:
    """Some 15 metres of a house front: storeys of windows in a rendered or brick wall."""
    (seed,) = numbers(words, "SEED")
    rng = np.random.default_rng(seed)
    wall = hsv(rng.uniform(0.02, 0.15), rng.uniform(0.05, 0.5), rng.uniform(0.45, 0.9))
    image, draw = canvas((FACADE_PX, FACADE_PX), wall)
    side = FACADE_PX * DRAWN_AT
    if rng.uniform() < 0.5:
        _bricks(draw, rng, side, wall)
    rows, columns = int(rng.integers(4, 6)), int(rng.integers(4, 7))
    shape = (rng.uniform(0.3, 0.6), rng.uniform(0.45, 0.65))
    frame = (235, 232, 225) if rng.uniform() < 0.7 else (60, 55, 50)
    for row in range(rows):
        for column in range(columns):
            box = np.array([column, row, column, row]) / (columns, rows, columns, rows) * side
            _pane(draw, rng, box, (side / columns * shape[0], side / rows * shape[1]), frame)
    soot = rng.normal(0, 1, (24, 24)).astype(np.float32)
    shade = np.asarray(Image.fromarray(soot).resize((FACADE_PX, FACADE_PX), Image.Resampling.BICUBIC))
    pixels = np.asarray(finished(image, rng, 5.0), np.float32) * (1 + 0.05 * shade[..., None])
    return saved(Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)), folder / "facade.png")


def _bricks(draw: ImageDraw.ImageDraw, rng: np.random.Generator, side: int, wall: Colour) -> None:
    height, length = side / 120, side / 40
    for row in range(120):
        for column in range(-1, 40):
            x, y = (column + row % 2 / 2) * length, row * height
            shade = rng.uniform(0.75, 1.05)
            r, g, b = (round(c * shade) for c in wall)
            draw.rectangle((x + 1, y + 1, x + length - 1, y + height - 1), fill=(r, g, b))


def _pane(
    draw: ImageDraw.ImageDraw,
    rng: np.random.Generator,
    corner_4: NDArray[np.float64],
    size: tuple[float, float],
    frame: Colour,
) -> None:
    """A window of a façade with its frame, sill, glass and perhaps a curtain behind it."""
    (x, y), (width, height) = corner_4[:2] + (size[0] * 0.35, size[1] * 0.3), size
    bar = width * 0.06
    draw.rectangle((x - bar, y - bar, x + width + bar, y + height + bar), fill=frame)
    draw.rectangle(
        (x - 2 * bar, y + height + bar, x + width + 2 * bar, y + height + 2 * bar), fill=(190, 188, 180)
    )
    dark = hsv(0.58, rng.uniform(0.1, 0.35), rng.uniform(0.15, 0.5))
    draw.rectangle((x, y, x + width, y + height), fill=dark)
    if rng.uniform() < 0.45:
        drop = height * rng.uniform(0.2, 1.0)
        draw.rectangle((x, y, x + width, y + drop), fill=hsv(rng.uniform(), 0.1, rng.uniform(0.6, 0.9)))
    middle = x + width / 2
    draw.rectangle((middle - bar / 2, y, middle + bar / 2, y + height), fill=frame)


PRINT = Maker(name="room_print", version=2, kind="texture", make=_print)
PAGE = Maker(name="room_page", version=2, kind="texture", make=_page)
FACADE = Maker(name="room_facade", version=1, kind="texture", make=_facade)
