"""Random surfaces: textures at a plausible size, paints, metals, glass."""

from __future__ import annotations

import colorsys

import numpy as np

from assets_manifest.records import Asset
from fsd_gen.scene.spec import MaterialSpec, Vec2, Vec3
from fsd_gen.styles.sampler import AnySampler, log_uniform, pick

METALS: tuple[Vec3, ...] = (  # linear reflectance at normal incidence
    (0.91, 0.92, 0.92),  # aluminium
    (1.00, 0.71, 0.29),  # gold
    (0.95, 0.64, 0.54),  # copper
    (0.56, 0.57, 0.58),  # iron
    (0.66, 0.61, 0.53),  # nickel
)

PAINTED = 0.12  # of the objects with a new coat
XYZ_TO_SRGB = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]])


def colour(rng: np.random.Generator, *, saturation: Vec2 = (0.1, 0.9), value: Vec2 = (0.2, 0.9)) -> Vec3:
    """A random paint, linear RGB."""
    rgb = colorsys.hsv_to_rgb(rng.uniform(), rng.uniform(*saturation), rng.uniform(*value))
    r, g, b = (c**2.2 for c in rgb)
    return (r, g, b)


def blackbody(kelvin: float) -> Vec3:
    """Colour of a black body between 2222 and 25000 K, linear sRGB with a maximum of 1.

    Chromaticity by the cubic splines of Kim et al., US patent 7024034 (2002).
    """
    t = 1000.0 / kelvin
    if kelvin < 4000:
        x = -0.2661239 * t**3 - 0.2343589 * t**2 + 0.8776956 * t + 0.179910
        y = -0.9549476 * x**3 - 1.37418593 * x**2 + 2.09137015 * x - 0.16748867
    else:
        x = -3.0258469 * t**3 + 2.1070379 * t**2 + 0.2226347 * t + 0.240390
        y = 3.0817580 * x**3 - 5.87338670 * x**2 + 3.75112997 * x - 0.37001483
    rgb = XYZ_TO_SRGB @ np.array([x / y, 1.0, (1 - x - y) / y])
    rgb = np.clip(rgb / rgb.max(), 0.0, 1.0)
    r, g, b = rgb.round(4).tolist()
    return (r, g, b)


def of_texture(rng: np.random.Generator, asset: Asset, *, tile_m: float, spin: bool = True) -> MaterialSpec:
    """The texture at `tile_m` metres per tile, turned by quarter turns if `spin`, shifted at random."""
    scale = round(1 / tile_m, 5)
    return MaterialSpec(
        texture=asset.id,
        uv_scale=(scale, scale),
        uv_rotation_deg=90.0 * int(rng.integers(4)) if spin else 0.0,
        uv_offset=(round(float(rng.uniform()), 4), round(float(rng.uniform()), 4)),
        roughness=float(rng.uniform(0.35, 0.95)),
    )


def object_material(
    sampler: AnySampler, rng: np.random.Generator, size_m: float, *, metal: float, glass: float
) -> MaterialSpec:
    """A new coat for an object `size_m` across: glass, metal (by these shares), paint, texture or photo."""
    kind = rng.uniform()
    if kind < glass:
        return clear_glass(rng)
    if kind < glass + metal:
        roughness = float(rng.uniform(0.2, 0.5))
        return MaterialSpec(colour=pick(rng, METALS), metallic=1.0, roughness=roughness)
    if kind < glass + metal + PAINTED:
        return MaterialSpec(colour=colour(rng), roughness=float(rng.uniform(0.25, 0.9)))
    assets = sampler.some("texture") + sampler.assets("photo")
    return _with_bumps(
        sampler, rng, of_texture(rng, pick(rng, assets), tile_m=size_m * log_uniform(rng, 0.5, 1.6))
    )


def clear_glass(rng: np.random.Generator) -> MaterialSpec:
    """Clear or faintly tinted glass."""
    return MaterialSpec(
        colour=colour(rng, saturation=(0.0, 0.25), value=(0.85, 1.0)),
        opacity=float(rng.uniform(0.1, 0.3)),
        roughness=0.0,
        ior=1.5,
    )


def surface(sampler: AnySampler, rng: np.random.Generator, *tags: str, paint: float = 0.0) -> MaterialSpec:
    """A wall, floor or background: a texture with one of the `tags` at its real size, or a pale paint."""
    if rng.uniform() < paint:
        pale = colour(rng, saturation=(0.02, 0.3), value=(0.6, 0.95))
        return _with_bumps(sampler, rng, MaterialSpec(colour=pale, roughness=0.9), share=0.7, tile_m=0.8)
    assets = tuple({a.id: a for tag in tags for a in sampler.assets("texture", tag)}.values())
    asset = pick(rng, assets or sampler.some("texture"))
    tile_m = (asset.tile_m or 1.0) * log_uniform(rng, 0.7, 1.5)
    return _with_bumps(sampler, rng, of_texture(rng, asset, tile_m=tile_m, spin=False))


def _with_bumps(
    sampler: AnySampler,
    rng: np.random.Generator,
    material: MaterialSpec,
    *,
    share: float = 0.25,
    tile_m: float = 0.0,
) -> MaterialSpec:
    maps = sampler.assets("normal_map")
    wanted = rng.uniform() < share
    if not (maps and wanted):
        return material
    update: dict[str, object] = {"normal_map": pick(rng, maps).id}
    if tile_m:
        update["uv_scale"] = (1 / tile_m, 1 / tile_m)
    return material.but(**update)
