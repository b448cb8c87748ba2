"""Light in rooms: ceiling lamps that shine, lit shades and globes, and the hour outside the window."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assets_manifest.derived.parts import luminous
from fsd_gen.scene.rotations import facing, heading
from fsd_gen.scene.spec import (
    DiskLight,
    DistantLight,
    DomeSpec,
    LightSpec,
    PartLook,
    Placement,
    RectLight,
    SphereLight,
    Vec3,
)
from fsd_gen.styles.lighting import scaled
from fsd_gen.styles.materials import blackbody
from fsd_gen.styles.rooms.glow import asset_parts, shade_looks
from fsd_gen.styles.rooms.groups import Maker
from fsd_gen.styles.rooms.openings import Openings
from fsd_gen.styles.rooms.pieces import Piece, made_id, new_seed
from fsd_gen.styles.rooms.room import INWARD, Room
from fsd_gen.styles.sampler import AnySampler, log_uniform, pick

PENDANT_FLUX = 4.9
THROUGH = 0.35  # of a pendant's light: leaves by its shade
HIGHEST_LAMP_M = 0.6  # a pendant hangs at most so far down
HOME = ("living", "bedroom", "kitchen", "bath", "corridor")


@dataclass(frozen=True, slots=True)
class Hour:
    """How bright it is outside, and whether the lamps are on."""

    dome: float  # times the panorama
    sun: float  # irradiance
    lamps: float  # times their usual light


def draw_hour(rng: np.random.Generator, openings: Openings) -> Hour:
    """Day with or without sun, dusk, or night; a room without a window has its lamps on."""
    if not openings.windows:
        return Hour(0.0, 0.0, log_uniform(rng, 0.6, 1.6))
    kind = rng.uniform()
    if kind < 0.35:
        return Hour(log_uniform(rng, 0.7, 1.6), log_uniform(rng, 3.0, 9.0), log_uniform(rng, 0.25, 1.0))
    if kind < 0.65:
        return Hour(log_uniform(rng, 0.7, 2.0), 0.0, log_uniform(rng, 0.25, 1.2))
    if kind < 0.85:
        return Hour(log_uniform(rng, 0.05, 0.2), 0.0, log_uniform(rng, 0.6, 1.4))
    return Hour(0.004, 0.0, log_uniform(rng, 0.6, 1.4))


def sky(sampler: AnySampler, hour: Hour) -> DomeSpec | None:
    """The panorama outside; None where no window shows it. A night is dark blue."""
    if hour.dome == 0.0:
        return None
    rng = sampler.rng("dome")
    if hour.dome < 0.01:
        return DomeSpec(colour=(0.004, 0.006, 0.014))
    skies = sampler.assets("hdri", "sky") or sampler.assets("hdri", "outdoor")
    level = hour.dome
    if not skies:  # plain blue
        return DomeSpec(colour=(0.45 * level, 0.65 * level, level))
    return DomeSpec(
        hdri=pick(rng, skies).id, colour=(level, level, level), rotation_deg=float(rng.uniform(0, 360))
    )


def low_sun(rng: np.random.Generator, openings: Openings, hour: Hour) -> tuple[DistantLight, ...]:
    """A sun that shines in through the windows."""
    if hour.sun == 0.0:
        return ()
    inward = INWARD[openings.windows[0].wall]
    azimuth = np.arctan2(-inward[1], -inward[0]) + np.deg2rad(rng.uniform(-55, 55))
    elevation = np.deg2rad(rng.uniform(14, 48))
    towards = (
        float(np.cos(elevation) * np.cos(azimuth)),
        float(np.cos(elevation) * np.sin(azimuth)),
        float(np.sin(elevation)),
    )
    white = blackbody(3200 + 2800 * float(np.sin(elevation)))
    return (
        DistantLight(
            name="Sun",
            rotation=facing(towards),
            angle_deg=log_uniform(rng, 0.53, 2.0),
            irradiance=scaled(white, hour.sun),
        ),
    )


@dataclass(slots=True)
class Lamps:
    """The ceiling's lamps, and the light of those that stand around."""

    sampler: AnySampler
    maker: Maker
    level: float
    kelvin: float

    def light(self, radiance: float) -> Vec3:
        """A radiance in this room's colour, each lamp a little different."""
        rng = self.maker.rng
        kelvin = float(np.clip(self.kelvin * rng.normal(1, 0.06), 2300, 9000))
        return scaled(blackbody(kelvin), radiance * self.level * log_uniform(rng, 0.7, 1.4))

    def ceiling(self) -> tuple[list[Placement], list[LightSpec]]:
        """Panels or strips in offices and stores; pendants and globes at home."""
        room, rng = self.maker.room, self.maker.rng
        pendants = room.kind in HOME and rng.uniform() < 0.75
        columns, rows = _grid(room, 3.4 if pendants else 2.7)
        role = self.maker.one("pendant", fits=lambda p: room.ceiling_m - p.size[2] > 1.95)
        globe = role is None or rng.uniform() < 0.4
        size = (round(float(rng.uniform(0.3, 1.3)), 3), round(float(rng.uniform(0.15, 0.6)), 3))
        placements: list[Placement] = []
        lights: list[LightSpec] = []
        for number, (i, j) in enumerate(np.ndindex(columns, rows)):
            x = ((i + 0.5) / columns - 0.5) * room.width_m
            y = ((j + 0.5) / rows - 0.5) * room.depth_m
            if not pendants:
                lights.append(self._panel(number, x, y, size, columns * rows))
            elif globe:
                self._globe(number, x, y, placements, lights)
            elif role:
                self._pendant(number, role, x, y, placements, lights)
        return placements, lights

    def _panel(self, number: int, x: float, y: float, size: tuple[float, float], total: int) -> RectLight:
        room = self.maker.room
        area = size[0] * size[1] * total
        return RectLight(
            name=f"Ceiling_{number}",
            position=(x, y, room.ceiling_m - 0.012),
            rotation=heading(0.0),
            size=size,
            radiance=self.light(0.32 * room.width_m * room.depth_m / area),
        )

    def _globe(
        self, number: int, x: float, y: float, placements: list[Placement], lights: list[LightSpec]
    ) -> None:
        rng, room = self.maker.rng, self.maker.room
        radius = float(rng.uniform(0.09, 0.22))
        drop = round(
            float(rng.uniform(0.08, max(0.1, min(HIGHEST_LAMP_M, room.ceiling_m - 2.0 - 2 * radius)))), 2
        )
        cord = made_id("room_pendant", new_seed(rng), drop)
        z = room.ceiling_m - drop
        placements.append(Placement(name=f"Cord_{number}", asset=cord, position=(x, y, z)))
        lights.append(
            SphereLight(
                name=f"Globe_{number}",
                position=(x, y, z - radius * 0.98),
                radius_m=radius,
                radiance=self.light(0.2 / radius**2),
            )
        )

    def _pendant(
        self,
        number: int,
        piece: Piece,
        x: float,
        y: float,
        placements: list[Placement],
        lights: list[LightSpec],
    ) -> None:
        """A lamp of the library: a glowing disk in its lower opening, and a shade that lets light through."""
        z = self.maker.room.ceiling_m - piece.size[2]
        radius = max(0.03, min(piece.size[:2]) * 0.3)
        light = self.light(1.0)
        looks = self._shades(piece, light)
        lamp = Placement(name=f"Pendant_{number}", asset=piece.asset, position=(x, y, z), looks=looks)
        placements.append(lamp)
        lights.append(
            DiskLight(
                name=f"Bulb_{number}",
                position=(x, y, z - 0.012),
                rotation=heading(0.0),
                radius_m=radius,
                radiance=scaled(light, (1 - THROUGH if looks else 1) * PENDANT_FLUX / (np.pi * radius) ** 2),
            )
        )

    def _shades(self, piece: Piece, light: Vec3) -> tuple[PartLook, ...]:
        if piece.record is None:
            return ()
        shades = luminous(piece.record, asset_parts(self.sampler, piece.record))
        return shade_looks(shades, (), THROUGH * PENDANT_FLUX, light)

    def globe(self, name: str, piece: Piece, position: Vec3) -> SphereLight:
        """The glowing globe of a standing lamp."""
        x, y, z = position
        radius = piece.globe_m
        return SphereLight(
            name=name,
            position=(x, y, z + piece.size[2] - radius),
            radius_m=radius,
            radiance=self.light(0.06 / radius**2),
        )


def _grid(room: Room, each_m: float) -> tuple[int, int]:
    """Columns and rows of lamps, one for about so many metres, not more than a dozen."""
    return min(4, max(1, round(room.width_m / each_m))), min(3, max(1, round(room.depth_m / each_m)))
