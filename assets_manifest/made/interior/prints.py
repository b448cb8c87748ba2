"""Printed things: pictures, posters, pages of text, spines of books, cartons, house fronts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assets_manifest.made.interior.solids import Rect, numbers
from assets_manifest.made.registry import Maker
from jobs.extras import extra

with extra("render"):
    from PIL import Image, ImageDraw

Colour = tuple[int, int, int]  # sRGB bytes
PRINT_PX = 384
FACADE_PX = 768
SPINES = 14  # of different books in one picture
SPINE_PX = (32, 256)
DRAWN_AT = 2  # times the size, for smooth edges


def palette(rng: np.random.Generator, number: int) -> list[Colour]:
    """Colours that go together: one hue, its neighbours and its opposite."""
    hue = rng.uniform()
    colours = []
    for index in range(number):
        shift = (0.0, 0.06, -0.08, 0.5, 0.12)[index % 5] + rng.normal(0, 0.02)
        colours.append(hsv(hue + shift, rng.uniform(0.15, 0.85), rng.uniform(0.2, 0.98)))
    return colours


def hsv(hue: float, saturation: float, value: float) -> Colour:
    """sRGB bytes of hue, saturation and value from 0 to 1."""
    k_3 = (np.array([5, 3, 1]) + hue * 6) % 6
    rgb_3 = value - value * saturation * np.clip(np.minimum(k_3, 4 - k_3), 0, 1)
    r, g, b = np.rint(rgb_3 * 255).astype(int).tolist()
    return (r, g, b)


def _canvas(size: tuple[int, int], colour: Colour) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image = Image.new("RGB", (size[0] * DRAWN_AT, size[1] * DRAWN_AT), colour)
    return image, ImageDraw.Draw(image)


def _finished(image: Image.Image, rng: np.random.Generator, grain: float = 2.5) -> Image.Image:
    """At its own size, with the grain of paper."""
    small = image.reduce(DRAWN_AT)
    noise_hw1 = rng.standard_normal((small.height, small.width, 1), np.float32) * np.float32(grain)
    pixels = np.asarray(small, np.float32) + noise_hw1
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def text(draw: ImageDraw.ImageDraw, rng: np.random.Generator, box: Rect, rows: int, ink: Colour) -> None:
    """Lines of nonsense words that fill a box (left, top, right, bottom), ragged on the right.

    A box too low for letters stays empty.
    """
    left, top, right, bottom = box
    line = (bottom - top) / max(rows, 1)
    for row in range(rows if line >= 1 else 0):
        x, end = left, right - (right - left) * rng.uniform(0, 0.3) * (row == rows - 1 or rng.uniform() < 0.3)
        while x < end - line:
            width = min(line * rng.uniform(0.5, 3.5), end - x)
            y = top + row * line
            _word(draw, rng, (x, y, x + width, y + line * 0.62), ink)
            x += width + line * 0.35


def _word(draw: ImageDraw.ImageDraw, rng: np.random.Generator, box: Rect, ink: Colour) -> None:
    """Strokes that look like letters from reading distance."""
    left, top, right, bottom = box
    pen = max(1, round((bottom - top) / 6))
    x = left
    while x < right:
        height = (bottom - top) * (1.0 if rng.uniform() < 0.3 else 0.7)
        draw.line((x, bottom - height, x, bottom), fill=ink, width=pen)
        if rng.uniform() < 0.6:
            y = bottom - height * rng.uniform(0, 1)
            draw.line((x, y, x + pen * 2.2, y), fill=ink, width=pen)
        x += pen * 3.2


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
    image, draw = _canvas((PRINT_PX, PRINT_PX), palette(rng, 1)[0])
    STYLES[int(rng.integers(len(STYLES)))](image, draw, rng)
    return _saved(_finished(image, rng), folder / "print.png")


def _page(folder: Path, words: tuple[str, ...]) -> Path:
    """A sheet of paper, written or printed on."""
    (seed,) = numbers(words, "SEED")
    rng = np.random.default_rng(seed)
    width, height = 256, 360
    image, draw = _canvas((width, height), hsv(rng.uniform(), rng.uniform(0, 0.06), 0.96))
    ink, top = (35, 35, 45), 0.08
    while top < 0.9:
        tall = rng.uniform(0.08, 0.25)
        box = tuple(np.array([0.1 * width, top * height, 0.9 * width, (top + tall) * height]) * DRAWN_AT)
        if rng.uniform() < 0.25:
            draw.rectangle(box, fill=palette(rng, 1)[0])
        else:
            text(draw, rng, box, max(1, round(tall * 45)), ink)
        top += tall + 0.04
    return _saved(_finished(image, rng, 1.0), folder / "page.png")


def spines(folder: Path, rng: np.random.Generator) -> str:
    """A picture of the spines of SPINES books side by side, and of the edges of their pages; its name."""
    width, height = SPINE_PX
    image, draw = _canvas((width * (SPINES + 1), height), (222, 212, 190))
    for number in range(SPINES):
        _spine(draw, rng, number * width * DRAWN_AT, width * DRAWN_AT, height * DRAWN_AT)
    return _saved(image.reduce(DRAWN_AT), folder / "spines.png").name


def _spine(
    draw: ImageDraw.ImageDraw, rng: np.random.Generator, left: float, wide: float, tall: float
) -> None:
    cover = hsv(rng.uniform(), rng.uniform(0, 0.85), rng.uniform(0.12, 0.95))
    ink = (245, 240, 225) if sum(cover) < 380 else (30, 28, 30)
    draw.rectangle((left, 0, left + wide, tall), fill=cover)
    for _ in range(int(rng.integers(0, 3))):
        y = tall * rng.choice([0.06, 0.12, 0.78, 0.86, 0.93])
        colour = palette(rng, 1)[0] if rng.uniform() < 0.5 else ink
        draw.rectangle((left, y, left + wide, y + tall * rng.uniform(0.01, 0.05)), fill=colour)
    y, end = tall * 0.2, tall * rng.uniform(0.45, 0.75)
    while y < end:  # a title that runs down the spine
        step = wide * rng.uniform(0.1, 0.25)
        x = left + wide * rng.uniform(0.3, 0.4)
        draw.rectangle((x, y, x + wide * rng.uniform(0.15, 0.35), y + step), fill=ink)
        y += step + wide * 0.08


def spine_rect(number: int) -> Rect:
    """Where the picture of spines shows that book."""
    return ((number + 0.02) / (SPINES + 1), 0.0, (number + 0.98) / (SPINES + 1), 1.0)


def cover_rect(number: int) -> Rect:
    """A part of the picture of spines that has that book's colour alone."""
    u = (number + 0.1) / (SPINES + 1)
    return (u, 0.16, u + 0.002, 0.18)


