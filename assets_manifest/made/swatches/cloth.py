"""Woven, knitted and tufted cloth, thread by thread."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from assets_manifest.made.pixels import shaded
from assets_manifest.made.swatches.fields import SIZE, Draft, Image, Numbers, Swatch, axis, noise, soft
from assets_manifest.made.swatches.figures import figures
from assets_manifest.made.swatches.palettes import Colour, flat, scheme, wools
from assets_manifest.made.swatches.wear import worn

WEAVES = ("plain", "twill", "herringbone", "basket", "satin", "plain")


def weave(draft: Draft) -> Swatch:
    """Warp over weft: plain, twill, herringbone, basket or satin; one colour, melange, stripes, checks."""
    rng = draft.rng
    threads = draft.count(draft.uniform(0.0012, 0.004), multiple=32, most=128)
    place = axis() * np.float32(threads)
    i, j = place.astype(np.intp)[None, :], place.astype(np.intp)[:, None]
    over = _over(WEAVES[draft.whole(0, 5)], i, j)
    across, down = np.sin(np.pi * (place % 1))[None, :], np.sin(np.pi * (place % 1))[:, None]
    bulge = np.where(over, across, down).astype(np.float32)
    warp, weft = _yarns(draft, threads)
    colour = np.where(over[..., None], warp[i[0]][None, :], weft[j[:, 0]][:, None])
    uneven = 1 + np.float32(draft.uniform(0.02, 0.08)) * noise(rng, 40, slope=1, across=4)
    shade = (0.72 + 0.28 * bulge) * uneven
    height = bulge * np.float32(0.3 * draft.tile_m / threads)
    return Swatch(rgb=shaded(colour, shade), height_m=height)


def _over(kind: str, i: Numbers, j: Numbers) -> NDArray[np.bool_]:
    """Where the warp lies above the weft."""
    step = np.where(i // 16 % 2 == 0, i, -i) if kind == "herringbone" else i
    above: dict[str, NDArray[np.bool_]] = {
        "plain": (i + j) % 2 == 0,
        "twill": (i + j) % 4 < 2,
        "herringbone": (step + j) % 4 < 2,
        "basket": (i // 2 + j // 2) % 2 == 0,
        "satin": (2 * i + j) % 8 != 0,
    }
    return above[kind]


def _yarns(draft: Draft, threads: int) -> tuple[Image, Image]:
    """Colours of the warp's and the weft's threads, (threads, 3) each."""
    rng, kind = draft.rng, int(draft.rng.choice(5, p=[0.3, 0.25, 0.2, 0.15, 0.1]))
    colours = np.asarray(scheme(rng, 4), np.float32)
    warp = np.broadcast_to(colours[0], (threads, 3)).copy()
    if kind == 0:  # one colour
        return warp, warp * np.float32(draft.uniform(0.85, 1.05))
    if kind == 1:  # two yarns, each uneven
        mottled = 1 + 0.12 * rng.standard_normal((threads, 1), np.float32)
        return warp * mottled, np.broadcast_to(colours[1], (threads, 3)) * mottled[::-1]
    if kind == 4:  # houndstooth and shepherd's check
        width = 4 * draft.whole(1, 2)
        checked = colours[np.arange(threads) // width % 2]
        return checked, checked
    set_of = _sett(rng, threads)
    striped = colours[set_of]
    return striped, striped if kind == 2 else np.broadcast_to(colours[0], (threads, 3))


def _sett(rng: np.random.Generator, threads: int) -> Numbers:
    """Which colour each thread has: stripes of random widths, mirrored as in a tartan."""
    half: list[int] = []
    while len(half) < threads // 2:
        half += [int(rng.integers(4))] * int(rng.choice([1, 2, 4, 8, 12]))
    half = half[: threads // 2]
    return np.array(half + half[::-1], np.intp)


def knit(draft: Draft) -> Swatch:
    """Stitches in columns, corduroy ribs, or velvet."""
    rng, kind = draft.rng, draft.whole(0, 2)
    colours = scheme(rng, 3)
    if kind == 0:
        columns = draft.count(draft.uniform(0.004, 0.01), multiple=2, most=48)
        x, y = axis()[None, :] * np.float32(columns), axis()[:, None] * np.float32(columns * 2)
        lean = np.abs(x % 1 - 0.5) * 2
        stitch = np.abs(np.sin(np.pi * (y - lean))) * np.sin(np.pi * (lean % 1) * 0.9 + 0.15)
        relief = np.clip(stitch, 0, 1).astype(np.float32)
        rows = (y[:, 0] // 8).astype(np.intp) if draft.chance(0.4) else np.zeros(SIZE, np.intp)
        colour = np.asarray(colours)[rows % 3][:, None]
        return Swatch(rgb=shaded(colour, 0.6 + 0.4 * relief), height_m=relief * np.float32(1e-3))
    if kind == 1:
        ribs = np.abs(np.sin(np.pi * axis() * draft.count(draft.uniform(0.003, 0.008), most=64)))[None, :]
        relief = ribs + 0.08 * noise(rng, 60, slope=1)
        return Swatch(rgb=flat(colours[0], 0.65 + 0.35 * relief), height_m=relief * np.float32(6e-4))
    pile = noise(rng, 60, slope=1)
    crush = noise(rng, 3, slope=2.4)
    return Swatch(rgb=flat(colours[0], 1 + 0.05 * pile + 0.045 * crush), height_m=pile * np.float32(8e-5))


def printed_cloth(draft: Draft) -> Swatch:
    """A print on plain weave."""
    image = figures(draft)
    threads = 128
    place = axis() * np.float32(threads)
    over = (place.astype(np.intp)[None, :] + place.astype(np.intp)[:, None]) % 2 == 0
    wave = np.sin(np.pi * (place % 1))
    bulge = np.where(over, wave[None, :], wave[:, None]).astype(np.float32)
    return Swatch(
        rgb=shaded(image, 0.86 + 0.14 * bulge),
        height_m=bulge * np.float32(0.2 * draft.tile_m / threads),
    )


def carpet(draft: Draft) -> Swatch:
    """Wall-to-wall: loops, cut pile, berber flecks, sisal ribs, or a pattern in pile."""
    rng, kind = draft.rng, draft.whole(0, 3)
    tuft = noise(rng, draft.cycles(draft.uniform(0.004, 0.012)), slope=3, high=170)
    colours = wools(rng, 4)
    if kind == 0:
        image = flat(colours[0], np.ones((SIZE, SIZE), np.float32))
    elif kind == 1:
        flecks = noise(rng, draft.cycles(0.01), slope=3)
        image = np.where(flecks[..., None] > draft.uniform(0.3, 1.5), colours[1], colours[0])
    elif kind == 2 and draft.chance(0.35):
        image = figures(draft)
    elif kind == 2:  # two yarns twisted
        image = np.where(
            noise(rng, draft.cycles(0.006), slope=3)[..., None] > 0, colours[0] * 0.93, colours[0]
        )
    else:
        ribs = np.sin(np.pi * axis() * draft.count(draft.uniform(0.008, 0.02), most=80))[:, None] ** 2
        tuft = tuft * 0.4 + 1.2 * ribs
        image = flat(colours[0], 0.85 + 0.2 * ribs * np.ones((SIZE, SIZE), np.float32))
    shade = 1 + draft.uniform(0.06, 0.14) * tuft + 0.03 * noise(rng, 2, slope=2)
    return Swatch(
        rgb=shaded(image, shade * worn(draft, most=0.8)),
        height_m=tuft * np.float32(draft.uniform(2e-4, 6e-4)),
    )


def rug(draft: Draft) -> Swatch:
    """A whole rug: a field of figures, a medallion, borders, all mirrored, in wool."""
    rng = draft.rng
    colours = wools(rng, 5)
    fold = np.minimum(axis(), 1 - axis())  # mirrored both ways
    to_edge = np.minimum(fold[:, None], fold[None, :])
    image = _field(draft, colours)
    bands = np.cumsum(rng.uniform(0.01, 0.06, draft.whole(2, 4)))
    for index, band in enumerate(bands[::-1]):
        image = np.where((to_edge < band)[..., None], colours[(index + 1) % 5], image)
    teeth = (axis() * np.float32(draft.whole(16, 40))) % 1 < 0.5
    ring = (to_edge > bands[0]) & (to_edge < bands[0] + 0.012) & (teeth[:, None] ^ teeth[None, :])
    image = np.where(ring[..., None], colours[4], image)
    tuft = noise(rng, 90, slope=1.5)
    shade = 1 + 0.06 * tuft + 0.04 * noise(rng, 3, slope=2)
    return Swatch(rgb=shaded(image, shade), height_m=tuft * np.float32(4e-4))


def _field(draft: Draft, colours: list[Colour]) -> Image:
    """What fills a rug: mirrored noise in steps of colour, stripes of a kilim, or figures."""
    rng, kind = draft.rng, draft.whole(0, 2)
    if kind == 0:
        return figures(draft)
    if kind == 1:
        bands = _sett(rng, 64)[(axis() * 64).astype(np.intp)]
        zigzag = np.abs((axis() * np.float32(draft.whole(6, 20))) % 1 - 0.5)[None, :] * np.float32(0.06)
        row = ((axis()[:, None] + zigzag) % 1 * 512).astype(np.intp) % SIZE
        picked: Image = np.asarray(colours, np.float32)[bands[row]]
        return picked
    waves = noise(rng, draft.uniform(7, 18), slope=4)
    mirrored = waves + waves[::-1] + waves[:, ::-1] + waves[::-1, ::-1]
    y, x = (axis()[:, None] - 0.5), (axis()[None, :] - 0.5)
    medallion = soft(draft.uniform(0.15, 0.3) - np.abs(x) - np.abs(y), 0.02)
    number = ((mirrored * 0.6 + 2.5 * medallion + 8) // 1).astype(np.intp)
    figured: Image = np.asarray(colours, np.float32)[number % 5]
    return figured
