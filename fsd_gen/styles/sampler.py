"""What every style draws from: its own settings, the assets, and named random streams of one slot."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, Self, TypeVar

import numpy as np
from pydantic import Field, model_validator

from assets_manifest.library import AssetLibrary
from assets_manifest.records import Asset, AssetKind
from fsd_gen.rigs.config import RigConfig
from fsd_gen.scene.rig import StereoRig
from fsd_gen.scene.slots import SlotKey, rng_for
from fsd_gen.scene.spec import CameraPose, Hard, RenderSettings, SceneSpec
from fsd_gen.sections import ConfigError, ImageConfig, RenderConfig, Section, Share
from fsd_gen.styles.needs import Need
from fsd_gen.styles.widest import View

T = TypeVar("T")


class HardConfig(Section):
    """Shares of the objects, and of the large surfaces, that are hard to match on purpose; 0: none."""

    glass: Share = 0.04  # clear
    mirror: Share = 0.04  # of silver
    brushed_metal: Share = 0.04  # whose shine moves with the eye
    translucent: Share = 0.04  # plastic or frosted glass
    repetition: Share = 0.04  # one figure over and over
    plain: Share = 0.04  # one colour without texture

    @model_validator(mode="after")
    def _at_most_all(self) -> Self:
        total = sum(dict(self).values())
        if total > 1:
            raise ValueError(f"the shares must add up to at most 1, got {total:g}")
        return self

    def share(self, kind: Hard) -> float:
        """The share of one kind."""
        return float(getattr(self, kind))


class StyleConfig(Section):
    """Its share of the scenes; the base of every style's settings."""

    weight: float = Field(default=1.0, ge=0, le=1e9)  # share of the slots, relative to the other weights
    made: Share = 0.6  # of the textures that are made from numbers instead of taken from packs
    hard: HardConfig = HardConfig()  # surfaces that are hard to match

    def lacking(self) -> str:
        """What no scene can be made without and was not given, as "field: what was expected"; else ""."""
        return ""

    def needs(self) -> tuple[Need, ...]:
        """What the packs must hold, or there is no scene."""
        return ()

    def widest_m(self, view: View) -> float:
        """A baseline, in metres, that no scene can hold more than of: checked before a run begins."""
        return math.inf

    def prepare(self) -> dict[str, str]:
        """What has to be done once before a run's first scene: digest by path of each file of the user's.

        A run is bound to them. Raises ConfigError, StageError where one cannot be used.
        """
        return {}

    def only_rtx_draws(self) -> str:
        """What of the user's files only a renderer that draws MDL can render, in one line; else ""."""
        return ""

    def tell_opaque(self) -> None:
        """Warn of materials in the user's files that a renderer may see through, and the truth does not."""


C_co = TypeVar("C_co", bound=StyleConfig, covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampler(Generic[C_co]):
    """One attempt at one slot. `style` holds the validated settings of the style that composes it."""

    style: C_co
    image: ImageConfig
    rigs: RigConfig
    render: RenderConfig
    library: AssetLibrary
    seed: int
    key: SlotKey
    stratum: str

    def rng(self, *names: str | int) -> np.random.Generator:
        """The random stream called `names`; a new name never disturbs the others."""
        return rng_for(self.seed, self.key, *names)

    def rig(
        self, *, nearest_m: float | None = None, baseline_m: tuple[float, float] | None = None
    ) -> StereoRig:
        """The config's fixed camera, or a field of view drawn uniformly (paper section 3.5).

        The baseline is log-uniform. Where the scene's size is given (`nearest_m`), it stays small enough that
        a surface at that distance keeps within the configured disparity, unless the config gives one number.
        A style with rigs of its own gives their `baseline_m`, which a config that says baselines overrules.
        """
        rng, width, height = self.rng("rig"), self.image.width, self.image.height
        focal_px = width / 2 / np.tan(np.deg2rad(rng.uniform(*self.rigs.hfov_deg)) / 2)
        low_high = self._baselines(baseline_m)
        if lens := self.rigs.lens(width, height):
            return lens.rig(self._baseline_m(rng, lens.fx, nearest_m, low_high))
        return StereoRig.centred(
            width=width,
            height=height,
            focal_px=round(float(focal_px), 4),
            baseline_m=self._baseline_m(rng, float(focal_px), nearest_m, low_high),
        )

    def _baselines(self, of_the_style: tuple[float, float] | None) -> tuple[float, float]:
        """What the config says, else what the style does, else the default."""
        said = "baseline_m" in self.rigs.model_fields_set
        return self.rigs.baseline_m if said or of_the_style is None else of_the_style

    def _baseline_m(
        self,
        rng: np.random.Generator,
        focal_px: float,
        nearest_m: float | None,
        low_high: tuple[float, float],
    ) -> float:
        low, high = low_high
        if low == high:
            return low
        if nearest_m is not None:
            largest = nearest_m * self.rigs.max_disparity_share * self.image.width / focal_px
            high = max(low, min(high, largest))
        return round(log_uniform(rng, low, high), 6)

    def nearest_m(self, rig: StereoRig) -> float:
        """Distance at which a surface reaches the configured maximum disparity."""
        return rig.focal_px * rig.baseline_m / (self.rigs.max_disparity_share * rig.width)

    def settings(self) -> RenderSettings:
        """Render settings with this sample's exposure."""
        return RenderSettings(
            spp=self.render.spp,
            max_depth=self.render.max_depth,
            rr_depth=self.render.rr_depth,
            denoise=self.render.denoise,
            denoiser_quality=self.render.denoiser_quality,
            exposure_ev=float(self.rng("exposure").uniform(*self.render.exposure_ev)),
        )

    def scene(self, rig: StereoRig, camera: CameraPose, **parts: Any) -> SceneSpec:
        """The finished scene: `parts` are the other fields of a SceneSpec."""
        return SceneSpec(
            seed=self.seed,
            key=self.key,
            stratum=self.stratum,
            rig=rig,
            camera=camera,
            settings=self.settings(),
            **parts,
        )

    def assets(self, kind: AssetKind, *tags: str, without: Sequence[str] = ()) -> tuple[Asset, ...]:
        """All assets of a kind with all of the tags, in a fixed order; may be empty."""
        return self.library.select(kind, tags=tags, without=tuple(without))

    def some(self, kind: AssetKind, *tags: str, without: Sequence[str] = ()) -> tuple[Asset, ...]:
        """As `assets`, falling back to all of the kind; never empty.

        Raises:
            ConfigError: the config's packs hold no asset of this kind.
        """
        found = self.assets(kind, *tags, without=without) or self.assets(kind)
        if not found:
            packs = list(self.library.packs)
            raise ConfigError(
                f"assets.packs: {packs} hold no {kind}; add the pack 'builtin', which has every kind"
            )
        return found


AnySampler = Sampler[StyleConfig]


def pick(rng: np.random.Generator, items: Sequence[T]) -> T:
    """One of `items`, uniformly."""
    return items[int(rng.integers(len(items)))]


def count(rng: np.random.Generator, low_high: tuple[int, int]) -> int:
    """A whole number between the two, both included."""
    return int(rng.integers(low_high[0], low_high[1] + 1))


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """A number whose logarithm is uniform."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
