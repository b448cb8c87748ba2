"""Surfaces of rooms at their real size: floors, walls and ceilings as a kind of room has them."""

from __future__ import annotations

import numpy as np

from assets_manifest.made.swatches import palettes
from assets_manifest.made.textures import SORTS
from assets_manifest.srgb import srgb_to_linear
from fsd_gen.scene.spec import MaterialSpec, Vec2
from fsd_gen.styles import materials
from fsd_gen.styles.sampler import AnySampler, pick

FLOORS: dict[str, tuple[str, ...]] = {  # sorts of made textures; a sort twice is twice as likely
    "living": ("planks", "planks", "parquet", "parquet", "carpet"),
    "bedroom": ("planks", "parquet", "carpet", "carpet"),
    "kitchen": ("tiles", "tiles", "planks", "terrazzo", "slabs"),
    "bath": ("tiles", "tiles", "terrazzo", "slabs"),
    "office": ("carpet", "carpet", "planks", "parquet", "concrete"),
    "corridor": ("planks", "parquet", "tiles", "terrazzo", "carpet", "slabs"),
    "warehouse": ("concrete", "concrete", "asphalt"),
}
WALLS: dict[str, tuple[str, ...]] = {  # beside paint
    "living": ("wallpaper", "wallpaper", "plaster", "bricks", "panelled"),
    "bedroom": ("wallpaper", "wallpaper", "plaster", "panelled"),
    "kitchen": ("plaster", "tiles", "wallpaper"),
    "bath": ("tiles",),
    "office": ("plaster", "wallpaper", "concrete", "bricks"),
    "corridor": ("plaster", "wallpaper", "panelled", "bricks"),
    "warehouse": ("concrete", "bricks", "panelled", "plaster"),
}
PAINTED = {"living": 0.5, "bedroom": 0.5, "kitchen": 0.6, "bath": 0.1, "office": 0.65, "corridor": 0.6}


def of_pack(
    sampler: AnySampler, rng: np.random.Generator, tags: tuple[str, ...], without: tuple[str, ...] = ()
) -> MaterialSpec | None:
    """A photographed texture at its real size; None where the packs have none."""
    found = [a for tag in tags for a in sampler.assets("texture", tag, without=without) if a.tile_m]
    if not found:
        return None
    asset = pick(rng, found)
    return materials.of_texture(rng, asset, tile_m=asset.tile_m or 1.0, spin=False)


def floor(sampler: AnySampler, rng: np.random.Generator, kind: str) -> MaterialSpec:
    """A floor that suits the kind of room, its pattern along or across."""
    sort = pick(rng, FLOORS[kind])
    tags = set(SORTS[sort].tags) & {"wood", "tiles", "carpet", "stone", "concrete"}
    photographed = of_pack(sampler, rng, tuple(sorted(tags)), ("wall", "outdoor", "furniture"))
    if photographed and rng.uniform() > sampler.style.made:
        return photographed
    return materials.made(rng, sort, spin=True)


def paint(rng: np.random.Generator) -> MaterialSpec:
    """Wall paint on plaster, matt to silk, in the colours of homes."""
    plaster = materials.made(rng, "plaster")
    r, g, b = srgb_to_linear(palettes.paint(rng)).tolist()
    return plaster.but(
        texture=None,
        colour=(r, g, b),
        normal_map=plaster.normal_map if rng.uniform() < 0.7 else None,
        roughness=float(rng.uniform(0.6, 0.95)),
    )


def wall(sampler: AnySampler, rng: np.random.Generator, kind: str) -> MaterialSpec:
    """A wall that suits the kind of room."""
    if rng.uniform() < PAINTED.get(kind, 0.4):
        return paint(rng)
    photographed = of_pack(sampler, rng, ("plaster",), ("outdoor", "floor"))
    if photographed and kind != "bath" and rng.uniform() > sampler.style.made:
        return photographed
    return materials.made(rng, pick(rng, WALLS[kind]))


def ceiling(rng: np.random.Generator, kind: str) -> MaterialSpec:
    """White paint mostly; stores have bare concrete or boards."""
    if kind == "warehouse" and rng.uniform() < 0.7:
        return materials.made(rng, pick(rng, ("concrete", "panelled")))
    if rng.uniform() < 0.12:
        return materials.made(rng, "planks")
    return paint(rng).but(colour=materials.colour(rng, saturation=(0, 0.06), value=(0.85, 0.97)))


def rug(rng: np.random.Generator, size: Vec2) -> MaterialSpec:
    """A woven rug whose picture fills it, or a piece of carpet."""
    if rng.uniform() < 0.25:
        return materials.made(rng, "carpet")
    return materials.spread(rng, "rug", size)
