from __future__ import annotations

import pytest

from assets_manifest.meshes.flat_tops import find_flat_top
from tests.assets_manifest.boxes import part_of


def test_the_free_top_of_a_desk_ends_where_its_screen_stands() -> None:
    top = find_flat_top(part_of(((1.6, 0.8, 0.7), (0, 0, 0)), ((1.6, 0.2, 0.4), (0, 0.3, 0.7))))
    assert top is not None and top.height_m == pytest.approx(0.7, abs=1e-3)
    assert top.rect_m == pytest.approx((-0.8, -0.4, 0.8, 0.2), abs=0.03)


def test_the_hint_finds_a_lower_top_that_is_larger() -> None:
    parts = part_of(((1.0, 0.4, 0.5), (0, 0.0, 0)), ((0.3, 0.4, 1.2), (0.65, 0, 0)))
    top = find_flat_top(parts, hint_m=0.5)
    assert top is not None and top.height_m == pytest.approx(0.5, abs=1e-3)
