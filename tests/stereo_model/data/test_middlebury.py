"""Middlebury's three layouts: with masks, without, and with masks of another name."""

from __future__ import annotations

import pytest

from stereo_model.data.base import DataFolderError, DataOptionError
from stereo_model.data.registry import open_dataset
from tests.stereo_model.data.trees import make_scene, nocc_mask, save, save_pfm

SCENE = make_scene(15)


def write_scene(folder, truth="disp0.pfm", mask=None):
    save(folder / "im0.png", SCENE.left_hwc)
    save(folder / "im1.png", SCENE.right_hwc)
    save_pfm(folder / truth, SCENE.disparity_hw)
    if mask is not None:
        save(folder / mask, nocc_mask(SCENE))
    return folder


@pytest.mark.parametrize("above", ["", "data"])
def test_the_data_sets_of_2014_and_2021_have_truth_and_no_masks(above, tmp_path):
    for name in ("artroom1", "chess1"):
        write_scene(tmp_path / above / name)
        save_pfm(tmp_path / above / name / "disp1.pfm", SCENE.disparity_hw)
    pairs = open_dataset("middlebury", tmp_path)
    assert [pairs.scene(index).rpartition("/")[2] for index in range(2)] == ["artroom1", "chess1"]
    assert "occluded" not in pairs[0] and pairs[0]["valid"].all()
    assert "no mask0nocc.png" in pairs.unmasked


def test_a_data_set_without_masks_still_misses_its_truth(tmp_path):
    write_scene(tmp_path / "artroom1")
    write_scene(tmp_path / "chess1", truth="disparity.pfm")
    with pytest.raises(DataFolderError, match="missing: chess1/disp0.pfm"):
        open_dataset("middlebury", tmp_path)


@pytest.mark.parametrize("folder", ["trainingQ", "."])
def test_masks_of_another_name_are_not_taken_unasked_and_can_be_named(folder, tmp_path):
    truth = "disp0.pfm" if folder == "." else "disp0GT.pfm"
    write_scene(tmp_path / folder / "Piano", truth=truth, mask="nocc_left.png")
    pairs = open_dataset("middlebury", tmp_path)
    assert "occluded" not in pairs[0] and "mask=nocc_left.png" in pairs.unmasked
    named = open_dataset("middlebury", tmp_path, mask="nocc_left.png")
    assert named[0]["occluded"].any() and named.unmasked is None
    assert "occluded" not in open_dataset("middlebury", tmp_path, mask=None)[0]
    with pytest.raises(DataFolderError, match="Piano/mine.png"):
        open_dataset("middlebury", tmp_path, mask="mine.png")


def test_a_mask_that_only_some_scenes_have_is_missing_in_the_others(tmp_path):
    write_scene(tmp_path / "trainingQ/Piano", truth="disp0GT.pfm", mask="mask0nocc.png")
    write_scene(tmp_path / "trainingQ/Pipes", truth="disp0GT.pfm")
    with pytest.raises(DataFolderError, match="missing: trainingQ/Pipes/mask0nocc.png"):
        open_dataset("middlebury", tmp_path)
    pairs = open_dataset("middlebury", tmp_path, allow_missing=True)
    assert pairs.skipped == ("trainingQ/Pipes: no trainingQ/Pipes/mask0nocc.png",)


def test_the_evaluation_keeps_its_sizes(tmp_path):
    write_scene(tmp_path / "trainingH/Piano", truth="disp0GT.pfm", mask="mask0nocc.png")
    assert open_dataset("middlebury", tmp_path, resolution="H").scene(0) == "trainingH/Piano"
    with pytest.raises(DataFolderError, match="no middlebury pair"):
        open_dataset("middlebury", tmp_path)
    with pytest.raises(DataOptionError, match="should be one of Q, H, F"):
        open_dataset("middlebury", tmp_path, resolution="q")


def test_eth3d_may_have_masks_of_another_name_too(tmp_path):
    save(tmp_path / "two_view_training/a/im0.png", SCENE.left_hwc)
    save(tmp_path / "two_view_training/a/im1.png", SCENE.right_hwc)
    save_pfm(tmp_path / "two_view_training_gt/a/disp0GT.pfm", SCENE.disparity_hw)
    save(tmp_path / "two_view_training_gt/a/occ_mask.png", nocc_mask(SCENE))
    assert "occluded" not in open_dataset("eth3d", tmp_path)[0]
    assert "occluded" in open_dataset("eth3d", tmp_path, mask="occ_mask.png")[0]
