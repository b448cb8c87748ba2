"""Textures without end: `made/texture.2/SORT/SEED` is an albedo, `made/relief.2/SORT/SEED` its normal map.

Every seed of a sort has a palette, a scale and an arrangement of its own. What a scene has to know of one
before it exists, such as how many metres a tile measures, follows from its words alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from assets_manifest.made.picture import save_picture
from assets_manifest.made.pixels import as_bytes
from assets_manifest.made.registry import MadeAssetError, Maker
from assets_manifest.made.swatches import cloth, figures, outdoors, printed, screens, stones, timber, walls
from assets_manifest.made.swatches.fields import SIZE, Draft, Swatch
from assets_manifest.made.swatches.palettes import DARKEST, LIGHTEST

Words = tuple[str, ...]  # sort, seed


@dataclass(frozen=True, slots=True, kw_only=True)
class Sort:
    """What one sort of texture is of."""

    draw: Callable[[Draft], Swatch]
    tile_m: tuple[float, float]  # how many metres a tile measures, log-uniform
    roughness: tuple[float, float]
    tags: tuple[str, ...]  # as textures of packs have them
    metallic: float = 0.0
    repeats: bool = True  # False: one tile is one whole thing, such as a picture
    relief: bool = True  # whether there is a normal map
    shines: bool = False  # its colours are light, down to black, and no albedos


def _sort(
    draw: Callable[[Draft], Swatch],
    tile_m: tuple[float, float],
    roughness: tuple[float, float],
    *tags: str,
    metallic: float = 0.0,
    repeats: bool = True,
    relief: bool = True,
    shines: bool = False,
) -> Sort:
    return Sort(
        draw=draw,
        tile_m=tile_m,
        roughness=roughness,
        tags=tags,
        metallic=metallic,
        repeats=repeats,
        relief=relief,
        shines=shines,
    )


SORTS: dict[str, Sort] = {
    "plaster": _sort(walls.plaster, (0.8, 1.8), (0.75, 1.0), "plaster", "wall", "ceiling"),
    "wallpaper": _sort(figures.wallpaper, (0.4, 1.2), (0.6, 0.9), "paper", "wall", "pattern"),
    "concrete": _sort(walls.concrete, (1.5, 3.0), (0.7, 0.95), "concrete", "wall", "floor", "outdoor"),
    "bricks": _sort(walls.bricks, (0.9, 2.4), (0.75, 1.0), "brick", "wall", "outdoor"),
    "tiles": _sort(walls.tiles, (0.5, 1.4), (0.08, 0.5), "tiles", "wall", "floor", "ceramic"),
    "panelled": _sort(walls.panelled, (0.5, 1.2), (0.35, 0.8), "wall", "wood", "plastic"),
    "gravel": _sort(walls.gravel, (0.8, 3.0), (0.75, 1.0), "ground", "stone", "outdoor"),
    "marble": _sort(stones.marble, (1.0, 2.2), (0.08, 0.4), "stone", "furniture", relief=False),
    "slabs": _sort(stones.slabs, (1.2, 2.4), (0.12, 0.5), "stone", "tiles", "floor"),
    "terrazzo": _sort(stones.terrazzo, (0.5, 1.0), (0.15, 0.5), "stone", "floor", relief=False),
    "granite": _sort(stones.granite, (0.4, 1.0), (0.2, 0.8), "stone", "floor", "furniture", "outdoor"),
    "asphalt": _sort(outdoors.asphalt, (1.2, 2.2), (0.8, 0.95), "ground", "outdoor"),
    "flagstones": _sort(outdoors.flagstones, (1.8, 2.6), (0.7, 0.95), "ground", "outdoor"),
    "setts": _sort(outdoors.setts, (1.2, 2.0), (0.55, 0.9), "ground", "outdoor"),
    "turf": _sort(outdoors.turf, (1.5, 2.5), (0.9, 1.0), "ground", "outdoor", relief=False),
    "bark": _sort(outdoors.bark, (0.5, 0.9), (0.85, 1.0), "bark", "outdoor"),
    "painted": _sort(outdoors.painted, (0.8, 1.4), (0.35, 0.7), "paint", "outdoor", relief=False),
    "weathered": _sort(outdoors.weathered, (0.7, 1.2), (0.7, 0.95), "outdoor"),
    "stucco": _sort(outdoors.stucco, (2.5, 4.0), (0.8, 1.0), "facade", "outdoor", relief=False),
    "rooftiles": _sort(outdoors.rooftiles, (2.0, 3.2), (0.6, 0.9), "roof", "outdoor", relief=False),
    "leather": _sort(stones.leather, (0.25, 0.5), (0.35, 0.7), "leather", "furniture"),
    "plastic": _sort(stones.plastic, (0.3, 0.6), (0.2, 0.65), "plastic"),
    "metal": _sort(stones.metal, (0.3, 0.8), (0.25, 0.5), "metal", metallic=1.0),
    "brushed": _sort(stones.brushed, (0.3, 0.6), (0.2, 0.45), "metal", metallic=1.0),
    "lattice": _sort(figures.repeated, (0.1, 0.4), (0.4, 1.0), "repeat", "pattern", relief=False),
    "weave": _sort(cloth.weave, (0.12, 0.3), (0.8, 1.0), "fabric", "furniture"),
    "knit": _sort(cloth.knit, (0.12, 0.3), (0.8, 1.0), "fabric"),
    "printed_cloth": _sort(cloth.printed_cloth, (0.25, 0.6), (0.8, 1.0), "fabric", "pattern"),
    "carpet": _sort(cloth.carpet, (0.6, 1.4), (0.9, 1.0), "carpet", "floor"),
    "rug": _sort(cloth.rug, (1.4, 2.6), (0.9, 1.0), "rug", repeats=False),
    "veneer": _sort(timber.veneer, (0.4, 1.0), (0.25, 0.7), "wood", "furniture"),
    "planks": _sort(timber.planks, (1.0, 2.4), (0.25, 0.75), "wood", "floor", "wall"),
    "parquet": _sort(timber.parquet, (0.8, 1.6), (0.2, 0.6), "wood", "floor"),
    "poster": _sort(printed.poster, (0.4, 1.0), (0.3, 0.8), "painting", "paper", repeats=False, relief=False),
    "label": _sort(printed.label, (0.12, 0.3), (0.25, 0.7), "label", "paper", repeats=False, relief=False),
    "spines": _sort(printed.spines, (0.24, 0.34), (0.4, 0.8), "books", "paper", repeats=False),
    "newsprint": _sort(printed.newsprint, (0.3, 0.6), (0.7, 1.0), "paper", repeats=False, relief=False),
    "screen": _sort(
        screens.screen, (0.3, 0.6), (0.05, 0.12), "screen", repeats=False, relief=False, shines=True
    ),
    "cardboard": _sort(printed.cardboard, (0.35, 0.7), (0.8, 1.0), "cardboard", "paper", repeats=False),
}


def words_of(sort: str, seed: int) -> Words:
    """The words that make this texture."""
    return (sort, str(seed))


def with_tag(*tags: str) -> tuple[str, ...]:
    """Names of the sorts that have any of the tags, in a fixed order; of all that repeat without tags."""
    return tuple(
        name for name, sort in SORTS.items() if (set(sort.tags) & set(tags) if tags else sort.repeats)
    )


def tile_m(words: Words) -> float:
    """How many metres one tile measures."""
    low, high = _sort_of(words).tile_m
    return round(float(np.exp(_stream(words, "tile").uniform(np.log(low), np.log(high)))), 4)


def roughness(words: Words) -> float:
    """How rough the thing is, 0..1."""
    return round(float(_stream(words, "roughness").uniform(*_sort_of(words).roughness)), 3)


@lru_cache(maxsize=2)  # an albedo and its relief are mostly made one after the other
def swatch(words: Words) -> Swatch:
    """Colours and heights of one tile."""
    draft = Draft(rng=_stream(words, "pattern"), tile_m=tile_m(words))
    return _sort_of(words).draw(draft)


def _sort_of(words: Words) -> Sort:
    if len(words) != 2 or words[0] not in SORTS or not (words[1].isascii() and words[1].isdigit()):
        raise MadeAssetError(f"expected SORT/SEED with a sort of {', '.join(SORTS)}, got {'/'.join(words)!r}")
    return SORTS[words[0]]


def _stream(words: Words, purpose: str) -> np.random.Generator:
    digest = hashlib.sha256("/".join((*words, purpose)).encode()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "little")))


def _albedo(folder: Path, words: Words) -> Path:
    limits = (0.0, 1.0) if _sort_of(words).shines else (DARKEST, LIGHTEST)
    rgb = np.clip(swatch(words).rgb, *limits)
    return _save(folder / "albedo.png", rgb)


def _relief(folder: Path, words: Words) -> Path:
    height_m = swatch(words).height_m
    if height_m is None:
        raise MadeAssetError(f"a {words[0]} has no relief")
    run_m = 2 * tile_m(words) / SIZE  # between the neighbours of a pixel
    from assets_manifest.packs.builtin.patterns import normal_map  # scipy: configurations do without

    return _save(folder / "relief.png", normal_map((height_m / run_m).astype(np.float64), 1.0))


def _save(path: Path, image: np.ndarray) -> Path:
    return save_picture(path, as_bytes(image))


TEXTURE = Maker(name="texture", version=2, kind="texture", make=_albedo)
RELIEF = Maker(name="relief", version=2, kind="normal_map", make=_relief)
MAKERS = (TEXTURE, RELIEF)
