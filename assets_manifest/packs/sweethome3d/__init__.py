"""Pack `sweethome3d`: the 820 furniture models of Sweet Home 3D, as USD.

Source: the Debian package `sweethome3d-furniture` (CC0 and CC-BY 3.0 models by many authors). It is
downloaded with apt, without root; its libraries are zip files with one catalogue each. A model that would do
harm in a scene is left out, with the reason in `pack.yaml`.
"""

from __future__ import annotations

from pathlib import Path

from assets_manifest.library import Pack
from assets_manifest.packs.sweethome3d.identity import NAME, VERSION
from assets_manifest.progress import Progress
from assets_manifest.registry import PackRecipe


def _build(folder: Path, scratch: Path, on_progress: Progress, *, allow_partial: bool) -> Pack:
    from assets_manifest.packs.sweethome3d.pack import build

    return build(folder, scratch, on_progress)


RECIPE = PackRecipe(
    name=NAME,
    version=VERSION,
    about="some 800 pieces of furniture, plants, people and vehicles; 120 MB through apt, some minutes",
    build=_build,
)
