"""Out of doors: things on the ground, each in a place of its own, and made assets to choose from."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np

from assets_manifest.derived.parts import parts
from assets_manifest.made import buildings, street, trees
from assets_manifest.made.buildings import Building
from assets_manifest.made.street import Thing
from assets_manifest.made.trees import Plant
from assets_manifest.records import Asset
from fsd_gen.scene.rotations import compose as turned
from fsd_gen.scene.rotations import facing, heading, rotation_matrix
from fsd_gen.scene.spec import (
    Hard,
    LightSpec,
    MaterialSpec,
    PartLook,
    Placement,
    Quaternion,
    RectLight,
    SphereLight,
    Vec3,
)
from fsd_gen.styles import materials
from fsd_gen.styles.footprint import Footprint
from fsd_gen.styles.lighting import scaled
from fsd_gen.styles.sampler import AnySampler, log_uniform, pick

HeightOf = Callable[[float, float], float]
SEEDS = 2**31
SANE_TRIANGLES = 60_000  # of one thing among hundreds
OFF_ROAD = (
    "peterbilt",
    "forkLift",
    "tricycle",
    "skateboard",
    "stroller",
    "cooter",
    "bike",
    "bicycle",
    "yamaha",
)
NOT_UPRIGHT = (
    "lying",
    "Lying",
    "sit",
    "Sit",
    "horse",
    "cat",
    "chicken",
    "rabbit",
    "Cat",
    "dog",
    "mannequin",
)


class Scenery:
    """What has been put into a scene so far, and the ground that it takes."""

    def __init__(self, height: HeightOf) -> None:
        self.height = height
        self.placements: list[Placement] = []
        self.lights: list[LightSpec] = []
        self.footprints: list[Footprint] = []
        self._circles: list[tuple[float, float, float]] = []

    def is_free(self, spot: Footprint) -> bool:
        """Whether nothing has taken this ground."""
        if not self._circles:
            return True
        circles = np.array(self._circles)
        reach = circles[:, 2] + np.hypot(spot.width, spot.depth) / 2
        near = np.flatnonzero(np.hypot(circles[:, 0] - spot.x, circles[:, 1] - spot.y) < reach)
        return not any(spot.overlaps(self.footprints[k]) for k in near.tolist())

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


def draw_building(
    rng: np.random.Generator, kinds: Sequence[str], *, front_m: tuple[float, float], storeys: tuple[int, int]
) -> tuple[str, Building]:
    """The id of a new building, and what it is."""
    kind = str(rng.choice(list(kinds)))
    tall = (
        1
        if kind == "shed"
        else int(rng.integers(1, 3))
        if kind == "house"
        else int(rng.integers(storeys[0], storeys[1] + 1))
    )
    depth = rng.uniform(8, 13)
    words = (kind, round(rng.uniform(*front_m) * 10), round(depth * 10), tall, seed(rng))
    return buildings.MAKER.asset_id(*words), Building.of(tuple(map(str, words)))


class Facades:
    """The walls of one scene's houses: a few coats, shared by many."""

    def __init__(self, sampler: AnySampler) -> None:
        rng = sampler.rng("facades")
        self.coats = [_coat(sampler, rng) for _ in range(COATS)]
        self.bases = [materials.made(rng, "concrete"), materials.made(rng, "granite")]
        self.reflecting = MaterialSpec(
            colour=(0.35, 0.4, 0.42), metallic=0.9, roughness=float(rng.uniform(0.02, 0.08))
        )

    def looks(self, rng: np.random.Generator, kind: str) -> tuple[tuple[PartLook, ...], Hard | None]:
        """What one house looks like; now and then one of offices has panes like mirrors."""
        looks = [PartLook(part="wall", material=pick(rng, self.coats))]
        if rng.uniform() < 0.6:
            looks.append(PartLook(part="base", material=pick(rng, self.bases)))
        if kind == "modern" and rng.uniform() < 0.3:
            return (*looks, PartLook(part="pane", material=self.reflecting)), "mirror"
        return tuple(looks), None


def _coat(sampler: AnySampler, rng: np.random.Generator) -> MaterialSpec:
    kind = rng.uniform()
    if kind < 0.3:
        return MaterialSpec(colour=facade_paint(rng), roughness=float(rng.uniform(0.75, 0.95)))
    if kind < 0.75:
        return materials.made(rng, pick(rng, ("bricks", "plaster", "plaster", "concrete", "bricks")))
    return materials.surface(sampler, rng, "brick", "plaster")


