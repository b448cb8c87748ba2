import pickle

import h5py
import hdf5plugin  # noqa: F401  registers the Blosc2 filter
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from fsd_gen.shards.dataset import StereoShards
from fsd_gen.shards.flags import Flag
from fsd_gen.shards.format import ShardError
from tests.fsd_gen.synthetic import make_shard

CROP = (90, 40)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards")
    make_shard(folder / "00000.h5", slots=[0, 1, 2], width=64, height=200)
    make_shard(folder / "00001.h5", slots=[3, 4], width=64, height=200, stratum="indoor")
    (folder / "00002.h5.part").mkdir()
    return folder


def plain_item(folder, index):
    """The oracle: h5py alone, whole arrays."""
    name, row = [("00000.h5", 0), ("00000.h5", 1), ("00000.h5", 2), ("00001.h5", 0), ("00001.h5", 1)][index]
    with h5py.File(folder / name) as file:
        names = ("left", "right", "disparity_left", "flags_left")
        return [torch.from_numpy(file[dataset][row]) for dataset in names]


def assert_same_items(a, b):
    assert a.keys() == b.keys()
    for key, value in a.items():
        assert torch.equal(value, b[key]) if isinstance(value, torch.Tensor) else value == b[key], key


def test_whole_items_equal_plain_reads(folder):
    dataset = StereoShards(folder, crop=None)
    assert len(dataset) == 5
    for index in range(5):
        item = dataset[index]
        left, right, disparity, flags = plain_item(folder, index)
        assert torch.equal(item["left"], left.permute(2, 0, 1)) and item["left"].dtype == torch.uint8
        assert torch.equal(item["right"], right.permute(2, 0, 1))
        assert torch.equal(item["disparity"], disparity) and disparity.dtype == torch.float32
        assert torch.equal(item["flags"], flags)
        assert item["valid"].dtype == torch.bool
        assert (item["sample_id"], item["index"]) == (f"{index:07d}-a0", index)


def test_a_crop_is_a_window_of_the_plain_read(folder):
    dataset = StereoShards(folder, crop=CROP, seed=3)
    item = dataset[1]
    left, _, disparity, _ = plain_item(folder, 1)
    assert item["left"].shape == (3, *CROP)
    windows = [
        (y, x)
        for y in range(200 - CROP[0] + 1)
        for x in range(64 - CROP[1] + 1)
        if torch.equal(left[y : y + CROP[0], x : x + CROP[1]].permute(2, 0, 1), item["left"])
    ]
    ((y, x),) = windows
    assert torch.equal(disparity[y : y + CROP[0], x : x + CROP[1]], item["disparity"])


def test_only_missing_truth_is_invalid_the_sky_is_at_disparity_zero(folder):
    item = StereoShards(folder, crop=None)[0]
    sky = (item["flags"] & Flag.SKY.value) != 0
    assert sky.any()
    assert (item["disparity"][sky] == 0).all()
    assert item["valid"].all()


def test_missing_truth_is_invalid(tmp_path):
    path = make_shard(tmp_path / "0.h5", slots=[0])
    with h5py.File(path, "r+") as file:
        flags = file["flags_left"][0]
        flags[40, 64] = Flag.NO_TRUTH
        file["flags_left"][0] = flags
    valid = StereoShards(path, crop=None)[0]["valid"]
    assert not valid[40, 64]
    assert valid.sum() == valid.numel() - 1


def test_crops_depend_on_seed_epoch_and_index_alone(folder):
    def lefts(dataset):
        return torch.stack([dataset[index]["left"] for index in range(5)])

    dataset = StereoShards(folder, crop=CROP, seed=1)
    first = lefts(dataset)
    backwards = torch.stack([dataset[index]["left"] for index in reversed(range(5))]).flip(0)
    assert torch.equal(first, backwards)
    assert torch.equal(first, lefts(StereoShards(folder, crop=CROP, seed=1)))
    assert not torch.equal(first, lefts(StereoShards(folder, crop=CROP, seed=2)))
    dataset.set_epoch(1)
    assert not torch.equal(first, lefts(dataset))
    dataset.set_epoch(0)
    assert torch.equal(first, lefts(dataset))


