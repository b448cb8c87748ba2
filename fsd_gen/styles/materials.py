"""Random surfaces: textures at their real size, paints, metals, glass, and new looks for parts of objects.

Texture coordinates are metres, on panels as on objects, so `uv_scale` is one over the metres of a tile: a
thread is a thread wide, a plank a plank. What an object is made of stays what it is made of.
"""

from __future__ import annotations

import colorsys
from collections.abc import Callable

import numpy as np

from assets_manifest.derived.parts import Face, Part, Stuff, parts
from assets_manifest.made import textures
from assets_manifest.made.registry import is_made
from assets_manifest.made.swatches import palettes
from assets_manifest.made.textures import RELIEF, SORTS, TEXTURE, with_tag, words_of
from assets_manifest.records import Asset
from fsd_gen.scene.spec import MaterialSpec, PartLook, Vec2, Vec3
from fsd_gen.styles.sampler import AnySampler, log_uniform, pick

METALS: tuple[Vec3, ...] = (  # linear reflectance at normal incidence
    (0.91, 0.92, 0.92),  # aluminium
    (1.00, 0.71, 0.29),  # gold
    (0.95, 0.64, 0.54),  # copper
    (0.56, 0.57, 0.58),  # iron
    (0.66, 0.61, 0.53),  # nickel
)

NO_TINT: Vec3 = (1.0, 1.0, 1.0)
LACQUERED = 0.2  # of the new coats of whole objects that are no glass
STRONG_TINT = 0.7
PAINTED = 0.12  # of the objects with a new coat
XYZ_TO_SRGB = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]])


def colour(rng: np.random.Generator, *, saturation: Vec2 = (0.1, 0.9), value: Vec2 = (0.2, 0.9)) -> Vec3:
    """A random paint, linear RGB."""
    rgb = colorsys.hsv_to_rgb(rng.uniform(), rng.uniform(*saturation), rng.uniform(*value))
    r, g, b = (c**2.2 for c in rgb)
    return (r, g, b)


def thing_colour(rng: np.random.Generator) -> Vec3:
    """The colour of something that people own, linear RGB: mostly muted; see `palettes.thing`."""
    r, g, b = (float(c) ** 2.2 for c in palettes.thing(rng))
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


def of_texture(
    rng: np.random.Generator, asset: Asset, *, tile_m: float, spin: bool = True, tinted: float = 0.2
) -> MaterialSpec:
    """The texture at `tile_m` metres per tile, turned by quarter turns if `spin`, shifted at random.

    Half of them are tinted, by as much as `tinted` says; photos of something are as they are.
    """
    scale = round(1 / tile_m, 5)
    return MaterialSpec(
        texture=asset.id,
        uv_scale=(scale, scale),
        uv_rotation_deg=90.0 * int(rng.integers(4)) if spin else 0.0,
        uv_offset=(round(float(rng.uniform()), 4), round(float(rng.uniform()), 4)),
        roughness=float(rng.uniform(0.35, 0.95)),
        tint=_tint(rng, tinted) if asset.kind == "texture" else NO_TINT,
    )


def _tint(rng: np.random.Generator, most: float) -> Vec3:
    """Factors that darken a texture by up to `most` and colour it half as much; half of the time none."""
    level, hue, saturation = 1 - most * rng.uniform(), rng.uniform(), most / 2 * rng.uniform()
    if rng.uniform() < 0.5:
        return NO_TINT
    r, g, b = colorsys.hsv_to_rgb(hue, saturation, level)
    return (r, g, b)


def lacquered(rng: np.random.Generator, coat: MaterialSpec, share: float = 1.0) -> MaterialSpec:
    """With the chance `share`, the material under a clear coat: varnish, glaze, the lacquer of cars."""
    smooth, chosen = float(rng.uniform(0.01, 0.12)), rng.uniform() < share
    return coat.but(clearcoat=1.0, clearcoat_roughness=smooth) if chosen else coat


