"""Backs of books, with letters that run down them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from assets_manifest.made.interior.drawing import DRAWN_AT, Colour, canvas, ink, saved
from assets_manifest.made.interior.solids import Rect
from assets_manifest.made.swatches.palettes import oklch, thing
from jobs.extras import extra

with extra("render"):
    from PIL import Image, ImageDraw, ImageFont

SPINES = 30  # of different books in one picture
SPINE_PX = (32, 224)
LETTERS = "AAABCDEEEEFGHIIJKLMNNOOPRRSSTTUUVWYZ      "


def spines(folder: Path, rng: np.random.Generator) -> str:
    """A picture of the spines of SPINES books side by side, and of the edges of their pages; its name."""
    width, height = SPINE_PX
    image, draw = canvas((width * (SPINES + 1), height), (222, 212, 190))
    for number in range(SPINES):
        _spine(draw, rng, number * width * DRAWN_AT, width * DRAWN_AT, height * DRAWN_AT)
    return saved(image.reduce(DRAWN_AT), folder / "spines.png").name


def _spine(
    draw: ImageDraw.ImageDraw, rng: np.random.Generator, left: float, wide: float, tall: float
) -> None:
    """Cover, bands, author and title in letters that run down the spine, a publisher's mark."""
    cover = ink(thing(rng))
    light = (240, 234, 218) if rng.uniform() < 0.6 else (206, 176, 108)
    letters = (
        light
        if sum(cover) < 400
        else ink(oklch(rng.uniform(0.2, 0.4), rng.uniform(0, 0.1), rng.uniform(0, 60)))
    )
    draw.rectangle((left, 0, left + wide, tall), fill=cover)
    band = ink(thing(rng)) if rng.uniform() < 0.5 else letters
    for y in rng.choice([0.04, 0.1, 0.84, 0.9, 0.95], int(rng.integers(0, 4)), replace=False) * tall:
        draw.rectangle((left, y, left + wide, y + tall * rng.uniform(0.005, 0.02)), fill=band)
    if rng.uniform() < 0.3:  # a label behind the title
        draw.rectangle((left, tall * 0.16, left + wide, tall * rng.uniform(0.3, 0.7)), fill=band)
        letters = light if sum(band) < 400 else (40, 34, 32)
    title, author = tall * rng.uniform(0.35, 0.5), tall * rng.uniform(0.15, 0.28)
    _down(draw, rng, (left, tall * 0.18, title), wide * rng.uniform(0.42, 0.72), letters)
    _down(draw, rng, (left, tall * 0.18 + title + wide * 0.4, author), wide * rng.uniform(0.3, 0.45), letters)
    if rng.uniform() < 0.7:
        x, y, reach = left + wide / 2, tall * 0.96, wide * 0.16
        draw.ellipse((x - reach, y - reach, x + reach, y + reach), fill=letters)


def _down(
    draw: ImageDraw.ImageDraw,
    rng: np.random.Generator,
    place: tuple[float, float, float],
    size: float,
    fill: Colour,
) -> None:
    """Letters of that size that run down from (left of the spine, top) for a length, read from the right."""
    left, top, long = place
    font, number = ImageFont.load_default(round(size)), max(2, int(long / size / 0.62))
    words = "".join(LETTERS[k] for k in rng.integers(0, len(LETTERS), number))
    strip = Image.new("L", (round(long), round(size * 1.3)))
    ImageDraw.Draw(strip).text((0, 0), words, fill=255, font=font)
    wide = SPINE_PX[0] * DRAWN_AT
    draw.bitmap(
        (round(left + (wide - strip.height) / 2), round(top)), strip.rotate(-90, expand=True), fill=fill
    )


def spine_rect(number: int) -> Rect:
    """Where the picture of spines shows that book."""
    return ((number + 0.02) / (SPINES + 1), 0.0, (number + 0.98) / (SPINES + 1), 1.0)


def cover_rect(number: int) -> Rect:
    """A part of the picture of spines that has that book's colour alone."""
    u = (number + 0.45) / (SPINES + 1)
    return (u, 0.855, u + 0.002, 0.865)


PAGES: Rect = ((SPINES + 0.2) / (SPINES + 1), 0.1, (SPINES + 0.8) / (SPINES + 1), 0.4)
