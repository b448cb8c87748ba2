"""`fsd-gen shoot`: a stage of one's own becomes a pair with its truth, at the moment that is asked for."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from fsd_gen.cli import app
from fsd_gen.production.pair_files import PAIR_FILES
from stereo_model.inference.calibration import read_calibration
from tests.fsd_gen.usd.cases import SUN, WALL, card, stage

PREROLL = """double3 xformOp:translate.timeSamples = { 0: (0, 0, 1), 100: (0, 0, 0) }
    uniform token[] xformOpOrder = ["xformOp:translate"]"""


def shot(path, folder, *more: str):
    return shoot(path, folder, "--width", "160", "--height", "96", *more)


def shoot(path, folder, *more: str):
    return CliRunner().invoke(app, ["shoot", str(path), "--out", str(folder), "--spp", "1", *more])


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


def test_a_stage_without_light_or_without_unit_and_axis_is_refused(tmp_path):
    dark = stage(tmp_path, WALL)
    assert "nothing in the stage gives light; add a light" in refused(dark, tmp_path / "out")
    dark.write_text(dark.read_text().replace('upAxis = "Y"', "").replace("metersPerUnit = 1", ""))
    assert "does not say its metersPerUnit and upAxis; write them" in refused(dark, tmp_path / "out")


def refused(path, folder) -> str:
    result = shot(path, folder)
    assert result.exit_code == 2 and not folder.exists()
    return result.output


def test_a_pair_that_is_there_is_replaced_only_when_told(tmp_path):
    path, folder = stage(tmp_path, WALL, SUN), tmp_path / "out"
    folder.mkdir()
    (folder / "left.png").write_text("mine")
    result = shot(path, folder)
    assert result.exit_code == 2 and "left.png is there already, but no right.png, disp" in result.output
    assert "K.txt: no whole pair; --force replaces it, another --out" in result.output.replace("\n", " ")
    assert (folder / "left.png").read_text() == "mine"
    assert shot(path, folder, "--force").exit_code == 0 and Image.open(folder / "left.png").size == (160, 96)
    result = shot(path, folder)
    assert result.exit_code == 2 and "left.png is there already; --force replaces it" in result.output


def test_a_pair_in_a_new_folder_comes_by_one_rename_and_in_an_old_one_its_camera_comes_last(
    tmp_path, monkeypatch
):
    path, renamed, rename = stage(tmp_path, WALL, SUN), [], os.rename
    monkeypatch.setattr(os, "rename", lambda old, new: (renamed.append(Path(new).name), rename(old, new)))
    for folder, names in ((tmp_path / "deep/new", ["new"]), (tmp_path / "old", sorted(PAIR_FILES)[1:])):
        (tmp_path / "old").mkdir(exist_ok=True)
        renamed.clear()
        assert shot(path, folder).exit_code == 0
        assert renamed == (names if names == ["new"] else [*names, "K.txt"])
        assert sorted(each.name for each in folder.iterdir()) == sorted(PAIR_FILES)


def test_a_full_disk_is_one_line_and_leaves_no_file_so_that_the_same_command_goes_again(
    tmp_path, monkeypatch
):
    path, folder, written = stage(tmp_path, WALL, SUN), tmp_path / "out", []
    write = Path.write_bytes

    def full(file: Path, data: bytes) -> int:
        written.append(file.name)
        if file.name == "disparity.npy":
            write(file, data[:100])
            raise OSError(errno.ENOSPC, "No space left on device", str(file))
        return write(file, data)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", full)
        result = shot(path, folder)
    assert result.exit_code == 2 and f"error: {folder}: disk full" in result.output
    assert "left.png" in written and not folder.exists()
    assert shot(path, folder).exit_code == 0
    assert sorted(each.name for each in folder.iterdir()) == sorted(PAIR_FILES)


def test_the_camera_is_written_beside_the_pair_as_the_network_reads_it(tmp_path):
    assert shot(stage(tmp_path, WALL, SUN), tmp_path / "out").exit_code == 0
    known = read_calibration(tmp_path / "out" / "K.txt")
    known.require_size(160, 96)
    assert (known.fx, known.fy, known.cx, known.cy) == pytest.approx((160, 160, 79.5, 47.5))
    assert known.baseline_m == pytest.approx(0.1)
    wall_m = known.fx * known.baseline_m / np.load(tmp_path / "out" / "disparity.npy")[48, 80]
    assert wall_m == pytest.approx(4)


def test_a_size_that_does_not_fit_the_cameras_is_refused_with_the_nearest_that_does(tmp_path):
    path = stage(tmp_path, WALL, SUN)
    result = shoot(path, tmp_path / "out", "--size", "160x90")
    assert result.exit_code == 2 and "the nearest size that fits is 155x93" in result.output
    assert shoot(path, tmp_path / "out", "--size", "155x93").exit_code == 0
    assert Image.open(tmp_path / "out" / "left.png").size == (155, 93)


def test_without_a_size_the_cameras_aspect_decides_and_that_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr("fsd_gen.cli.shoot.DEFAULT_SIZE", (160, 90))
    result = shoot(stage(tmp_path, WALL, SUN), tmp_path / "out")
    assert result.exit_code == 0 and "160x96, which has the aspect of the stage's cameras" in result.output
    assert Image.open(tmp_path / "out" / "left.png").size == (160, 96)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--size", "160"), "--size: expected WIDTHxHEIGHT"),
        (("--size", "16x9"), "--size: expected 32 to 8192 pixels each way, got 16x9"),
        (("--size", "160x96", "--width", "160"), "give one or the others"),
    ],
)
def test_a_size_that_cannot_be_is_one_line(tmp_path, options, complaint):
    result = shoot(tmp_path / "x.usda", tmp_path / "out", *options)
    assert result.exit_code == 2 and complaint in result.output


def test_a_folder_means_the_one_stage_in_it(tmp_path):
    folder = tmp_path / "handed on"
    folder.mkdir()
    result = shot(folder, tmp_path / "out")
    assert result.exit_code == 2 and "no stage in this folder" in result.output
    path = stage(folder, WALL, SUN)
    assert shot(folder, tmp_path / "out").exit_code == 0
    (folder / "second.usdz").write_bytes(path.read_bytes())
    result = shot(folder, tmp_path / "out", "--force")
    assert result.exit_code == 2 and f"holds several stages (second.usdz, {path.name})" in result.output


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


@pytest.mark.parametrize(
    ("cameras", "said"),
    [
        ("", "no camera at </World/Rig/Left>; it has none; `fsd-gen render-stage` finds places for cameras"),
        ('def Camera "A" {}\n', "it has /World/A: name two with --left and --right, or give --rig"),
        (
            'def Xform "Rig" { def Camera "Left" {} }\n',
            "no camera at </World/Rig/Right>; it has /World/Rig/Left",
        ),
    ],
)
def test_without_a_rig_the_lack_of_cameras_names_the_remedies(tmp_path, cameras, said):
    result = shoot(stage(tmp_path, WALL, SUN, rig=cameras), tmp_path / "out")
    assert result.exit_code == 2 and said in " ".join(result.output.split())
    assert not (tmp_path / "out").exists()
