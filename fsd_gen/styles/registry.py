"""From a slot to a scene: `compose_scene(config, library, key)` is a pure function.

A slot's stratum depends on the slot alone, so every attempt of it, regeneration included, stays in
the same stratum. Each stratum is one module with a function `compose(sampler) -> SceneSpec`.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

from assets_manifest.library import AssetLibrary
from fsd_gen.config import Config, ConfigError
from fsd_gen.scene.slots import SlotKey, stable_hash
from fsd_gen.scene.spec import SceneSpec
from fsd_gen.styles import flying, indoor, planted
from fsd_gen.styles.sampler import Sampler

GOLDEN_RATIO = 0.6180339887498949

STRATA: MappingProxyType[str, Callable[[Sampler], SceneSpec]] = MappingProxyType(
    {
        "flying": flying.compose,
        "indoor": indoor.compose,
        "planted-blank": planted.compose_blank,
        "planted-mirror": planted.compose_mirror,
        "planted-repeat": planted.compose_repeat,
    }
)


def stratum_of(config: Config, slot: int) -> str:
    """The stratum of a slot: a low-discrepancy sequence meets the weights in every run of slots."""
    unknown = sorted(set(config.strata) - set(STRATA))
    if unknown:
        raise ConfigError(f"strata: unknown {unknown}; known: {sorted(STRATA)}")
    names = sorted(config.strata)
    start = (stable_hash(config.seed, "strata") % 2**32) / 2**32
    position = (start + slot * GOLDEN_RATIO) % 1.0 * sum(config.strata.values())
    for name in names:
        position -= config.strata[name]
        if position < 0:
            return name
    return max(names, key=lambda name: config.strata[name])  # rounding at the very end of the range


def compose_scene(config: Config, library: AssetLibrary, key: SlotKey) -> SceneSpec:
    """The scene of one attempt at one slot; the same arguments give the same scene anywhere."""
    stratum = stratum_of(config, key.slot)
    return STRATA[stratum](Sampler(config=config, library=library, key=key, stratum=stratum))
