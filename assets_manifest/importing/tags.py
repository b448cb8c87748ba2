"""Tags of imported objects: what the user says, and a guess from name, size and shape for what is not said.

Styles place an object by its role (`floor`, `tabletop`, `wall`, `ceiling`, `outdoor` ...; the vocabulary is
that of `packs.sweethome3d.tags`): without one it only ever flies.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

import numpy as np

from assets_manifest.meshes.flat_tops import FlatTop, find_flat_top
from assets_manifest.meshes.parts import MeshPart, triangle_areas
from assets_manifest.packs.sweethome3d import tags as vocabulary

ROLES = frozenset(
    "floor tabletop wall ceiling rug outdoor flat vehicle character door_window staircase".split()
)
KINDS = frozenset("bed character fixture glass indoor lamp plant seat support table textured vehicle".split())
PLACED_INDOORS = frozenset("floor tabletop wall ceiling rug".split())
NEAR = 0.75  # likeness of a tag that was probably meant: words are short, and a letter or so apart
TAG = re.compile(r"[a-z0-9_]{1,40}")
VEHICLE = (
    r"\b(car|truck|van|bus|lorry|motorbike|motorcycle|bicycle|bike|tram|train|scooter|tractor|suv|sedan)s?\b"
)
CHARACTER = r"\b(man|woman|person|people|human|boy|girl|child|pedestrian|character)s?\b"
DOOR_WINDOW = r"\b(door|window)s?\b"
LAMP = r"lamp|\blight\b|lantern|chandelier"
TREE = r"\btrees?\b|bush|hedge|palm|pine|cypress|acacia|beech"
TABLETOP_MAX_M = 0.6
INDOOR_MAX_M = 4.0
FLAT_M = 0.05


def _words(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])|[_\-./0-9]+", " ", name).lower().strip()


def guess(name: str, size_m: tuple[float, float, float]) -> set[str]:
    """Tags for an object that nobody described: at least one role."""
    words = _words(name)
    kinds = _kinds(words)
    tags = kinds | (kinds & ROLES or _role(words, size_m, kinds))
    return tags | ({"indoor"} if tags & PLACED_INDOORS and "outdoor" not in tags else set())


def says_support(name: str, tags: Iterable[str]) -> bool:
    """Whether things are put down on what is called so."""
    words = _words(name)
    unfit = set(tags) & {"seat", "bed", "vehicle", "character", "plant", "lamp", "wall"}
    named = re.search(vocabulary.SUPPORT, words) and not re.search(vocabulary.NO_SUPPORT, words)
    return not unfit and ("table" in tags or bool(named))


def looks(parts: list[MeshPart]) -> set[str]:
    """What the surfaces say: `glass`, `textured`."""
    areas = [float(triangle_areas(p.points_n3[p.triangles_f3].astype(np.float64)).sum()) for p in parts]
    total = max(sum(areas), 1e-12)
    clear = sum(area for part, area in zip(parts, areas, strict=True) if part.surface.opacity < 0.85)
    covered = sum(area for part, area in zip(parts, areas, strict=True) if part.surface.color_texture)
    return {name for name, share in (("glass", clear / total), ("textured", covered / total)) if share > 0.05}


def free_top(parts: list[MeshPart], size_m: tuple[float, float, float]) -> FlatTop | None:
    """A level free rectangle as high and large as that of a table, where there is one."""
    if min(size_m) < 0.002:
        return None
    top = find_flat_top(parts)
    if top is None:
        return None
    x0, y0, x1, y1 = top.rect_m
    low, high = vocabulary.SUPPORT_HEIGHT_M
    wide = (
        min(x1 - x0, y1 - y0) >= vocabulary.SUPPORT_MIN_SIDE_M
        and top.area_m2 >= vocabulary.SUPPORT_MIN_AREA_M2
    )
    return top if wide and low <= top.height_m <= high else None


def _kinds(words: str) -> set[str]:
    patterns = {
        "vehicle": VEHICLE,
        "character": CHARACTER,
        "lamp": LAMP,
        "seat": vocabulary.SEAT,
        "table": vocabulary.TABLE,
        "bed": vocabulary.BED,
        "plant": vocabulary.PLANT,
        "rug": vocabulary.RUG,
        "fixture": vocabulary.FIXTURE,
    }
    kinds = {tag for tag, pattern in patterns.items() if re.search(pattern, words)}
    if re.search(DOOR_WINDOW, words) and not kinds:
        kinds.add("door_window")
    if kinds & {"vehicle"} or re.search(vocabulary.OUTDOOR, words):
        kinds.add("outdoor")
    return kinds | ({"floor"} if "rug" in kinds else set())


def _role(words: str, size_m: tuple[float, float, float], kinds: set[str]) -> set[str]:
    longest, height = max(size_m), size_m[2]
    if longest > INDOOR_MAX_M or (re.search(TREE, words) and height > 2.5):
        return {"outdoor"} | ({"flat"} if height < FLAT_M else set())
    for role in ("ceiling", "wall"):
        if re.search({"ceiling": vocabulary.CEILING, "wall": vocabulary.WALL}[role], words):
            return {role}
    if longest <= TABLETOP_MAX_M and not re.search(vocabulary.FLOOR, words):
        return {"tabletop"}
    return {"floor"}


def of_no_style(tags: Iterable[str]) -> str:
    """What to say of tags that no style asks for, in one line; "" where there are none."""
    own = sorted(set(tags) - ROLES - KINDS)
    if not own:
        return ""
    near = {tag: get_close_matches(tag, sorted(ROLES | KINDS), n=1, cutoff=NEAR) for tag in own}
    meant = "".join(f" Did you mean {found[0]} by {tag}?" for tag, found in near.items() if found)
    return (
        f"{', '.join(own)}: of your own, for `assets.weights`.{meant} Styles know the places "
        f"{', '.join(sorted(ROLES))}, and the kinds {', '.join(sorted(KINDS - ROLES))}."
    )


def checked(tags: Sequence[str]) -> tuple[str, ...]:
    """The user's tags, sorted. Raises ValueError for one that is none."""
    for tag in tags:
        if not TAG.fullmatch(tag):
            raise ValueError(f"expected tags of small letters, digits and _, got {tag!r:.60}")
    return tuple(sorted(set(tags)))
