"""Your own pairs: the forms in which their truth may be written."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from stereo_model.data.base import DataOptionError
from stereo_model.data.encodings import DataFileError, write_pfm
from stereo_model.data.registry import open_dataset
from tests.stereo_model.data.trees import make_scene, save, save_u16

SCENE = make_scene(3)


@pytest.fixture
def scene(tmp_path) -> Path:
    folder = tmp_path / "scene"
    save(folder / "left.png", SCENE.left_hwc)
    save(folder / "right.png", SCENE.right_hwc)
    return folder


@pytest.mark.parametrize("scale", [64, 100, 256.0])
def test_a_disparity_png_of_any_scale_is_read(scene, scale):
    save_u16(scene / "disp.png", SCENE.disparity_hw * scale)
    sample = open_dataset("folder", scene.parent, scale=scale)[0]
    np.testing.assert_allclose(sample["disparity"], SCENE.disparity_hw, atol=0.51 / scale)


def test_another_scale_is_other_data(scene):
    save_u16(scene / "disp.png", SCENE.disparity_hw * 64)
    digests = {open_dataset("folder", scene.parent, scale=scale).digest() for scale in (64, 64.0, 100, 256)}
    assert len(digests) == 3 and open_dataset("folder", scene.parent).digest() in digests


@pytest.mark.parametrize("scale", [0, -64, float("nan"), float("inf"), "64x", True, None])
def test_a_scale_that_is_no_positive_number_is_refused(scene, scale):
    save_u16(scene / "disp.png", SCENE.disparity_hw * 64)
    with pytest.raises(DataOptionError, match="should be a positive number"):
        open_dataset("folder", scene.parent, scale=scale)


@pytest.mark.parametrize("saved", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("arrays", [("depth_left",), ("disparity", "mask"), ("disp", "confidence")])
def test_an_npz_of_one_array_or_of_one_with_a_usual_name_is_read(scene, saved, arrays):
    others = dict.fromkeys(arrays[1:], np.zeros((2, 2)))
    saved(scene / "disp.npz", **{arrays[0]: SCENE.disparity_hw}, **others)
    sample = open_dataset("folder", scene.parent)[0]
    np.testing.assert_allclose(sample["disparity"], SCENE.disparity_hw, rtol=1e-6)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": np.zeros((2, 2)), "b": np.zeros((2, 2))}, r"disp.npz: holds a, b; expected one array"),
        ({}, "holds no array"),
        ({"disp": np.zeros((2, 2)), "disparity": np.zeros((2, 2))}, "holds disp, disparity"),
        ({"disp": np.zeros((2, 2), int)}, "one array of floats"),
        ({"disp": np.array([None, {}], dtype=object)}, "disp.npz: is a NumPy archive .* of Python objects"),
    ],
)
def test_an_npz_that_does_not_tell_which_array_is_meant_is_refused(scene, arrays, message):
    np.savez(scene / "disp.npz", allow_pickle=True, **arrays)
    with pytest.raises(DataFileError, match=message):
        open_dataset("folder", scene.parent)[0]


def test_a_damaged_npz_is_named(scene):
    np.savez(scene / "disp.npz", disp=SCENE.disparity_hw)
    content = bytearray((scene / "disp.npz").read_bytes())
    content[300:400] = bytes(100)
    (scene / "disp.npz").write_bytes(content)
    with pytest.raises(DataFileError, match=r"disp\.npz: not a readable numpy array"):
        open_dataset("folder", scene.parent)[0]
    shutil.copy(scene / "left.png", scene / "disp.npz")
    with pytest.raises(DataFileError, match=r"disp\.npz"):
        open_dataset("folder", scene.parent)[0]


@pytest.mark.parametrize("suffix", ["npy", "npz"])
@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"no array", "a text file"),
        (b"", "empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a git-lfs pointer"),
        (b"<!DOCTYPE html><html></html>", "a web page"),
        (b"\x80\x04K\x01.", "a pickle"),
    ],
)
def test_a_truth_that_is_no_array_is_told_by_what_it_is(scene, suffix, content, what):
    (scene / f"disp.{suffix}").write_bytes(content)
    with pytest.raises(
        DataFileError, match=rf"disp\.{suffix}: is {what}.*; expected an \.npy or \.npz"
    ) as error:
        open_dataset("folder", scene.parent)[0]
    assert "allow_pickle" not in str(error.value) and "\n" not in str(error.value)


def test_a_colour_pfm_is_no_truth_and_its_channels_are_said(scene):
    write_pfm(scene / "disp.pfm", np.dstack([SCENE.disparity_hw] * 3))
    with pytest.raises(DataFileError, match=r"disp\.pfm: has 3 channels .*, expected 1"):
        open_dataset("folder", scene.parent)[0]
