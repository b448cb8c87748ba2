"""From a slot to a scene: `compose_scene(config, library, key)` is a pure function.

A slot's stratum is the name of its style and depends on the slot alone, so every attempt of it, regeneration
included, stays in the same stratum.

To add a style, write one file and change no other: `fsd_gen/styles/underwater.py`, or a module of your own.

    class Config(StyleConfig):
        \"\"\"Settings with their defaults; `weight` is there already.\"\"\"

        fish: Count = (3, 12)

    def compose(sampler: Sampler[Config]) -> SceneSpec:
        rng = sampler.rng("fish")  # every random number comes from a stream with a name
        shoal = count(rng, sampler.style.fish)
        ...
        return sampler.scene(sampler.rig(), camera, placements=fish, dome=lighting.dome(sampler))

    STYLE = Style(name="underwater", config=Config, compose=compose)

It is then known by its name: `styles: {underwater: {weight: 0.2, fish: [5, 9]}}`, with its fields checked
before anything is frozen or rendered. In a package of your own, say where it is in pyproject.toml:

    [project.entry-points."fsd_gen.styles"]
    underwater = "my_package.underwater:STYLE"
"""

from __future__ import annotations

from assets_manifest.library import AssetLibrary
from fsd_gen.config import Config
from fsd_gen.scene.slots import SlotKey, stable_hash
from fsd_gen.scene.spec import SceneSpec
from fsd_gen.styles.sampler import Sampler
from fsd_gen.styles.style import find_style

GOLDEN_RATIO = 0.6180339887498949


def stratum_of(config: Config, slot: int) -> str:
    """The stratum of a slot: a low-discrepancy sequence meets the weights in every run of slots."""
    weights = {name: config.styles[name].weight for name in sorted(config.styles)}
    start = (stable_hash(config.seed, "strata") % 2**32) / 2**32
    position = (start + slot * GOLDEN_RATIO) % 1.0 * sum(weights.values())
    for name, weight in weights.items():
        position -= weight
        if position < 0:
            return name
    return max(weights, key=lambda name: weights[name])  # rounding at the very end of the range


def compose_scene(config: Config, library: AssetLibrary, key: SlotKey) -> SceneSpec:
    """The scene of one attempt at one slot; the same arguments give the same scene anywhere."""
    stratum = stratum_of(config, key.slot)
    return find_style(stratum).compose(
        Sampler(
            style=config.styles[stratum],
            image=config.image,
            rigs=config.rig,
            render=config.render,
            library=library,
            seed=config.seed,
            key=key,
            stratum=stratum,
        )
    )