@pytest.mark.parametrize(
    ("context", "workers"), [("fork", 2), ("spawn", 1), pytest.param("spawn", 2, marks=pytest.mark.slow)]
)
def test_workers_give_what_one_process_gives_even_when_files_were_open_before(folder, context, workers):
    dataset = StereoShards(folder, crop=CROP)
    expected = [dataset[index] for index in range(5)]
    loader = DataLoader(
        dataset,
        batch_size=None,
        num_workers=workers,
        multiprocessing_context=context,
        persistent_workers=True,
    )
    for item, plain in zip(loader, expected, strict=True):
        assert_same_items(item, plain)
    dataset.set_epoch(4)
    for item, plain in zip(loader, [dataset[index] for index in range(5)], strict=True):
        assert_same_items(item, plain)


def test_batches_collate(folder):
    batch = next(iter(DataLoader(StereoShards(folder, crop=CROP), batch_size=5)))
    assert batch["left"].shape == (5, 3, *CROP)
    assert batch["sample_id"][4] == "0000004-a0"


def test_a_used_dataset_can_be_pickled(folder):
    dataset = StereoShards(folder, crop=CROP)
    item = dataset[2]
    assert_same_items(pickle.loads(pickle.dumps(dataset))[2], item)


def test_keep_chooses_samples_by_their_record(folder):
    dataset = StereoShards(folder, crop=None, keep=lambda record: record.stratum == "indoor")
    assert [record.sample_id for record in dataset.records] == ["0000003-a0", "0000004-a0"]
    assert dataset[0]["sample_id"] == "0000003-a0"
    with pytest.raises(ValueError, match="keep"):
        StereoShards(folder, crop=None, keep=lambda record: False)


def test_a_transform_gets_a_stream_of_its_own_for_every_item(folder):
    def note(item, rng):
        return {**item, "drawn": int(rng.integers(1 << 30))}

    forwards = [StereoShards(folder, crop=None, transform=note)[index]["drawn"] for index in range(5)]
    dataset = StereoShards(folder, crop=None, transform=note)
    backwards = [dataset[index]["drawn"] for index in reversed(range(5))]
    assert forwards == backwards[::-1]
    assert len(set(forwards)) == 5


def test_more_shards_than_may_be_open_are_read(folder, monkeypatch):
    monkeypatch.setattr("fsd_gen.shards.dataset.MAX_OPEN", 1)
    dataset = StereoShards(folder, crop=None)
    for index in (0, 4, 1, 3):
        left, *_ = plain_item(folder, index)
        assert torch.equal(dataset[index]["left"], left.permute(2, 0, 1))


def test_what_cannot_work_is_said_at_once(folder, tmp_path):
    with pytest.raises(FileNotFoundError, match="no finished shards"):
        StereoShards(tmp_path)
    with pytest.raises(ValueError, match=r"crop \(320, 736\) .* does not fit into the \(200, 64\)"):
        StereoShards(folder)
    (tmp_path / "bad.h5").write_bytes(b"junk")
    with pytest.raises(ShardError, match=r"bad\.h5"):
        StereoShards(tmp_path)
    with pytest.raises(IndexError, match="no item 5, there are 5"):
        StereoShards(folder, crop=None)[5]


@pytest.mark.parametrize(
    "crop", [(10.5, 5), (10, 5, 3), (10,), 10, "10x5", (0, 5), (-4, 5), (True, 5), (float("nan"), 5)]
)
def test_a_crop_that_is_not_two_positive_whole_numbers_is_said_at_once(folder, crop):
    with pytest.raises(ValueError, match=r"crop .* should be two positive whole numbers, \(height, width\)"):
        StereoShards(folder, crop=crop)


def test_a_crop_may_be_of_numpys_whole_numbers(folder):
    assert StereoShards(folder, crop=(np.int64(10), np.int64(5)))[0]["left"].shape == (3, 10, 5)


def test_a_list_of_shards_keeps_its_order(folder):
    dataset = StereoShards([folder / "00001.h5", folder / "00000.h5"], crop=None)
    assert [record.slot for record in dataset.records] == [3, 4, 0, 1, 2]
    assert np.array_equal(dataset[0]["left"], plain_item(folder, 3)[0].permute(2, 0, 1))
