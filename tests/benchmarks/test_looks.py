"""The count of different looks."""

from __future__ import annotations

from benchmarks.looks import count, lines, look_of
from fsd_gen.scene.spec import MaterialSpec
from tests.fsd_gen.styles.only import only


def test_a_look_is_the_same_wherever_it_lies_and_at_any_scale():
    wall = MaterialSpec(texture="made/texture.2/bricks/1", uv_scale=(2, 2), uv_offset=(0.1, 0.2))
    assert look_of(wall) == look_of(wall.but(uv_scale=(1, 1), uv_offset=(0, 0), roughness=0.1))
    assert look_of(wall) != look_of(wall.but(texture="made/texture.2/bricks/2"))


def test_the_table_says_how_many_looks_are_distinct(small_config, library):
    counts = count(only(small_config, "flying"), library, 4)
    assert 0.8 < len(counts["panels"]) / counts["panels"].total() <= 1
    head, *rows = lines(counts)
    assert "distinct" in head and [row.split()[0] for row in rows] == ["panels", "panel", "objects"]