def made(rng: np.random.Generator, sort: str, *, scale: float = 1.0, spin: bool = False) -> MaterialSpec:
    """A surface made from a new seed, with its relief, at its real size on a thing drawn `scale` times.

    `sort` is one of `assets_manifest.made.textures.SORTS`.
    """
    words = words_of(sort, int(rng.integers(2**40)))
    tiles = round(scale / textures.tile_m(words), 5)
    return MaterialSpec(
        texture=TEXTURE.asset_id(*words),
        normal_map=RELIEF.asset_id(*words) if SORTS[sort].relief else None,
        uv_scale=(tiles, tiles),
        uv_rotation_deg=90.0 * int(rng.integers(4)) if spin else 0.0,
        uv_offset=(round(float(rng.uniform()), 4), round(float(rng.uniform()), 4)),
        roughness=textures.roughness(words),
        metallic=SORTS[sort].metallic,
    )


def spread(rng: np.random.Generator, sort: str, size_m: Vec2) -> MaterialSpec:
    """One whole thing of the sort, such as a picture or a rug, laid once over a panel of this size."""
    whole = made(rng, sort)
    return whole.but(uv_scale=(round(1 / size_m[0], 5), round(1 / size_m[1], 5)), uv_offset=(0.0, 0.0))


def picture_on(rng: np.random.Generator, glass: MaterialSpec, face: Face, glow: Vec3) -> MaterialSpec:
    """A screen that shows something: `glass` with a made picture behind it, as bright as `glow` where white.

    `face` says where the picture's corners are in texture coordinates.
    """
    s0, t0, s1, t1 = face
    wide, high = s1 - s0, t1 - t0
    return glass.but(
        glow=glow,
        glow_texture=TEXTURE.asset_id(*words_of("screen", int(rng.integers(2**40)))),
        uv_scale=(round(1 / wide, 5), round(1 / high, 5)),
        uv_offset=(-s0 / wide, -t0 / high),
    )


def real_surface(sampler: AnySampler, rng: np.random.Generator, *tags: str) -> MaterialSpec:
    """A wall, floor or background of any of the `tags`, at its real size: made, or photographed.

    The style's setting `made` says how many are made.
    """
    sorts = [sort for sort in with_tag(*tags) if SORTS[sort].repeats]
    photos = tuple({a.id: a for tag in tags for a in sampler.assets("texture", tag)}.values())
    if not (sorts or photos):
        sorts = list(with_tag())
    if sorts and (not photos or rng.uniform() < sampler.style.made):
        return made(rng, pick(rng, sorts))
    asset = pick(rng, photos)
    tile_m = (asset.tile_m or 1.0) * log_uniform(rng, 0.85, 1.2)
    return _with_relief(rng, of_texture(rng, asset, tile_m=tile_m, spin=False), asset.tags, tile_m)


RELIEF_OF = {  # tag of a texture: the sort whose relief may lie over it, as it need not follow the picture
    "plaster": "plaster",
    "fabric": "weave",
    "carpet": "carpet",
    "concrete": "plaster",
    "wood": "veneer",
}
TRIED = 6  # reliefs, of which the one whose tile is nearest in size is taken


def _with_relief(
    rng: np.random.Generator, material: MaterialSpec, tags: tuple[str, ...], tile_m: float
) -> MaterialSpec:
    """Half of the photographed surfaces whose relief need not follow the picture get one of their kind."""
    sort = next((RELIEF_OF[tag] for tag in tags if tag in RELIEF_OF), None)
    seeds, wanted = rng.integers(2**40, size=TRIED), rng.uniform() < 0.5
    if sort is None or not wanted:
        return material
    words = [words_of(sort, int(seed)) for seed in seeds]
    best = min(words, key=lambda each: abs(np.log(textures.tile_m(each) / tile_m)))
    return material.but(normal_map=RELIEF.asset_id(*best))


def surface(sampler: AnySampler, rng: np.random.Generator, *tags: str, paint: float = 0.0) -> MaterialSpec:
    """As `real_surface`, or with the chance `paint` a painted wall."""
    if rng.uniform() < paint:
        return made(rng, "plaster")
    return real_surface(sampler, rng, *tags)


