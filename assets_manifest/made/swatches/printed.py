"""Paper things: posters, paintings, book spines, labels, newsprint, cardboard. Letters are real ones."""

from __future__ import annotations

import numpy as np

from assets_manifest.made.pixels import shaded
from assets_manifest.made.swatches.fields import SIZE, Draft, Image, Swatch, axis, mixed, noise, soft
from assets_manifest.made.swatches.figures import SHAPES, figures, stamp
from assets_manifest.made.swatches.palettes import Colour, flat, oklch, ramp, scheme
from assets_manifest.made.swatches.pens import (
    Box,
    Page,
    Pen,
    as_image,
    as_page,
    blank,
    font,
    ink,
    pen_on,
    some_words,
    strip,
    write,
)


def poster(draft: Draft) -> Swatch:
    """One picture to a tile: abstract, colour fields, a landscape, a portrait, or mostly type."""
    kinds = (_abstract, _fields, landscape, portrait, _typeset, _strokes)
    image = kinds[draft.whole(0, len(kinds) - 1)](draft)
    canvas = noise(draft.rng, 80, slope=1)
    return Swatch(rgb=shaded(image, 1 + draft.uniform(0, 0.03) * canvas))


def _abstract(draft: Draft) -> Image:
    colours, rng = scheme(draft.rng, 6), draft.rng
    image = _ground(colours[0])
    for index in range(draft.whole(8, 40)):
        shape = SHAPES[draft.whole(0, len(SHAPES) - 1)]
        reach = draft.uniform(12, 150) * (1 - 0.015 * index)
        stamp(
            image,
            shape,
            rng.uniform(0, SIZE, 2),
            reach,
            draft.uniform(0, 6.28),
            colours[1 + index % 5],
            colours[index % 6],
        )
    return image


def _fields(draft: Draft) -> Image:
    """Blurred bands or a grid of blocks."""
    colours = scheme(draft.rng, 5)
    image = _ground(colours[0])
    y = 0.04
    while y < 0.9:
        high = draft.uniform(0.08, 0.4)
        inside = np.minimum(axis() - y, y + high - axis())[:, None], np.minimum(axis(), 1 - axis())[None, :]
        share = soft(np.minimum(inside[0], inside[1] - 0.06) + 0.012 * noise(draft.rng, 12, slope=1.5), 0.04)
        image = mixed(image, _ground(colours[draft.whole(1, 4)]), share * np.float32(draft.uniform(0.7, 1)))
        y += high + draft.uniform(0.0, 0.06)
    return image


def landscape(draft: Draft) -> Image:
    """Sky, hills behind hills, water or a field."""
    colours = scheme(draft.rng, 6)
    sky = np.broadcast_to(axis()[:, None], (SIZE, SIZE)) + 0.06 * noise(draft.rng, 3, slope=2, across=2)
    image = ramp(np.clip(sky, 0, 1), [colours[0], colours[1], oklch(0.93, 0.03, 80)])
    if draft.chance(0.5):
        stamp(
            image,
            SHAPES[4],
            draft.rng.uniform(60, 300, 2),
            draft.uniform(14, 50),
            0,
            oklch(0.94, 0.08, 80),
            colours[1],
        )
    for index in range(draft.whole(3, 6)):
        ridge = noise(draft.rng, 2, slope=2)[index * 50] * np.float32(draft.uniform(0.02, 0.08))
        below = soft(axis()[:, None] - (0.4 + 0.12 * index + ridge)[None, :], 0.006)
        tone = 1 + 0.08 * noise(draft.rng, 10, slope=1.5, across=3)
        image = mixed(image, flat(colours[2 + index % 4], tone), below)
    return image


