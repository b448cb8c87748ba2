"""`fsd-gen shoot`: a stage of one's own becomes a pair with its truth, at the moment that is asked for."""

from __future__ import annotations

import numpy as np
from PIL import Image
from typer.testing import CliRunner

from fsd_gen.cli import app
from tests.fsd_gen.usd.cases import SUN, WALL, card, stage

PREROLL = """double3 xformOp:translate.timeSamples = { 0: (0, 0, 1), 100: (0, 0, 0) }
    uniform token[] xformOpOrder = ["xformOp:translate"]"""


def shot(path, folder, *more: str):
    size = ("--width", "160", "--height", "96", "--spp", "1")
    return CliRunner().invoke(app, ["shoot", str(path), "--out", str(folder), *size, *more])


def test_a_stage_is_shot_at_its_start_or_at_the_time_that_is_asked_for(tmp_path):
    path = stage(tmp_path, WALL, SUN, card(PREROLL), head="startTimeCode = 100\n endTimeCode = 200")
    for name, more, disparity in (("start", (), 8.0), ("earlier", ("--time", "0"), 16.0)):
        result = shot(path, tmp_path / name, *more)
        assert result.exit_code == 0 and f"disparities up to {disparity:.2f} px" in result.output
        assert np.load(tmp_path / name / "disparity.npy")[48, 80] == disparity
        assert Image.open(tmp_path / name / "left.png").size == (160, 96)


def test_what_cannot_be_rendered_faithfully_is_one_line_that_names_it(tmp_path):
    result = shot(stage(tmp_path, WALL, card("int[] holeIndices = [7]")), tmp_path / "out")
    assert result.exit_code == 2 and "</World/Card>: hole indices reach from 7 to 7" in result.output
    assert not (tmp_path / "out").exists()


def test_a_pair_that_is_there_is_replaced_only_when_told(tmp_path):
    path, folder = stage(tmp_path, WALL, SUN), tmp_path / "out"
    folder.mkdir()
    (folder / "left.png").write_text("mine")
    result = shot(path, folder)
    assert result.exit_code == 2 and "left.png is there already; --force replaces it" in result.output
    assert (folder / "left.png").read_text() == "mine"
    assert shot(path, folder, "--force").exit_code == 0 and Image.open(folder / "left.png").size == (160, 96)


def test_a_rig_is_put_where_the_stages_only_camera_stands(tmp_path):
    """Whatever lens that has: fx 80 instead of 160 px, and pixels higher than wide."""
    one = 'def Xform "Rig" { def Camera "Eye" { float focalLength = 20 } }\n'
    path = stage(tmp_path, WALL, SUN, rig=one)
    rig = "fx=80,fy=50,cx=100.25,cy=40,baseline=0.2"
    result = shot(path, tmp_path / "out", "--rig", rig)
    assert result.exit_code == 0, result.output
    disparity = np.load(tmp_path / "out" / "disparity.npy")
    assert disparity[40, 100] == 80 * 0.2 / 4
    row, column = np.nonzero(disparity)  # the wall reaches 4 m to each side and 3 m up and down, at 4 m
    assert (row.min(), row.max()) == (3, 77) and (column.min(), column.max()) == (21, 159)
    assert (tmp_path / "out" / "K.txt").read_text() == "80 0 100.25 0 50 40 0 0 1\n0.2\n"


def test_a_rig_without_a_single_camera_to_stand_at_is_refused(tmp_path):
    for name, cameras, message in (
        ("none", "", "expected one camera; it has none"),
        ("two", 'def Camera "A" {}\ndef Camera "B" {}\n', "left eye (--left): /World/A, /World/B"),
    ):
        (tmp_path / name).mkdir()
        path = stage(tmp_path / name, WALL, SUN, rig=cameras)
        result = shot(path, tmp_path / name / "out", "--rig", "zed2")
        assert result.exit_code == 2 and message in " ".join(result.output.split())
        if name == "two":
            assert shot(path, tmp_path / "b", "--rig", "zed2", "--left", "/World/B").exit_code == 0
