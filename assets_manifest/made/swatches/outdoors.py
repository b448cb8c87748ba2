"""What is out of doors: slabs, setts, render, roof tiles, turf, asphalt, bark, weathered paint."""

from __future__ import annotations

import numpy as np

from assets_manifest.made.pixels import shaded
from assets_manifest.made.swatches.fields import (
    Draft,
    Field,
    Image,
    Swatch,
    bond,
    cells,
    each,
    mixed,
    noise,
    soft,
)
from assets_manifest.made.swatches.palettes import Colour, flat, oklch, ramp

RENDERS = (  # lightness, chroma, hue of what houses are painted in: chalk, sand, ochre, grey, brick, green
    (0.9, 0.012, 85, 8),
    (0.86, 0.03, 85, 6),
    (0.8, 0.055, 78, 5),
    (0.74, 0.07, 70, 3),
    (0.72, 0.05, 50, 3),
    (0.62, 0.07, 40, 2),
    (0.76, 0.004, 230, 4),
    (0.6, 0.005, 250, 2),
    (0.8, 0.025, 130, 1),
    (0.78, 0.015, 235, 1),
    (0.8, 0.03, 25, 2),
)


def _stone(draft: Draft) -> Colour:
    """Grey, sandy or reddish concrete stone."""
    light, kind = draft.uniform(0.5, 0.74), draft.uniform(0, 1)
    if kind < 0.6:
        return oklch(light, draft.uniform(0, 0.006), draft.uniform(60, 260))
    return oklch(
        light, draft.uniform(0.012, 0.035), draft.uniform(55, 90) if kind < 0.85 else draft.uniform(30, 45)
    )


def flagstones(draft: Draft) -> Swatch:
    """Paving slabs with thin joints, stained by feet, rain and gum."""
    rng = draft.rng
    side_m = (0.3, 0.4, 0.5, 0.6)[draft.whole(0, 3)]
    rows = draft.count(side_m, multiple=2)
    columns = draft.count(side_m * (1.0, 1.0, 1.5)[draft.whole(0, 2)])
    laid = bond(draft, rows, columns, shift=0.5 * draft.whole(0, 1))
    face = soft(laid.edge_m - draft.uniform(0.002, 0.004), 0.004)
    tone = each(rng, laid.number, laid.total)
    dirt, grain = noise(rng, draft.cycles(0.7), slope=2.2), noise(rng, 70, slope=1.0)
    edge = np.exp(-laid.edge_m / np.float32(0.03))
    shade = 1 + draft.uniform(0.03, 0.1) * (tone - 0.5) + 0.035 * dirt + draft.uniform(0.02, 0.05) * grain
    shade = shade - 0.06 * edge - 0.22 * _gum(draft)
    tilt = (tone - 0.5) * (laid.u - 0.5) * np.float32(0.0015)
    joint = flat(oklch(draft.uniform(0.25, 0.45), 0.012, 80), 1 + 0.1 * grain)
    height = face * np.float32(0.003) + tilt + grain * np.float32(4e-5)
    return Swatch(rgb=mixed(joint, flat(_stone(draft), shade), face), height_m=height)


def _gum(draft: Draft) -> Field:
    """Dark round spots, few."""
    count = draft.count(0.16, most=24)
    near, _, number = cells(draft.rng, count, count, jitter=1.0)
    return soft(0.08 - near, 0.03) * (each(draft.rng, number, count * count) < draft.uniform(0.0, 0.12))


def setts(draft: Draft) -> Swatch:
    """Small stones in rows, domed, of many greys."""
    rng = draft.rng
    size_m = draft.uniform(0.07, 0.14)
    rows, columns = (
        draft.count(size_m, multiple=2, most=40),
        draft.count(size_m * draft.uniform(1.0, 1.9), most=40),
    )
    laid = bond(draft, rows, columns, ragged=draft.chance(0.5))
    rough = noise(rng, draft.cycles(0.03), slope=1.7)
    face = soft(laid.edge_m - draft.uniform(0.004, 0.008) + rough * np.float32(0.0016), 0.006)
    tone = each(rng, laid.number, laid.total)
    base = _stone(draft)
    colours = [base * 0.78, base, np.minimum(base * 1.14, 0.95)]
    plain = ramp(0.5 + 0.6 * (tone - 0.5) + 0.07 * rough, colours)
    stone = shaded(plain, 1 + 0.04 * noise(rng, 90, slope=1))
    joint = flat(oklch(draft.uniform(0.28, 0.42), 0.02, 80), 1 + 0.08 * rough)
    dome = soft(laid.edge_m - 0.012, 0.03)
    height = face * np.float32(0.004) + dome * np.float32(0.003) + rough * np.float32(3e-4)
    return Swatch(rgb=mixed(joint, stone, face), height_m=height)


