from __future__ import annotations

import math

import pytest
from pydantic import ValidationError

from fsd_gen.scene.spec import DiskLight, MaterialSpec, Placement


def test_numbers_are_rounded_when_they_become_part_of_a_scene():
    position, scale = (1 / 3, 2 / 3, 1.0), (1 / 7, 1 / 7, 1 / 7)
    placement = Placement(name="P", asset="a/b", position=position, scale=scale)
    assert placement.position == (0.33333, 0.66667, 1.0)
    assert placement.scale == (0.142857, 0.142857, 0.142857)
    assert MaterialSpec(colour=(1 / 3, 0, 1), roughness=0.12345).colour == (0.3333, 0, 1)


def test_a_changed_value_is_rounded_and_checked_like_a_new_one():
    coat = MaterialSpec(texture="a/b")
    assert coat.but(uv_offset=(0.123456789, 0)).uv_offset == (0.12346, 0)
    assert coat.but(roughness=0.5).texture == "a/b"
    with pytest.raises(ValidationError, match="roughnes"):
        coat.but(roughnes=0.5)
    with pytest.raises(ValidationError, match="less than or equal to 1"):
        coat.but(roughness=2.0)


def test_what_would_be_rounded_to_nothing_is_refused():
    with pytest.raises(ValidationError, match="radius_m"):
        DiskLight(name="L", position=(0, 0, 0), radius_m=1e-4, radiance=(1, 1, 1))


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_a_scene_holds_finite_numbers_only(number):
    with pytest.raises(ValidationError, match="finite"):
        Placement(name="P", asset="a/b", position=(number, 0, 0))


def test_rounding_twice_changes_nothing():
    once = MaterialSpec(colour=(0.123456, 0.2, 0.3), roughness=0.98765, uv_offset=(0.123456789, 0.5))
    assert MaterialSpec.model_validate_json(once.model_dump_json()) == once
