"""What an MTL material looks like as a UsdPreviewSurface.

MTL files say how a Phong highlight is drawn, not what a thing is made of: chrome is a grey with a bright
highlight there. So names speak first (see `assets_manifest.derived.parts`), then the highlight: it tells bare
metal from painted, and how rough a surface is, within what its stuff can be.
"""

from __future__ import annotations

import colorsys
import re

import numpy as np

from assets_manifest.derived.parts import GLASSY, Stuff, named_stuff, named_thing, plain_words
from assets_manifest.meshes.load import MtlMaterial, phong_roughness
from assets_manifest.meshes.parts import Surface
from assets_manifest.meshes.textures import ObjectTexture
from assets_manifest.srgb import srgb_to_linear

Rgb = tuple[float, float, float]
Range = tuple[float, float]

MIN_ROUGHNESS = 0.08
MIRROR_ROUGHNESS = 0.02
MATT = 0.02  # specular colour below which there is no highlight
EXPORTED = (0.5, 96.078)  # Ks and Ns that Blender writes where nobody chose any
UNKNOWN_ROUGHNESS = 0.5
ROUGHNESS: dict[Stuff, Range] = {  # what a stuff can be
    "wood": (0.3, 0.75),
    "fabric": (0.75, 1.0),
    "leather": (0.35, 0.65),
    "metal": (0.15, 0.5),
    "glass": (MIN_ROUGHNESS, 0.1),  # what is rougher is frosted
    "ceramic": (MIN_ROUGHNESS, 0.25),
    "plastic": (0.2, 0.7),
    "paper": (0.55, 1.0),
    "plant": (0.4, 0.85),
    "stone": (0.2, 0.9),
    "screen": (MIN_ROUGHNESS, 0.15),
}

BARE: tuple[tuple[str, Rgb], ...] = (  # metals by name; linear reflectance along the normal
    (r"\bgold|\bdor[eé]e?\b", (1.0, 0.71, 0.29)),
    (r"brass|laiton", (0.89, 0.75, 0.45)),
    (r"bronze", (0.71, 0.53, 0.33)),
    (r"copper|cuivre|cobre", (0.95, 0.64, 0.54)),
    (r"silver|argent", (0.95, 0.93, 0.88)),
    (r"\balu|\balum", (0.91, 0.92, 0.92)),
    (r"chrom|krome|cromo", (0.68, 0.68, 0.69)),
    (r"steel|acier|inox|stainless|nickel|galvan|\bzinc", (0.62, 0.61, 0.59)),
)
POLISHED = r"chrom|krome|cromo|polish"
PAINTED = r"paint|black|white|noir|blanc|negro|\b(red|green|vert|blue|bleu|azul|beige|yellow|pink|dark)\b"
FROSTED, FROSTED_ROUGHNESS = r"frost|\bmat", 0.4
MILKY = r"white|blanc|opal|lait|milk|frost|mat+e?\b|bulb|black|dark|smok|negro|noir"
CAR_PAINT = r"paint|first ?color|color exterior|chapa|^car$|car ?body|carros"
WARM = (15 / 360, 65 / 360)  # hues of gold, brass and copper
GENERIC_LEVEL = (0.45, 0.85)  # luminance that a metal without a name reflects
MIRROR: Rgb = (0.9, 0.9, 0.9)
PANE_OPACITY = 0.18
DARK_GLASS = 0.4  # display value below which glass is tinted on purpose


def surface_of(material: MtlMaterial, texture: ObjectTexture | None, *, vehicle: bool = False) -> Surface:
    """UsdPreviewSurface inputs of an MTL material. Its colours are display colours: they become linear."""
    stuff = stuff_of(material, textured=texture is not None)
    veil = 1.0 if texture is None or texture.mean_alpha is None else texture.mean_alpha
    coated = vehicle and re.search(CAR_PAINT, plain_words(material.name)) is not None
    return Surface(
        name=material.name or "default",
        color=_colour(material, stuff),
        color_texture=texture.name if texture else None,
        roughness=roughness_of(material, stuff),
        metallic=1.0 if stuff in ("metal", "mirror") else 0.0,
        opacity=float(np.clip(_opacity(material, stuff, texture is not None) * veil, 0, 1)),
        cutout=bool(texture and texture.cutout),
        clearcoat=1.0 if coated else 0.0,
    )


