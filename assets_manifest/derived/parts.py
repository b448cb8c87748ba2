"""What each part of an asset is made of, as far as names, colours and textures tell.

A part's own names come first (English, French, Spanish and what else modellers write), then what its surface
shows, then what the asset as a whole is. What nothing tells stays `other`, and whoever retextures leaves it
alone.
"""

from __future__ import annotations

import colorsys
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import UnidentifiedImageError

from assets_manifest.derived.store import derived
from assets_manifest.pictures import open_picture
from assets_manifest.records import Asset
from assets_manifest.srgb import srgb_to_linear

if TYPE_CHECKING:
    from assets_manifest.meshes.usd_surfaces import MeshSurface

VERSION = 4
Stuff = Literal[
    "wood",
    "fabric",
    "leather",
    "metal",
    "glass",
    "mirror",
    "ceramic",
    "plastic",
    "paper",
    "plant",
    "stone",
    "screen",
    "other",
]
STUFFS: tuple[Stuff, ...] = get_args(Stuff)
Rgb = tuple[float, float, float]
Face = tuple[float, float, float, float]  # s and t at the lower left, then at the upper right

NO_FACE = (np.nan,) * 4
GLASSY = 0.85  # opacity below which a plain surface is glass
VEILS = ("plastic", "fabric", "other", "plant")  # may let light through and be no glass
LARGE = 0.06  # share of the asset's area from which a part is what the asset is
THUMBNAIL = 32  # pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One mesh of an asset."""

    name: str  # as `PartLook.part` takes it
    stuff: Stuff
    area_m2: float
    colour: Rgb  # linear; the mean of its texture
    textured: bool
    cutout: bool = False  # its texture has holes
    mapped: bool = True  # it has `st_box`: texture coordinates in metres that a new look needs
    face: Face | None = None  # the rectangle of it in `st_box`, seen from outside: where a picture goes


MATERIAL_WORDS: tuple[tuple[Stuff, str], ...] = (  # what names of parts, materials and textures say, in order
    ("fabric", r"lampshade|abat ?jour"),
    ("mirror", r"mirror|miroir|espejo|spejo|spiegel|specchio|door reflect"),
    ("screen", r"screen|[eé]cran|pantalla|display|\blcd\b|\bcrt\b|\btvblack"),
    ("other", r"skin|\bhair|\beyes?\b|eyeball|iris|lips|\bteeth|\bfire\b|flame|water|snow|\bcake|bread|"
              r"banana|burger|chocolat|food|license|headlight|taillight|\bash\b|hole|player|\bball|\brl\b"),
    ("paper", r"paper|papier|papel|\bbooks?\b|livre|libro|label|\bpages?\b|newspaper|cardboard|carton|"
              r"poster|picture|painting|\bphoto|calendar|magazine|\bmat card|dibujo|cuadro"),
    ("plastic", r"plastic|plastique|\bplast|rubber|goma|caoutchouc|vinyl|\bpvc\b|nylon|bakelite|acrylic"),
    ("glass", r"glass|\bglas|verre|vidro|vidrio|cristal|vitre|plexi|transparent|\bbulb"),
    ("leather", r"leather|\bcuir|cuero|piel|\bskai"),
    ("fabric", r"fabric|cloth|textil|tissu|\btela\b|tkan|\bwool|\blaine|linen|cotton|velvet|denim|canvas|"
               r"felt\b|carpet|\brug\b|tapis|moquette|tatami|towel|toalla|curtain|rideau|cortina"),
    ("wood", r"wood|\bbois|madera|madeira|legno|holz|\boak|ch[eê]ne|walnut|noyer|\bpine\b|\bpino|cherry|"
             r"mahag|mahog|beech|h[eê]tre|\bteak|\bmaple|birch|bamboo|rattan|wicker|osier|plank|parquet|"
             r"veneer|venge|wenge|merisier|acajou|fusta|plywood|\bmdf\b|butcherblock"),
    ("metal", r"metal|chrom|krome|cromo|steel|acier|inox|\biron|\bfer\b|hierro|\balu|\balum|brass|laiton|"
              r"bronze|\bgold|silver|argent|copper|cuivre|galvan|nickel|\bzinc|stainless|brushed|\bkov\b"),
    ("ceramic", r"c[eé]rami[cq]|faience|fayence|fa[iï]ence|porcel|\btiles?\b|carrelage|azulejo|enamel"),
    ("stone", r"\bstones?\b|pierre|piedra|marble|marbre|m[aá]rmol|granit|concrete|b[eé]ton|brick|brique|"
              r"\brocks?\b|cement|slate|terrazzo"),
    ("plant", r"\bleaf|leaves|feuille|\bhoja|\bstem|\bstalk|\btige|\btrunk|\bbranch|\btwig|flower|fleur|"
              r"\bflor\b|petal|\bsoil|plant\b|grass|cactus|\bbark|\btree|blatt|blume|\berde\b"),
)  # fmt: skip
THING_WORDS: tuple[tuple[Stuff, str], ...] = (  # what a part is for, where no word says what it is of
    ("fabric", r"cushion|coussin|pillow|mat+ress|matelas|\bsheet|\bdrap|blanket|blanquet|coverlet|couch|sofa|"
               r"futon|duvet|couette|\bseat\b|canap|shade\b|shirt|pants|trousers|upper(?!cab)|umbrella|"
               r"sit\b|armrest|upholst"),
    ("metal", r"handle|hinge|gonds?\b|screw|\block|wire|chain|\btap\b|faucet|robinet|poign|manija|cage|"
              r"radiator|\bpipe|\btube|hook|blade|cutlery|cuttelry|\bsink|burner|grill|rivet|bolt|regulator"),
    ("glass", r"\bpane\b|window(?! frame)|windshield|lens\b"),
    ("stone", r"worktop|counter(?!border)"),
    ("wood", r"cabinet|drawer|shel[fv]|table ?top|cupboard|wardrobe|closet|baluster|handrail|\bdesk|crate|"
             r"pallet|baseboard|armoire|\bboard"),
    ("plastic", r"button|\bkeys?\b|\bkeyboard|cable|socket|plug|switch|wheel|\btires?\b|remote"),
)  # fmt: skip
TITLE_WORDS: tuple[tuple[Stuff, str], ...] = (  # what the whole asset is mostly of
    ("paper", r"\bbooks?\b|newspaper|calendar|magazine|poster|picture|painting|cardboard|\bgift|"
              r"toilet paper|\bcards?\b"),
    ("fabric", r"sofa|couch|armchair|\bbeds?\b|mattress|cushion|pillow|futon|\bpuff|ottoman|curtain|carpet|"
               r"\brug\b|towel|cloth|hammock|sleeping|backpack|teddy|slipper|flag|doormat|bathmat|tatami"),
    ("ceramic", r"toilet|washbasin|bath ?tub|\bbath\b|urinal|bidet|lavatory|\bvase|\bpot\b|\bcup\b|\bmug|"
                r"plate|\bbowl|jacuzzi|shower"),
    ("metal", r"fridge|freezer|\boven|\bhood|dishwasher|washing machine|dryer|radiator|elevator|heater|tap\b|"
              r"faucet|cooker|cutlery|fork|spoon|knife|barbecue|fence|street|propane|tool|screwdriver"),
    ("wood", r"table|desk|cabinet|shel[fv]|bookcase|wardrobe|drawer|dresser|chest|crate|\bdoor|bench|stool|"
             r"chair|piano|stair|sideboard|vanity|cupboard|pallet|bunk|crib|ladder|counter|workbench|window"),
    ("stone", r"fireplace|fountain|sidewalk|chimney|statue|well\b"),
)  # fmt: skip