def object_material(
    sampler: AnySampler, rng: np.random.Generator, size_m: float, *, metal: float, glass: float
) -> MaterialSpec:
    """A new coat for a whole object `size_m` across, whatever it is: glass, metal (by these shares), paint,
    a made texture, a photographed one or a photo, at any scale. Some of what is no glass is lacquered.
    """
    kind = rng.uniform()
    if kind < glass:
        return clear_glass(rng)
    if kind < glass + metal:
        roughness = float(rng.uniform(0.2, 0.5))
        bare = MaterialSpec(colour=pick(rng, METALS), metallic=1.0, roughness=roughness)
    elif kind < glass + metal + PAINTED:
        bare = MaterialSpec(colour=colour(rng), roughness=float(rng.uniform(0.25, 0.9)))
    else:
        bare = _printed(sampler, rng, size_m)
    return lacquered(rng, bare, LACQUERED)


def _printed(sampler: AnySampler, rng: np.random.Generator, size_m: float) -> MaterialSpec:
    """A made texture, or a photographed one, strongly tinted, or a photo."""
    tile_m = size_m * log_uniform(rng, 0.4, 1.6)
    if rng.uniform() < sampler.style.made:
        sort = pick(rng, [name for name, each in SORTS.items() if not each.shines])
        tiles = round(1 / tile_m, 5)
        return made(rng, sort, spin=True).but(uv_scale=(tiles, tiles))
    assets = sampler.some("texture") + sampler.assets("photo")
    return of_texture(rng, pick(rng, assets), tile_m=tile_m, tinted=STRONG_TINT)


def clear_glass(rng: np.random.Generator) -> MaterialSpec:
    """Clear or faintly tinted glass."""
    return MaterialSpec(
        colour=colour(rng, saturation=(0.0, 0.25), value=(0.85, 1.0)),
        opacity=float(rng.uniform(0.1, 0.3)),
        roughness=0.0,
        ior=1.5,
    )


def translucent(rng: np.random.Generator) -> MaterialSpec:
    """Milky or coloured plastic or frosted glass: light passes, shapes do not."""
    return MaterialSpec(
        colour=colour(rng, saturation=(0.0, 0.8), value=(0.7, 1.0)),
        opacity=float(rng.uniform(0.35, 0.65)),
        roughness=float(rng.uniform(0.25, 0.5)),
        ior=1.5,
    )


def mirror(rng: np.random.Generator) -> MaterialSpec:
    """Silvered glass, sometimes smoked."""
    level = float(rng.uniform(0.85, 0.95)) if rng.uniform() < 0.85 else float(rng.uniform(0.3, 0.6))
    return MaterialSpec(colour=(level, level, level), metallic=1.0, roughness=0.02)


def changeable(sampler: AnySampler, asset_id: str) -> tuple[Part, ...]:
    """The parts of an asset that may get another look: none of people, vehicles and plants, nothing that
    shows a picture, has holes, or lacks texture coordinates in metres.
    """
    if is_made(asset_id) or KEPT_TAGS & set(sampler.library.get(asset_id).tags):
        return ()
    asset = sampler.library.get(asset_id)
    found = parts(asset, sampler.library.path(asset_id), sampler.library.root(asset_id))
    return tuple(
        part
        for part in found
        if part.stuff in LOOKS
        and part.mapped
        and not part.cutout
        and (not part.textured or part.stuff in EVENLY_TEXTURED)
    )