COATS = 6
BODY = re.compile(
    r"paint|part_\d+_Car$|first_?color|color_exterior|color_beige|chapa|white_?container|whiteBase|red_cabin"
)
METALLIC_PAINT = 0.45  # of the cars
CAR_PAINTS = (
    (0.75, 0.75, 0.74),
    (0.02, 0.02, 0.022),
    (0.28, 0.29, 0.3),
    (0.5, 0.51, 0.52),
    (0.09, 0.1, 0.11),
    (0.45, 0.02, 0.02),
    (0.02, 0.06, 0.22),
    (0.03, 0.12, 0.25),
    (0.12, 0.03, 0.03),
    (0.04, 0.1, 0.06),
    (0.5, 0.42, 0.28),
    (0.6, 0.3, 0.02),
    (0.3, 0.38, 0.42),
)


def car_looks(sampler: AnySampler, rng: np.random.Generator, asset: Asset) -> tuple[PartLook, ...]:
    """The bodywork of a vehicle in one of the colours that cars have; one in six keeps its own."""
    if rng.uniform() < 0.17:
        return ()
    r, g, b = np.clip(np.array(pick(rng, CAR_PAINTS)) * rng.uniform(0.75, 1.25, 3), 0, 0.85).tolist()
    flakes = float(rng.uniform(0.4, 0.9)) if rng.uniform() < METALLIC_PAINT else 0.0
    paint = MaterialSpec(colour=(r, g, b), roughness=float(rng.uniform(0.3, 0.55)), metallic=flakes)
    lacquer = paint.but(clearcoat=1.0, clearcoat_roughness=float(rng.uniform(0.01, 0.06)))
    found = parts(asset, sampler.library.path(asset.id), sampler.library.root(asset.id))
    return tuple(
        PartLook(part=part.name, material=lacquer)
        for part in found
        if BODY.search(part.name) and not part.textured
    )


PAINTS = (
    (0.72, 0.68, 0.58),
    (0.62, 0.5, 0.3),
    (0.55, 0.34, 0.22),
    (0.6, 0.58, 0.55),
    (0.4, 0.42, 0.42),
    (0.66, 0.55, 0.42),
    (0.45, 0.5, 0.5),
    (0.62, 0.42, 0.34),
    (0.75, 0.73, 0.68),
    (0.5, 0.52, 0.42),
)


def facade_paint(rng: np.random.Generator) -> Vec3:
    """What houses are painted in: chalk, ochre, brick, grey, sand ..., never lilac."""
    r, g, b = np.clip(
        np.array(PAINTS[rng.integers(len(PAINTS))]) * rng.uniform(0.65, 1.08) * rng.uniform(0.95, 1.05, 3),
        0,
        1,
    )
    return (float(r), float(g), float(b))


def draw_plant(
    rng: np.random.Generator, kinds: Sequence[str], *, height_m: tuple[float, float], leaves: int
) -> tuple[str, Plant]:
    """The id of a new tree or shrub, and what it is."""
    kind = str(rng.choice(list(kinds)))
    tall = rng.uniform(*height_m)
    slim = {
        "broad": (0.6, 0.9),
        "round": (0.6, 0.85),
        "tall": (0.25, 0.4),
        "conifer": (0.35, 0.5),
        "shrub": (0.8, 1.3),
        "hedge": (2.0, 4.0),
    }[kind]
    words = (kind, max(4, round(tall * 10)), max(4, round(tall * rng.uniform(*slim) * 10)), leaves, seed(rng))
    return trees.MAKER.asset_id(*words), Plant.of(tuple(map(str, words)))


def draw_hedge(rng: np.random.Generator, height_m: float, length_m: float) -> tuple[str, Plant]:
    """A piece of hedge of this length."""
    words = ("hedge", round(height_m * 10), round(length_m * 10), 2200, seed(rng))
    return trees.MAKER.asset_id(*words), Plant.of(tuple(map(str, words)))


def draw_thing(
    rng: np.random.Generator, kind: str, length_m: float = 3.0, number: int | None = None
) -> tuple[str, Thing]:
    """The id of a lamp, sign, bench, fence ..., and what it is."""
    words = (kind, max(1, round(length_m * 10)), seed(rng) if number is None else number)
    return street.MAKER.asset_id(*words), Thing.of(tuple(map(str, words)))


def vehicles(sampler: AnySampler, *, longest_m: float = 7.0) -> tuple[Asset, ...]:
    """Cars, vans and the like, by road; lorries and buses too where `longest_m` lets them."""
    return tuple(
        asset
        for asset in sampler.assets("object", "vehicle")
        if asset.size_m
        and 2.3 < max(asset.size_m) <= longest_m
        and _light(asset)
        and not _named(asset, OFF_ROAD)
    )


