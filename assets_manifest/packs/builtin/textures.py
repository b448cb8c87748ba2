"""The textures of the builtin pack: a pattern, what it is for, and how large one tile really is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assets_manifest.packs.builtin.patterns import (
    Pattern,
    bricks,
    brushed,
    cellular,
    dots,
    fabric,
    fractal,
    grass,
    marble,
    poster,
    rough,
    speckle,
    stripes,
    tiles,
    voronoi,
    wood,
)

OAK = ((0.36, 0.22, 0.11), (0.62, 0.42, 0.24), (0.78, 0.58, 0.37))
WALNUT = ((0.13, 0.07, 0.04), (0.3, 0.18, 0.1), (0.45, 0.29, 0.18))
PINE = ((0.6, 0.42, 0.22), (0.82, 0.64, 0.4), (0.92, 0.79, 0.58))
GREY_WOOD = ((0.25, 0.24, 0.23), (0.47, 0.45, 0.42), (0.66, 0.63, 0.59))
CHERRY = ((0.3, 0.1, 0.05), (0.52, 0.22, 0.12), (0.68, 0.36, 0.22))
PRIMARY = ((0.93, 0.9, 0.83), (0.8, 0.16, 0.12), (0.1, 0.24, 0.55), (0.95, 0.73, 0.1), (0.08, 0.08, 0.1))
FOREST = ((0.14, 0.2, 0.18), (0.84, 0.8, 0.62), (0.36, 0.55, 0.36), (0.77, 0.42, 0.2), (0.06, 0.1, 0.1))
PASTEL = ((0.96, 0.88, 0.84), (0.55, 0.72, 0.78), (0.9, 0.6, 0.55), (0.98, 0.84, 0.56), (0.5, 0.46, 0.6))
NIGHT = ((0.06, 0.07, 0.16), (0.95, 0.35, 0.4), (0.2, 0.75, 0.75), (0.95, 0.88, 0.5), (0.4, 0.2, 0.6))


@dataclass(frozen=True, slots=True, kw_only=True)
class TextureSpec:
    """One texture to draw."""

    pattern: Pattern
    tags: tuple[str, ...]
    tile_m: float


def _spec(pattern: Pattern, tile_m: float, *tags: str) -> TextureSpec:
    return TextureSpec(pattern=pattern, tags=tags, tile_m=tile_m)


TEXTURES: dict[str, TextureSpec] = {
    "wood_oak": _spec(wood(OAK), 1.0, "wood", "furniture"),
    "wood_walnut": _spec(wood(WALNUT), 1.0, "wood", "furniture"),
    "wood_pine": _spec(wood(PINE), 1.0, "wood", "furniture"),
    "wood_cherry": _spec(wood(CHERRY), 1.0, "wood", "furniture"),
    "planks_oak": _spec(wood(OAK, boards=8), 1.2, "wood", "floor"),
    "planks_walnut": _spec(wood(WALNUT, boards=8), 1.2, "wood", "floor"),
    "planks_pine": _spec(wood(PINE, boards=6), 1.2, "wood", "floor", "wall"),
    "planks_grey": _spec(wood(GREY_WOOD, boards=10), 1.5, "wood", "floor", "outdoor"),
    "bricks_red": _spec(bricks(((0.42, 0.16, 0.1), (0.66, 0.3, 0.2)), (0.66, 0.63, 0.58)), 0.9,
                        "brick", "wall", "outdoor"),
    "bricks_white": _spec(bricks(((0.78, 0.77, 0.74), (0.9, 0.89, 0.86)), (0.6, 0.59, 0.57)), 0.9,
                          "brick", "wall"),
    "bricks_yellow": _spec(bricks(((0.62, 0.48, 0.28), (0.8, 0.66, 0.42)), (0.5, 0.47, 0.42)), 0.9,
                           "brick", "wall", "outdoor"),
    "blocks_grey": _spec(bricks(((0.42, 0.42, 0.42), (0.56, 0.56, 0.55)), (0.35, 0.35, 0.35), 6, 3), 1.2,
                         "brick", "wall", "outdoor"),
    "tiles_white": _spec(tiles(((0.85, 0.86, 0.86), (0.93, 0.93, 0.92)), (0.6, 0.6, 0.6), 6), 0.9,
                         "tiles", "wall", "floor"),
    "tiles_blue": _spec(tiles(((0.12, 0.3, 0.45), (0.3, 0.55, 0.68)), (0.82, 0.82, 0.8), 8), 0.8,
                        "tiles", "wall"),
    "tiles_terracotta": _spec(tiles(((0.5, 0.25, 0.15), (0.72, 0.42, 0.28)), (0.5, 0.46, 0.42), 4), 1.2,
                              "tiles", "floor"),
    "checker_black_white": _spec(tiles(((0.9, 0.89, 0.86), (0.08, 0.08, 0.09)), (0.4, 0.4, 0.4), 4,
                                       checker=True), 1.2, "tiles", "floor"),
    "checker_green": _spec(tiles(((0.82, 0.83, 0.72), (0.16, 0.34, 0.26)), (0.4, 0.4, 0.36), 6,
                                 checker=True), 1.2, "tiles", "floor"),
    "marble_white": _spec(marble((0.9, 0.9, 0.89), (0.8, 0.8, 0.8), (0.55, 0.56, 0.58)), 1.5,
                          "stone", "floor", "wall"),
    "marble_green": _spec(marble((0.26, 0.31, 0.28), (0.34, 0.39, 0.36), (0.66, 0.69, 0.65)), 1.5,
                          "stone", "floor"),
    "marble_black": _spec(marble((0.2, 0.2, 0.21), (0.25, 0.25, 0.26), (0.75, 0.73, 0.69)), 1.5,
                          "stone", "floor"),
    "granite": _spec(speckle(((0.12, 0.12, 0.13), (0.55, 0.52, 0.5), (0.85, 0.82, 0.8)), 1.2), 0.6,
                     "stone", "furniture"),
    "terrazzo": _spec(speckle(((0.72, 0.34, 0.25), (0.9, 0.88, 0.84), (0.88, 0.87, 0.84), (0.3, 0.38, 0.36)),
                              2.5), 0.8, "stone", "floor"),
    "concrete": _spec(rough(((0.36, 0.36, 0.35), (0.55, 0.54, 0.52), (0.66, 0.65, 0.63)), 4), 2.0,
                      "concrete", "wall", "floor", "ceiling", "outdoor"),
    "plaster_white": _spec(rough(((0.86, 0.85, 0.83), (0.89, 0.88, 0.86), (0.91, 0.9, 0.89)), 12, 0.75), 1.5,
                           "plaster", "wall", "ceiling"),
    "plaster_ochre": _spec(rough(((0.77, 0.67, 0.51), (0.8, 0.7, 0.54), (0.82, 0.73, 0.58)), 8, 0.7), 1.5,
                           "plaster", "wall"),
    "plaster_blue": _spec(rough(((0.6, 0.67, 0.71), (0.63, 0.7, 0.74), (0.66, 0.72, 0.76)), 8, 0.7), 1.5,
                          "plaster", "wall"),
    "plaster_green": _spec(rough(((0.6, 0.65, 0.57), (0.63, 0.68, 0.6), (0.66, 0.71, 0.63)), 8, 0.7), 1.5,
                           "plaster", "wall"),
    "earth": _spec(rough(((0.14, 0.09, 0.05), (0.34, 0.24, 0.16), (0.5, 0.4, 0.3)), 6, 0.8), 2.0,
                   "ground", "outdoor"),
    "asphalt": _spec(speckle(((0.1, 0.1, 0.1), (0.22, 0.22, 0.22), (0.4, 0.4, 0.39)), 0.9), 1.5,
                     "ground", "outdoor"),
    "grass": _spec(grass(((0.05, 0.12, 0.02), (0.2, 0.36, 0.08), (0.55, 0.66, 0.28))), 1.5,
                   "ground", "outdoor"),
    "pebbles": _spec(voronoi(((0.35, 0.32, 0.3), (0.6, 0.57, 0.52), (0.75, 0.72, 0.68)), (0.16, 0.14, 0.12),
                             160, 0.14), 1.2, "ground", "stone", "outdoor"),
    "crazy_paving": _spec(voronoi(((0.45, 0.4, 0.36), (0.66, 0.6, 0.54)), (0.3, 0.28, 0.25), 36), 2.0,
                          "ground", "stone", "floor", "outdoor"),
    "mosaic": _spec(voronoi(((0.1, 0.3, 0.4), (0.85, 0.8, 0.66), (0.7, 0.32, 0.18)), (0.85, 0.84, 0.8),
                            220), 1.0, "tiles", "wall", "pattern"),
    "linen": _spec(fabric((0.78, 0.72, 0.62), (0.7, 0.64, 0.54)), 0.3, "fabric"),
    "denim": _spec(fabric((0.12, 0.2, 0.36), (0.5, 0.56, 0.66), 128), 0.3, "fabric"),
    "tweed": _spec(fabric((0.3, 0.26, 0.22), (0.62, 0.56, 0.48), 64), 0.3, "fabric", "carpet"),
    "felt_red": _spec(fabric((0.5, 0.1, 0.1), (0.62, 0.16, 0.13), 160), 0.4, "fabric", "carpet"),
    "stripes_warm": _spec(stripes(((0.9, 0.84, 0.72), (0.75, 0.3, 0.2), (0.9, 0.62, 0.3), (0.35, 0.2, 0.18)),
                                  14), 0.6, "fabric", "wall"),
    "plaid": _spec(stripes(((0.14, 0.24, 0.3), (0.7, 0.18, 0.16), (0.85, 0.8, 0.66), (0.1, 0.14, 0.18)), 18,
                           plaid=True), 0.4, "fabric"),
    "carpet_speckled": _spec(speckle(((0.2, 0.22, 0.3), (0.42, 0.44, 0.52), (0.66, 0.64, 0.62)), 0.8), 0.8,
                             "carpet", "floor", "fabric"),
    "steel_brushed": _spec(brushed((0.62, 0.63, 0.65)), 0.5, "metal"),
    "brass_brushed": _spec(brushed((0.72, 0.56, 0.28)), 0.5, "metal"),
    "dots_fine": _spec(dots(2, colored=False), 0.5, "pattern"),
    "dots_medium": _spec(dots(8, colored=False), 0.6, "pattern"),
    "dots_color": _spec(dots(4, colored=True), 0.5, "pattern"),
    "dots_color_coarse": _spec(dots(16, colored=True), 0.8, "pattern"),
    "poster_primary": _spec(poster(PRIMARY), 0.7, "painting"),
    "poster_forest": _spec(poster(FOREST), 0.7, "painting"),
    "poster_pastel": _spec(poster(PASTEL, 60), 0.7, "painting"),
    "poster_night": _spec(poster(NIGHT, 80), 0.7, "painting"),
}  # fmt: skip


def _bumps(size: int, rng: np.random.Generator) -> NDArray[np.float64]:
    return fractal(size, 16, rng, octaves=5) * 3


def _orange_peel(size: int, rng: np.random.Generator) -> NDArray[np.float64]:
    return fractal(size, 64, rng, octaves=2) * 1.2


def _pebbled(size: int, rng: np.random.Generator) -> NDArray[np.float64]:
    near, gap, _ = cellular(size, 500, rng)
    return np.minimum(gap, 0.5) * 6 - near


def _cracked(size: int, rng: np.random.Generator) -> NDArray[np.float64]:
    _, gap, _ = cellular(size, 60, rng)
    return np.clip(gap / 0.08, 0, 1) * 3 + fractal(size, 16, rng, octaves=5)


def _ribbed(size: int, rng: np.random.Generator) -> NDArray[np.float64]:
    x = np.arange(size)[None, :] / size
    return (
        np.broadcast_to(4 * np.abs(np.sin(24 * np.pi * x)), (size, size))
        + fractal(size, 48, rng, octaves=2) * 0.4
    )


def _woven(size: int, rng: np.random.Generator) -> NDArray[np.float64]:
    t = np.arange(size) / size * 64
    over = (np.floor(t)[:, None] + np.floor(t)[None, :]) % 2 == 0
    wave = np.sin(np.pi * (t % 1))
    return 3 * np.where(over, wave[:, None], wave[None, :]) + fractal(size, 64, rng, octaves=2) * 0.3


HEIGHTS = {
    "normal_bumps": _bumps,
    "normal_orange_peel": _orange_peel,
    "normal_pebbled": _pebbled,
    "normal_cracked": _cracked,
    "normal_ribbed": _ribbed,
    "normal_woven": _woven,
}
