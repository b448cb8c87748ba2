"""The project's own shards, read without the code that writes them, against the code that writes them."""

from __future__ import annotations

import multiprocessing
import os
import pickle

import h5py
import numpy as np
import pytest

from fsd_gen.shards.dataset import StereoShards
from stereo_model.data.readers import shards as module
from stereo_model.data.registry import DataFileError, DataFolderError, open_dataset
from stereo_model.data.sample import checked_sample
from tests.fsd_gen.synthetic import make_shard
from tests.stereo_model.data.trees import warp_error


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("shards")
    make_shard(root / "00000.h5", slots=[0, 1])
    make_shard(root / "00001.h5", slots=[2, 5])
    return root


def test_samples_are_those_of_the_generators_own_dataset(folder):
    ours, theirs = open_dataset("shards", folder), StereoShards(folder, crop=None)
    assert ours.kind == "shards" and len(ours) == len(theirs) == 4
    for index in range(4):
        sample, item = checked_sample(ours[index], source="shard"), theirs[index]
        for name in ("left", "right", "disparity", "valid"):
            np.testing.assert_array_equal(sample[name], item[name].numpy(), err_msg=name)
        hidden_hw = (item["flags"].numpy() & 0b11) != 0
        np.testing.assert_array_equal(sample["occluded"], hidden_hw & sample["valid"])
        assert sample["occluded"].any() and not sample["occluded"].all()
        assert ours.scene(index).endswith(f"/{item['sample_id']}")


def test_scenes_are_named_by_shard_slot_and_attempt(folder):
    pairs = open_dataset("shards", folder)
    assert [pairs.scene(i) for i in range(4)] == [
        "00000/0000000-a0", "00000/0000001-a0", "00001/0000002-a0", "00001/0000005-a0"
    ]  # fmt: skip


def test_the_right_image_warped_by_the_disparity_is_the_left_one(folder):
    sample = open_dataset("shards", folder)[3]
    swapped = {**sample, "left": sample["right"], "right": sample["left"]}
    wrong = [warp_error(sample, sample["disparity"] * scale) for scale in (-1, 0, 0.9, 1.1)]
    assert warp_error(sample) * 2 < min(warp_error(swapped), *wrong)


def test_the_sky_is_valid_and_missing_truth_is_not(folder, tmp_path):
    path = make_shard(tmp_path / "0.h5", slots=[0])
    with h5py.File(path, "r+") as file:
        flags_hw = file["flags_left"][0]
        flags_hw[0, :3] = 4, 32, 32 | 1
        file["flags_left"][0] = flags_hw
        disparity_hw = file["disparity_left"][0]
        disparity_hw[0, 0] = 0
        file["disparity_left"][0] = disparity_hw
    sample = open_dataset("shards", path)[0]
    assert sample["valid"][0, :3].tolist() == [True, False, False]
    assert sample["occluded"][0, :3].tolist() == [False, False, False]
    assert sample["disparity"][0, :3].tolist() == [0, 0, 0]


def test_one_shard_may_be_opened_alone(folder):
    alone = open_dataset("shards", folder / "00001.h5")
    assert [alone.scene(i) for i in range(len(alone))] == ["00001/0000002-a0", "00001/0000005-a0"]
    assert alone.digest() != open_dataset("shards", folder).digest()


INHERITED = {}  # what a forked process finds already open


def _in_child(index):
    pairs = INHERITED["pairs"]
    return float(pairs[index]["disparity"].sum()), os.getpid() in pairs._opened


def test_a_forked_process_opens_its_own_files(folder):
    INHERITED["pairs"] = pairs = open_dataset("shards", folder)
    here = [float(pairs[index]["disparity"].sum()) for index in range(4)]  # opened before the fork
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map(_in_child, range(4)) == [(value, True) for value in here]


def test_handles_are_dropped_on_pickling_as_for_spawned_processes_and_few_are_kept(folder, monkeypatch):
    monkeypatch.setattr(module, "MAX_OPEN", 1)
    pairs = open_dataset("shards", folder)
    values = [pairs[index]["disparity"] for index in (0, 2, 1, 3)]
    again = pickle.loads(pickle.dumps(pairs))
    for index, value in zip((0, 2, 1, 3), values, strict=True):
        np.testing.assert_array_equal(again[index]["disparity"], value)
    assert [len(opened) for opened in again._opened.values()] == [1]


def test_no_shard_is_one_clear_error(tmp_path):
    for place in (tmp_path, tmp_path / "nowhere", tmp_path / "0.h5"):
        with pytest.raises(DataFolderError, match=f"{place}: no shard"):
            open_dataset("shards", place)


def test_a_file_that_is_no_shard_is_named(tmp_path):
    (tmp_path / "0.h5").write_bytes(b"no hdf5")
    with pytest.raises(DataFileError, match="0.h5: not a readable shard"):
        open_dataset("shards", tmp_path)
    with h5py.File(tmp_path / "0.h5", "w") as file:
        file["left"] = 1
    with pytest.raises(DataFileError, match="0.h5: its format is 'nothing'"):
        open_dataset("shards", tmp_path)


def test_a_damaged_row_is_named_with_its_file(folder, tmp_path):
    content = bytearray((folder / "00001.h5").read_bytes())
    with h5py.File(folder / "00001.h5") as file:
        chunk = file["left"].id.get_chunk_info_by_coord((1, 0, 0, 0))
    content[chunk.byte_offset + chunk.size // 2] ^= 1
    (tmp_path / "0.h5").write_bytes(bytes(content))
    pairs = open_dataset("shards", tmp_path)
    pairs[0]
    with pytest.raises(DataFileError, match="0.h5: row 1 is damaged"):
        pairs[1]


def test_an_index_outside_is_refused(folder):
    pairs = open_dataset("shards", folder)
    for index in (4, -1):
        with pytest.raises(IndexError):
            pairs[index]