SHADE_WORDS = (  # of parts of lamps that light comes through or from
    r"shade|abat ?jour|pantalla|lantern$|^lamp$|white lamp|light lamp|lamp inside|multilamps|bulb|bombeta|"
    r"\bemit|fl?uror?escent|\btube|frosted|white glass|milk|opal|cristal blanc"
)
DARK = 0.05  # albedo below which a part lets no light through


@lru_cache(maxsize=4096)
def parts(asset: Asset, path: Path, root: Path) -> tuple[Part, ...]:
    """The parts of the asset (its file is `path`), in its file's order; remembered below `root`.

    Raises MeshError where the file cannot be read.
    """
    kept = derived(asset, root, "parts", VERSION, lambda: _computed(asset, path))
    names = ("names", "stuffs", "areas", "colours", "flags", "faces")
    rows = zip(*(kept[name].tolist() for name in names), strict=True)
    return tuple(
        Part(
            name=name,
            stuff=STUFFS[stuff],
            area_m2=area,
            colour=(colour[0], colour[1], colour[2]),
            textured=bool(flags[0]),
            cutout=bool(flags[1]),
            mapped=bool(flags[2]),
            face=None if np.isnan(face[0]) else (face[0], face[1], face[2], face[3]),
        )
        for name, stuff, area, colour, flags, face in rows
    )


def _computed(asset: Asset, path: Path) -> dict[str, NDArray[np.generic]]:
    from assets_manifest.meshes.usd_surfaces import read_surfaces  # OpenUSD, which composing does without

    return _packed(find_parts(asset, read_surfaces(path)))


def _packed(found: tuple[Part, ...]) -> dict[str, NDArray[np.generic]]:
    return {
        "names": np.array([part.name for part in found], np.str_),
        "stuffs": np.array([STUFFS.index(part.stuff) for part in found], np.int64),
        "areas": np.array([part.area_m2 for part in found], np.float64),
        "colours": np.array([part.colour for part in found], np.float64).reshape(-1, 3),
        "flags": np.array([(part.textured, part.cutout, part.mapped) for part in found], np.bool_).reshape(
            -1, 3
        ),
        "faces": np.array([part.face or NO_FACE for part in found], np.float64).reshape(-1, 4),
    }