def stuff_of(material: MtlMaterial, *, textured: bool) -> Stuff | None:
    """What it is made of; `metal` for bare metal alone, `mirror` for what mirrors. None: nothing tells."""
    told = named_stuff(material.name)
    if told == "mirror":
        return "mirror" if not textured and _mirrors(material) else None
    if told == "metal":
        return "metal" if _is_bare(material) else "plastic"
    if told is None and not textured:
        return "glass" if material.opacity < GLASSY else "metal" if _is_fitting(material) else None
    return told


def _mirrors(material: MtlMaterial) -> bool:
    return _value(material) >= 0.15 or named_metal(material) is not None


def named_metal(material: MtlMaterial) -> Rgb | None:
    """Reflectance of the metal that its name says; None for `metal` and the like."""
    words = plain_words(material.name)
    return next((colour for pattern, colour in BARE if re.search(pattern, words)), None)


def _is_bare(material: MtlMaterial) -> bool:
    """Whether a metal shows itself and no paint."""
    if re.search(PAINTED, plain_words(material.name)):
        return False
    if named_metal(material):
        return True
    glossy, value = max(material.specular), _value(material)
    hue, saturation, _ = colorsys.rgb_to_hsv(*_clipped(material.diffuse))
    coloured = saturation > 0.3 and not WARM[0] <= hue <= WARM[1]
    blackened, enamelled = value < 0.12 and glossy < 0.8, value > 0.85 and glossy < 0.4
    return glossy >= 0.05 and not (coloured or blackened or enamelled)


def _is_fitting(material: MtlMaterial) -> bool:
    """Whether it is a tap, a handle, a lamp's reflector ... as grey and as glossy as metal is."""
    fitting = named_thing(material.name) == "metal" or "reflector" in plain_words(material.name)
    grey = float(np.ptp(_clipped(material.diffuse))) < 0.12 and 0.25 < _value(material) < 0.97
    solid = material.opacity > 0.98
    return fitting and grey and solid and max(material.specular) >= 0.3 and _is_bare(material)


def roughness_of(material: MtlMaterial, stuff: Stuff | None) -> float:
    """0..1, from the highlight, within what the stuff can be."""
    if stuff == "mirror":
        return MIRROR_ROUGHNESS
    words = plain_words(material.name)
    if stuff == "metal" and re.search(POLISHED, words) and not re.search(r"mat|brush", words):
        return 0.1
    if stuff == "glass" and re.search(FROSTED, words):
        return FROSTED_ROUGHNESS
    low, high = ROUGHNESS.get(stuff, (MIN_ROUGHNESS, 1.0)) if stuff else (MIN_ROUGHNESS, 1.0)
    if _nobody_chose(material):
        return (low + high) / 2 if stuff in ROUGHNESS else UNKNOWN_ROUGHNESS
    matt = max(material.specular) < MATT
    return float(np.clip(0.9 if matt else phong_roughness(material.shininess), low, high))


def _nobody_chose(material: MtlMaterial) -> bool:
    level, exponent = EXPORTED
    return (
        all(abs(channel - level) < 1e-3 for channel in material.specular)
        and abs(material.shininess - exponent) < 1e-2
    )


def _colour(material: MtlMaterial, stuff: Stuff | None) -> Rgb:
    if stuff == "mirror":
        return MIRROR
    red, green, blue = srgb_to_linear(np.array(_clipped(material.diffuse))).tolist()
    if stuff != "metal":
        return (red, green, blue)
    if named := named_metal(material):
        return named
    level = max(0.2126 * red + 0.7152 * green + 0.0722 * blue, 1e-3)
    gain = float(np.clip(level, *GENERIC_LEVEL)) / level
    red, green, blue = (min(channel * gain, 1.0) for channel in (red, green, blue))
    return (red, green, blue)


def _opacity(material: MtlMaterial, stuff: Stuff | None, textured: bool) -> float:
    """Clear panes are clear: files make them milky, for want of reflections to show that they are there."""
    clear = float(np.ptp(_clipped(material.diffuse))) < 0.45 and _value(material) >= DARK_GLASS
    pane = stuff == "glass" and not textured and not re.search(MILKY, plain_words(material.name))
    if not (pane and clear) or max(material.specular) < 0.3:
        return material.opacity
    return min(material.opacity, PANE_OPACITY)


def _value(material: MtlMaterial) -> float:
    """Brightness of the diffuse colour, as displayed."""
    return max(_clipped(material.diffuse))


def _clipped(colour: Rgb) -> Rgb:
    red, green, blue = np.clip(colour, 0.0, 1.0).tolist()
    return (red, green, blue)
