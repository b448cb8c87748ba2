"""What stands on and behind a street's pavements: lamps, signs, signals, furniture, trees."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from assets_manifest.made.roadway import KERB_M
from assets_manifest.made.trees import Plant
from fsd_gen.styles import materials
from fsd_gen.styles.outdoors.fittings import draw_thing, lamp_light, thing_spot
from fsd_gen.styles.outdoors.growth import crown_scale, draw_plant, plant_spot
from fsd_gen.styles.outdoors.streetscape import FAR_M, LEFT, RIGHT, Street
from fsd_gen.styles.sampler import pick

MOST_LAMPS = 9
FAR_LAMPS_M = 180.0
KERB_TREES = ("broad", "round", "tall", "birch", "bare")
GARDEN_TREES = ("broad", "round", "conifer", "birch", "tall")


def fill(street: Street, houses: Callable[[], None]) -> None:
    """All that stands along the street; `houses` builds them up when it is their turn."""
    street.backdrop()
    lamps(street)
    houses()
    furniture(street)
    trees(street)


def lamps(street: Street) -> None:
    """Street lamps at even distances on alternate sides, lit when it is dark."""
    rng, road = street.sampler.rng("lamps"), street.road
    made = draw_thing(rng, street.zone.lamp, float(rng.uniform(4.5, 8.5)))
    step, colour = float(rng.uniform(16, 30)), materials.blackbody(float(rng.uniform(2300, 4500)))
    power, lit = float(rng.uniform(0.4, 1.0)), 0
    for number, s in enumerate(np.arange(float(rng.uniform(-12, 8)), FAR_LAMPS_M, step).tolist()):
        side = (RIGHT, LEFT)[number % 2]
        v, turn = side * (road.half_m + KERB_M + 0.35), street.turn(s, side)
        if street.thing("Lamp", made, s, v, turn) and street.dark and lit < MOST_LAMPS:
            bulb = lamp_light(made[1], f"Bulb_{number}", street.at(s, v), turn, colour, power)
            street.scenery.lights.append(bulb)
            lit += 1


def furniture(street: Street) -> None:
    """Signs that face the traffic, signals at crossings, and what else stands on pavements."""
    rng, road = street.sampler.rng("things"), street.road
    kit = [(kind, draw_thing(rng, kind, 7.0 if kind == "wire_pole" else 1.6)) for kind in street.zone.kit]
    kerb, back = road.half_m + KERB_M + 0.3, max(road.back_m - 0.45, road.half_m + 0.6)
    for _ in range(int(rng.integers(14, 40))):
        kind, made = kit[int(rng.integers(len(kit)))]
        s, side = float(rng.uniform(2, 150)), int(rng.choice([LEFT, RIGHT]))
        if kind == "sign":
            made = draw_thing(rng, "sign") if rng.uniform() < 0.3 else made
            street.thing("Sign", made, s, side * (kerb + 0.1), road.heading_deg(s) + 90 * side)
            continue
        v = side * (back if rng.uniform() < 0.6 else kerb)
        street.thing(kind.capitalize(), made, s, v, street.turn(s, side))
    if road.pavement_m > 2.4:
        _shelter(street, rng)
    if street.zone.road == "avenue" or (road.junctions() and road.pavement_m and rng.uniform() < 0.4):
        _signals(street, rng)


def _shelter(street: Street, rng: np.random.Generator) -> None:
    asset, made = draw_thing(rng, "shelter", float(rng.uniform(2.8, 4.2)))
    side, s = int(rng.choice([LEFT, RIGHT])), float(rng.uniform(8, 45))
    spot = thing_spot(made, 0, 0, street.turn(s, side))
    street.stand("Shelter", asset, spot, s, side * (street.road.back_m - 0.95), hard="glass")


def _signals(street: Street, rng: np.random.Generator) -> None:
    made, road = draw_thing(rng, "signal"), street.road
    for s in road.crossings():
        for side in (RIGHT, LEFT):
            v = side * (road.half_m + KERB_M + 0.25)
            street.thing("Signal", made, s + side * 2.6, v, road.heading_deg(s) + 90 * side)


def trees(street: Street) -> None:
    """Trees along the kerb or the verge, and in the gardens behind; no crown touches a house."""
    rng, road, zone = street.sampler.rng("trees"), street.road, street.zone
    narrow = road.pavement_m and not zone.fences
    kinds = ("tall", "tall", "birch", "round") if narrow else KERB_TREES
    sorts = [draw_plant(rng, kinds, height_m=(5, 11), leaves=4500) for _ in range(2)]
    wild = [
        draw_plant(rng, (str(kind),), height_m=(5, 14), leaves=1900)
        for kind in rng.permutation(GARDEN_TREES)[:3]
    ]
    for side in (RIGHT, LEFT):
        s = float(rng.uniform(4, 12))
        while zone.trees_m[1] and s < FAR_M:
            off = 0.75 if road.pavement_m > 3 else road.pavement_m + 1.5
            v = side * (road.half_m + KERB_M + off + float(rng.uniform(0, 0.2)))
            _tree(street, rng, sorts if s < 60 else wild[:2], s, v)
            s += float(rng.uniform(*zone.trees_m))
        for s in rng.uniform(-10, FAR_M, 30 if zone.fences else 8).tolist():
            _tree(street, rng, wild, s, side * (road.back_m + float(rng.uniform(2.5, 40))))


def _tree(
    street: Street, rng: np.random.Generator, pool: list[tuple[str, Plant]], s: float, v: float
) -> None:
    asset, plant = pick(rng, pool)
    spot = plant_spot(plant, 0, 0, float(rng.uniform(0, 360)))
    x, y, _ = street.at(s, v)
    scale = crown_scale(rng, street.scenery, plant, x, y, (0.75, 1.2))
    if scale is not None and street.road.clear_of_junctions(s, 1.0):
        looks = street.finishes.of_plant(street.sampler.rng("bark", asset), plant.kind)
        street.stand("Tree", asset, spot, s, v, looks, scale)
