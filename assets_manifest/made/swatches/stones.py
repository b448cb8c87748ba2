"""Marble, terrazzo, granite, slate; leather, plastic, metal."""

from __future__ import annotations

import numpy as np

from assets_manifest.made.pixels import shaded
from assets_manifest.made.swatches.fields import (
    SIZE,
    Draft,
    Field,
    Swatch,
    axis,
    bond,
    cells,
    each,
    mixed,
    noise,
    soft,
)
from assets_manifest.made.swatches.palettes import (
    Colour,
    among,
    flat,
    mineral,
    oklch,
    paint,
    ramp,
    scheme,
    thing,
    timber,
)
from assets_manifest.made.swatches.wear import scratches, worn

MARBLES = (  # lightness, chroma and hue of ground, of cloud and of veins; contrast of clouds; share of veins
    ((0.92, 0.004, 250), (0.78, 0.006, 250), (0.6, 0.01, 255), 0.5, 0.5),  # Carrara
    ((0.94, 0.006, 90), (0.86, 0.01, 85), (0.62, 0.03, 70), 0.35, 0.4),  # Calacatta
    ((0.83, 0.035, 80), (0.75, 0.045, 72), (0.6, 0.06, 60), 0.5, 0.35),  # Botticino, Crema Marfil
    ((0.74, 0.02, 75), (0.62, 0.028, 70), (0.85, 0.012, 80), 0.5, 0.3),  # grey-brown limestones
    ((0.58, 0.006, 250), (0.46, 0.008, 250), (0.82, 0.004, 250), 0.6, 0.4),  # Bardiglio
    ((0.27, 0.005, 260), (0.33, 0.006, 260), (0.82, 0.004, 90), 0.3, 0.25),  # Nero Marquina
    ((0.36, 0.025, 155), (0.46, 0.025, 155), (0.74, 0.02, 140), 0.6, 0.3),  # Verde Alpi
    ((0.47, 0.065, 35), (0.56, 0.05, 40), (0.82, 0.02, 60), 0.6, 0.35),  # Rosso Verona
)
MARBLE_SHARES = (0.24, 0.14, 0.22, 0.14, 0.12, 0.07, 0.03, 0.04)


def marble(draft: Draft) -> Swatch:
    """Polished slab: soft clouds, and few veins of uneven width that run one way, fork and fade."""
    rng = draft.rng
    colours, contrast, share = _marble(rng)
    clouds = _slanted(draft, noise(rng, 2.5, slope=2.4, across=draft.uniform(1, 2.5)))
    image = ramp(np.clip(0.35 + 0.22 * contrast * clouds, 0, 1), colours[:2])
    image = shaded(image, 1 + 0.012 * noise(rng, 40, slope=1.3))
    return Swatch(rgb=mixed(image, flat(colours[2], np.ones_like(clouds)), _veins(draft, share)))


def _marble(rng: np.random.Generator) -> tuple[list[Colour], float, float]:
    """Colours of ground, clouds and veins; contrast of the clouds; how much of a slab has veins."""
    *three, contrast, share = MARBLES[int(rng.choice(len(MARBLES), p=MARBLE_SHARES))]
    lighter, turned = rng.normal(0, 0.02), rng.normal(0, 6)
    colours = [oklch(light + lighter, chroma, hue + turned) for light, chroma, hue in three]
    return colours, contrast * rng.uniform(0.6, 1.3), share * rng.uniform(0.5, 1.4)


def _slanted(draft: Draft, field: Field) -> Field:
    """The field leaning, and still without a seam."""
    lean, (rows, columns) = draft.whole(-2, 2), np.ogrid[:SIZE, :SIZE]
    slanted: Field = field[rows, (columns + lean * rows) % SIZE]
    return slanted


def _veins(draft: Draft, share: float) -> Field:
    """How much of each pixel is vein: lines some millimetres wide where noise is zero, here and there."""
    rng, total = draft.rng, np.zeros((SIZE, SIZE), np.float32)
    stretch = draft.uniform(2.5, 6)
    for scale, wide_m, strength in ((1.5, 0.004, 0.75), (3.0, 0.002, 0.5), (7.0, 0.001, 0.35)):
        bent = noise(rng, scale, slope=2.6, across=stretch) + 0.05 * noise(rng, 14, slope=1.8)
        across = np.hypot(np.roll(bent, 1, 0) - bent, np.roll(bent, 1, 1) - bent)
        far_px = np.abs(bent) / np.maximum(across, np.quantile(across, 0.3))
        wide_px = wide_m * SIZE / draft.tile_m * np.exp(0.7 * noise(rng, 5, slope=2))
        line = np.exp(-((far_px / np.maximum(wide_px, 0.6)) ** 2)) + 0.18 * np.exp(
            -far_px / (4 * wide_px + 2)
        )
        patches = noise(rng, 1.5, slope=2.2)
        there = soft(patches - np.quantile(patches, 1 - min(share, 0.9)), 1.2)
        total = np.maximum(total, line * there * np.float32(strength * draft.uniform(0.5, 1)))
    return _slanted(draft, np.clip(total, 0, 1))


