"""What every stratum draws from: the config, the assets, and named random streams of one slot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from assets_manifest.library import AssetLibrary
from assets_manifest.records import Asset
from fsd_gen.config import Config, ConfigError
from fsd_gen.scene.rig import StereoRig
from fsd_gen.scene.slots import SlotKey, rng_for
from fsd_gen.scene.spec import CameraPose, RenderSettings, SceneSpec

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampler:
    """One attempt at one slot."""

    config: Config
    library: AssetLibrary
    key: SlotKey
    stratum: str

    def rng(self, *names: str | int) -> np.random.Generator:
        """The random stream called `names`; a new name never disturbs the others."""
        return rng_for(self.config.seed, self.key, *names)

    def rig(self, *, nearest_m: float | None = None) -> StereoRig:
        """Baseline log-uniform, field of view uniform (paper section 3.5).

        Where the scene's size is given (`nearest_m`), the baseline stays small enough that a surface
        at that distance keeps within the configured disparity.
        """
        rng, limits = self.rng("rig"), self.config.rig
        width = self.config.image.width
        focal_px = width / 2 / np.tan(np.deg2rad(rng.uniform(*limits.hfov_deg)) / 2)
        low, high = limits.baseline_m
        if nearest_m is not None:
            high = max(low, min(high, nearest_m * limits.max_disparity * width / focal_px))
        baseline_m = np.exp(rng.uniform(np.log(low), np.log(high)))
        return StereoRig.centred(
            width=width,
            height=self.config.image.height,
            focal_px=round(float(focal_px), 4),
            baseline_m=round(float(baseline_m), 6),
        )

    def nearest_m(self, rig: StereoRig) -> float:
        """Distance at which a surface reaches the configured maximum disparity."""
        return rig.focal_px * rig.baseline_m / (self.config.rig.max_disparity * rig.width)

    def settings(self) -> RenderSettings:
        """Render settings with this sample's exposure."""
        render = self.config.render
        return RenderSettings(
            spp=render.spp,
            max_depth=render.max_depth,
            rr_depth=render.rr_depth,
            denoise=render.denoise,
            exposure_ev=round(float(self.rng("exposure").uniform(*render.exposure_ev)), 3),
        )

    def scene(self, rig: StereoRig, camera: CameraPose, **parts: Any) -> SceneSpec:
        """The finished scene: `parts` are the other fields of a SceneSpec."""
        return SceneSpec(
            seed=self.config.seed,
            key=self.key,
            stratum=self.stratum,
            rig=rig,
            camera=camera,
            settings=self.settings(),
            **parts,
        )

    def assets(self, kind: str, *tags: str, without: Sequence[str] = ()) -> tuple[Asset, ...]:
        """All assets of a kind with all of the tags, in a fixed order; may be empty."""
        return self.library.select(kind, tags=tags, without=tuple(without))

    def some(self, kind: str, *tags: str, without: Sequence[str] = ()) -> tuple[Asset, ...]:
        """As `assets`, falling back to all of the kind; never empty.

        Raises:
            ConfigError: the config's packs hold no asset of this kind.
        """
        found = self.assets(kind, *tags, without=without) or self.assets(kind)
        if not found:
            packs = list(self.config.assets.packs)
            raise ConfigError(
                f"assets.packs: {packs} hold no {kind}; add the pack 'builtin', which has every kind"
            )
        return found


def pick(rng: np.random.Generator, items: Sequence[T]) -> T:
    """One of `items`, uniformly."""
    return items[int(rng.integers(len(items)))]


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """A number whose logarithm is uniform."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
