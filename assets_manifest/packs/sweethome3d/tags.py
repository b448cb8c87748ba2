"""Tags of catalogue furniture: what it is, which room it belongs to, and how it may be placed.

Where: `indoor`, `outdoor`; rooms `living`, `kitchen`, `bedroom`, `bathroom`, `office`.
How: exactly one of `floor`, `wall`, `ceiling`, `tabletop` for indoor things, `rug` beside `floor` for flat
ones, `flat` for outdoor things that lie on the ground (road markings, parking slots); `support` for what has
a free flat top, at `top_m`, to put a `tabletop` thing on.
What: `character`, `vehicle`, `door_window`, `lamp`, `seat`, `table`, `bed`, `plant`, `glass`, `textured`,
and `fixture` for switches, sockets and the like, too flat and small to be worth a place in most scenes.
"""

from __future__ import annotations

import re

import numpy as np

from assets_manifest.meshes.flat_tops import FlatTop
from assets_manifest.meshes.parts import MeshPart, triangle_areas
from assets_manifest.packs.sweethome3d.catalogue import CatalogueModel

ROOM_OF_CATEGORY = {
    "Living room": ("living",),
    "Kitchen": ("kitchen",),
    "Bedroom": ("bedroom",),
    "Bathroom": ("bathroom",),
    "Office": ("office",),
}
KIND_OF_CATEGORY = {
    "Characters": ("character",),
    "Vehicles": ("vehicle", "outdoor"),
    "Exterior": ("outdoor",),
    "Doors and windows": ("door_window",),
    "Staircases": ("staircase",),
}
TABLETOP_MAX_M = 0.6
SUPPORT_HEIGHT_M = (0.25, 1.3)
SUPPORT_MIN_AREA_M2 = 0.06
SUPPORT_MIN_SIDE_M = 0.2
GLASS_OPACITY = 0.85
FLAT_HEIGHT_M = 0.05

CEILING = r"ceiling|chandelier|pendant lamp|hanging light|fluorescent|track lights|smoke detector"
OUTDOOR = r"park light|street|lamppost|outdoor lamp|porch light|fence|railing|mower|container"
FIXTURE = r"socket|switch|plug\b|entry bell|entry speech|intercom|number lock|smoke detector"
WALL = (
    r"^wall|emergency sign|upper .*cabinet|glass door cabinet|hood|towel rack|toilet paper|cuckoo clock|"
    r"frame |mirror|radiator|"
    r"dart game|window blind|curtain|water heater|internal unit|surveillance|cctv|porch light|"
    r"extinguisher|shower head|washbasin|lavatory|urinal|wall hanger|boiler|thermometer"
)
FLOOR = (
    r"chair|stool|bench|sofa|couch|armchair|ottoman|puff|bed\b|crib|toilet(s| unit| brush)|bidet|potty|"
    r"dustbin|trash|bin\b|table$|carpet|rug\b|mat\b|doormat|tatami|broom|barrel|crate|pallet|suitcase|trunck|"
    r"speaker|clothes basket|shopping basket|ladder|cone|wood logs|backpack|rocking horse|class seat|"
    r"pedestal|radiator|air mattress|"
    r"sleeping bag|fireplace|cardboard box|doll house|safe|shoes|slippers|filing|^oven"
)
RUG = r"carpet|rug\b|bathmat|doormat|tatami"
SEAT = r"chair|sofa|couch|stool|\b(?<!abdominal )bench|seat\b|puff|ottoman|futon"
TABLE = r"table\b(?! (fan|tennis bat))|desk(?! lamp)|island(?! bath)|workbench"
BED = r"\bbed\b|crib|futon$|mattress|bunk"
PLANT = (
    r"plant|\btree|flower|ficus|bamboo|cactus|tulip|lily|orchid|yucca|spathiphyllum|bush|hedge|acacia|beech|"
    r"cypress|maple|palm|pine|poplar|blossom|bonsai"
)
SUPPORT = (
    r"table|desk(?! lamp)|cabinet|dresser|drawers|sideboard|shelves|bookcase|island|bedside|stand$|workbench|"
    r"cupboard|\bchest|vanity|counter|trunck|crate|barrel|box$|bench|stool|washing machine|dryer"
)
NO_SUPPORT = (
    r"upper|wall|tennis bat|\bfan|football|pool table|lamp|changing|glass door|freezer|knife|spice|full|"
    r"upright|bath"
)
NO_TABLETOP = r"shower|radiator|toilet|curtain|basin|hood|vehicle|railing|fence|chimney|clothes rack|tatami"