def portrait(draft: Draft) -> Image:
    """A head and shoulders before a ground, in brush strokes."""
    colours = scheme(draft.rng, 4)
    image = ramp(0.5 + 0.2 * noise(draft.rng, 4, slope=2), colours[:2])
    wide = draft.uniform(0.13, 0.2)
    x, y = axis()[None, :] - np.float32(draft.uniform(0.42, 0.58)), axis()[:, None]
    wobble = 0.01 * noise(draft.rng, 14, slope=2)
    skin = flat(oklch(draft.uniform(0.4, 0.85), 0.06, draft.uniform(40, 70)), 1 - 1.2 * x * np.ones_like(y))
    body = soft(wide * 1.9 - np.hypot(x, (y - 1.02) * 0.8) + wobble, 0.01)
    hair = soft(wide * 1.15 - np.hypot(x, (y - 0.42) * 0.78) + 3 * wobble, 0.01)
    head = soft(wide * 0.85 - np.hypot(x, (y - 0.47) * 0.72) + wobble, 0.01)
    for layer, share in (
        (flat(colours[2], 1 + 5 * wobble), body),
        (flat(colours[3], 1 + 8 * wobble), hair),
        (skin, head),
    ):
        image = mixed(image, layer, share)
    return image


def _strokes(draft: Draft) -> Image:
    """Paint thrown and pulled: noise in several directions, cut into colours."""
    colours = scheme(draft.rng, 6)
    image = _ground(colours[0])
    for colour in colours[1:]:
        along = draft.uniform(1, 12)
        stretch = {"across": along} if draft.chance(0.5) else {"down": along}
        cover = noise(draft.rng, draft.uniform(3, 20), slope=2, **stretch) - draft.uniform(0.3, 1.6)
        image = mixed(image, _ground(colour), soft(cover, draft.uniform(0.05, 0.5)))
    return image


def _typeset(draft: Draft) -> Image:
    """A poster of words: a large line or two, a block of colour, small print."""
    colours = scheme(draft.rng, 4)
    page = blank(colours[0])
    pen = pen_on(page)
    y = draft.whole(10, 60)
    for size in (draft.whole(60, 150), draft.whole(30, 90), draft.whole(14, 30), draft.whole(12, 20)):
        for _ in range(draft.whole(1, 3)):
            write(pen, draft, (draft.whole(10, 60), y), size, colours[draft.whole(1, 3)])
            y += int(size * 1.15)
        if draft.chance(0.4) and y < 420:
            pen.rectangle((0, y, SIZE, y + draft.whole(10, 120)), fill=ink(colours[draft.whole(1, 3)]))
    return as_image(page)


def label(draft: Draft) -> Swatch:
    """A printed package: blocks of colour, a name, a badge, small print, a bar code."""
    colours = scheme(draft.rng, 4)
    page = blank(colours[0])
    if draft.chance(0.3):
        page = as_page(figures(draft))
    pen = pen_on(page)
    top = draft.whole(0, 140)
    pen.rectangle((0, top, SIZE, top + draft.whole(80, 220)), fill=ink(colours[1]))
    write(pen, draft, (draft.whole(8, 60), top + 10), draft.whole(50, 120), colours[2])
    x, y, reach = draft.whole(60, 450), draft.whole(260, 420), draft.whole(30, 90)
    pen.ellipse((x - reach, y - reach, x + reach, y + reach), fill=ink(colours[3]))
    write(pen, draft, (x - reach + 8, y - 14), 26, colours[0])
    for line in range(draft.whole(2, 8)):
        write(pen, draft, (16, 320 + 20 * line), 15, colours[2], words=5)
    if draft.chance(0.6):
        _bar_code(pen, draft, (draft.whole(280, 380), 410))
    return Swatch(rgb=as_image(page))


def spines(draft: Draft) -> Swatch:
    """Books in a row, seen from the shelf's front: one row to a tile."""
    page = blank(oklch(0.25, 0.01, 60))
    pen = pen_on(page)
    bulge = np.zeros(SIZE, np.float32)
    mean_px, x = SIZE * 0.028 / draft.tile_m, 0
    while x < SIZE:
        wide = max(6, int(mean_px * draft.uniform(0.4, 1.8)))
        wide = SIZE - x if SIZE - x - wide < 6 else wide
        _spine(page, pen, draft, (x, draft.whole(6, 120), x + wide - 2, SIZE))
        bulge[x : x + wide] = np.sin(np.linspace(0.15, np.pi - 0.15, wide))
        x += wide
    image = as_image(page) * (0.8 + 0.2 * bulge)[None, :, None]
    return Swatch(rgb=image, height_m=np.broadcast_to(bulge * np.float32(0.004), (SIZE, SIZE)))