def asphalt(draft: Draft) -> Swatch:
    """Grey asphalt: fine stones in tar, faint clouds, few stains."""
    rng = draft.rng
    fine = noise(rng, draft.cycles(0.012), slope=1.2)
    stones = soft(noise(rng, draft.cycles(0.007), slope=2.5) - 1.5, 0.5)
    clouds = noise(rng, 2, slope=2.2)
    tone = oklch(draft.uniform(0.38, 0.52), draft.uniform(0, 0.004), draft.uniform(60, 260))
    shade = 1 + draft.uniform(0.05, 0.1) * fine + draft.uniform(0.05, 0.2) * stones + 0.025 * clouds
    crack = np.exp(-np.abs(noise(rng, 3, slope=2.2)) * 90) * draft.chance(0.25)
    height = fine * np.float32(draft.uniform(1e-4, 3e-4)) - crack * np.float32(0.002)
    return Swatch(rgb=flat(tone, shade * (1 - 0.4 * crack)), height_m=height)


def stucco(draft: Draft) -> Swatch:
    """Rendered and painted outer wall: fine grain, streaks of rain, soiling in clouds."""
    rng = draft.rng
    weights = np.array([each_render[3] for each_render in RENDERS], float)
    light, chroma, hue, _ = RENDERS[int(rng.choice(len(RENDERS), p=weights / weights.sum()))]
    tone = oklch(
        light + draft.uniform(-0.06, 0.04), chroma * draft.uniform(0.7, 1.3), hue + draft.uniform(-8, 8)
    )
    streaks = noise(rng, draft.cycles(0.25), slope=1.6, down=draft.uniform(5, 14))
    clouds, grain = noise(rng, draft.cycles(1.5), slope=2.2), noise(rng, draft.cycles(0.01), slope=1.5)
    patch = soft(noise(rng, draft.cycles(1.2), slope=2.4) - draft.uniform(1.9, 3.4), 0.25)
    dirt = draft.uniform(0.008, 0.04)
    shade = 1 + dirt * streaks * (0.6 + 0.4 * clouds) + 0.5 * dirt * clouds + 0.018 * grain
    shade = shade * (1 - draft.uniform(-0.08, 0.12) * patch)
    return Swatch(rgb=flat(tone, shade))


def rooftiles(draft: Draft) -> Swatch:
    """Courses of clay or concrete tiles, slates, weathered and mossy; up is up the roof."""
    rng = draft.rng
    slate = draft.chance(0.25)
    rows = draft.count(0.2 if slate else 0.32, multiple=2)
    columns = draft.count(0.25 if slate else 0.22, multiple=2)
    laid = bond(draft, rows, columns, shift=0.5 if slate else 0.0)
    tone, moss = each(rng, laid.number, laid.total), noise(rng, draft.cycles(0.6), slope=2.0)
    base = (
        oklch(0.4, 0.01, 250)
        if slate
        else oklch(draft.uniform(0.36, 0.55), draft.uniform(0.03, 0.1), draft.uniform(32, 52))
    )
    wave = np.zeros_like(laid.u) if slate else np.sin(2 * np.pi * laid.u).astype(np.float32)
    step = soft(0.06 - laid.v, 0.05)  # the shadow under each course
    gap = 1 - soft(laid.edge_m - 0.002, 0.004)
    shade = 1 + draft.uniform(0.1, 0.3) * (tone - 0.5) + 0.05 * noise(rng, 60, slope=1) + 0.08 * wave
    shade = shade * (1 - 0.45 * step) * (1 - 0.3 * gap)
    green = soft(moss - draft.uniform(0.8, 2.4), 0.8) * np.float32(0.5)
    image: Image = mixed(flat(base, shade), flat(oklch(0.42, 0.05, 120), shade), green)
    return Swatch(rgb=image)


