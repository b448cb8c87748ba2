"""Pack `builtin`: made on the spot from nothing but code, the same bytes every time.

Textures, normal maps, skies and some eighty objects: enough for varied, well-matchable scenes without a
download. The pack is dedicated to the public domain (CC0-1.0).
"""

from __future__ import annotations

from pathlib import Path

from assets_manifest.library import Pack
from assets_manifest.packs.builtin.identity import NAME, VERSION
from assets_manifest.progress import Progress
from assets_manifest.registry import PackRecipe


def _build(folder: Path, scratch: Path, on_progress: Progress, *, allow_partial: bool) -> Pack:
    from assets_manifest.packs.builtin.pack import build

    return build(folder, on_progress)


RECIPE = PackRecipe(
    name=NAME,
    version=VERSION,
    about="made on this machine in seconds: simple furniture and shapes, textures, skies; no download",
    build=_build,
)
