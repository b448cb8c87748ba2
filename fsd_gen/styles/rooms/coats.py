"""What made things of rooms are coated with, part by part: grain that runs as boards are cut, cloth, pile."""

from __future__ import annotations

import numpy as np

from fsd_gen.scene.spec import MaterialSpec, PartLook, Vec2
from fsd_gen.styles import materials
from fsd_gen.styles.rooms import finishes
from fsd_gen.styles.sampler import pick

GRAINED = 0.6  # of the bookcases show their grain; the others are painted
WOODEN = 0.4  # of the doors
CLOTHS = ("weave", "weave", "weave", "weave", "knit", "knit", "knit", "printed_cloth")


def coat(rng: np.random.Generator, asset: str) -> tuple[PartLook, ...]:
    """Looks for parts of a made thing; none where its own are right."""
    if "/room_shelf." in asset and rng.uniform() < GRAINED:
        return grained(rng, upright=("part_000_back", "part_001_upright"), level=("part_002_board",))
    if any(f"/room_{name}." in asset for name in ("cushion", "folded", "cloth")):
        return (PartLook(part="part_000_cloth", material=materials.made(rng, pick(rng, CLOTHS), spin=True)),)
    return ()


def door(rng: np.random.Generator) -> tuple[PartLook, ...]:
    """Grain for the doors of a room, or none: then they are painted."""
    upright = ("part_000_frame", "part_001_leaf")
    return grained(rng, upright=upright) if rng.uniform() < WOODEN else ()


def grained(
    rng: np.random.Generator, *, upright: tuple[str, ...], level: tuple[str, ...] = ()
) -> tuple[PartLook, ...]:
    """One wood, its grain along x on level parts and along z on upright ones."""
    wood = materials.made(rng, "veneer")
    up = wood.but(uv_rotation_deg=90.0)
    return tuple(
        PartLook(part=part, material=material)
        for parts, material in ((upright, up), (level, wood))
        for part in parts
    )


def rug(rng: np.random.Generator, size: Vec2) -> tuple[PartLook, ...]:
    """The pile of a made rug of that size."""
    pile: MaterialSpec = finishes.rug(rng, size)
    whole = "/rug/" in (pile.texture or "")
    return (PartLook(part="part_000_pile", material=pile.but(uv_offset=(0.5, 0.5)) if whole else pile),)
