"""What has been put into an outdoor scene, each thing on the ground in a place of its own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from assets_manifest.records import Asset
from fsd_gen.scene.rotations import compose as turned
from fsd_gen.scene.rotations import heading
from fsd_gen.scene.spec import Hard, LightSpec, PartLook, Placement, Quaternion, Vec3
from fsd_gen.styles.footprint import Footprint

HeightOf = Callable[[float, float], float]
SEEDS = 2**31
EYE_M = 1.2  # from a camera to the nearest leaves
SANE_TRIANGLES = 60_000  # of one thing among hundreds


class Scenery:
    """What has been put into a scene so far, and the ground that it takes."""

    def __init__(self, height: HeightOf) -> None:
        self.height = height
        self.placements: list[Placement] = []
        self.lights: list[LightSpec] = []
        self.footprints: list[Footprint] = []
        self._circles: list[tuple[float, float, float]] = []
        self._walls: list[Footprint] = []
        self.eye: tuple[float, float] | None = None  # of a camera that stands already
        self.crowns: list[Footprint] = []  # the ground that is below them

    def is_free(self, spot: Footprint) -> bool:
        """Whether nothing has taken this ground."""
        if not self._circles:
            return True
        circles = np.array(self._circles)
        reach = circles[:, 2] + np.hypot(spot.width, spot.depth) / 2
        near = np.flatnonzero(np.hypot(circles[:, 0] - spot.x, circles[:, 1] - spot.y) < reach)
        return not any(spot.overlaps(self.footprints[k]) for k in near.tolist())

    def crown_room_m(self, x: float, y: float) -> float:
        """How far a crown may reach from here: to the nearest building, and not over the camera."""
        room = min((wall.distance_to(x, y) for wall in self._walls), default=float("inf"))
        if self.eye is not None:
            room = min(room, float(np.hypot(x - self.eye[0], y - self.eye[1])) - EYE_M)
        return room

    def take(self, spot: Footprint) -> None:
        """Keep this ground free of whatever comes later."""
        self.footprints.append(spot)
        self._circles.append((spot.x, spot.y, float(np.hypot(spot.width, spot.depth)) / 2))

    def put(
        self,
        what: str,
        asset: str,
        spot: Footprint,
        *,
        z: float | None = None,
        looks: tuple[PartLook, ...] = (),
        hard: Hard | None = None,
        tilt: tuple[float, float] | None = None,
        scale: float = 1.0,
    ) -> bool:
        """Stand an asset on the ground (or at `z`) if its place is free; `tilt`: the slope it follows."""
        if not self.is_free(spot):
            return False
        self.take(spot)
        if what == "Building":
            self._walls.append(spot)
        self.lay(
            what,
            asset,
            (spot.x, spot.y, self.height(spot.x, spot.y) if z is None else z),
            spot.heading_deg,
            looks=looks,
            hard=hard,
            tilt=tilt,
            scale=scale,
        )
        return True

    def lay(
        self,
        what: str,
        asset: str,
        position: Vec3,
        heading_deg: float = 0.0,
        *,
        looks: tuple[PartLook, ...] = (),
        hard: Hard | None = None,
        tilt: tuple[float, float] | None = None,
        scale: float = 1.0,
    ) -> None:
        """Put an asset somewhere without asking for its ground."""
        rotation = heading(heading_deg)
        if tilt:
            rotation = turned(leaning(*tilt), rotation)
        self.placements.append(
            Placement(
                name=f"{what}_{len(self.placements):03d}",
                asset=asset,
                position=position,
                rotation=rotation,
                scale=(scale, scale, scale),
                looks=looks,
                hard=hard,
            )
        )


def leaning(slope_x: float, slope_y: float) -> Quaternion:
    """The rotation that turns level ground into ground of these slopes."""
    normal = np.array([-slope_x, -slope_y, 1.0])
    axis = np.cross([0.0, 0.0, 1.0], normal / np.linalg.norm(normal))
    sine = float(np.linalg.norm(axis))
    if sine < 1e-9:
        return (1.0, 0.0, 0.0, 0.0)
    x, y, z = (axis / sine).tolist()
    half = float(np.arcsin(sine)) / 2
    return (float(np.cos(half)), x * float(np.sin(half)), y * float(np.sin(half)), z * float(np.sin(half)))


def seed(rng: np.random.Generator) -> int:
    """A seed for a maker."""
    return int(rng.integers(SEEDS))


def on_ground(asset: Asset, x: float, y: float, heading_deg: float, margin_m: float = 0.05) -> Footprint:
    """The ground that an asset of a pack takes."""
    width, depth, height = asset.size_m or (0.5, 0.5, 0.5)
    return Footprint(
        x=x, y=y, width=width + margin_m, depth=depth + margin_m, heading_deg=heading_deg, top=height
    )


def is_light(asset: Asset) -> bool:
    """Whether it has few enough triangles to be one thing among hundreds."""
    return (asset.triangles or 0) <= SANE_TRIANGLES
