"""Scenes in a USD stage of the user's, such as a digital twin: above its floors, in zones, or at its cameras.

The scene names the stage by its path and the digest of its content, so that a sample can be made again and a
stage that changed is refused. Objects may be put into it, and lights of ours may replace its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import AfterValidator, Field

from fsd_gen.scene.rig import StereoRig
from fsd_gen.scene.spec import CameraPose, SceneSpec, UnknownMaterials, World
from fsd_gen.sections import ConfigError, Count, PositiveRange, Range, within
from fsd_gen.styles import lighting
from fsd_gen.styles.needs import OBJECT, PANORAMA, Need
from fsd_gen.styles.registry import Style
from fsd_gen.styles.sampler import Sampler, StyleConfig
from fsd_gen.worlds.zones import Zone

if TYPE_CHECKING:
    from fsd_gen.worlds.space import Space

SUFFIXES = (".usd", ".usda", ".usdc", ".usdz")


def _absolute(stages: tuple[str, ...]) -> tuple[str, ...]:
    for stage in stages:
        if not Path(stage).is_absolute():
            raise ValueError(
                f"expected absolute paths, because workers have other working folders; got {stage!r}: write "
                f"{Path(stage).expanduser().resolve()}"
            )
        if Path(stage).suffix.lower() not in SUFFIXES:
            raise ValueError(f"{stage}: expected a USD stage, whose name ends in {', '.join(SUFFIXES)}")
    return stages


class Config(StyleConfig):
    """Stages of your own, and where and how they are seen."""

    stages: Annotated[tuple[str, ...], AfterValidator(_absolute)] = ()
    """USD stages. A path in a file is relative to it, and kept as absolute, the same on every machine."""

    zones: Literal["auto"] | Annotated[tuple[Zone, ...], Field(min_length=1)] = (
        "auto"  # where cameras stand; auto: above floors, found by rays
    )
    cameras: tuple[
        str, ...
    ] = ()  # cameras of the stages to use as left eyes, in turn; then zones do not count
    height_m: Annotated[PositiveRange, AfterValidator(within(0.05, 50, "metres"))] = (0.4, 1.8)
    """Of the camera above a floor."""

    pitch_deg: Annotated[Range, AfterValidator(within(-89, 89, "degrees"))] = (-20.0, 6.0)
    """Up is positive."""

    time: float | None = None  # time code of the stages; by default their startTimeCode
    objects: Count = (0, 0)  # put onto free ground in view
    lights: Literal["own", "random"] = "own"  # of the stage, or ours in place of them
    unknown_materials: UnknownMaterials = "refuse"
    """What a renderer other than RTX does with MDL that it cannot read: refuse the stage, or draw it grey."""

    def lacking(self) -> str:
        """Stages: without them there is nowhere to be."""
        return "" if self.stages else "stages: expected at least one USD stage, such as [/data/hall.usd]"

    def prepare(self) -> dict[str, str]:
        """Look at every stage once: whether it can be used, what it is, and where one can stand in it."""
        from fsd_gen.worlds.usable import usable_digest  # here, so that a configuration is read without it

        return {stage: usable_digest(Path(stage), self._demands()) for stage in self.stages}

    def only_rtx_draws(self) -> str:
        """The first stage with a material of MDL that nobody else can read. Raises StageError."""
        from fsd_gen.usd.environment import world_digest
        from fsd_gen.usd.unread import refusal
        from fsd_gen.worlds.space import open_space

        if self.unknown_materials == "grey":
            return ""
        for stage in map(Path, self.stages):
            if why := refusal(open_space(stage, world_digest(stage), self.time).flat.surfaces):
                return f"{stage}: {why}"
        return ""

    def tell_opaque(self) -> None:
        """Of each stage, once. Raises StageError."""
        from fsd_gen.usd.environment import world_digest
        from fsd_gen.usd.unread import tell_opaque
        from fsd_gen.worlds.space import open_space

        for stage in map(Path, self.stages):
            tell_opaque(stage, open_space(stage, world_digest(stage), self.time).flat.surfaces)

    def _demands(self) -> Any:
        from fsd_gen.worlds.usable import Demands

        return Demands(
            zones=None if self.zones == "auto" else self.zones,
            cameras=self.cameras,
            time=self.time,
            lit=self.lights == "own",
        )

    def needs(self) -> tuple[Need, ...]:
        """Objects where some are dropped, a panorama where the light is ours."""
        return (*((OBJECT,) if self.objects[1] else ()), *((PANORAMA,) if self.lights == "random" else ()))


def compose(sampler: Sampler[Config]) -> SceneSpec:
    """A view of a stage of the user's."""
    from fsd_gen.styles.dropped import dropped
    from fsd_gen.usd.environment import world_digest
    from fsd_gen.usd.unread import taken_as_opaque
    from fsd_gen.worlds.space import open_space

    style = sampler.style
    if lacking := style.lacking():
        raise ConfigError(f"styles.environment.{lacking}")
    stage = style.stages[int(sampler.rng("stage").integers(len(style.stages)))]
    digest = world_digest(Path(stage))
    space, rig = open_space(Path(stage), digest, style.time), sampler.rig()
    world = World(
        stage=stage,
        sha256=digest,
        time=style.time,
        lit=style.lights == "own",
        unknown_materials=style.unknown_materials,
        opaque=taken_as_opaque(space.flat.surfaces),
    )
    camera = _camera(sampler, world, space, rig)
    placements = dropped(sampler, space, rig, camera, style.objects)
    return sampler.scene(rig, camera, placements=placements, world=world, **_lights(sampler, space, camera))


def _camera(sampler: Sampler[Config], world: World, space: Space, rig: StereoRig) -> CameraPose:
    from fsd_gen.usd.errors import StageError
    from fsd_gen.usd.reader import camera_of_stage
    from fsd_gen.worlds import views
    from fsd_gen.worlds.space import places_of

    style, path = sampler.style, Path(world.stage)
    if style.cameras:
        own = style.cameras[sampler.key.slot % len(style.cameras)]
        return views.pose_of(camera_of_stage(path, own, time=style.time)[0])
    rng = sampler.rng("camera")
    if style.zones == "auto":
        stance = views.Stance(height_m=style.height_m, pitch_deg=style.pitch_deg)
        poses = views.drawn_over_floors(rng, places_of(path, world.sha256, style.time), stance)
    else:
        poses = views.drawn_in_zones(rng, style.zones)
    camera = views.choose(space, rig, poses, sampler.nearest_m(rig))
    if camera is None:
        raise StageError(
            f"{path}: no place among {len(poses)} tried where both eyes of a rig {rig.baseline_m:g} m wide "
            "stand free; expected more room in the zones, or a narrower rig"
        )
    return camera


def _lights(sampler: Sampler[Config], space: Space, camera: CameraPose) -> dict[str, Any]:
    """None beside the stage's own; else a panorama outside and glowing balls in the free space overhead."""
    if sampler.style.lights == "own":
        return {}
    from fsd_gen.worlds.lamps import overhead

    rng = sampler.rng("lights")
    spots_n3 = overhead(space, np.array(camera.position), rng, int(rng.integers(2, 5)))
    return {"lights": lighting.balls(rng, spots_n3), "dome": lighting.dome(sampler)}


STYLE = Style(name="environment", config=Config, compose=compose)
