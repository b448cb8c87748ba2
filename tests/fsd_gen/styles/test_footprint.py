from __future__ import annotations

import pytest

from fsd_gen.styles.footprint import Footprint


def test_turned_rectangles_overlap_only_where_they_share_ground():
    square = Footprint(x=0, y=0, width=2, depth=2, heading_deg=0)
    assert square.overlaps(Footprint(x=1.5, y=0, width=2, depth=2, heading_deg=0))
    assert not square.overlaps(Footprint(x=2.1, y=0, width=2, depth=2, heading_deg=0))
    assert square.overlaps(Footprint(x=2.1, y=0, width=2, depth=2, heading_deg=45))  # its corner reaches in
    assert not square.overlaps(Footprint(x=2, y=2, width=2, depth=0.5, heading_deg=-45))  # boxes would meet


def test_distance_to_a_turned_rectangle_is_zero_inside_and_exact_outside():
    spot = Footprint(x=1, y=1, width=2, depth=1, heading_deg=90)
    assert spot.distance_to(1, 1) == 0
    assert spot.distance_to(2, 1) == pytest.approx(0.5)
    assert spot.distance_to(1, 3) == pytest.approx(1.0)