def _spine(page: Page, pen: Pen, draft: Draft, box: Box) -> None:
    colours = scheme(draft.rng, 3)
    x0, y0, x1, y1 = box
    pen.rectangle(box, fill=ink(colours[0]))
    for _ in range(draft.whole(0, 3)):
        y = draft.whole(y0 + 8, y1 - 20)
        pen.rectangle((x0, y, x1, y + draft.whole(2, 14)), fill=ink(colours[1]))
    size = int(min(x1 - x0 - 2, 40))
    if size >= 9:
        side = strip((y1 - y0, x1 - x0), colours[0])
        write(pen_on(side), draft, (draft.whole(10, 60), 0), size, colours[2], words=draft.whole(2, 4))
        page.paste(side.rotate(-90, expand=True), (x0, y0))


def newsprint(draft: Draft) -> Swatch:
    """A page of columns, headlines and pictures; or a form, a letter, a ruled sheet."""
    light, dark = oklch(draft.uniform(0.84, 0.95), draft.uniform(0, 0.03), 85), oklch(0.3, 0.01, 260)
    page = blank(light)
    pen = pen_on(page)
    columns, size = draft.whole(1, 4), draft.whole(9, 15)
    write(pen, draft, (12, 8), draft.whole(28, 60), dark)
    wide = SIZE // columns
    for column in range(columns):
        y = 80
        while y < SIZE - size:
            y = _paragraph(pen, draft, (column * wide + 8, y, wide - 18, size), dark)
    return Swatch(rgb=as_image(page))


def _paragraph(pen: Pen, draft: Draft, place: Box, colour: Colour) -> int:
    """A picture or some lines; where the next may begin."""
    x, y, wide, size = place
    if draft.chance(0.12):
        grey = ink(scheme(draft.rng, 3)[0])
        pen.rectangle((x, y, x + wide, y + wide // 2), fill=grey)
        return y + wide // 2 + size
    lines = draft.whole(2, 7)
    text = "\n".join(
        some_words(draft, 1 + wide // (6 * size))[: int(wide / size / 0.55)] for _ in range(lines)
    )
    pen.multiline_text((x, y), text.lower(), fill=ink(colour), font=font(size), spacing=3)
    return y + int(lines * (size + 5)) + size


def cardboard(draft: Draft) -> Swatch:
    """Kraft board with flutes, tape, a stamp and creases."""
    rng = draft.rng
    kraft = oklch(draft.uniform(0.58, 0.75), draft.uniform(0.04, 0.075), draft.uniform(62, 78))
    if draft.chance(0.15):
        kraft = oklch(0.93, 0.01, 90)
    page = blank(kraft)
    pen = pen_on(page)
    if draft.chance(0.6):
        y = draft.whole(40, 400)
        pen.rectangle(
            (0, y, SIZE, y + draft.whole(30, 70)), fill=ink(kraft * np.float32(draft.uniform(0.85, 1.15)))
        )
    if draft.chance(0.6):
        write(
            pen,
            draft,
            (draft.whole(10, 120), draft.whole(20, 400)),
            draft.whole(24, 70),
            oklch(0.35, 0.03, 40),
        )
    flutes = np.sin(2 * np.pi * axis() * draft.count(0.007, most=90))[:, None]
    fibre = noise(rng, 50, slope=1, across=3)
    shade = 1 + 0.035 * fibre + 0.02 * flutes + 0.02 * noise(rng, 2, slope=2)
    return Swatch(
        rgb=as_image(page) * shade[..., None], height_m=(flutes * 8e-5 + fibre * 1e-5).astype(np.float32)
    )


def _bar_code(pen: Pen, draft: Draft, corner: tuple[int, int]) -> None:
    x, y = corner
    pen.rectangle((x - 6, y - 6, x + 100, y + 66), fill=(240, 240, 240))
    end = x + 92
    while x < end:
        wide = draft.whole(1, 4)
        pen.rectangle((x, y, x + wide - 1, y + 58), fill=(50, 50, 50))
        x += wide + draft.whole(1, 4)


def _ground(colour: Colour) -> Image:
    return np.broadcast_to(colour, (SIZE, SIZE, 3)).astype(np.float32).copy()
