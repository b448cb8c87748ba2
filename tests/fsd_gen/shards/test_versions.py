"""Shards of version 1, whose arrays are bands of full width, are read, copied, gone on with and gathered."""

from dataclasses import replace

import h5py
import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from fsd_gen.shards.channels import FIRST, OPTIONAL, REQUIRED
from fsd_gen.shards.dataset import StereoShards
from fsd_gen.shards.format import ShardError, version_of
from fsd_gen.shards.gather import publish_rows
from fsd_gen.shards.reader import ShardReader
from fsd_gen.shards.verify import verify_shard
from fsd_gen.shards.writer import ShardWriter
from stereo_model.data.readers.shards import Shards
from tests.fsd_gen.shards.files import assert_same_sample, stored_chunks
from tests.fsd_gen.synthetic import make_meta, make_sample, make_shard

WIDE = {"width": 400, "height": 96}


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    """Slots 0 and 1 in a shard of version 1, slot 2 in one of version 2."""
    folder = tmp_path_factory.mktemp("versions")
    old = make_shard(folder / "old.h5", slots=[0, 1], channels=FIRST, **WIDE)
    return old, make_shard(folder / "new.h5", slots=[2], **WIDE)


def version(path):
    with h5py.File(path) as file:
        return int(file.attrs["schema_version"])


def test_both_versions_say_what_they_are_and_hold_the_same(shards, tmp_path):
    old, new = shards
    assert (version(old), version(new)) == (1, 2)
    with h5py.File(old) as file:
        assert file["left"].chunks == (1, 80, 400, 3) and file["disparity_left"].chunks == (1, 80, 400)
        assert file.attrs["codec"] == b"Blosc2 zstd level 3 with bit shuffle (HDF5 filter 32026), Fletcher32"
    with ShardReader(old) as reader:
        assert reader.unknown() == () and verify_shard(old) == []
        assert_same_sample(reader.sample(1), make_sample(1, **WIDE))


def test_rows_of_version_1_alone_are_published_byte_for_byte(shards, tmp_path):
    old, _ = shards
    out = publish_rows([(old, 1)], tmp_path / "out.h5")
    assert version(out) == 1 and stored_chunks(out, 0) == stored_chunks(old, 1)
    assert verify_shard(out) == []


def test_rows_of_both_versions_are_published_as_version_2(shards, tmp_path):
    old, new = shards
    out = publish_rows([(old, 0), (new, 0), (old, 1)], tmp_path / "out.h5")
    assert version(out) == 2 and verify_shard(out) == []
    assert stored_chunks(out, 2) == stored_chunks(new, 0)
    with ShardReader(out) as reader, ShardReader(old) as source:
        ids = [record.content_id for record in source.records()]
        assert [record.content_id for record in reader.records()][:2] == ids
    again = publish_rows([(new, 0), (old, 1), (old, 0)], tmp_path / "again.h5")
    assert again.read_bytes() == out.read_bytes()
    whole = make_shard(tmp_path / "whole.h5", slots=[0, 1, 2], **WIDE)
    assert stored_chunks(out, 0) == stored_chunks(whole, 0)


def test_a_part_that_version_1_began_is_gone_on_with(tmp_path):
    ShardWriter(tmp_path / "0.h5", [0, 1], make_meta(channels=FIRST, **WIDE)).add(make_sample(0, **WIDE))
    writer = ShardWriter(tmp_path / "0.h5", [0, 1], make_meta(**WIDE))
    assert writer.missing == (1,)
    writer.add(make_sample(1, **WIDE))
    with ShardReader(writer.finish()) as reader:
        assert reader.meta.channels == REQUIRED
        assert_same_sample(reader.sample(0), make_sample(0, **WIDE))
    make_shard(tmp_path / "1.h5", slots=[2], channels=FIRST, **WIDE)
    assert ShardWriter(tmp_path / "1.h5", [2], make_meta(**WIDE)).done == {2}


def test_six_channels_that_no_version_stores_so_are_refused():
    odd = (replace(REQUIRED[0], codec="lzma"), *REQUIRED[1:], *OPTIONAL)
    with pytest.raises(ShardError, match="no version of the format stores left as lzma, right as htj2k"):
        version_of(make_meta(channels=odd))


def test_a_version_that_the_attribute_alone_claims_is_refused(tmp_path):
    path = make_shard(tmp_path / "0.h5", slots=[0], **WIDE)
    with h5py.File(path, "r+") as file:
        file.attrs["schema_version"] = 1
    with pytest.raises(ShardError, match=r"dataset left has the filters \[32033, 3\], expected \[32026, 3\]"):
        len(ShardReader(path))


def test_a_crop_over_the_borders_of_tiles_is_the_same_window_of_either_version(shards):
    window = (slice(70, 90), slice(150, 339))
    for path in shards:
        with ShardReader(path) as reader:
            whole, crop = reader.sample(0), reader.crop(0, 70, 150, 20, 189)
            for name, array in (("left", crop.left_hwc), ("disparity_left", crop.disparity_left_hw)):
                np.testing.assert_array_equal(array, whole.channels[name][window])


def test_the_training_reads_both_versions(shards):
    for path in shards:
        with ShardReader(path) as reader:
            sample = reader.sample(0)
        read = Shards(path).part(0, (60, 90), (20, 189))
        np.testing.assert_array_equal(read["left"], sample.left_hwc[60:90, 20:189].transpose(2, 0, 1))


class _Operations(TorchDispatchMode):
    """The names of the operations that torch is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.names.add(func.overloadpacket.__name__)
        return func(*args, **(kwargs or {}))


def test_an_item_is_made_without_work_for_which_torch_starts_threads(shards):
    dataset = StereoShards(shards, crop=(80, 320))
    with _Operations() as asked:
        item = dataset[2]
    assert asked.names <= {"_local_scalar_dense", "lift_fresh"}  # the epoch, one number; and no copy
    assert item["left"].shape == (3, 80, 320) and item["left"].is_contiguous()
    assert item["valid"].dtype == torch.bool
