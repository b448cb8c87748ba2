"""Wood: veneers, boards, parquet."""

from __future__ import annotations

import numpy as np

from assets_manifest.made.pixels import shaded
from assets_manifest.made.swatches.fields import (
    SIZE,
    Bond,
    Draft,
    Field,
    Swatch,
    axis,
    bond,
    each,
    noise,
    soft,
)
from assets_manifest.made.swatches.palettes import ramp, timber
from assets_manifest.made.swatches.wear import trodden, worn


def _grain(draft: Draft, along: float) -> Field:
    """Grain along x, 0 dark to 1 light: rings cut at an angle, fibres, pores."""
    rng = draft.rng
    bend = noise(rng, 3, slope=3, across=along)
    rings = draft.whole(4, 22)
    phase = (axis()[:, None] * np.float32(rings) + bend * np.float32(draft.uniform(0.4, 2.2))) % 1
    lines = phase * np.clip((1 - phase) / np.float32(0.2), 0, 1)
    fibre = noise(rng, 60, slope=1, across=40)
    return np.clip(0.72 - 0.45 * lines * draft.uniform(0.3, 1) + 0.12 * fibre, 0, 1).astype(np.float32)


def veneer(draft: Draft) -> Swatch:
    """A face of furniture: grain without joints."""
    grain = _grain(draft, draft.uniform(3, 9))
    image = shaded(ramp(grain, timber(draft.rng)), worn(draft, most=0.7))
    return Swatch(rgb=image, height_m=grain * np.float32(draft.uniform(0, 6e-5)))


def planks(draft: Draft) -> Swatch:
    """A floor or a wall of boards: ragged or regular, planks or strips, worn or new."""
    wide_m = float(draft.rng.choice([0.05, 0.07, 0.09, 0.14, 0.2]))
    rows = draft.count(wide_m, most=32)
    laid = bond(draft, rows, max(1, draft.count(draft.uniform(0.5, 1.4))), ragged=True)
    return _boards(draft, laid, _grain(draft, draft.uniform(3, 8)))


def parquet(draft: Draft) -> Swatch:
    """Basket parquet or herringbone: blocks that run both ways."""
    blocks = draft.count(draft.uniform(0.2, 0.4), multiple=2, most=12)
    strips = draft.whole(3, 6)
    x, y = axis()[None, :] * np.float32(blocks), axis()[:, None] * np.float32(blocks)
    turned = (np.floor(x) + np.floor(y)) % 2 == 1
    long_, short = np.where(turned, y, x), np.where(turned, x, y)
    fine = short * strips % 1
    block_m = draft.tile_m / blocks
    edge = np.minimum(np.minimum(fine, 1 - fine) / strips, np.minimum(long_ % 1, 1 - long_ % 1)) * np.float32(
        block_m
    )
    number = (np.floor(long_) * blocks * strips + np.floor(short * strips)).astype(np.intp)
    number = number % (blocks * blocks * strips * 2)
    laid = Bond(number=number, u=x % 1, v=y % 1, edge_m=edge, total=blocks * blocks * strips * 2)
    grain = _grain(draft, 5)
    return _boards(draft, laid, np.where(turned, grain.T, grain))


def _boards(draft: Draft, laid: Bond, grain: Field) -> Swatch:
    """Each board cut from elsewhere, a shade of its own, with a gap around."""
    rng = draft.rng
    tone = each(rng, laid.number, laid.total)
    shift = rng.integers(0, SIZE, laid.total)[laid.number]
    rows = (np.arange(SIZE)[:, None] + shift) % SIZE
    own = np.take_along_axis(grain, rows, axis=0)
    value = own + np.float32(draft.uniform(0.15, 0.6)) * (tone - 0.5)
    board = soft(laid.edge_m - draft.uniform(0.0004, 0.002), 0.002)
    image = shaded(trodden(draft, ramp(np.clip(value, 0, 1), timber(rng))), worn(draft))
    height = board * np.float32(draft.uniform(3e-4, 1e-3)) + own * np.float32(5e-5)
    return Swatch(rgb=shaded(image, 0.45 + 0.55 * board), height_m=height)
