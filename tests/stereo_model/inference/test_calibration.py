from __future__ import annotations

import numpy as np
import pytest

from stereo_model.inference.calibration import Calibration, CalibrationError, read_calibration
from stereo_model.inference.cloud import depth_of

MIDDLEBURY = """cam0=[3979.911 0 1244.772; 0 3979.911 1019.507; 0 0 1]
cam1=[3979.911 0 1369.115; 0 3979.911 1019.507; 0 0 1]
doffs=124.343
baseline=193.001
width=2964
height=1988
ndisp=270
"""


def test_nine_numbers_and_a_baseline_in_metres(tmp_path):
    (tmp_path / "K.txt").write_text("754.668 0.0 489.379 0.0 754.668 265.162 0.0 0.0 1.0\n0.063\n")
    rig = read_calibration(tmp_path / "K.txt")
    assert (rig.fx, rig.fy, rig.cx, rig.cy, rig.baseline_m) == (754.668, 754.668, 489.379, 265.162, 0.063)
    assert read_calibration(tmp_path / "K.txt", baseline_m=0.1).baseline_m == 0.1


@pytest.mark.parametrize("text", ["80 0 48\n0 80 32\n0 0 1\n0.1\n", "80, 0, 48, 0, 80\n\n32 0 0 1\n0.1"])
def test_the_nine_numbers_may_stand_in_several_lines(tmp_path, text):
    (tmp_path / "K.txt").write_text(text)
    rig = read_calibration(tmp_path / "K.txt")
    assert (rig.fx, rig.fy, rig.cx, rig.cy, rig.baseline_m) == (80, 80, 48, 32, 0.1)
    (tmp_path / "K.txt").write_text(text.rpartition("0.1")[0])
    assert read_calibration(tmp_path / "K.txt", baseline_m=0.2).baseline_m == 0.2


def test_middleburys_file_has_millimetres_and_an_offset(tmp_path):
    (tmp_path / "calib.txt").write_text(MIDDLEBURY)
    rig = read_calibration(tmp_path / "calib.txt")
    assert (rig.fx, rig.cx, rig.doffs_px, rig.width, rig.height) == (3979.911, 1244.772, 124.343, 2964, 1988)
    assert rig.baseline_m == pytest.approx(0.193001)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "nine numbers"),
        ("1 2 3\n0.1\n", "got 4"),
        ("1 0 0 0 1 0 0 0 1\n", "baseline in metres in the line after K"),
        ("1 0 0\n0 1 0\n0 0 1 0.1\n", "got 10"),
        ("1 0 0 0 1 0 0 0 1\nabc\n", "expected numbers, got 'abc'"),
        ("-1 0 0 0 1 0 0 0 1\n0.1\n", "must be positive"),
        ("nan 0 0 0 1 0 0 0 1\n0.1\n", "not finite"),
        ("cam0=[1 0 0; 0 1 0]\nbaseline=3\n", "cam0=\\[fx 0 cx"),
        (MIDDLEBURY.replace("baseline=193.001", ""), "baseline=<number>"),
        (MIDDLEBURY.replace("doffs=124.343", "doffs=0"), "doffs=0, but .* cx1 - cx0 = 124.343"),
        (MIDDLEBURY.replace("cam1=[3979.911", "cam1=[1 3979.911"), "expected cam1="),
        ("80 0 0 0 80 0 48 32 1\n0.1\n", "is it transposed"),
        ("80 2.5 48 0 80 32 0 0 1\n0.1\n", "K has a skew of 2.5"),
    ],
)
def test_a_calibration_that_cannot_be_understood_is_one_line_with_its_name(tmp_path, text, message):
    (tmp_path / "calib.txt").write_text(text)
    with pytest.raises(CalibrationError, match=message) as caught:
        read_calibration(tmp_path / "calib.txt")
    assert "calib.txt" in str(caught.value) and "\n" not in str(caught.value)


def test_a_calibration_of_another_size_is_refused_and_can_be_resized(tmp_path):
    (tmp_path / "calib.txt").write_text(MIDDLEBURY)
    rig = read_calibration(tmp_path / "calib.txt")
    with pytest.raises(CalibrationError, match="2964x1988 pixels, these have 741x497"):
        rig.require_size(741, 497)
    quarter = rig.resized(0.25)
    quarter.require_size(741, 497)
    disparity = np.array([[40.0]])
    assert depth_of(disparity, quarter) == pytest.approx(depth_of(4 * disparity, rig))
    with pytest.raises(CalibrationError, match="lies outside images of 400x497"):
        Calibration(fx=1, fy=1, cx=489, cy=2, baseline_m=1).require_size(400, 497)


def test_without_doffs_the_principal_points_tell_it(tmp_path):
    (tmp_path / "calib.txt").write_text(MIDDLEBURY.replace("doffs=124.343\n", ""))
    assert read_calibration(tmp_path / "calib.txt").doffs_px == 124.343
    without = MIDDLEBURY.replace("doffs=124.343\n", "").replace("cam1", "camera1")
    (tmp_path / "calib.txt").write_text(without)
    assert read_calibration(tmp_path / "calib.txt").doffs_px == 0


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\r\n\r\n"])
@pytest.mark.parametrize("text", [MIDDLEBURY, "80\t0 48\t 0 80 32 0 0 1 \n\n \t\n0.1\n"])
def test_files_of_any_editor_are_read(text, end, encoding, tmp_path):
    path, plain = tmp_path / "a.txt", tmp_path / "b.txt"
    path.write_bytes(text.replace("\n", end).encode(encoding))
    plain.write_text(text)
    assert read_calibration(path) == read_calibration(plain)
