"""Which assets a scene may draw from, by the config: objects of some packs only, and weights.

Weights thin the library out, anew for each attempt: an asset stays with the probability of its weight over
the largest one of its kind. Whoever then picks evenly from what is left picks by weight, in every style.
Without settings nothing is thinned and no random number is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

from assets_manifest.library import AssetLibrary
from assets_manifest.records import Asset
from fsd_gen.scene.slots import SlotKey, stable_hash
from fsd_gen.sections import TAG_WEIGHT, AssetsConfig, ConfigError


def chosen_library(library: AssetLibrary, assets: AssetsConfig, seed: int, key: SlotKey) -> AssetLibrary:
    """The library as this attempt sees it."""
    if not assets.objects_from and not assets.weights:
        return library
    largest: dict[str, float] = {}
    for asset in library:
        if _is_wanted(asset, assets):
            largest[asset.kind] = max(largest.get(asset.kind, 0.0), weight(asset, assets.weights))
    start = ("weights", seed, key.slot, key.attempt)

    def stays(asset: Asset) -> bool:
        weighs, most = weight(asset, assets.weights), largest.get(asset.kind, 0.0)
        if weighs == 0 or not _is_wanted(asset, assets):
            return False
        return weighs >= most or stable_hash(*start, asset.id) / 2**128 < weighs / most

    return library.choosing(stays)


def may_come(asset: Asset, assets: AssetsConfig) -> bool:
    """Whether scenes may draw it at all."""
    return _is_wanted(asset, assets) and weight(asset, assets.weights) > 0


def _is_wanted(asset: Asset, assets: AssetsConfig) -> bool:
    return asset.kind != "object" or not assets.objects_from or _pack(asset) in assets.objects_from


def weight(asset: Asset, weights: Mapping[str, float]) -> float:
    """The product of what its pack and its tags weigh."""
    product = weights.get(_pack(asset), 1.0)
    for tag in asset.tags:
        product *= weights.get(f"{TAG_WEIGHT}{tag}", 1.0)
    return product


def check_choice(library: AssetLibrary, assets: AssetsConfig) -> None:
    """Raises ConfigError for a tag that no asset has, and where no object is left."""
    objects = [asset for asset in library if asset.kind == "object"]
    tags = {tag for asset in library for tag in asset.tags}
    for name in assets.weights:
        if name.startswith(TAG_WEIGHT) and (tag := name.removeprefix(TAG_WEIGHT)) not in tags:
            known = {each for asset in objects for each in asset.tags}
            raise ConfigError(f"assets.weights: no asset has the tag {tag!r}{_tags_instead(tag, known)}")
    if assets.objects_from and not any(_pack(asset) in assets.objects_from for asset in objects):
        raise ConfigError(f"assets.objects_from: {list(assets.objects_from)} hold no object")
    if objects and not any(weight(asset, assets.weights) > 0 for asset in objects):
        raise ConfigError("assets.weights: every object weighs 0; give one a weight above 0")


def _tags_instead(tag: str, known: set[str]) -> str:
    """The nearest tag and all of objects; of short words only one that differs by a letter or so is near."""
    close = get_close_matches(tag, sorted(known), n=1, cutoff=0.75)
    meant = f"did you mean {close[0]!r}? " if close else ""
    return f"; {meant}objects have {', '.join(sorted(known)) or 'none'}"


def _pack(asset: Asset) -> str:
    return asset.id.partition("/")[0]
