"""The two cameras of a stage make a rig, and must be the one that is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from fsd_gen.usd.errors import StageError
from fsd_gen.usd.reader import read_stage, rig_of_stage
from tests.fsd_gen.usd.reader.stages import RIG, quad, stage_file


def test_the_rig_of_a_stage_is_read_from_its_cameras_and_accepted_again(tmp_path: Path) -> None:
    path = stage_file(tmp_path, quad())
    rig = rig_of_stage(path, width=64, height=48)
    assert rig.model_dump() == pytest.approx(RIG.model_dump())
    scene = read_stage(path, RIG)
    # at the origin, looking along -z of a z-up stage: down
    assert scene.left_to_world.tolist() == [[1, 0, 0, 0], [0, -1, 0, 0], [0, 0, -1, 0], [0, 0, 0, 1]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"baseline_m": 0.2}, "</World/Rig/Right>: expected at .0.200000, 0.000000, 0.000000. m.*got .0.10"),
        ({"focal_px": 33.0}, "</World/Rig/Left>: expected focal length 33.000000 px, got 32.000000 px"),
        ({"cx_px": 32.0}, "</World/Rig/Left>: expected the principal point .32.000, 25.000. px, got .30.000"),
        ({"height": 64}, "</World/Rig/Left>: expected a vertical aperture of 36 .*, got 27"),
    ],
    ids=["baseline", "focal length", "principal point", "aspect"],
)
def test_cameras_that_are_not_the_rig_are_refused(tmp_path: Path, change: dict, message: str) -> None:
    with pytest.raises(StageError, match=message):
        read_stage(stage_file(tmp_path, quad()), RIG.model_copy(update=change))


def test_a_right_camera_on_the_wrong_side_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="expected to the right of"):
        rig_of_stage(stage_file(tmp_path, quad(), right_x=-0.1), width=64, height=48)


def test_a_missing_camera_is_refused_with_the_ones_there_are(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="no camera at </Eye>; the stage has /World/Rig/Left, /World/Rig/Ri"):
        read_stage(stage_file(tmp_path, quad()), None, left="/Eye")


def test_pixels_are_as_wide_as_the_camera_says(tmp_path: Path) -> None:
    path = stage_file(tmp_path, quad())
    said = "double fsd:pixelAspect = 0.75\n        float verticalAperture = 36"
    path.write_text(path.read_text().replace("float verticalAperture = 27", said))
    rig = rig_of_stage(path, width=64, height=48)
    assert (rig.focal_px, rig.focal_y_px) == pytest.approx((32, 24))
    assert rig.cy_px == pytest.approx(24.75)  # the same offset, of a film that is higher
    read_stage(path, rig)
    with pytest.raises(StageError, match=r"Left>: expected focal length 32.000000 px, got 24.000000 px"):
        read_stage(path, rig.model_copy(update={"focal_y_px": None}))
    with pytest.raises(StageError, match="expected a vertical aperture of 48 for fsd:pixelAspect 0.75"):
        rig_of_stage(path, width=64, height=64)


def test_pixels_without_a_width_are_refused(tmp_path: Path) -> None:
    path = stage_file(tmp_path, quad())
    said = "double fsd:pixelAspect = 0\n        float verticalAperture = 27"
    path.write_text(path.read_text().replace("float verticalAperture = 27", said))
    with pytest.raises(StageError, match="Left>: fsd:pixelAspect must be positive, got 0"):
        rig_of_stage(path, width=64, height=48)
