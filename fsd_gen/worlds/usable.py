"""Whether a stage of the user's can be the place of scenes, said before the first of them is made."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from fsd_gen.sections import ConfigError
from fsd_gen.usd.environment import world_digest
from fsd_gen.usd.reader import camera_of_stage
from fsd_gen.usd.units import measure_of
from fsd_gen.worlds.space import FREE_M, Space, open_space, places_of
from fsd_gen.worlds.zones import Zone

TRIED = 200  # points of a zone


@dataclass(frozen=True, slots=True, kw_only=True)
class Demands:
    """What is asked of a stage."""

    zones: tuple[Zone, ...] | None  # None: found automatically
    cameras: tuple[str, ...]
    time: float | None
    lit: bool  # by its own lights


def usable_digest(path: Path, demands: Demands) -> str:
    """The digest of a stage that meets the demands; a content that was looked at is not looked at again.

    Raises:
        StageError: it cannot be read.
        ConfigError: it can, but not be used like this; says why.
    """
    if not path.is_file():
        raise ConfigError(
            f"{path}: no such stage; it has to be at the same path on every machine that renders"
        )
    digest = world_digest(path)
    _refuse_unusable(path, digest, demands)
    return digest


@lru_cache(maxsize=64)
def _refuse_unusable(path: Path, digest: str, demands: Demands) -> None:
    measure_of(path)  # refuses a stage that does not say its unit and axis
    space = open_space(path, digest, demands.time)
    if demands.lit and not space.flat.gives_light():
        raise ConfigError(f"{path}: nothing in the stage gives light; add a light, or ask for lights: random")
    for camera in demands.cameras:
        camera_of_stage(path, camera, time=demands.time)
    if demands.zones is not None and not demands.cameras:
        _refuse_blocked(path, space, demands.zones)
    elif not demands.cameras and not len(places_of(path, digest, demands.time).floor_n3):
        raise ConfigError(
            f"{path}: no place for a camera was found: expected level ground with 0.7 m of free height and "
            f"{FREE_M:g} m to all sides; name a camera of the stage, or give zones, such as "
            "zones: [{box: [[x0, y0], [x1, y1]], z_m: [low, high]}]"
        )


def _refuse_blocked(path: Path, space: Space, zones: tuple[Zone, ...]) -> None:
    for number, zone in enumerate(zones, 1):
        points_n3 = zone.somewhere(np.random.Generator(np.random.Philox(key=number)), TRIED)
        nearest_n, _ = space.around(points_n3)
        if not (nearest_n >= FREE_M).any():
            raise ConfigError(
                f"{path}: zone {number}: no point of it has {FREE_M:g} m of free space around it "
                f"(outline {zone.corners_n2.tolist()}, z_m {list(zone.z_m)})"
            )
        if not np.isfinite(nearest_n).any():
            raise ConfigError(f"{path}: zone {number}: nothing of the stage can be seen from it")