def cycles(sampler: AnySampler) -> tuple[Asset, ...]:
    """Bicycles, scooters and motorbikes."""
    return tuple(
        a
        for a in sampler.assets("object", "vehicle")
        if a.size_m
        and max(a.size_m) <= 2.3
        and _light(a)
        and not _named(a, ("tricycle", "skateboard", "stroller", "Scopia/scooter"))
    )


def people(sampler: AnySampler) -> tuple[Asset, ...]:
    """Whoever stands or walks; lay figures only where there is nobody else."""
    found = tuple(
        asset
        for asset in sampler.assets("object", "character")
        if asset.size_m and 1.4 < asset.size_m[2] < 2.1 and _light(asset) and not _named(asset, NOT_UPRIGHT)
    )
    return tuple(asset for asset in found if not _named(asset, ("builtin/",))) or found


def _light(asset: Asset) -> bool:
    return (asset.triangles or 0) <= SANE_TRIANGLES


def _named(asset: Asset, parts: Sequence[str]) -> bool:
    return any(part in asset.id for part in parts)


def facing_deg(asset: Asset, towards_deg: float) -> float:
    """The heading at which a vehicle drives this way: its front is at -y, of one that is long in x at +x."""
    x, y, _ = asset.size_m or (0.0, 1.0, 0.0)
    return towards_deg if x > y else towards_deg + 90.0


def on_ground(asset: Asset, x: float, y: float, heading_deg: float, margin_m: float = 0.05) -> Footprint:
    """The ground that an asset of a pack takes."""
    width, depth, height = asset.size_m or (0.5, 0.5, 0.5)
    return Footprint(
        x=x, y=y, width=width + margin_m, depth=depth + margin_m, heading_deg=heading_deg, top=height
    )


def thing_spot(thing: Thing, x: float, y: float, heading_deg: float) -> Footprint:
    """The ground that a made thing takes."""
    width, depth, height = thing.size_m
    return Footprint(x=x, y=y, width=width, depth=depth, heading_deg=heading_deg, top=height)


def plant_spot(plant: Plant, x: float, y: float, heading_deg: float) -> Footprint:
    """The ground that a plant takes: of a tree, what its trunk does."""
    width, depth = (
        (plant.width_m, plant.depth_m) if plant.kind in ("hedge", "shrub") else (plant.trunk_m * 4,) * 2
    )
    return Footprint(x=x, y=y, width=width, depth=depth, heading_deg=heading_deg, top=plant.height_m)


def lamp_light(
    thing: Thing, name: str, position: Vec3, heading_deg: float, colour: Vec3, power: float
) -> SphereLight:
    """The bulb of a street lamp. `power` is the irradiance on the ground below it."""
    local = np.array(thing.lamp_m)
    x, y, z = (rotation_matrix(heading(heading_deg)) @ local + np.array(position)).tolist()
    radius = 0.21 if thing.kind == "ball_lamp" else 0.13
    radiance = power * thing.length_m**2 / (np.pi * radius**2)
    z += 0.0 if thing.kind != "arm_lamp" else -0.08
    return SphereLight(name=name, position=(x, y, z), radius_m=radius, radiance=scaled(colour, radiance))


def lit_windows(
    rng: np.random.Generator,
    building: Building,
    position: Vec3,
    heading_deg: float,
    share: float,
    name: str,
    most: int,
) -> list[RectLight]:
    """Some windows of a building, lit from inside."""
    found: list[RectLight] = []
    walls, turn = building.walls(), rotation_matrix(heading(heading_deg))
    for number, (side, opening) in enumerate(buildings.windows(building)):
        if opening.kind == "door" or rng.uniform() >= share or len(found) >= most:
            continue
        wall = walls[side]
        local = wall.point(opening.along_m, opening.bottom_m + opening.height_m / 2, -0.15)
        x, y, z = (turn @ np.array(local) + np.array(position)).tolist()
        outward = turn @ np.array([wall.along[1], -wall.along[0], 0.0])
        warm = materials.blackbody(rng.uniform(2500, 4500))
        found.append(
            RectLight(
                name=f"{name}_{number}",
                position=(round(x, 5), round(y, 5), round(z, 5)),
                rotation=facing(-outward),
                size=(round(opening.width_m - 0.02, 4), round(opening.height_m - 0.02, 4)),
                radiance=scaled(warm, log_uniform(rng, 0.25, 1.6)),
            )
        )
    return found


def choose(rng: np.random.Generator, assets: Sequence[Asset]) -> Asset | None:
    """One of them, or none where there are none."""
    return pick(rng, assets) if assets else None
