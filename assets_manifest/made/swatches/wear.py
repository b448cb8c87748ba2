"""What years leave on surfaces: smudges, stains, scratches. All of it faint, as a tile comes again."""

from __future__ import annotations

import numpy as np

from assets_manifest.made.pixels import blended
from assets_manifest.made.swatches.fields import Draft, Field, Image, noise, soft


def worn(draft: Draft, *, most: float = 1.0) -> Field:
    """The factor by which a surface is darker or lighter than new: less than a tenth nearly everywhere."""
    rng, age = draft.rng, draft.uniform(0.0, 1.0) * most
    smudges = 0.018 * noise(rng, 2, slope=2.2) + 0.008 * noise(rng, 12, slope=1.6)
    stains = 0.09 * soft(noise(rng, 4, slope=2.4) - 1.7, 0.5) * soft(noise(rng, 9, slope=2) - 0.2, 1.0)
    marks = 0.07 * scratches(draft, level=draft.uniform(2.0, 2.6))
    factor: Field = 1 + np.float32(age) * (smudges - stains + marks * (1 if draft.chance(0.5) else -1))
    return factor


def scratches(draft: Draft, *, level: float) -> Field:
    """Straight fine scratches in a few directions, where noise is above `level`; 0 to 1."""
    marks = noise(draft.rng, 30, slope=0.5, across=40)
    other = noise(draft.rng, 30, slope=0.5, down=40)
    return soft(np.maximum(marks, other) - np.float32(level), 0.4)


def trodden(draft: Draft, image: Image) -> Image:
    """A floor that is walked on: greyer and lighter in soft patches along the fibres."""
    grey = image.mean(axis=(0, 1)).mean() * np.ones(3, np.float32) * np.float32(draft.uniform(0.9, 1.15))
    where = soft(noise(draft.rng, 2, slope=2.2) + 0.35 * noise(draft.rng, 40, slope=1, across=12) - 0.2, 2.2)
    share = where * np.float32(draft.uniform(0.0, 0.22))
    faded: Image = blended(image, grey, share)
    return faded
