"""From a slot to a scene: `compose_scene(config, library, key)` is a pure function.

A slot's stratum is the name of its style and depends on the slot alone, so every attempt of it, regeneration
included, stays in the same stratum.
"""

from __future__ import annotations

from assets_manifest.library import AssetLibrary
from fsd_gen.config import Config
from fsd_gen.scene.slots import SlotKey, stable_hash
from fsd_gen.scene.spec import SceneSpec
from fsd_gen.styles.choice import chosen_library
from fsd_gen.styles.registry import find_style
from fsd_gen.styles.sampler import AnySampler, Sampler, StyleConfig

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
    chosen = chosen_library(library, config.assets, config.seed, key)
    style = config.styles[stratum]
    scene = find_style(stratum).compose(sampler_of(config, chosen, key, style=style, stratum=stratum))
    sensor = config.sensor.draw(config.seed, key)
    return scene if sensor is None else scene.but(sensor=sensor)


def sampler_of(
    config: Config, library: AssetLibrary, key: SlotKey, *, style: StyleConfig, stratum: str
) -> AnySampler:
    """What a style draws the scene of `key` with, from the assets of `library`."""
    return Sampler(
        style=style,
        image=config.image,
        rigs=config.rig,
        render=config.render,
        library=library,
        seed=config.seed,
        key=key,
        stratum=stratum,
    )
