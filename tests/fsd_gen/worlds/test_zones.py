"""Zones of a file or a config: outlines are respected, mistakes are one line that names the zone."""

from __future__ import annotations

import numpy as np
import pytest

from fsd_gen.sections import ConfigError
from fsd_gen.worlds.zones import Zone, read_zones


def test_points_fill_a_polygon_that_is_not_convex():
    corner = Zone(polygon=((0, 0), (2, 0), (2, 1), (1, 1), (1, 2), (0, 2)), z_m=(1, 1))
    points = corner.somewhere(np.random.default_rng(0), 2000)
    assert len(points) == 2000 and (points[:, 2] == 1).all()
    assert not ((points[:, 0] > 1) & (points[:, 1] > 1)).any()
    assert (points[:, 1] > 1).mean() == pytest.approx(1 / 3, abs=0.04)
    assert corner.area_m2 == 3


def test_corners_of_a_box_come_in_any_order():
    assert Zone(box=((2, 3), (-1, 1)), z_m=(0, 1)).area_m2 == 6


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("zones: []", "expected a list and nothing else"),
        ("rooms: 3", "expected a list and nothing else"),
        ("zones: [{z_m: [1, 2]}]", "zone 1: expected either a box"),
        ("zones: [{box: [[0, 0], [1, 1]], z_m: [1, 2]}, {box: [[0, 0], [1, 1]]}]", "zone 2: z_m: is missing"),
        ("zones: [{box: [[0, 0], [1, 1]], z_m: [2, 1]}]", r"zone 1: z_m: must be \[low, high\]"),
        ("zones: [{box: [[0, 0], [0, 1]], z_m: [1, 2]}]", "zone 1: expected an outline with an area"),
        ("zones: [{polygon: [[0, 0], [0, 1]], z_m: [1, 2]}]", "zone 1: polygon: expected at least 3"),
        ("zones: [{box: [[0, 0], [1, 1]], z_m: [1, 2], head: 3}]", "zone 1: head: unknown field; "),
        ("zones: [{box: [[0, 0], [1, a]], z_m: 1}]", r"zone 1: box\.1\.1: expected a number, got 'a'"),
        ("zones: [{polygon: 3, z_m: 1}]", "zone 1: polygon: expected a list, got 3"),
        ("zones: [3]", "zone 1: expected a section of settings, got 3"),
    ],
)
def test_a_mistake_in_a_file_names_its_zone(tmp_path, text, said):
    (tmp_path / "zones.yaml").write_text(text)
    with pytest.raises(ConfigError, match=rf"zones\.yaml: {said}"):
        read_zones(tmp_path / "zones.yaml")


def test_a_file_lists_zones(tmp_path):
    (tmp_path / "zones.yaml").write_text(
        "zones:\n- {box: [[0, 0], [4, 3]], z_m: 1.2, heading_deg: [0, 90]}\n"
    )
    (zone,) = read_zones(tmp_path / "zones.yaml")
    assert zone.z_m == (1.2, 1.2) and zone.heading_deg == (0, 90) and zone.area_m2 == 12
