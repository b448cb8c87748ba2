"""Indoor scenes: a furnished room at real scale, things standing on the furniture, lamps and a window.

The camera stands in free space at eye to table height and looks at the centre of mass of a group of
furniture (paper section 3.5).
"""

from __future__ import annotations

import numpy as np

from fsd_gen.scene.rig import StereoRig
from fsd_gen.scene.spec import CameraPose, LightSpec, SceneSpec, Vec3
from fsd_gen.sections import Count
from fsd_gen.styles import lighting, materials
from fsd_gen.styles.footprint import Footprint
from fsd_gen.styles.furniture import Furnished, FurnishedConfig, furnish
from fsd_gen.styles.registry import Style
from fsd_gen.styles.room import Room, Window, daylight, decorate, draw_room, draw_window, shell
from fsd_gen.styles.sampler import AnySampler, Sampler, log_uniform, pick
from fsd_gen.styles.viewpoint import Viewpoint

CAMERA_TRIES = 200


class Config(FurnishedConfig):
    """Furnished rooms."""

    pictures: Count = (0, 4)  # on the walls


def compose(sampler: Sampler[Config]) -> SceneSpec:
    """A furnished room with walls, a floor and a ceiling."""
    room = draw_room(sampler)
    window = draw_window(sampler, room)
    rig = sampler.rig(nearest_m=min(room.width_m, room.depth_m) * 0.28)
    furnished = furnish(sampler, room, window)
    decoration = decorate(sampler, room, window, pictures=sampler.style.pictures)
    return sampler.scene(
        rig,
        aim(sampler, room, rig, furnished),
        placements=furnished.placements,
        panels=shell(sampler, room, window) + decoration,
        lights=_lights(sampler, room, window),
    )


def aim(sampler: AnySampler, room: Room, rig: StereoRig, furnished: Furnished) -> CameraPose:
    """A free place to stand, looking at the centre of mass of the furniture around a random piece.

    Of the places tried it takes the one with the best view; the checks have the last word.
    """
    rng, spots = sampler.rng("camera"), furnished.footprints
    half_view = float(np.arctan(rig.width / 2 / rig.focal_px))
    nearest_m = sampler.nearest_m(rig)
    eyes = [_eye(rng, room, spots) for _ in range(CAMERA_TRIES)]
    best = max(eyes, key=lambda eye: eye.score(room, spots, rig.baseline_m, half_view, nearest_m))
    return CameraPose(
        position=(best.x, best.y, best.z), target=best.target, roll_deg=float(rng.normal(0, 1.5))
    )


def _eye(rng: np.random.Generator, room: Room, spots: tuple[Footprint, ...]) -> Viewpoint:
    return Viewpoint(
        x=float(rng.uniform(-0.5, 0.5)) * (room.width_m - 0.6),
        y=float(rng.uniform(-0.5, 0.5)) * (room.depth_m - 0.6),
        z=float(rng.uniform(0.9, 1.7)),
        target=_group_centre(rng, spots) if spots else (0.0, 0.0, 0.8),
    )


def _group_centre(rng: np.random.Generator, spots: tuple[Footprint, ...]) -> Vec3:
    """Centre of mass, by volume, of the pieces within two metres of a random one."""
    chosen = pick(rng, spots)
    group = [s for s in spots if s.distance_to(chosen.x, chosen.y) < 2.0]
    weights = np.array([s.width * s.depth * max(s.top, 0.1) for s in group])
    centres = np.array([[s.x, s.y, s.top / 2] for s in group])
    x, y, z = (weights @ centres / weights.sum()).tolist()
    return (x, y, z)


def _lights(sampler: AnySampler, room: Room, window: Window | None) -> tuple[LightSpec, ...]:
    rng = sampler.rng("lights")
    size = (room.width_m, room.depth_m)
    lamps: tuple[LightSpec, ...] = lighting.ceiling_lamps(rng, room_m=size, ceiling_m=room.ceiling_m)
    if window is None:
        return lamps
    white = materials.blackbody(rng.uniform(5000, 9000))
    sky = daylight(window, room, lighting.scaled(white, log_uniform(rng, 4, 16)))
    if rng.uniform() < 0.35:
        return (sky,)
    return (*lamps, sky)


STYLE = Style(name="indoor", config=Config, compose=compose)
