"""The project's own shards, read without the code that writes them, against the code that writes them."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import shutil

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from fsd_gen.shards.dataset import StereoShards
from fsd_gen.shards.index import refresh_index
from stereo_model.data.augment.augment import AugmentConfig
from stereo_model.data.base import DataFolderError
from stereo_model.data.batches import load_batch, refuse_small_samples
from stereo_model.data.encodings import DataFileError
from stereo_model.data.mixture import Mixture
from stereo_model.data.readers import shards as module
from stereo_model.data.readers.shards import Shards
from stereo_model.data.registry import open_dataset
from stereo_model.data.sample import SampleError, checked_sample
from stereo_model.training.config import TrainConfig
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
        with pytest.raises(DataFolderError, match=f"{place}: no finished shards"):
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


@pytest.fixture
def run(folder, tmp_path):
    """A run whose index lists its shards."""
    shutil.copytree(folder, tmp_path / "shards")
    refresh_index(tmp_path)
    return tmp_path


def opened_files(monkeypatch):
    opened = []
    real = module._opened
    monkeypatch.setattr(module, "_opened", lambda path: opened.append(path.name) or real(path))
    return opened


def test_the_index_of_a_run_saves_opening_its_shards(run, folder, monkeypatch):
    opened = opened_files(monkeypatch)
    pairs = open_dataset("shards", run / "shards")
    assert opened == []
    plain = open_dataset("shards", folder)
    assert [pairs.scene(i) for i in range(4)] == [plain.scene(i) for i in range(4)]
    assert pairs.digest() == plain.digest()
    np.testing.assert_array_equal(pairs[3]["disparity"], plain[3]["disparity"])


def one_more_shard(run):
    make_shard(run / "shards" / "00002.h5", slots=[7])
    os.utime(run / "index" / "samples.parquet")


def an_older_index(run):
    os.utime(run / "index" / "samples.parquet", (0, 0))


def a_damaged_index(run):
    (run / "index" / "samples.parquet").write_bytes(b"no table")


def an_index_without_its_columns(run):
    pq.write_table(pa.table({"shard": ["shards/00000.h5"]}), run / "index" / "samples.parquet")


@pytest.mark.parametrize(
    "change", [one_more_shard, an_older_index, a_damaged_index, an_index_without_its_columns]
)
def test_an_index_that_does_not_fit_its_shards_is_not_believed(run, change, monkeypatch):
    change(run)
    opened = opened_files(monkeypatch)
    pairs = open_dataset("shards", run / "shards")
    assert opened == sorted(path.name for path in (run / "shards").iterdir())
    assert len(pairs) == (5 if change is one_more_shard else 4)


def test_a_file_that_is_no_shard_but_indexed_is_named_when_it_is_read(run):
    (run / "shards" / "00001.h5").write_bytes(b"no hdf5")
    os.utime(run / "index" / "samples.parquet")
    pairs = open_dataset("shards", run / "shards")
    pairs[0]
    with pytest.raises(DataFileError, match="00001.h5: not a readable shard"):
        pairs[2]


@pytest.mark.parametrize("name", ["rows", "columns"])
@pytest.mark.parametrize("ends", [(0, 10.5), (5, 5), (-1, 4), (0, 10_000)])
def test_parts_that_a_sample_does_not_have_are_no_damage_of_its_shard(folder, name, ends):
    with pytest.raises(ValueError, match=f"{name} .* should be whole numbers, 0 <= first < last") as error:
        Shards(folder).part(0, **{"rows": (0, 5), "columns": (0, 5), name: ends})
    assert not isinstance(error.value, DataFileError)


def test_a_part_of_a_sample_is_that_of_the_whole(folder):
    pairs = open_dataset("shards", folder)
    whole, part = pairs[1], checked_sample(pairs.part(1, (5, 17), (3, 40)), source="part")
    assert pairs.size_hw(1) == whole["disparity"].shape
    for key, value in part.items():
        np.testing.assert_array_equal(value, whole[key][..., 5:17, 3:40], err_msg=key)


VARIED = {
    "plain": None,
    "turned": AugmentConfig(flip=0.5, y_jitter=2),
    "scaled": AugmentConfig(flip=0.5, scale=(-0.2, 0.4), stretch=0.2),
}


@pytest.mark.parametrize("kind", VARIED)
def test_a_batch_cut_from_parts_is_the_batch_cut_from_whole_samples(folder, kind, monkeypatch):
    pairs = open_dataset("shards", folder)
    height, width = pairs.size_hw(0)
    config = TrainConfig(steps=9, batch_size=3, crop_hw=(32, 64), augment=VARIED[kind], visible_only=True)
    read, real = [], Shards.part

    def part(self, index, rows, columns):
        read.append((rows[1] - rows[0], columns[1] - columns[0]))
        return real(self, index, rows, columns)

    monkeypatch.setattr(Shards, "part", part)
    whole = [pairs[index] for index in range(4)]
    read.clear()
    for step in range(9):
        one, other = load_batch(pairs, config, step), load_batch(whole, config, step)
        for name in ("left_bchw", "right_bchw", "disparity_bhw", "valid_bhw"):
            assert torch.equal(getattr(one, name), getattr(other, name)), name
    if kind == "scaled":
        assert set(read) == {(height, width)}  # resampling looks at neighbours
    else:
        assert {columns for _, columns in read} == {64}
        assert {rows for rows, _ in read} <= {32, 33, 34}


def test_a_crop_larger_than_the_images_is_refused_before_training_or_they_are_enlarged_on_purpose(folder):
    pairs = Mixture.of(open_dataset("shards", folder))
    for augment in (None, AugmentConfig()):
        config = TrainConfig(steps=1, batch_size=1, crop_hw=(96, 160), augment=augment)
        complaint = r"data sample 0: cannot crop 96x160 \(height x width\) from a sample of 80x128 pixels"
        for check in (refuse_small_samples, lambda mixture, config: load_batch(mixture, config, 0)):
            with pytest.raises(SampleError, match=f"{complaint}; take a smaller crop_hw, or enlarge=true"):
                check(pairs, config)
        grown = config.model_copy(update={"enlarge": True})
        refuse_small_samples(pairs, grown)
        assert load_batch(pairs, grown, 0).left_bchw.shape == (1, 3, 96, 160)