def turf(draft: Draft) -> Swatch:
    """Mown grass: blades every way, worn and dry in places, clover."""
    rng = draft.rng
    blades = noise(rng, draft.cycles(0.018), slope=1.1, across=draft.uniform(0.7, 1.5))
    tufts, broad = noise(rng, draft.cycles(0.12), slope=1.8), noise(rng, 2, slope=2.2)
    hue, light = draft.uniform(112, 130), draft.uniform(0.36, 0.5)
    fresh = [oklch(light * 0.6, 0.05, hue), oklch(light, 0.08, hue), oklch(light * 1.25, 0.09, hue - 8)]
    dry = [oklch(light * 0.7, 0.04, 95), oklch(light * 1.15, 0.06, 92), oklch(light * 1.4, 0.06, 90)]
    level = np.clip(0.5 + 0.2 * blades + 0.08 * tufts, 0, 1)
    thirst = soft(broad + 0.5 * tufts - draft.uniform(0.9, 3.2), 1.2)
    image = mixed(ramp(level, fresh), ramp(level, dry), thirst * np.float32(0.8))
    return Swatch(rgb=image)


def bark(draft: Draft) -> Swatch:
    """Fissures up the trunk, plates between them, some lichen."""
    rng = draft.rng
    plates = noise(rng, draft.cycles(0.035), slope=1.9, down=draft.uniform(2.5, 6))
    crack = np.exp(-np.abs(plates) * draft.uniform(2.5, 6))
    fine = noise(rng, 50, slope=1.1, down=2.5)
    base = oklch(draft.uniform(0.34, 0.52), draft.uniform(0.012, 0.035), draft.uniform(50, 85))
    lichen = soft(noise(rng, draft.cycles(0.15), slope=2.0) - draft.uniform(0.6, 2.2), 0.5) * np.float32(0.5)
    shade = 1.08 - 0.5 * crack + 0.07 * fine
    pale = oklch(draft.uniform(0.5, 0.62), 0.03, draft.uniform(100, 130))
    height = (0.4 * fine * np.float32(0.001)) - crack * np.float32(draft.uniform(0.003, 0.008))
    return Swatch(rgb=mixed(flat(base, shade), flat(pale, shade), lichen), height_m=height.astype(np.float32))


MUNICIPAL = (  # lightness, chroma, hue of what towns paint their bins, posts and boxes in
    (0.36, 0.045, 160),
    (0.36, 0.02, 160),
    (0.42, 0.004, 250),
    (0.62, 0.004, 250),
    (0.34, 0.006, 250),
    (0.36, 0.06, 255),
    (0.52, 0.03, 90),
)


def painted(draft: Draft) -> Swatch:
    """Painted metal or plastic that stood in the rain: runs, dust, scratches, stickers torn off."""
    rng = draft.rng
    light, chroma, hue = MUNICIPAL[draft.whole(0, len(MUNICIPAL) - 1)]
    tone = oklch(light + draft.uniform(-0.04, 0.05), chroma, hue + draft.uniform(-6, 6))
    runs = noise(rng, draft.cycles(0.04), slope=1.6, down=draft.uniform(5, 12))
    dust, grain = noise(rng, draft.cycles(0.5), slope=2.2), noise(rng, 80, slope=0.8)
    marks = soft(noise(rng, 25, slope=0.6, across=25) - draft.uniform(2.0, 3.0), 0.4)
    torn = soft(noise(rng, draft.cycles(0.12), slope=2.6) - draft.uniform(1.9, 3.2), 0.15)
    shade = 1 + draft.uniform(0.02, 0.07) * runs + 0.05 * dust + 0.03 * grain
    worn = oklch(min(light + 0.25, 0.85), 0.008, 80)
    return Swatch(rgb=mixed(flat(tone, shade), flat(worn, shade), np.clip(0.5 * marks + 0.6 * torn, 0, 1)))


def weathered(draft: Draft) -> Swatch:
    """Wood out of doors: grey or stained, grain along its length (up), dark where water runs."""
    rng = draft.rng
    grain = noise(rng, draft.cycles(0.012), slope=1.3, down=draft.uniform(14, 30))
    fine, runs = noise(rng, 70, slope=0.9, down=8), noise(rng, draft.cycles(0.3), slope=2.0, down=4)
    grey = draft.chance(0.45)
    tone = (
        oklch(draft.uniform(0.48, 0.66), draft.uniform(0.004, 0.018), draft.uniform(60, 95))
        if grey
        else oklch(draft.uniform(0.34, 0.56), draft.uniform(0.035, 0.07), draft.uniform(50, 75))
    )
    check = soft(noise(rng, draft.cycles(0.02), slope=1.2, down=40) - 2.1, 0.4)
    shade = 1 + draft.uniform(0.04, 0.09) * grain + 0.05 * fine + 0.07 * runs - 0.45 * check
    height = grain * np.float32(2e-4) - check * np.float32(0.001)
    return Swatch(rgb=flat(tone, shade), height_m=height)
