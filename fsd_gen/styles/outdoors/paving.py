"""What lies underfoot out of doors, at the size that it is laid in."""

from __future__ import annotations

import numpy as np

from fsd_gen.scene.spec import MaterialSpec
from fsd_gen.styles import materials
from fsd_gen.styles.sampler import AnySampler, pick

FOOTWAYS = ("flagstones", "flagstones", "flagstones", "setts", "asphalt", "concrete")
SQUARES = ("flagstones", "setts", "setts", "flagstones", "gravel", "concrete", "asphalt")
PATHS = ("gravel", "setts", "flagstones", "asphalt", "concrete")
NO_PAVING = ("grass", "wood", "planks", "dirt", "earth", "brick", "rock", "blocks", "skimage", "plaster")


def footway(sampler: AnySampler, rng: np.random.Generator) -> MaterialSpec:
    """Of a pavement along a street: slabs, setts or asphalt."""
    return _laid(sampler, rng, FOOTWAYS, 0.8)


def square(sampler: AnySampler, rng: np.random.Generator) -> MaterialSpec:
    """Of a paved place."""
    return _laid(sampler, rng, SQUARES, 0.7)


def path(sampler: AnySampler, rng: np.random.Generator) -> MaterialSpec:
    """Of a path through grass."""
    return _laid(sampler, rng, PATHS, 0.8)


def lawn(sampler: AnySampler, rng: np.random.Generator) -> MaterialSpec:
    """Grass, some of it dry."""
    green = [a for a in sampler.assets("texture", "ground") if "grass" in a.id and "skimage" not in a.id]
    if not green or rng.uniform() < sampler.style.made:
        return materials.made(rng, "turf")
    asset = pick(rng, green)
    return materials.of_texture(rng, asset, tile_m=(asset.tile_m or 1.0) * float(rng.uniform(0.8, 1.6)))


def _laid(
    sampler: AnySampler, rng: np.random.Generator, sorts: tuple[str, ...], share: float
) -> MaterialSpec:
    assets = [
        a
        for a in sampler.assets("texture", "outdoor")
        if any(tag in a.tags for tag in ("ground", "floor")) and not any(part in a.id for part in NO_PAVING)
    ]
    if not assets or rng.uniform() < share:
        return materials.made(rng, pick(rng, sorts), spin=True)
    asset = pick(rng, assets)
    tile_m = (asset.tile_m or 1.0) * float(rng.uniform(0.8, 1.4))
    return materials.of_texture(rng, asset, tile_m=tile_m).but(roughness=float(rng.uniform(0.55, 0.95)))