def find_parts(asset: Asset, surfaces: tuple[MeshSurface, ...]) -> tuple[Part, ...]:
    """What each of the asset's meshes is."""
    total = sum(surface.area_m2 for surface in surfaces) or 1.0
    found = []
    for surface in surfaces:
        colour = _mean_colour(surface.texture) if surface.texture else surface.colour
        stuff = _stuff(asset, surface, colour, surface.area_m2 / total)
        found.append(
            Part(
                name=surface.name,
                stuff=stuff,
                area_m2=round(surface.area_m2, 6),
                colour=colour,
                textured=surface.texture is not None,
                cutout=surface.cutout,
                mapped=surface.mapped,
                face=surface.face,
            )
        )
    return tuple(found)


def luminous(asset: Asset, found: Iterable[Part]) -> tuple[Part, ...]:
    """The parts of a lamp that glow when it is on: shades, milk glass, bulbs; none of what is no lamp."""
    if "lamp" not in asset.tags:
        return ()
    return tuple(part for part in found if _glows(part))


def _glows(part: Part) -> bool:
    named = re.search(SHADE_WORDS, plain_words(part.name)) is not None and part.stuff != "metal"
    return (named or part.stuff == "fabric") and max(part.colour) > DARK


def _stuff(asset: Asset, surface: MeshSurface, colour: Rgb, share: float) -> Stuff:
    names = plain_words(surface.name, surface.material, surface.texture.stem if surface.texture else "")
    told = _first(MATERIAL_WORDS, names)
    if surface.opacity < GLASSY and not surface.texture and told not in VEILS:
        return "glass"
    if told == "mirror" and "no reflection" in names:
        told = None
    if told == "screen" and "lamp" in asset.tags:
        told = "fabric"  # Spanish says `pantalla` to both
    if told == "glass" and surface.opacity >= GLASSY and surface.texture:
        told = "other"  # a picture of glass
    return told or _first(THING_WORDS, names) or _shown(asset, surface, colour, share)


def _shown(asset: Asset, surface: MeshSurface, colour: Rgb, share: float) -> Stuff:
    """By colour and by what the asset is, where no name tells."""
    if surface.metallic > 0.5:
        return "metal"
    if "plant" in asset.tags and (_is_green(colour) or surface.cutout):
        return "plant"
    if {"character", "vehicle"} & set(asset.tags):
        return "other"
    whole = _first(TITLE_WORDS, asset.title.lower()) if share >= LARGE else None
    if surface.texture:
        return whole if whole in ("wood", "fabric") and _is_plain(surface.texture) else "other"
    if _is_brown(colour):
        return "fabric" if whole == "fabric" else "wood"
    return whole or "plastic"


def named_stuff(name: str) -> Stuff | None:
    """What the name of a material says that it is made of; None where it says nothing."""
    return _first(MATERIAL_WORDS, plain_words(name))


def named_thing(name: str) -> Stuff | None:
    """What a part called so is mostly made of, by what it is for: a tap is metal."""
    return _first(THING_WORDS, plain_words(name))


def plain_words(*names: str) -> str:
    """Names as words in small letters: `part_003_whitePlastic` is `white plastic`."""
    text = " ".join(re.sub(r"(^|/)(part_\d+_|m\d{3}_)", " ", name) for name in names)
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    return re.sub(r"[\W\d_]+", " ", text).lower().strip()


def _first(rules: tuple[tuple[Stuff, str], ...], text: str) -> Stuff | None:
    return next((stuff for stuff, pattern in rules if re.search(pattern, text)), None)


def _hsv(colour: Rgb) -> Rgb:
    red, green, blue = (min(max(c, 0.0), 1.0) ** (1 / 2.2) for c in colour)
    return colorsys.rgb_to_hsv(red, green, blue)


def _is_brown(colour: Rgb) -> bool:
    hue, saturation, value = _hsv(colour)
    return 12 / 360 < hue < 45 / 360 and saturation > 0.25 and 0.15 < value < 0.85


def _is_green(colour: Rgb) -> bool:
    hue, saturation, _ = _hsv(colour)
    return 55 / 360 < hue < 170 / 360 and saturation > 0.2


def _thumbnail(path: Path) -> NDArray[np.float64] | None:
    """(THUMBNAIL, THUMBNAIL, 3) linear colours; None where there is no readable picture."""
    try:
        with open_picture(path) as opened:
            small = opened.convert("RGB").resize((THUMBNAIL, THUMBNAIL))
    except (OSError, UnidentifiedImageError):
        return None
    return srgb_to_linear(np.asarray(small, np.float64) / 255).astype(np.float64)


def _mean_colour(path: Path) -> Rgb:
    seen = _thumbnail(path)
    red, green, blue = (0.18,) * 3 if seen is None else seen.mean(axis=(0, 1)).round(5).tolist()
    return (red, green, blue)


def _is_plain(path: Path) -> bool:
    """Whether a texture shows one material all over, unlike an atlas or a picture."""
    seen = _thumbnail(path)
    if seen is None:
        return False
    quarters = seen.reshape(4, THUMBNAIL // 4, 4, THUMBNAIL // 4, 3).mean(axis=(1, 3)).reshape(16, 3)
    return bool(np.abs(quarters - quarters.mean(axis=0)).max() < 0.06)
