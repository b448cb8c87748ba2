"""What printed things are drawn with: a canvas, colours, lines of nonsense words, the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets_manifest.made.interior.solids import Rect
from assets_manifest.made.picture import save_picture
from assets_manifest.made.swatches.palettes import scheme
from jobs.extras import extra

with extra("render"):
    from PIL import Image, ImageDraw

Colour = tuple[int, int, int]  # sRGB bytes
DRAWN_AT = 2  # times the size, for smooth edges


def palette(rng: np.random.Generator, number: int) -> list[Colour]:
    """Colours that go together."""
    return [ink(colour) for colour in scheme(rng, number)]


def ink(colour: NDArray[np.floating[Any]]) -> Colour:
    """A display colour as bytes."""
    r, g, b = np.rint(np.clip(colour, 0, 1) * 255).astype(int).tolist()
    return (r, g, b)


def hsv(hue: float, saturation: float, value: float) -> Colour:
    """sRGB bytes of hue, saturation and value from 0 to 1."""
    k_3 = (np.array([5, 3, 1]) + hue * 6) % 6
    rgb_3 = value - value * saturation * np.clip(np.minimum(k_3, 4 - k_3), 0, 1)
    r, g, b = np.rint(rgb_3 * 255).astype(int).tolist()
    return (r, g, b)


def canvas(size: tuple[int, int], colour: Colour) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """An empty picture DRAWN_AT times as large as `size`, and what draws on it."""
    image = Image.new("RGB", (size[0] * DRAWN_AT, size[1] * DRAWN_AT), colour)
    return image, ImageDraw.Draw(image)


def finished(image: Image.Image, rng: np.random.Generator, grain: float = 2.5) -> Image.Image:
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


def saved(image: Image.Image, path: Path) -> Path:
    """The picture's file."""
    return save_picture(path, np.asarray(image))