PAGES: Rect = ((SPINES + 0.2) / (SPINES + 1), 0.1, (SPINES + 0.8) / (SPINES + 1), 0.4)


def carton(folder: Path, rng: np.random.Generator) -> str:
    """One side of a cardboard box with tape, a label and signs; the picture's name."""
    side = 256
    image, draw = _canvas(
        (side, side), hsv(rng.uniform(0.07, 0.1), rng.uniform(0.3, 0.5), rng.uniform(0.5, 0.8))
    )
    s = side * DRAWN_AT
    draw.rectangle((0, s * 0.46, s, s * 0.54), fill=hsv(0.1, 0.35, rng.uniform(0.4, 0.9)))
    x, y = rng.uniform(0.05, 0.5) * s, rng.choice([0.08, 0.6]) * s
    draw.rectangle((x, y, x + s * 0.35, y + s * 0.26), fill=(240, 238, 230))
    text(draw, rng, (x + s * 0.02, y + s * 0.02, x + s * 0.33, y + s * 0.15), 4, (20, 20, 20))
    for bar in range(30):
        if rng.uniform() < 0.55:
            left = x + s * (0.03 + bar * 0.01)
            draw.rectangle((left, y + s * 0.17, left + s * 0.006, y + s * 0.24), fill=(10, 10, 10))
    text(draw, rng, (s * 0.55, s * 0.7, s * 0.95, s * 0.8), 1, (90, 30, 25))
    return _saved(_finished(image, rng, 4.0), folder / "carton.png").name


def _facade(folder: Path, words: tuple[str, ...]) -> Path:
    """Some 15 metres of a house front: storeys of windows in a rendered or brick wall."""
    (seed,) = numbers(words, "SEED")
    rng = np.random.default_rng(seed)
    wall = hsv(rng.uniform(0.02, 0.15), rng.uniform(0.05, 0.5), rng.uniform(0.45, 0.9))
    image, draw = _canvas((FACADE_PX, FACADE_PX), wall)
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
    pixels = np.asarray(_finished(image, rng, 5.0), np.float32) * (1 + 0.05 * shade[..., None])
    return _saved(Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)), folder / "facade.png")


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


def _saved(image: Image.Image, path: Path) -> Path:
    image.save(path, compress_level=1)
    return path


PRINT = Maker(name="room_print", version=1, kind="texture", make=_print)
PAGE = Maker(name="room_page", version=1, kind="texture", make=_page)
FACADE = Maker(name="room_facade", version=1, kind="texture", make=_facade)