def relook(
    sampler: AnySampler, rng: np.random.Generator, asset: Asset, share: float, *, scale: float = 1.0
) -> tuple[PartLook, ...]:
    """New looks for parts of an object drawn `scale` times as large as its file; wood stays wood.

    Parts of one stuff and one colour stay alike, and mostly those of one stuff, as furniture is made; each
    such group changes with the chance `share`. Mirrors always mirror, which files of most packs cannot say.
    """
    groups: dict[tuple[Stuff, Vec3], list[str]] = {}
    for part in changeable(sampler, asset.id):
        groups.setdefault((part.stuff, part.colour), []).append(part.name)
    looks: list[PartLook] = []
    first: dict[Stuff, MaterialSpec] = {}
    for (stuff, old), names in groups.items():
        changes = rng.uniform() < share or stuff == "mirror"
        look, matches = LOOKS[stuff](rng, scale, old), rng.uniform() < MATCHING
        look = first.setdefault(stuff, look) if matches and stuff in EVENLY_TEXTURED else look
        looks += [PartLook(part=name, material=look) for name in names if changes]
    return tuple(looks)


MATCHING = 0.65  # of the woods, fabrics and so on of one object that are as its first one
KEPT_TAGS = {"character", "vehicle", "plant"}
EVENLY_TEXTURED: tuple[Stuff, ...] = (
    "wood",
    "fabric",
    "leather",
    "stone",
)  # their textures show but themselves
Look = Callable[[np.random.Generator, float, Vec3], MaterialSpec]  # of (rng, scale, the old colour)


def _painted(rng: np.random.Generator, roughness: Vec2) -> MaterialSpec:
    white = rng.uniform() < 0.35
    coat = colour(rng, saturation=(0.0, 0.08), value=(0.78, 0.96)) if white else thing_colour(rng)
    return MaterialSpec(colour=coat, roughness=float(rng.uniform(*roughness)))


def _wood(rng: np.random.Generator, scale: float, old: Vec3) -> MaterialSpec:
    if rng.uniform() < 0.25:
        return lacquered(rng, _painted(rng, (0.3, 0.8)), 0.5)
    return lacquered(rng, made(rng, "veneer", scale=scale, spin=True), 0.3)


def _fabric(rng: np.random.Generator, scale: float, old: Vec3) -> MaterialSpec:
    return made(
        rng, ("weave", "weave", "knit", "printed_cloth")[int(rng.integers(4))], scale=scale, spin=True
    )


def _leather(rng: np.random.Generator, scale: float, old: Vec3) -> MaterialSpec:
    return made(rng, "leather", scale=scale)


def _metal(rng: np.random.Generator, scale: float, old: Vec3) -> MaterialSpec:
    kind = rng.uniform()
    if kind < 0.25:
        return made(rng, "brushed", scale=scale, spin=True)
    if kind < 0.5:  # painted, as appliances are
        return lacquered(rng, _painted(rng, (0.2, 0.7)), 0.5)
    metal = METALS[0] if rng.uniform() < 0.6 else pick(rng, METALS)
    return MaterialSpec(colour=metal, metallic=1.0, roughness=float(rng.uniform(0.08, 0.45)))


def _glass(rng: np.random.Generator, scale: float, old: Vec3) -> MaterialSpec:
    return translucent(rng) if rng.uniform() < 0.15 else clear_glass(rng)


def _mirror(rng: np.random.Generator, scale: float, old: Vec3) -> MaterialSpec:
    return mirror(rng)


def _ceramic(rng: np.random.Generator, scale: float, old: Vec3) -> MaterialSpec:
    return lacquered(rng, _painted(rng, (0.06, 0.5)), 0.7)


def _plastic(rng: np.random.Generator, scale: float, old: Vec3) -> MaterialSpec:
    if rng.uniform() < 0.35:
        return made(rng, "plastic", scale=scale)
    return lacquered(rng, _painted(rng, (0.15, 0.7)), 0.2)


def _stone(rng: np.random.Generator, scale: float, old: Vec3) -> MaterialSpec:
    return made(rng, ("marble", "granite", "terrazzo", "concrete")[int(rng.integers(4))], scale=scale)


LOOKS: dict[Stuff, Look] = {
    "wood": _wood,
    "fabric": _fabric,
    "leather": _leather,
    "metal": _metal,
    "glass": _glass,
    "mirror": _mirror,
    "ceramic": _ceramic,
    "plastic": _plastic,
    "stone": _stone,
}
