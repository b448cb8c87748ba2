"""Marble, terrazzo, granite, slate; leather, plastic, metal."""

from __future__ import annotations

import numpy as np

from assets_manifest.made.swatches.fields import Draft, Field, Swatch, axis, cells, each, mixed, noise, soft
from assets_manifest.made.swatches.palettes import among, flat, mineral, oklch, paint, ramp, scheme, timber


def marble(draft: Draft) -> Swatch:
    """Polished slab: clouds, veins where bent noise crosses zero, finer veins between."""
    rng = draft.rng
    colours = mineral(rng, 4)
    body = noise(rng, 3, slope=2.2)
    stretch = draft.uniform(1, 3)
    vein = np.abs(noise(rng, draft.uniform(2, 5), slope=2.6, across=stretch))
    fine = np.abs(noise(rng, draft.uniform(6, 14), slope=2.2, across=stretch))
    strong = np.exp(-vein * draft.uniform(8, 22)) + 0.5 * np.exp(-fine * draft.uniform(15, 35))
    strong = strong * soft(noise(rng, 3, slope=2) + draft.uniform(0, 1.5), 2.0)
    ground = ramp(0.5 + draft.uniform(0.06, 0.2) * body, colours)
    other = colours[0] * 0.8 if draft.chance(0.7) else oklch(0.9, 0.02, 80)
    return Swatch(
        rgb=mixed(
            ground, np.broadcast_to(other, ground.shape), np.clip(strong, 0, 1) * draft.uniform(0.3, 0.9)
        )
    )


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
    rng, kind = draft.rng, draft.whole(0, 2)
    colours = mineral(rng, 4)
    if kind == 0:
        fine, coarse = (noise(rng, draft.cycles(size_m), slope=4, high=200) for size_m in (0.004, 0.012))
        grain = fine + coarse
        return Swatch(rgb=ramp(0.5 + 0.22 * grain, colours), height_m=grain * np.float32(1e-5))
    stretch = draft.uniform(2, 8) if kind == 1 else 1.3
    layers = noise(rng, draft.uniform(3, 9), slope=1.9, across=stretch)
    height = layers * np.float32(draft.uniform(2e-4, 1e-3)) if kind == 2 else layers * np.float32(1e-4)
    return Swatch(rgb=ramp(0.5 + 0.2 * layers + 0.04 * noise(rng, 90, slope=1), colours), height_m=height)


def leather(draft: Draft) -> Swatch:
    """Grain of small cells with wrinkles; sometimes woven or quilted by its maker."""
    rng = draft.rng
    count = draft.count(draft.uniform(0.002, 0.006), most=100)
    near, edge, _ = cells(rng, count, count)
    wrinkles, clouds = np.exp(-np.abs(noise(rng, 5, slope=2.2)) * 12), noise(rng, 2, slope=2.2)
    grain = soft(edge - 0.1, 0.2) * (1 - 0.3 * near)
    colour = (
        timber(rng)[1]
        if draft.chance(0.5)
        else oklch(draft.uniform(0.25, 0.75), draft.uniform(0, 0.12), draft.uniform(0, 360))
    )
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
    dirt = noise(rng, 3, slope=2)
    colour = scheme(rng, 3)[0] if draft.chance(0.6) else paint(rng)
    return Swatch(rgb=flat(colour, 1 + draft.uniform(0.0, 0.03) * dirt), height_m=height)


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
        lines = _scratches(draft)
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


def _scratches(draft: Draft) -> Field:
    """Straight fine scratches in a few directions."""
    marks = noise(draft.rng, 30, slope=0.5, across=40) + 0.0
    other = noise(draft.rng, 30, slope=0.5, down=40)
    return soft(np.maximum(marks, other) - draft.uniform(1.2, 2.2), 0.4)


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
