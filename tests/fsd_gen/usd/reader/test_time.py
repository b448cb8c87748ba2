"""A stage is read at one moment: its startTimeCode, unless another one is chosen."""

from __future__ import annotations

from pathlib import Path

import pytest

from fsd_gen.usd.errors import StageError
from tests.fsd_gen.usd.cases import RIG, WALL, card, flat, rig_of, seen, stage

PREROLL = """double3 xformOp:translate.timeSamples = { 0: (0, 0, 1), 100: (0, 0, 0), 200: (0, 0, -1) }
    uniform token[] xformOpOrder = ["xformOp:translate"]"""
SHOT = "startTimeCode = 100\n endTimeCode = 200"


def test_without_a_choice_it_is_the_start_of_the_stage(tmp_path: Path) -> None:
    assert 8.0 in seen(stage(tmp_path, WALL, card(PREROLL), head=SHOT))
    assert 8.0 in seen(stage(tmp_path, WALL, card(PREROLL), head="startTimeCode = 100"))


def test_without_a_start_it_is_the_earliest_sample(tmp_path: Path) -> None:
    assert 16.0 in seen(stage(tmp_path, WALL, card(PREROLL)))


def test_another_moment_can_be_chosen_between_samples_too(tmp_path: Path) -> None:
    path = stage(tmp_path, WALL, card(PREROLL), head=SHOT)
    assert 16.0 in seen(path, time=0) and 5.33 in seen(path, time=200) and 6.4 in seen(path, time=150)


def test_points_visibility_and_instances_follow_the_time(tmp_path: Path) -> None:
    points = "point3f[] points = [(-0.5,-0.5,-2), (0.5,-0.5,-2), (0.5,0.5,-2), (-0.5,0.5,-2)]"
    nearer = points[len("point3f[] points = ") :]
    moving = card().replace(
        points, f"point3f[] points.timeSamples = {{ 0: {nearer}, 10: {nearer.replace('-2', '-1')} }}"
    )
    assert moving != card()
    path = stage(tmp_path, WALL, moving, head="startTimeCode = 10")
    assert 16.0 in seen(path) and 8.0 in seen(path, time=0)
    blinking = card('token visibility.timeSamples = { 0: "inherited", 5: "invisible" }')
    path = stage(tmp_path, WALL, blinking, head="startTimeCode = 5")
    assert seen(path) == {4.0: 15360} and 8.0 in seen(path, time=0)


def test_the_cameras_and_their_lenses_follow_the_time(tmp_path: Path) -> None:
    zoom = RIG.replace("float focalLength = 36", "float focalLength.timeSamples = { 0: 36, 10: 72 }")
    rolling = zoom.replace(
        "double3 xformOp:translate = (0, 0, 0)",
        "double3 xformOp:translate.timeSamples = { 0: (0, 0, 0), 10: (-0.1, 0, 0) }",
    )
    path = stage(tmp_path, WALL, rig=rolling, head="startTimeCode = 10")
    assert (rig_of(path).focal_px, rig_of(path).baseline_m) == pytest.approx((320, 0.2))
    assert (rig_of(path, 0).focal_px, rig_of(path, 0).baseline_m) == pytest.approx((160, 0.1))
    assert flat(path).left_to_world[0, 3] == pytest.approx(-0.1)


def test_a_time_that_is_no_number_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="the time must be a time code of the stage, got nan"):
        flat(stage(tmp_path, WALL), time=float("nan"))
