"""What screens show: a desktop with windows, text, code, a table with charts, a photo, a film."""

from __future__ import annotations

import numpy as np

from assets_manifest.made.swatches.fields import SIZE, Draft, Image, Swatch, axis, mixed, noise, soft
from assets_manifest.made.swatches.palettes import Colour, flat, oklch, ramp, scheme
from assets_manifest.made.swatches.pens import Box, Pen, as_image, as_page, blank, ink, pen_on, write
from assets_manifest.made.swatches.printed import landscape

WIDE = 910  # pixels that a screen's height of SIZE has across; squeezed into the tile at the end


def screen(draft: Draft) -> Swatch:
    """A whole screen to a tile."""
    kinds = (_desktop, _desktop, _document, _code, _dashboard, _photo, _film)
    return Swatch(rgb=kinds[draft.whole(0, len(kinds) - 1)](draft))


def _desktop(draft: Draft) -> Image:
    """Windows over a picture, a bar with icons."""
    low, high = sorted(draft.rng.uniform(0.3, 0.85, 2))
    hue, slant = draft.uniform(150, 330), noise(draft.rng, 2, slope=2.5)
    ground = ramp(np.clip(0.5 + 0.25 * slant, 0, 1), [oklch(low, 0.08, hue), oklch(high, 0.06, hue + 40)])
    page = as_page(ground, WIDE)
    pen = pen_on(page)
    for _ in range(draft.whole(1, 3)):
        x, y = draft.whole(10, 420), draft.whole(10, 200)
        _window(pen, draft, (x, y, x + draft.whole(260, 480), y + draft.whole(180, 290)))
    pen.rectangle((0, SIZE - 30, WIDE, SIZE), fill=ink(oklch(0.3, 0.02, hue)))
    for number in range(draft.whole(4, 12)):
        x = 12 + 40 * number
        pen.rectangle((x, SIZE - 25, x + 20, SIZE - 5), fill=ink(scheme(draft.rng, 3)[0]))
    return as_image(page)


def _window(pen: Pen, draft: Draft, box: Box) -> None:
    x0, y0, x1, y1 = box
    dark = draft.chance(0.25)
    back, front = oklch(0.25 if dark else 0.97, 0.01, 260), oklch(0.85 if dark else 0.3, 0.01, 260)
    pen.rectangle(box, fill=ink(back), outline=ink(oklch(0.5, 0.01, 260)))
    pen.rectangle((x0, y0, x1, y0 + 20), fill=ink(oklch(0.35 if dark else 0.85, 0.015, 260)))
    write(pen, draft, (x0 + 8, y0 + 3), 13, front)
    if draft.chance(0.3):
        pen.rectangle((x0 + 12, y0 + 32, x0 + 130, y0 + 110), fill=ink(scheme(draft.rng, 3)[1]))
        x0 += 130
    _lines(pen, draft, (x0 + 10, y0 + 30, x1 - 10, y1 - 8), draft.whole(10, 15), (front,))


def _lines(pen: Pen, draft: Draft, box: Box, size: int, colours: tuple[Colour, ...]) -> None:
    """Lines of words within the box, of several lengths."""
    x0, y0, x1, y1 = box
    for y in range(y0, y1 - size, int(size * 1.5)):
        if draft.chance(0.12):
            continue
        most = max(1, int((x1 - x0) * draft.uniform(0.35, 1.0) / (size * 3.6)))
        write(pen, draft, (x0, y), size, colours[draft.whole(0, len(colours) - 1)], words=most)


def _document(draft: Draft) -> Image:
    """A page of text, or a web page: a head, a menu at the side, a picture."""
    page = blank(oklch(draft.uniform(0.93, 0.99), 0.005, 250), WIDE)
    pen = pen_on(page)
    accent, dark = scheme(draft.rng, 3)[0], oklch(0.3, 0.01, 260)
    pen.rectangle((0, 0, WIDE, draft.whole(24, 70)), fill=ink(accent))
    left = draft.whole(130, 260)
    _lines(pen, draft, (12, 90, left - 10, SIZE - 20), 13, (dark,))
    write(pen, draft, (left, 84), draft.whole(24, 40), dark, words=3)
    if draft.chance(0.6):
        x = draft.whole(left, 560)
        pen.rectangle((x, 140, x + 300, 300), fill=ink(scheme(draft.rng, 3)[1]))
        _lines(pen, draft, (left, 315, WIDE - 60, SIZE - 10), 14, (dark,))
    else:
        _lines(pen, draft, (left, 140, WIDE - 60, SIZE - 10), 14, (dark,))
    return as_image(page)


def _code(draft: Draft) -> Image:
    """Short coloured lines, indented, on a dark or a light ground."""
    dark = draft.chance(0.7)
    page = blank(oklch(0.17 if dark else 0.97, 0.015, 265), WIDE)
    pen = pen_on(page)
    level = 0.8 if dark else 0.45
    colours = tuple(oklch(level, 0.1, hue) for hue in (30, 90, 150, 210, 320))
    pen.rectangle((0, 0, 150, SIZE), fill=ink(oklch(0.22 if dark else 0.9, 0.015, 265)))
    _lines(pen, draft, (10, 12, 140, SIZE), 12, colours[:1])
    indent = 0
    for y in range(12, SIZE - 14, 17):
        indent = int(np.clip(indent + draft.whole(-1, 1), 0, 5))
        x = 175 + 26 * indent
        for _ in range(draft.whole(0, 4)):
            write(pen, draft, (x, y), 12, colours[draft.whole(0, 4)], words=1)
            x += draft.whole(50, 110)
    return as_image(page)


def _dashboard(draft: Draft) -> Image:
    """A table of numbers beside bars and a curve."""
    page = blank(oklch(0.95, 0.005, 250), WIDE)
    pen = pen_on(page)
    colours, dark = scheme(draft.rng, 4), oklch(0.35, 0.01, 260)
    for y in range(20, SIZE - 20, 24):
        pen.line((20, y + 20, 430, y + 20), fill=ink(oklch(0.8, 0.005, 250)))
        for x in range(28, 420, 100):
            write(pen, draft, (x, y), 13, dark, words=1)
    for number in range(12):
        high = draft.whole(20, 190)
        x = 480 + 34 * number
        pen.rectangle((x, 230 - high, x + 24, 230), fill=ink(colours[number % 2]))
    heights = 380 + 22 * np.cumsum(draft.rng.normal(0, 0.7, 40))
    curve = [(480 + 10 * k, float(np.clip(h, 270, 495))) for k, h in enumerate(heights)]
    pen.line(curve, fill=ink(colours[2]), width=3)
    return as_image(page)


def _photo(draft: Draft) -> Image:
    """A landscape that fills the screen."""
    return landscape(draft)


def _film(draft: Draft) -> Image:
    """A dark scene with blurred lights, between the black bars of a film."""
    image = landscape(draft) * np.float32(draft.uniform(0.25, 0.8))
    lights = soft(noise(draft.rng, 6, slope=3) - 1.3, 0.3) * soft(0.45 - axis()[:, None], 0.1)
    glow = flat(oklch(0.8, 0.1, draft.uniform(20, 100)), np.ones_like(lights))
    image = mixed(image, glow, lights * np.float32(0.6))
    bar = draft.uniform(0.0, 0.12)
    seen = soft(np.minimum(axis(), 1 - axis())[:, None] - np.float32(bar), 0.004)
    return image * (0.08 + 0.92 * np.broadcast_to(seen, (SIZE, SIZE)))[..., None]