def slabs(draft: Draft) -> Swatch:
    """A stone floor: slabs cut from here and there of one block, with thin joints."""
    rng, kind = draft.rng, draft.whole(0, 3)
    block = marble(draft) if kind < 2 else _limestone(draft) if kind == 2 else granite(draft)
    side_m = float(rng.choice([0.3, 0.4, 0.5, 0.6]))
    rows = draft.count(side_m, most=12)
    columns = max(1, rows // int(rng.choice([1, 1, 2])))
    laid = bond(draft, rows, columns, shift=0.0 if draft.chance(0.6) else 0.5 * (rows % 2 == 0))
    down, across = rng.integers(0, SIZE, (2, laid.total))
    y, x = np.ogrid[:SIZE, :SIZE]
    image = block.rgb[(y + down[laid.number]) % SIZE, (x + across[laid.number]) % SIZE]
    image = shaded(image, 1 + draft.uniform(0.0, 0.07) * (each(rng, laid.number, laid.total) - 0.5))
    face = soft(laid.edge_m - draft.uniform(0.0008, 0.002), 0.003)
    joint = image.mean(axis=(0, 1)) * np.float32(draft.uniform(0.55, 1.0))
    image = mixed(flat(joint, np.ones_like(face)), image, face)
    return Swatch(rgb=shaded(image, worn(draft)), height_m=face * np.float32(draft.uniform(2e-4, 7e-4)))


def _limestone(draft: Draft) -> Swatch:
    """Dull stone with faint clouds, grains and now and then a fossil."""
    rng, colours = draft.rng, mineral(draft.rng)
    body = 0.16 * noise(rng, 4, slope=2) + 0.05 * noise(rng, 60, slope=1)
    spots = soft(noise(rng, draft.cycles(0.012), slope=3) - 2.2, 0.5)
    return Swatch(rgb=ramp(np.clip(0.55 + body - 0.3 * spots, 0, 1), colours))


def terrazzo(draft: Draft) -> Swatch:
    """Chips of several colours and sizes in a ground."""
    rng = draft.rng
    ground = oklch(draft.uniform(0.45, 0.93), draft.uniform(0, 0.03), draft.uniform(0, 360))
    colours = scheme(rng, 4) if draft.chance(0.5) else mineral(rng, 4)
    image = flat(ground, 1 + 0.02 * noise(rng, 50, slope=1))
    for size_m in (draft.uniform(0.015, 0.05), draft.uniform(0.006, 0.014)):
        count = draft.count(size_m, most=64)
        _, edge, number = cells(rng, count, count, jitter=1.0)
        chosen = each(rng, number, count * count)
        chip = soft(edge - draft.uniform(0.08, 0.2), 0.05) * (chosen < draft.uniform(0.25, 0.7))
        image = mixed(image, among(colours, (chosen * 7919).astype(np.intp)), chip)
    return Swatch(rgb=image)


def granite(draft: Draft) -> Swatch:
    """Speckled stone, sandstone or slate."""
    rng, kind = draft.rng, int(draft.rng.choice(3, p=[0.6, 0.15, 0.25]))
    colours = mineral(rng, 4)
    if kind == 0:
        grain = noise(rng, draft.cycles(0.005), slope=4, high=220)
        image = ramp(np.clip(0.55 + 0.18 * grain + 0.04 * noise(rng, 3, slope=2), 0, 1), colours)
        mica = soft(noise(rng, draft.cycles(0.003), slope=4, high=240) - draft.uniform(0.9, 1.6), 0.4)
        image = mixed(image, flat(oklch(0.24, 0.005, 250), np.ones_like(mica)), 0.8 * mica)
        return Swatch(rgb=image, height_m=grain * np.float32(1e-5))
    stretch = draft.uniform(2, 8) if kind == 1 else 1.3
    layers = noise(rng, draft.uniform(3, 9), slope=1.9, across=stretch)
    height = layers * np.float32(draft.uniform(1e-4, 5e-4)) if kind == 2 else layers * np.float32(1e-4)
    tone = 0.5 + draft.uniform(0.08, 0.16) * layers + 0.04 * noise(rng, 90, slope=1)
    return Swatch(rgb=ramp(tone, colours), height_m=height)


def leather(draft: Draft) -> Swatch:
    """Grain of small cells with wrinkles; sometimes woven or quilted by its maker."""
    rng = draft.rng
    count = draft.count(draft.uniform(0.002, 0.006), most=100)
    near, edge, _ = cells(rng, count, count)
    wrinkles, clouds = np.exp(-np.abs(noise(rng, 5, slope=2.2)) * 12), noise(rng, 2, slope=2.2)
    grain = soft(edge - 0.1, 0.2) * (1 - 0.3 * near)
    colour = timber(rng)[1] if draft.chance(0.5) else thing(rng)
    wear = draft.uniform(0.01, 0.045)
    shade = 0.9 + 0.1 * grain + wear * clouds - 0.12 * wrinkles
    height = grain * np.float32(draft.uniform(5e-5, 2e-4)) - wrinkles * np.float32(1e-4)
    return Swatch(rgb=flat(colour, shade), height_m=height.astype(np.float32))


def plastic(draft: Draft) -> Swatch:
    """Moulded or painted: fine grain, fine scratches, sometimes ribs."""
    rng = draft.rng
    height = noise(rng, draft.cycles(0.002), slope=3, high=200) * np.float32(draft.uniform(4e-6, 3e-5))
    if draft.chance(0.25):
        ribs = np.abs(np.sin(np.pi * draft.count(draft.uniform(0.005, 0.02), most=64) * axis()))[None, :]
        height = height + ribs * np.float32(draft.uniform(2e-4, 8e-4))
    colour = thing(rng) if draft.chance(0.75) else paint(rng)
    return Swatch(rgb=flat(colour, worn(draft)), height_m=height)


def metal(draft: Draft) -> Swatch:
    """Brushed, scratched, spangled, hammered, chequer plate, corroded."""
    rng = draft.rng
    kind = ("brushed", "brushed", "scratched", "spangled", "hammered", "plate", "rusty")[draft.whole(0, 6)]
    tint = oklch(draft.uniform(0.62, 0.88), draft.uniform(0.0, 0.012), draft.uniform(60, 260))
    if draft.chance(0.2):  # brass, copper, bronze
        tint = oklch(draft.uniform(0.62, 0.82), draft.uniform(0.05, 0.1), draft.uniform(50, 95))
    if kind == "rusty":
        return _rusty(draft, tint)
    shade, height = _worked(draft, kind)
    return Swatch(rgb=flat(tint, shade * (1 + 0.03 * noise(rng, 2, slope=2.2))), height_m=height)


def brushed(draft: Draft) -> Swatch:
    """Fine lines all one way, on steel, aluminium or brass."""
    tint = oklch(draft.uniform(0.7, 0.9), draft.uniform(0.0, 0.012), draft.uniform(60, 260))
    if draft.chance(0.2):
        tint = oklch(draft.uniform(0.65, 0.82), draft.uniform(0.05, 0.1), draft.uniform(50, 95))
    shade, height = _worked(draft, "brushed")
    return Swatch(rgb=flat(tint, shade), height_m=height)


def _worked(draft: Draft, kind: str) -> tuple[Field, Field]:
    rng = draft.rng
    if kind == "brushed":
        lines = noise(rng, 40, slope=1.0, across=60)
        return 1 + np.float32(draft.uniform(0.02, 0.07)) * lines, lines * np.float32(
            draft.uniform(2e-6, 1e-5)
        )
    if kind == "scratched":
        lines = scratches(draft, level=draft.uniform(1.2, 2.2))
        return 1 + 0.12 * lines, -lines * np.float32(2e-5)
    if kind == "spangled":
        count = draft.count(draft.uniform(0.01, 0.04), most=50)
        _, _, number = cells(rng, count, count)
        tone = each(rng, number, count * count)
        return 0.9 + 0.2 * tone, noise(rng, 20, slope=2) * np.float32(1e-5)
    if kind == "hammered":
        count = draft.count(draft.uniform(0.008, 0.025), most=50)
        near, _, _ = cells(rng, count, count, jitter=0.7)
        return 1.02 - 0.06 * near, near**2 * np.float32(0.06 * draft.tile_m / count)
    return _chequer_plate(draft)


def _chequer_plate(draft: Draft) -> tuple[Field, Field]:
    """Raised lozenges in alternating directions."""
    count = draft.count(0.03, multiple=2, most=32)
    x, y = axis()[None, :] * np.float32(count), axis()[:, None] * np.float32(count)
    turned = (np.floor(x) + np.floor(y)) % 2 * 2 - 1
    fx, fy = x % 1 - 0.5, y % 1 - 0.5
    along, beside = (fx + turned * fy) / np.float32(1.2), (fx - turned * fy) / np.float32(0.3)
    bump = soft(0.42 - np.hypot(along, beside), 0.15)
    return 0.94 + 0.08 * bump, bump * np.float32(0.0015)


def _rusty(draft: Draft, tint: Field) -> Swatch:
    """Paint or bare metal with rust breaking through."""
    rng = draft.rng
    spread = noise(rng, draft.uniform(2, 8), slope=2)
    rust = soft(spread - draft.uniform(0.0, 1.4), 0.5)
    fine = noise(rng, 40, slope=1.2)
    brown = ramp(0.5 + 0.2 * fine, [oklch(0.3, 0.06, 40), oklch(0.45, 0.1, 48), oklch(0.58, 0.12, 60)])
    base = flat(paint(rng) if draft.chance(0.6) else tint, 1 + 0.02 * fine)
    return Swatch(rgb=mixed(base, brown, rust), height_m=fine * rust * np.float32(1.5e-4))