def tags_of(model: CatalogueModel, parts: list[MeshPart], top: FlatTop | None) -> tuple[str, ...]:
    """All tags of a converted model, sorted."""
    tags = {*_kind_tags(model), *_look_tags(model, parts)}
    if not tags & {"outdoor", "character", "vehicle", "door_window", "staircase"}:
        tags |= {"indoor", *ROOM_OF_CATEGORY.get(model.category, ())}
        tags |= _role_tags(model)
    if "indoor" in tags and is_support(model, top):
        tags.add("support")
    return tuple(sorted(tags))


def is_support(model: CatalogueModel, top: FlatTop | None) -> bool:
    """Whether things may be put on the model: by name, by catalogue and by the measured free top."""
    if top is None or model.drop_on_top_m is None or not _says(model, SUPPORT) or _says(model, NO_SUPPORT):
        return False
    x0, y0, x1, y1 = top.rect_m
    low, high = SUPPORT_HEIGHT_M
    wide_enough = min(x1 - x0, y1 - y0) >= SUPPORT_MIN_SIDE_M and top.area_m2 >= SUPPORT_MIN_AREA_M2
    return low <= top.height_m <= high and wide_enough


def _kind_tags(model: CatalogueModel) -> set[str]:
    tags = set(KIND_OF_CATEGORY.get(model.category, ()))
    if model.door_or_window:
        tags.add("door_window")
    if model.light:
        tags.add("lamp")
    if _says(model, OUTDOOR):
        tags.add("outdoor")
    patterns = {"seat": SEAT, "table": TABLE, "bed": BED, "plant": PLANT, "fixture": FIXTURE}
    for tag, pattern in patterns.items():
        if _says(model, pattern):
            tags.add(tag)
    if "outdoor" in tags and model.height_m < FLAT_HEIGHT_M:
        tags.add("flat")
    return tags - {"seat", "table"} if "vehicle" in tags or "lamp" in tags else tags


def _look_tags(model: CatalogueModel, parts: list[MeshPart]) -> set[str]:
    areas = {
        part.name: float(triangle_areas(part.points_n3[part.triangles_f3].astype(np.float64)).sum())
        for part in parts
    }
    total = sum(areas.values())
    tags = set()
    if sum(areas[part.name] for part in parts if part.surface.opacity < GLASS_OPACITY) > 0.01 * total:
        tags.add("glass")
    if sum(areas[part.name] for part in parts if part.surface.color_texture) > 0.2 * total:
        tags.add("textured")
    return tags


def _role_tags(model: CatalogueModel) -> set[str]:
    if _says(model, CEILING) or (model.light and model.elevation_m > 1.5 and not _says(model, r"wall|porch")):
        return {"ceiling"}
    if _says(model, RUG):
        return {"floor", "rug"}
    if _says(model, WALL) or (model.elevation_m > 0.3 and not model.light) or _says(model, FIXTURE):
        return {"wall"}
    small = max(model.width_m, model.depth_m, model.height_m) <= TABLETOP_MAX_M
    if small and not _says(model, FLOOR) and not _says(model, NO_TABLETOP):
        return {"tabletop"}
    return {"floor"}


def _says(model: CatalogueModel, pattern: str) -> bool:
    return re.search(pattern, model.name.lower()) is not None
