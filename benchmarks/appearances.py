"""Which assets a sweep of scenes shows, and why the others are not there: composes scenes, renders none.

    python -m benchmarks.appearances --scenes 400 [--styles flying,indoor] [--packs builtin,sweethome3d]

Every object is either met, or never drawn for a reason (`fsd_gen.styles.uses`), or missed by chance: so often
it would have been drawn that a longer sweep meets it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from typing import Annotated

import typer

from assets_manifest.library import AssetLibrary, open_library
from assets_manifest.made.registry import is_made
from fsd_gen.config import Config, load_config
from fsd_gen.scene.slots import SlotKey
from fsd_gen.styles.compose import compose_scene
from fsd_gen.styles.uses import NEVER, uses

STYLES = "flying,mixed,indoor,outdoor,driving,navigation,manipulation"


def met(style: str, packs: str, slot: int) -> tuple[str, ...]:
    """Assets of the packs that one scene refers to."""
    spec = compose_scene(_config(style, packs), _library(packs), SlotKey(slot=slot))
    return tuple(asset_id for asset_id in spec.asset_ids() if not is_made(asset_id))


@cache
def _config(style: str, packs: str) -> Config:
    return load_config("fsd", {"assets.packs": packs.split(","), "styles": {style: {}}})


@cache
def _library(packs: str) -> AssetLibrary:
    return open_library(packs.split(","))


def told(library: AssetLibrary, counts: dict[str, Counter[str]]) -> Iterator[str]:
    """Tables and lists."""
    kind_of = {asset.id: asset.kind for asset in library}
    yield "| style | objects met | of which only here |\n|---|---|---|"
    objects = {
        style: {name for name in found if kind_of[name] == "object"} for style, found in counts.items()
    }
    for style, here in objects.items():
        others = set().union(*(there for name, there in objects.items() if name != style))
        yield f"| {style} | {len(here)} | {len(here - others)} |"
    everywhere = sum(counts.values(), Counter[str]())
    said = uses(library)
    for kind, number in sorted(Counter(kind_of.values()).items()):
        missing = [name for name, sort in kind_of.items() if sort == kind and name not in everywhere]
        reasons = Counter(said[name] for name in missing if said.get(name, "").startswith(NEVER))
        chance = [name for name in missing if not said.get(name, "").startswith(NEVER)]
        yield f"{kind}: {number - len(missing)} of {number} met"
        yield from (f"  {count} {why}" for why, count in reasons.items())
        yield from (f"  missed: {name} ({said.get(name, 'no object')})" for name in chance)


def main(
    scenes: Annotated[int, typer.Option(min=1, help="Of each style.")] = 400,
    styles: str = STYLES,
    packs: str = "builtin,surfaces,sweethome3d",
    workers: int = 2,
) -> None:
    """Print what was met."""
    counts: dict[str, Counter[str]] = {}
    with ProcessPoolExecutor(workers) as pool:
        for style in styles.split(","):
            found = pool.map(partial(met, style, packs), range(scenes), chunksize=4)
            counts[style] = Counter(name for scene in found for name in scene)
    print("\n".join(told(_library(packs), counts)))


if __name__ == "__main__":
    typer.run(main)
