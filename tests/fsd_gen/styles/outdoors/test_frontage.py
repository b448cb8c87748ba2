"""Houses and trees along a street, and the mouths of its side streets."""

from __future__ import annotations

import numpy as np

from assets_manifest.made.buildings import Building
from assets_manifest.made.trees import Plant
from fsd_gen.styles.footprint import Footprint
from tests.fsd_gen.styles.open_air import heading_deg, road_of, road_place


def words(placement):
    return tuple(placement.asset.split("/")[2:])


def house_spots(spec):
    for placement in spec.placements:
        if placement.asset.startswith("made/building."):
            house, (x, y, _) = Building.of(words(placement)), placement.position
            yield Footprint(
                x=x, y=y, width=house.width_m, depth=house.depth_m, heading_deg=heading_deg(placement)
            )


def test_no_crown_touches_a_house(streets):
    seen = 0
    for spec in streets:
        houses = list(house_spots(spec))
        for placement in spec.placements:
            if placement.asset.startswith("made/plant.") and placement.name.startswith("Tree"):
                radius = Plant.of(words(placement)).width_m / 2 * placement.scale[0]
                x, y, _ = placement.position
                assert min(house.distance_to(x, y) for house in houses) > 0.9 * radius, placement.name
                seen += 1
    assert seen > 30


def test_side_streets_are_open_and_built_up(streets):
    with_side_streets = [spec for spec in streets if road_of(spec).junctions()]
    assert with_side_streets
    for spec in with_side_streets:
        road, houses = road_of(spec), list(house_spots(spec))
        for junction in road.junctions():
            for v in np.linspace(-road.back_m - 40, road.back_m + 40, 41):
                x, y, _ = road.place(junction.s, v)
                assert min(house.distance_to(x, y) for house in houses) > 1.5, (spec.key, v)
            near = [abs(road_place(road, house.x, house.y)[0] - junction.s) for house in houses]
            assert min(near) < 25
