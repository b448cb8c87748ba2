"""What of the packs a style cannot make scenes without: asked before a run begins, not by its workers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from assets_manifest.records import Asset, AssetKind


@dataclass(frozen=True, slots=True)
class Need:
    """One asset of some sort, at the least."""

    what: str  # for people
    is_met_by: Callable[[Asset], bool]


def _of_kind(what: str, kind: AssetKind) -> Need:
    return Need(what, lambda asset: asset.kind == kind)


OBJECT = _of_kind("object", "object")
TEXTURE = _of_kind("texture", "texture")
PANORAMA = _of_kind("panorama of a sky (hdri)", "hdri")
