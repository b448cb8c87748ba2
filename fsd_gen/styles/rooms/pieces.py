"""What rooms are furnished with: one `Piece` for an asset of a pack and for what a maker makes alike.

`Cast` knows which assets can play which role. An asset that a user tags with the name of a role plays it too,
whatever it is called. Where a library has nothing for a role, the group does without.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from assets_manifest.library import AssetLibrary
from assets_manifest.made.interior_sizes import STAND_M
from assets_manifest.made.registry import makers
from assets_manifest.records import Asset
from fsd_gen.styles.rooms.roles import ROLES, Role
from fsd_gen.styles.sampler import pick

Size = tuple[float, float, float]
SEEDS = 100_000  # of what is made


@dataclass(frozen=True, slots=True)
class Piece:
    """Something to stand or hang in a room. Front towards -y, standing on z = 0."""

    asset: str  # asset id
    size: Size  # metres
    record: Asset | None = None  # None: made
    top_m: float | None = None  # height of a flat, free top
    globe_m: float = 0.0  # radius of a glowing globe on top

    @property
    def across(self) -> float:
        """Diagonal of its footprint, metres."""
        return float(np.hypot(self.size[0], self.size[1]))


def of_asset(asset: Asset) -> Piece:
    """The piece that an asset is."""
    return Piece(asset.id, asset.size_m or (1.0, 1.0, 1.0), asset, asset.top_m)


def made_id(maker: str, seed: int, *sides_m: float) -> str:
    """Id of a made thing of that size, rounded to whole centimetres."""
    return makers()[maker].asset_id(seed, *(max(1, round(side * 100)) for side in sides_m))


def new_seed(rng: np.random.Generator) -> int:
    """The seed of something that is made."""
    return int(rng.integers(SEEDS))


def _solid(maker: str, rng: np.random.Generator, size: Size, *, top: bool = False) -> Piece:
    width, depth, height = (max(1, round(side * 100)) / 100 for side in size)
    asset = made_id(maker, new_seed(rng), width, depth, height)
    return Piece(asset, (width, depth, height), None, height if top else None)


def shelf(rng: np.random.Generator, highest_m: float = 2.3) -> Piece:
    """A filled bookcase."""
    height = float(rng.uniform(min(0.7, highest_m * 0.8), highest_m))
    return _solid(
        "room_shelf",
        rng,
        (float(rng.uniform(0.5, 1.8)), float(rng.uniform(0.22, 0.4)), height),
        top=height < 1.4,
    )


def rack(rng: np.random.Generator, highest_m: float, longest_m: float) -> Piece:
    """A storage rack with its load."""
    length = float(rng.uniform(min(2.0, longest_m * 0.8), min(longest_m, 6.5)))
    return _solid(
        "room_rack", rng, (length, float(rng.uniform(0.8, 1.2)), float(rng.uniform(0.6, 0.9)) * highest_m)
    )


def pallet(rng: np.random.Generator) -> Piece:
    """A pallet with boxes on it."""
    return _solid("room_pallet", rng, (1.2, float(rng.choice([0.8, 1.0])), float(rng.uniform(0.15, 1.7))))


def carton(rng: np.random.Generator) -> Piece:
    """A cardboard box."""
    width, depth, height = (float(side) for side in rng.uniform(0.18, 0.6, 3))
    return _solid("room_box", rng, (width, depth, height), top=True)


def globe_lamp(rng: np.random.Generator, *, tall: bool) -> Piece:
    """The stand of a lamp; its globe, which is a light, sits on top."""
    height = round(float(rng.uniform(1.1, 1.5) if tall else rng.uniform(0.15, 0.38)), 2)
    radius = round(float(rng.uniform(0.08, 0.16)), 3)
    width = max(STAND_M, 2 * radius)
    size = (width, width, height + 2 * radius)
    return Piece(made_id("room_stand", new_seed(rng), height), size, globe_m=radius)


def books(rng: np.random.Generator) -> Piece:
    """A pile of books."""
    long = float(rng.uniform(0.18, 0.3))
    return _solid("room_books", rng, (long, long * 0.72, float(rng.uniform(0.02, 0.25))))


def book_row(rng: np.random.Generator, most_m: float = 0.6, highest_m: float = 0.32) -> Piece:
    """Books side by side."""
    height = float(rng.uniform(0.6, 1.0)) * min(highest_m, 0.32)
    width = float(rng.uniform(0.3, 1.0)) * most_m
    return _solid("room_book_row", rng, (max(width, 0.05), height * 0.7, height))


def cushion(rng: np.random.Generator, *, leans: bool) -> Piece:
    """A cushion that leans on what is behind it, or one that lies."""
    wide = float(rng.uniform(0.34, 0.55))
    if leans:
        return _solid(
            "room_cushion", rng, (wide, float(rng.uniform(0.22, 0.28)), wide * float(rng.uniform(0.75, 0.95)))
        )
    return _solid(
        "room_cushion", rng, (wide, wide * float(rng.uniform(0.7, 1.0)), float(rng.uniform(0.09, 0.16)))
    )


def folded(rng: np.random.Generator, widest_m: float = 0.7) -> Piece:
    """A blanket, towels or clothes, folded."""
    wide = widest_m * float(rng.uniform(0.45, 1.0))
    return _solid(
        "room_folded", rng, (wide, wide * float(rng.uniform(0.6, 0.85)), float(rng.uniform(0.03, 0.16)))
    )


def cloth(rng: np.random.Generator, widest_m: float = 0.8) -> Piece:
    """A blanket or a piece of clothing as it was dropped."""
    wide = widest_m * float(rng.uniform(0.5, 1.0))
    return _solid(
        "room_cloth", rng, (wide, wide * float(rng.uniform(0.6, 1.0)), wide * float(rng.uniform(0.12, 0.24)))
    )


@dataclass(slots=True)
class Cast:
    """Who can play which role in a library."""

    library: AssetLibrary

    def pieces(self, name: str) -> tuple[Piece, ...]:
        """Everything that can play the role, in a fixed order; may be empty."""
        return _players(self.library, name)

    def one(
        self, rng: np.random.Generator, *names: str, fits: Callable[[Piece], bool] = lambda _: True
    ) -> Piece | None:
        """One piece for one of these roles; None where nobody fits."""
        candidates = [piece for name in names for piece in self.pieces(name) if fits(piece)]
        return pick(rng, candidates) if candidates else None


@lru_cache(maxsize=512)  # a worker has one library, unless weights thin it out anew for each scene
def _players(library: AssetLibrary, name: str) -> tuple[Piece, ...]:
    role = ROLES[name]
    found = (a for a in library.select("object") if a.size_m and _plays(a, name, role))
    return tuple(map(of_asset, found))


def _plays(asset: Asset, name: str, role: Role) -> bool:
    tags, title = set(asset.tags), asset.title or asset.id.rpartition("/")[2].replace("_", " ")
    suits = name in tags
    if role.titles:
        suits |= bool(re.search(role.titles, title, re.IGNORECASE)) and role.tags <= tags
    else:
        suits |= role.tags <= tags
    unsuited = bool(role.without & tags) or bool(role.never and re.search(role.never, title, re.IGNORECASE))
    return (
        suits
        and not unsuited
        and all(lo <= s <= hi for s, (lo, hi) in zip(asset.size_m or (), role.size, strict=True))
    )
