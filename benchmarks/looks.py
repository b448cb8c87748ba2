"""How many different looks the surfaces of many scenes have: composes them, renders none.

    python benchmarks/looks.py --config fsd --scenes 1000

A look is all that decides how a surface shows: its texture, relief, colour, roughness, opacity. Two panels
with one texture at another scale or offset are one look, so that the number says how often one meets the same
wall. What assets wear by themselves counts once per asset.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator

from assets_manifest.library import AssetLibrary, open_library
from fsd_gen.config import Config, load_config
from fsd_gen.scene.slots import SlotKey
from fsd_gen.scene.spec import MaterialSpec, SceneSpec
from fsd_gen.styles.compose import compose_scene

Look = tuple[object, ...]


def look_of(material: MaterialSpec) -> Look:
    """What is left of a material without where it lies."""
    shown = material.but(uv_scale=(1.0, 1.0), uv_rotation_deg=0.0, uv_offset=(0.0, 0.0))
    return (shown.texture or shown.colour, shown.normal_map, shown.roughness, shown.metallic, shown.opacity)


def panel_looks(spec: SceneSpec) -> Iterator[Look]:
    """Of walls, floors and other panels; each once per scene."""
    yield from {look_of(panel.material) for panel in spec.panels}


def object_looks(spec: SceneSpec) -> Iterator[Look]:
    """Of objects: their new materials, or the asset's own; each once per scene."""
    looks: set[Look] = set()
    for placed in spec.placements:
        looks |= {look_of(look.material) for look in placed.looks}
        looks.add(look_of(placed.material) if placed.material else (placed.asset,))
    yield from looks


def textures(spec: SceneSpec) -> Iterator[Look]:
    """Albedo textures of panels alone; each once per scene."""
    yield from {(panel.material.texture,) for panel in spec.panels if panel.material.texture}


SORTS = {"panels": panel_looks, "panel textures": textures, "objects": object_looks}


def count(config: Config, library: AssetLibrary, scenes: int) -> dict[str, Counter[Look]]:
    """How often each look is met over so many scenes."""
    counts: dict[str, Counter[Look]] = {name: Counter() for name in SORTS}
    for slot in range(scenes):
        spec = compose_scene(config, library, SlotKey(slot=slot))
        for name, looks in SORTS.items():
            counts[name].update(looks(spec))
    return counts


def lines(counts: dict[str, Counter[Look]]) -> Iterator[str]:
    """The table."""
    yield f"{'surfaces':<16}{'met':>9}{'distinct':>10}{'share':>8}{'commonest':>11}"
    for name, met in counts.items():
        total = met.total()
        most = max(met.values(), default=0)
        yield f"{name:<16}{total:>9}{len(met):>10}{len(met) / max(total, 1):>8.1%}{most:>11}"


def main() -> None:
    """Print the table for one configuration."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", default="fsd", help="a preset or a YAML file")
    parser.add_argument("--style", help="of this style alone")
    parser.add_argument("--scenes", type=int, default=1000)
    asked = parser.parse_args()
    config = load_config(asked.config)
    if asked.style:
        config = config.model_copy(update={"styles": {asked.style: config.styles[asked.style]}})
    print("\n".join(lines(count(config, open_library(config.assets.packs), asked.scenes))))


if __name__ == "__main__":
    main()
