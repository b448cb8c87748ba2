"""A rig that no scene can hold is told before there is a folder, with the widest that one may hold."""

from __future__ import annotations

import math

import pytest

from fsd_gen.config import load_config
from fsd_gen.production.widths import too_wide
from fsd_gen.sections import ConfigError
from fsd_gen.styles.widest import View


def config(baseline_m, styles, **more):
    return load_config("fsd", {"rig.baseline_m": baseline_m, "styles": styles, **more})


ROOMS = {"indoor": {}, "mixed": {}, "navigation": {}}


def test_five_metres_are_refused_for_rooms_in_one_line_with_what_each_may_hold():
    with pytest.raises(ConfigError) as caught:
        too_wide(config(5, ROOMS))
    said = str(caught.value)
    assert said.startswith("rig.baseline_m: 5 m is wider than any scene can hold of indoor (at most 4.")
    assert "mixed (at most 4." in said and "navigation (at most 4." in said
    assert "more than 2% of the pixels would be beyond 460.8 px" in said and "\n" not in said


def test_beside_styles_that_can_hold_it_is_told_and_not_refused():
    said = too_wide(config([5, 5], {"flying": {}, "indoor": {}}))
    assert "of indoor (at most 4." in said and "flying" not in said


@pytest.mark.parametrize(
    ("baseline_m", "styles", "more"),
    [
        (0.5, ROOMS, {}),
        ([0.5, 5], ROOMS, {}),  # the narrow ones are drawn
        (5, {"flying": {}, "outdoor": {}}, {}),
        (5, {"flying": {}, "indoor": {"weight": 0}}, {}),
        (5, {"indoor": {"warehouse_ceiling_m": [20, 30], "warehouse_m": [50, 60]}}, {}),
        (5, {"indoor": {}}, {"rig.max_disparity_share": 0.9, "checks.max_disparity_px": 2000}),
    ],
)
def test_of_what_fits_nothing_is_said(baseline_m, styles, more):
    assert too_wide(config(baseline_m, styles, **more)) == ""


def test_the_presets_say_nothing():
    assert [too_wide(load_config(name)) for name in ("fsd", "demo")] == ["", ""]


def test_smaller_rooms_and_tighter_limits_hold_less():
    said = too_wide(config(2.5, {"indoor": {"rooms": ["living"]}, "flying": {}}))
    assert "indoor (at most 2.2" in said
    assert too_wide(config(2.5, {"indoor": {}, "flying": {}})) == ""


@pytest.fixture
def view() -> View:
    """A square picture of 90 degrees; 100 px of 100 px focal length: surfaces from one baseline on."""
    square = load_config("fsd", {"image": {"width": 200, "height": 200}, "rig.hfov_deg": 90})
    return View.of(square.rig, square.image, limit_px=100, beyond=0.0)


def test_the_floor_is_the_nearest_of_a_hall(view):
    # 45 degrees down of a level camera 1 m up meet the floor at a depth of 1 m; looking 20 degrees up, later
    depth_m = math.cos(math.radians(45)) / math.sin(math.radians(25))
    hall = view.widest_m(sides_m=(math.inf, math.inf), ceiling_m=math.inf, eye_m=1.0)
    assert hall == pytest.approx(depth_m, rel=1e-6)


def test_between_floor_and_ceiling_the_camera_is_where_both_are_as_far(view):
    low = view.widest_m(sides_m=(math.inf, math.inf), ceiling_m=2.0, eye_m=1.9)
    # f B / limit = Z: 2 m = Z * (sin(25) + sin(65)) / cos(45) at the most
    sines = math.sin(math.radians(25)) + math.sin(math.radians(65))
    assert low == pytest.approx(2 * math.cos(math.radians(45)) / sines, rel=1e-6)


def test_the_walls_hold_what_both_eyes_see(view):
    # one baseline away the eyes see 2 baselines each, 3 together
    assert view.widest_m(sides_m=(3.0, 4.0), ceiling_m=math.inf, eye_m=1e9) == pytest.approx(5 / 3)
