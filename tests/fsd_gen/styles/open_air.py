"""What can be said of an outdoor scene from its description alone."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from assets_manifest.library import AssetLibrary
from assets_manifest.made.ground import Ground
from assets_manifest.made.roadway import Road
from assets_manifest.made.vehicle_forms import Vehicle
from fsd_gen.scene.rotations import rotation_matrix
from fsd_gen.scene.spec import Placement, SceneSpec
from fsd_gen.styles.footprint import Footprint


def words_of(spec: SceneSpec, maker: str) -> tuple[str, ...] | None:
    """The words of the made asset of this maker, None where the scene has none."""
    for placement in spec.placements:
        if placement.asset.startswith(f"made/{maker}."):
            return tuple(placement.asset.split("/")[2:])
    return None


def ground_of(spec: SceneSpec) -> Ground | None:
    words = words_of(spec, "ground")
    return Ground.of(words) if words else None


def road_of(spec: SceneSpec) -> Road | None:
    words = words_of(spec, "road")
    return Road.of(words) if words else None


def road_place(road: Road, x: float, y: float) -> tuple[float, float]:
    """Road coordinates of a world point."""
    s = np.linspace(-70, 330, 401)
    middle = road.place(s, 0.0)
    near = s[np.argmin(np.hypot(middle[:, 0] - x, middle[:, 1] - y))]
    for _ in range(3):
        turn = road.curvature * near
        ox, oy, _ = road.place(near, 0.0)
        near += (x - ox) * np.cos(turn) + (y - oy) * np.sin(turn)
    ox, oy, _ = road.place(near, 0.0)
    turn = road.curvature * near
    return float(near), float(-(x - ox) * np.sin(turn) + (y - oy) * np.cos(turn))


def heading_deg(placement: Placement) -> float:
    ahead = rotation_matrix(placement.rotation) @ [1.0, 0.0, 0.0]
    return float(np.degrees(np.arctan2(ahead[1], ahead[0])))


def footprint(placement: Placement, library: AssetLibrary) -> Footprint:
    """The ground that an asset of a pack, or a made vehicle, really takes."""
    width, depth, height = size_of(placement, library)
    return Footprint(
        x=placement.position[0],
        y=placement.position[1],
        width=width,
        depth=depth,
        heading_deg=heading_deg(placement),
        top=height,
    )


def size_of(placement: Placement, library: AssetLibrary) -> tuple[float, float, float]:
    """Of an asset of a pack or of a made vehicle, as it stands."""
    if placement.asset.startswith("made/vehicle."):
        return Vehicle.of(tuple(placement.asset.split("/")[2:])).size_m
    x, y, z = library.get(placement.asset).size_m or (0.0, 0.0, 0.0)
    scale = placement.scale[0]
    return (x * scale, y * scale, z * scale)


def vehicles_of(spec: SceneSpec) -> list[Placement]:
    """Whatever has wheels and a motor."""
    kinds = ("Vehicle", "Parked", "Crossing")
    return [p for p in spec.placements if p.name.split("_")[0] in kinds]


def movable(spec: SceneSpec) -> list[Placement]:
    """What is of packs, and made vehicles."""
    return [p for p in spec.placements if not p.asset.startswith("made/") or "/vehicle." in p.asset]


def overlapping(spots: list[Footprint]) -> bool:
    return any(a.overlaps(b) for k, a in enumerate(spots) for b in spots[k + 1 :])


def floating(spec: SceneSpec) -> list[str]:
    """Names of what stands more than 2 cm above or below its ground, and of gaps between numbers."""
    ground, road, found = ground_of(spec), road_of(spec), []
    for placement in spec.placements:
        if placement.name.split("_")[0] in ("Ground", "Road", "Backdrop", "Building"):
            continue
        x, y, z = placement.position
        level = ground.height(x, y) if ground else float(road.height(*road_place(road, x, y)))
        if abs(level - z) > 0.02:
            found.append(placement.name)
    numbers = [int(p.name.rsplit("_", 1)[1]) for p in spec.placements]
    assert all(b == a + 1 for a, b in pairwise(numbers))
    return found
