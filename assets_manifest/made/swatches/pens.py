"""Pages to write and draw on. Letters are real ones, words are not."""

from __future__ import annotations

import numpy as np

from assets_manifest.made.swatches.fields import SIZE, Draft, Image
from assets_manifest.made.swatches.palettes import Colour
from jobs.extras import extra

with extra("render"):
    from PIL import Image as Picture
    from PIL import ImageDraw, ImageFont

LETTERS = "AAABCDEEEEFGHIIJKLMNNOOPRRSSTTUUVWYZ"
Page = Picture.Image
Pen = ImageDraw.ImageDraw
Box = tuple[int, int, int, int]  # x0, y0, x1, y1, pixels


def blank(colour: Colour, wide: int = SIZE) -> Page:
    """A page of one colour, SIZE pixels high."""
    return Picture.new("RGB", (wide, SIZE), ink(colour))


def as_page(image: Image, wide: int = SIZE) -> Page:
    """A picture to draw on."""
    shown = Picture.fromarray((np.clip(image, 0, 1) * 255).astype(np.uint8))
    return shown if wide == SIZE else shown.resize((wide, SIZE))


def as_image(page: Page) -> Image:
    """The page as a tile, squeezed where it is wider."""
    square = page if page.width == SIZE else page.resize((SIZE, SIZE), Picture.Resampling.LANCZOS)
    return np.asarray(square, np.float32) / np.float32(255)


def pen_on(page: Page) -> Pen:
    """What draws on the page."""
    return ImageDraw.Draw(page)


def strip(size: tuple[int, int], colour: Colour) -> Page:
    """A page of that width and height."""
    return Picture.new("RGB", size, ink(colour))


def write(pen: Pen, draft: Draft, corner: tuple[int, int], size: int, colour: Colour, words: int = 2) -> None:
    """Some words, with their upper left corner there."""
    pen.text(corner, some_words(draft, words), fill=ink(colour), font=font(size))


def some_words(draft: Draft, number: int) -> str:
    """Words of two to eight letters."""
    sizes = draft.rng.integers(2, 9, number)
    letters = "".join(LETTERS[k] for k in draft.rng.integers(0, len(LETTERS), int(sizes.sum())))
    ends = np.cumsum(sizes)
    return " ".join(letters[end - size : end] for end, size in zip(ends, sizes, strict=True))


def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own."""
    return ImageFont.load_default(size)


def ink(colour: Colour) -> tuple[int, int, int]:
    """A display colour as pens take it."""
    red, green, blue = (round(float(c) * 255) for c in np.clip(colour, 0, 1))
    return red, green, blue
