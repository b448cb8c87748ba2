"""Figures that repeat, as on wallpaper and printed cloth: lattices of shapes, scattered flowers, stripes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from assets_manifest.made.pixels import shaded
from assets_manifest.made.swatches.fields import SIZE, Draft, Field, Image, Swatch, axis, mixed, noise, soft
from assets_manifest.made.swatches.palettes import Colour, among, paint, scheme

PALE = 0.8  # of the wallpapers
Figure = Callable[[Draft], Image]


def figures(draft: Draft) -> Image:
    """A print of any sort."""
    sorts: tuple[Figure, ...] = (scattered, scattered, lattice, lattice, striped, truchet, damask)
    return sorts[draft.whole(0, len(sorts) - 1)](draft)


def wallpaper(draft: Draft) -> Swatch:
    """A print on paper, mostly in pale tones, slightly embossed where it is dark."""
    image = figures(draft)
    if draft.chance(PALE):
        ground = paint(draft.rng)
        image = ground + (image - image.mean(axis=(0, 1))) * np.float32(draft.uniform(0.12, 0.35))
    tone = image.mean(axis=2)
    height = soft(tone - tone.mean(), 0.1) * np.float32(draft.uniform(0, 1.5e-4))
    return Swatch(rgb=shaded(image, 1 + 0.015 * noise(draft.rng, 60, slope=1)), height_m=height)


def scattered(draft: Draft) -> Image:
    """Flowers, leaves, discs, stars strewn over a ground, larger ones first."""
    rng, colours = draft.rng, scheme(draft.rng, 5)
    image = np.broadcast_to(colours[0], (SIZE, SIZE, 3)).astype(np.float32).copy()
    kinds = rng.choice(len(SHAPES), 3)
    size_px = draft.uniform(14, 60)
    side = max(2, int(SIZE / size_px / draft.uniform(1.1, 2.2)))
    for row in range(side):
        for column in range(side):
            centre = (np.array([row, column]) + 0.5 + rng.uniform(-0.4, 0.4, 2)) / side * SIZE
            shape = SHAPES[kinds[(row + column) % 3]]
            colour = colours[1 + (row * 3 + column) % 4]
            stamp(
                image,
                shape,
                centre,
                size_px * draft.uniform(0.5, 1),
                draft.uniform(0, 6.28),
                colour,
                colours[4],
            )
    return image


def stamp(
    image: Image,
    shape: Callable[[Field, Field], tuple[Field, Field]],
    centre: np.ndarray,
    reach_px: float,
    turn: float,
    colour: Colour,
    heart: Colour,
) -> None:
    """Lay one shape over the image, around its edges where it leaves; its heart has another colour."""
    low = np.floor(centre - reach_px).astype(int)
    local = np.arange(int(2 * reach_px) + 2, dtype=np.float32)
    y, x = (
        ((local + low[0] - centre[0]) / reach_px)[:, None],
        ((local + low[1] - centre[1]) / reach_px)[None, :],
    )
    along, beside = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    inside, core = shape(along.astype(np.float32), beside.astype(np.float32))
    where = np.ix_((local.astype(int) + low[0]) % SIZE, (local.astype(int) + low[1]) % SIZE)
    blur = 2.0 / reach_px
    patch = mixed(image[where], np.broadcast_to(colour, (*inside.shape, 3)), soft(inside, blur))
    image[where] = mixed(patch, np.broadcast_to(heart, patch.shape), soft(core, blur))


def _flower(petals: int) -> Callable[[Field, Field], tuple[Field, Field]]:
    def shape(a: Field, b: Field) -> tuple[Field, Field]:
        radius = np.hypot(a, b)
        return 0.65 + 0.3 * np.cos(petals * np.arctan2(b, a)) - radius, 0.2 - radius

    return shape


def _leaf(a: Field, b: Field) -> tuple[Field, Field]:
    inside = 0.35 * (1 - a**2) - np.abs(b)
    return inside, np.minimum(0.02 - np.abs(b), 0.85 - np.abs(a))


def _disc(a: Field, b: Field) -> tuple[Field, Field]:
    radius = np.hypot(a, b)
    return 0.9 - radius, 0.35 - np.abs(radius - 0.4) * 3


def _star(a: Field, b: Field) -> tuple[Field, Field]:
    corner = np.abs((np.arctan2(b, a) * np.float32(5 / (2 * np.pi))) % 1 - 0.5)
    return 0.4 + 1.0 * (0.5 - corner) - np.hypot(a, b), np.hypot(a, b) * 0 - 1


def _square(a: Field, b: Field) -> tuple[Field, Field]:
    reach = np.maximum(np.abs(a), np.abs(b))
    return 0.65 - reach, 0.3 - reach


def _bar(a: Field, b: Field) -> tuple[Field, Field]:
    return np.minimum(0.95 - np.abs(a), 0.12 - np.abs(b)), a * 0 - 1


SHAPES = (_flower(5), _flower(6), _flower(8), _leaf, _disc, _star, _square, _bar)


def lattice(draft: Draft) -> Image:
    """One figure in each cell of a lattice: checks, lozenges, scales, chevrons, rings, triangles, trellis."""
    colours = scheme(draft.rng, 4)
    columns = 2 * draft.whole(2, 12)
    rows = 2 * max(1, int(columns / 2 * float(draft.rng.choice([0.5, 1.0, 1.0, 2.0]))))
    x, y = axis()[None, :] * np.float32(columns), axis()[:, None] * np.float32(rows)
    odd = (np.floor(x) + np.floor(y)).astype(np.intp) % 2
    fx, fy = x % 1 - 0.5, y % 1 - 0.5
    number = LATTICES[draft.whole(0, len(LATTICES) - 1)](fx, fy, odd, x, y)
    return among(colours, np.broadcast_to(number, (SIZE, SIZE)).astype(np.intp))


def repeated(draft: Draft) -> Swatch:
    """A lattice and nothing else: every cell looks as its neighbours do."""
    return Swatch(rgb=lattice(draft))


Cells = Callable[[Field, Field, np.ndarray, Field, Field], np.ndarray]
LATTICES: tuple[Cells, ...] = (
    lambda fx, fy, odd, x, y: odd,
    lambda fx, fy, odd, x, y: odd + 2 * (np.abs(fx) + np.abs(fy) < 0.3),
    lambda fx, fy, odd, x, y: (np.abs(fx) + np.abs(fy) < 0.5) + 2 * (np.abs(fx) + np.abs(fy) < 0.25),
    lambda fx, fy, odd, x, y: np.floor((y + np.abs(x % 2 - 1)) * 2) % 4,
    lambda fx, fy, odd, x, y: np.floor(np.hypot(fx, fy + 0.0) * 7) % 3,
    lambda fx, fy, odd, x, y: (fx > fy) + 2 * odd,
    lambda fx, fy, odd, x, y: 1 * (np.abs(np.abs(fx) - np.abs(fy)) < 0.09) + 2 * (np.hypot(fx, fy) < 0.16),
    lambda fx, fy, odd, x, y: 1 * (np.hypot(fx, fy) < 0.33),
    lambda fx, fy, odd, x, y: (
        (np.floor(np.hypot(np.where(np.floor(y) % 2 == 0, fx, (x + 0.5) % 1 - 0.5), fy + 0.5) * 5)) % 4
    ),
    lambda fx, fy, odd, x, y: (
        1 * (np.maximum(np.abs(fx), np.abs(fy)) > 0.42) + 2 * (np.maximum(np.abs(fx), np.abs(fy)) < 0.2)
    ),
)


def striped(draft: Draft) -> Image:
    """Stripes of several widths; sometimes crossed, sometimes with soft edges."""
    rng, colours = draft.rng, np.asarray(scheme(draft.rng, 5), np.float32)
    ends = np.sort(rng.uniform(0, 1, draft.whole(3, 24)))
    index = np.searchsorted(ends, axis()) % len(ends)
    line = colours[rng.integers(0, 5, len(ends))][index]
    image = np.broadcast_to(line[None], (SIZE, SIZE, 3))
    if draft.chance(0.4):
        return ((image + line[:, None]) / 2).astype(np.float32)
    return np.ascontiguousarray(image if draft.chance(0.7) else image.transpose(1, 0, 2))


def truchet(draft: Draft) -> Image:
    """Quarter rings in cells turned at random: paths that never repeat."""
    colours, count = scheme(draft.rng, 3), draft.whole(4, 20)
    x, y = axis()[None, :] * np.float32(count), axis()[:, None] * np.float32(count)
    turned = draft.rng.integers(0, 2, (count, count))[np.ix_(y[:, 0].astype(int), x[0].astype(int))]
    fx, fy = np.where(turned == 1, 1 - x % 1, x % 1), np.broadcast_to(y % 1, (SIZE, SIZE))
    near = np.minimum(np.abs(np.hypot(fx, fy) - 0.5), np.abs(np.hypot(1 - fx, 1 - fy) - 0.5))
    width = np.float32(draft.uniform(0.06, 0.2))
    return among(colours, (near < width).astype(np.intp) + (near < width / 3))


def damask(draft: Draft) -> Image:
    """Mirrored swirls in two or three tones."""
    colours = scheme(draft.rng, 3)
    waves = noise(draft.rng, draft.uniform(6, 16), slope=3.5)
    mirrored = (waves + waves[:, ::-1]) * np.float32(0.7)
    level = soft(mirrored - draft.uniform(-0.2, 0.5), 0.15)
    image = mixed(
        np.broadcast_to(colours[0], (SIZE, SIZE, 3)), np.broadcast_to(colours[1], (SIZE, SIZE, 3)), level
    )
    rim = np.exp(-np.abs(mirrored) * np.float32(draft.uniform(8, 20)))
    return mixed(image, np.broadcast_to(colours[2], (SIZE, SIZE, 3)), rim.astype(np.float32))
