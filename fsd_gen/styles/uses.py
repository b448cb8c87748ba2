"""Which styles draw each object of the packs, in which roles, and why some are never drawn.

    found = uses(open_library(["builtin"]))
    found["builtin/sofa"]        # "flying, mixed, environment; rooms: sofa"

Every place at which a style chooses objects has its line here; a test composes scenes of every style and
finds no object where this does not say it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from assets_manifest.library import AssetLibrary
from assets_manifest.records import Asset
from fsd_gen.config import load_config
from fsd_gen.scene.slots import SlotKey
from fsd_gen.styles import dropped, flying, mixed
from fsd_gen.styles.compose import sampler_of
from fsd_gen.styles.heaps.piles import small_things
from fsd_gen.styles.heaps.workplace import NO_TABLE
from fsd_gen.styles.navigation import CONES
from fsd_gen.styles.outdoors.crowd import people
from fsd_gen.styles.outdoors.place import is_loose
from fsd_gen.styles.outdoors.vehicles import cycles, vehicles
from fsd_gen.styles.rooms.backdrop import UNSUITED
from fsd_gen.styles.rooms.pieces import Cast
from fsd_gen.styles.rooms.roles import ROLES
from fsd_gen.styles.sampler import AnySampler, StyleConfig

NEVER = "never drawn: "
REASONS = {  # tag: why no style draws what only styles without such a tag could
    "door_window": "rooms and houses make doors and windows to the measure of their walls",
    "flat": "a marking without thickness, which roads make for themselves",
}
NO_SIZE = "its record has no size"
NOBODY = "no style has a role for it"


def uses(library: AssetLibrary) -> dict[str, str]:
    """For each object of the library: what draws it, or "never drawn: " and the reason."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for asset_id, style, role in _chosen(_sampler(library)):
        found[asset_id][style].append(role)
    return {asset.id: _told(asset, found.get(asset.id, {})) for asset in library if asset.kind == "object"}


def _told(asset: Asset, styles: dict[str, list[str]]) -> str:
    if not styles:
        return f"{NEVER}{_reason(asset)}"
    freely = ", ".join(style for style, roles in styles.items() if not any(roles))
    places = [f"{style}: {', '.join(sorted(set(roles)))}" for style, roles in styles.items() if any(roles)]
    return "; ".join(filter(None, (freely, *places)))


def _reason(asset: Asset) -> str:
    if not asset.size_m:
        return NO_SIZE
    return next((why for tag, why in REASONS.items() if tag in asset.tags), NOBODY)


def _chosen(sampler: AnySampler) -> Iterator[tuple[str, str, str]]:
    """Asset, style and role (none: wherever there is room)."""
    freely = {"flying": flying.UNUSABLE, "mixed": mixed.UNUSABLE, "environment": dropped.UNSUITED}
    for style, without in freely.items():
        yield from (
            (asset.id, style, "") for asset in sampler.assets("object", without=without) if asset.size_m
        )
    cast = Cast(sampler.library)
    for role in ROLES:
        yield from ((piece.asset, "rooms", role.replace("_", " ")) for piece in cast.pieces(role))
    for (style, role), assets in _pools(sampler).items():
        yield from ((asset.id, style, role) for asset in assets)


def _pools(sampler: AnySampler) -> dict[tuple[str, str], tuple[Asset, ...]]:
    """By style and role."""
    every = sampler.assets("object")
    return {
        ("streets", "vehicle"): tuple(vehicles(sampler)),
        ("streets", "cycle"): tuple(cycles(sampler)),
        ("streets", "person"): people(sampler),
        ("outdoor", "loose thing"): tuple(filter(is_loose, every)),
        ("navigation", "person"): people(sampler) or sampler.assets("object", "character"),
        ("navigation", "cone"): tuple(a for a in every if any(name in a.id for name in CONES)),
        ("manipulation", "small thing"): small_things(sampler),
        ("manipulation", "table"): sampler.assets("object", "support", without=NO_TABLE),
        ("manipulation", "furniture behind"): sampler.assets("object", "floor", "indoor", without=UNSUITED),
    }


def _sampler(library: AssetLibrary) -> AnySampler:
    """One that has all the assets; nothing random is asked of it."""
    return sampler_of(load_config("fsd"), library, SlotKey(slot=0), style=StyleConfig(), stratum="")
