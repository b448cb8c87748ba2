"""Scenes that no matcher can solve, planted on purpose to see whether curation finds them.

They are styles like any other; a config that plants them names them.
"""

from __future__ import annotations

import numpy as np

from fsd_gen.scene.rotations import camera_to_world, facing
from fsd_gen.scene.spec import CameraPose, DomeSpec, MaterialSpec, Panel, Placement, SceneSpec
from fsd_gen.styles import lighting
from fsd_gen.styles.registry import Style
from fsd_gen.styles.rooms.furniture import Furnished, FurnishedConfig, bare, furnish
from fsd_gen.styles.rooms.pieces import Cast
from fsd_gen.styles.rooms.room import RoomConfig, draw_room, shell
from fsd_gen.styles.sampler import AnySampler, Sampler, StyleConfig, pick

GREY = MaterialSpec(colour=(0.5, 0.5, 0.5), roughness=1.0)


def compose_blank(sampler: Sampler[RoomConfig]) -> SceneSpec:
    """A room without texture under even light: walls, floor and ceiling of one grey."""
    room = draw_room(sampler)
    rig = sampler.rig(nearest_m=1.5)
    rng = sampler.rng("camera")
    size = (room.width_m * 3, room.depth_m * 3)
    panels = [
        Panel(name="Floor", position=(0, 0, 0), rotation=facing((0, 0, 1)), size=size, material=GREY),
        *(room.wall_panel(f"Wall_{k}", k, (0, 2), (room.wall_length(k) * 3, 4.0), GREY) for k in range(2)),
    ]
    azimuth = np.deg2rad(rng.uniform(60, 120))
    camera = CameraPose(
        position=(0.0, -room.depth_m * 0.3, 1.5),
        target=(float(np.cos(azimuth)), -room.depth_m * 0.3 + float(np.sin(azimuth)), 1.45),
    )
    return sampler.scene(rig, camera, panels=tuple(panels), dome=DomeSpec(colour=(1.0, 1.0, 1.0)))


def compose_mirror(sampler: Sampler[FurnishedConfig]) -> SceneSpec:
    """A furnished room seen in a mirror that fills the wall in front of the camera."""
    room = draw_room(sampler)
    rig = sampler.rig(nearest_m=1.0)
    furnished = furnish(sampler, bare(room), Cast(sampler.library))
    silver = MaterialSpec(colour=(0.92, 0.93, 0.94), metallic=1.0, roughness=0.02)
    mirror = room.wall_panel(
        "Mirror", 0, (0, room.ceiling_m / 2), (room.width_m, room.ceiling_m), silver, off_m=room.depth_m * 0.4
    )
    wall_y = mirror.position[1]
    size = (room.width_m, room.depth_m)
    return sampler.scene(
        rig,
        CameraPose(position=(0.0, wall_y - 1.1, 1.4), target=(0.0, wall_y, 1.35)),
        panels=(*shell(sampler, room), mirror),
        placements=_behind(furnished, wall_y - 1.2),
        lights=lighting.ceiling_lamps(sampler.rng("lights"), room_m=size, ceiling_m=room.ceiling_m),
    )


def _behind(furnished: Furnished, y: float) -> tuple[Placement, ...]:
    """The furniture, without what stands on it, that lies wholly on the near side of `y`."""
    return tuple(piece for piece, spot in furnished.furniture if spot.corners()[:, 1].max() < y)


def compose_repeat(sampler: AnySampler) -> SceneSpec:
    """A wall that repeats itself exactly every few pixels, facing the camera."""
    rig = sampler.rig(nearest_m=1.0)
    rng = sampler.rng("camera")
    distance_m = sampler.nearest_m(rig) * float(rng.uniform(1.5, 3.0))
    period_px = float(rng.uniform(8, 14))
    tile = 1 / (period_px * distance_m / rig.focal_px)
    texture = pick(rng, sampler.some("texture", "repeat"))
    coat = MaterialSpec(texture=texture.id, uv_scale=(tile, tile), roughness=1.0)
    camera = CameraPose(position=(0.0, 0.0, 0.0), target=(0.0, 1.0, 0.0))
    centre = camera_to_world(camera)[:3, 2] * distance_m
    wide = distance_m * rig.width / rig.focal_px * 2
    wall = Panel(
        name="Wall",
        position=(0.0, round(float(centre[1]), 5), 0.0),
        rotation=facing((0, -1, 0)),
        size=(wide, wide),
        material=coat,
    )
    return sampler.scene(rig, camera, panels=(wall,), dome=DomeSpec(colour=(1.0, 1.0, 1.0)))


BLANK = Style(name="planted-blank", config=RoomConfig, compose=compose_blank)
MIRROR = Style(name="planted-mirror", config=FurnishedConfig, compose=compose_mirror)
REPEAT = Style(name="planted-repeat", config=StyleConfig, compose=compose_repeat)
