"""A further channel is one value: everything that reads, checks, copies and crops takes it as it comes."""

import dataclasses
import json
from pathlib import Path

import h5py
import hdf5plugin  # noqa: F401  registers the Blosc2 filter
import numpy as np
import pytest
import torch

from fsd_gen.shards.channels import (
    FIRST,
    KNOWN,
    OPTIONAL,
    REQUIRED,
    Channel,
    UnknownChannelError,
    channels_of_schema,
    optional_channels,
    schema_json,
)
from fsd_gen.shards.dataset import StereoShards
from fsd_gen.shards.format import ShardError, ShardMeta, get_attribute
from fsd_gen.shards.gather import publish_rows
from fsd_gen.shards.reader import ShardReader, open_shard
from fsd_gen.shards.record import content_id, record_of, truth_digest
from fsd_gen.shards.sample import StereoSample
from fsd_gen.shards.verify import verify_shard
from fsd_gen.shards.writer import ShardWriter
from tests.fsd_gen.shards.files import REPO, SIX, assert_same_sample, chunk_place, flip, sha256
from tests.fsd_gen.synthetic import make_meta, make_sample, make_shard

HEAT = Channel(name="heat_left", dtype="<f4", tail=(2,), about="kelvin and its error")  # nobody knows it
WITH_ALL = (*REQUIRED, *OPTIONAL, HEAT)


def rich_sample(slot: int = 0, **size: int) -> StereoSample:
    """A sample with all optional channels and one that this program does not know."""
    sample = make_sample(slot, **size)
    height, width = sample.disparity_left_hw.shape
    rng = np.random.default_rng(slot)
    normals_hw3 = rng.normal(size=(height, width, 3))
    normals_hw3 /= np.linalg.norm(normals_hw3, axis=2, keepdims=True)
    normals_hw3[:6] = 0
    optional = {
        "normals_left": normals_hw3.astype(np.float16),
        "instance_left": rng.integers(0, 9, (height, width), np.uint16),
        "heat_left": rng.uniform(250, 320, (height, width, 2)).astype(np.float32),
    }
    return dataclasses.replace(sample, optional=optional)


def rich_shard(path: Path, slots: list[int]) -> Path:
    writer = ShardWriter(path, slots, make_meta(channels=WITH_ALL))
    for slot in slots:
        writer.add(rich_sample(slot))
    return writer.finish()


def test_optional_channels_are_read_back_exactly(tmp_path):
    with open_shard(rich_shard(tmp_path / "0.h5", [0, 1])) as reader:
        assert reader.meta.channels == WITH_ALL
        assert_same_sample(reader.sample(1), rich_sample(1))
        assert reader.records()[1] == record_of(rich_sample(1), shard="0.h5", row=1)
        assert verify_shard(reader.path) == []


def test_plain_h5py_reads_a_channel_and_what_it_means(tmp_path):
    with h5py.File(rich_shard(tmp_path / "0.h5", [0])) as file:
        np.testing.assert_array_equal(file["heat_left"][0], rich_sample().optional["heat_left"])
        listed = json.loads(file.attrs["channels"])
        assert [entry["name"] for entry in listed] == ["normals_left", "instance_left", "heat_left"]
        assert listed[2]["about"] == "kelvin and its error"


def test_a_shard_of_the_six_has_no_list_and_one_without_a_list_has_the_six(tmp_path):
    with h5py.File(make_shard(tmp_path / "0.h5", slots=[0])) as file:
        assert get_attribute(file, "channels") is None
    with ShardReader(REPO / "tests/data/golden_shard.h5") as reader:
        assert reader.meta.channels == FIRST


def test_a_window_of_a_channel_is_cropped_with_the_others(tmp_path):
    with ShardReader(rich_shard(tmp_path / "0.h5", [0])) as reader:
        crop = reader.crop(0, 10, 5, 20, 31, optional=("normals_left", "heat_left"))
        assert crop.optional.keys() == {"normals_left", "heat_left"}
        for name, array in crop.optional.items():
            np.testing.assert_array_equal(array, rich_sample().optional[name][10:30, 5:36])
        with pytest.raises(ShardError, match=r"has no channel depth; it has left, .*, heat_left"):
            reader.crop(0, 0, 0, 8, 8, optional=("depth",))


def test_published_channels_have_the_very_bytes_of_their_sources(tmp_path):
    whole = rich_shard(tmp_path / "whole.h5", [0, 1])
    parts = [rich_shard(tmp_path / f"{slot}.h5", [slot]) for slot in (0, 1)]
    out = publish_rows([(parts[1], 0), (parts[0], 0)], tmp_path / "out.h5")
    assert sha256(out) == sha256(whole)


def test_the_dataset_gives_the_channels_that_were_asked_for(tmp_path):
    path = rich_shard(tmp_path / "0.h5", [0])
    item = StereoShards(path, crop=(16, 24), channels=("normals_left", "instance_left"))[0]
    assert item["channels"]["normals_left"].shape == (3, 16, 24)
    assert item["channels"]["instance_left"].dtype == torch.int32
    whole = StereoShards(path, crop=None, channels=("instance_left",))[0]["channels"]["instance_left"]
    np.testing.assert_array_equal(whole, rich_sample().optional["instance_left"])
    assert "channels" not in StereoShards(path, crop=None)[0]


def test_a_dataset_without_a_channel_that_was_asked_for_is_refused_at_once(tmp_path):
    rich_shard(tmp_path / "0.h5", [0])
    make_shard(tmp_path / "1.h5", slots=[1])
    with pytest.raises(
        ShardError, match=r"no channel nrmals; did you mean normals_left\? It has left, right"
    ):
        StereoShards(tmp_path / "1.h5", crop=None, channels=("nrmals",))
    with pytest.raises(ShardError, match=r"1\.h5: has no channel normals_left; it has left, right"):
        StereoShards(tmp_path, crop=None, channels=("normals_left",))


def test_an_unknown_channel_is_named_by_verify_and_hinders_nothing(tmp_path, caplog):
    path = rich_shard(tmp_path / "0.h5", [0])
    with h5py.File(path, "r+") as file:
        file["scribble"] = [1, 2]
    caplog.clear()
    assert verify_shard(path) == []
    named = [record.getMessage() for record in caplog.records]
    assert len(named) == 2 and "heat_left" in named[0] and "scribble" in named[1]
    with ShardReader(path) as reader:
        assert reader.unknown() == ("heat_left", "scribble")
        np.testing.assert_array_equal(reader.sample(0).left_hwc, make_sample().left_hwc)
        np.testing.assert_array_equal(reader.array("heat_left", 0), rich_sample().optional["heat_left"])


@pytest.mark.parametrize("name", ["normals_left", "instance_left", "heat_left"])
def test_damage_in_a_channel_is_found_and_named(tmp_path, name):
    path = rich_shard(tmp_path / "0.h5", [0, 1])
    flip(path, *chunk_place(path, name, 1))
    assert {(p.row, p.dataset) for p in verify_shard(path)} == {(1, name)}


@pytest.mark.parametrize("name", ["normals_left", "instance_left", "heat_left"])
def test_every_channel_counts_in_the_content_id_and_not_in_the_truth_digest(tmp_path, name):
    path = rich_shard(tmp_path / "0.h5", [0, 1])
    with h5py.File(path, "r+") as file:
        file[name][0] = file[name][1]
    assert {(p.row, p.dataset) for p in verify_shard(path)} == {(0, "content_id")}


def test_the_digests_of_a_sample_of_the_six_are_those_of_before_there_were_channels():
    arrays = {name: np.full((2, 3), 1, np.uint8) for name in SIX}
    assert truth_digest(arrays) == "fba731d65b6a07a142b9a9ebe93c3f39686c81a6483cf673418353c348d50c77"
    assert content_id(arrays, "{}") == "0db4e416cd20e11320dc52b8fd1641422d0656a4f6140a9205c05772da677a12"


def test_values_that_a_channel_cannot_have_are_refused(tmp_path):
    writer = ShardWriter(tmp_path / "0.h5", [0], make_meta(channels=WITH_ALL))
    sample = rich_sample()
    long = {**sample.optional, "normals_left": sample.optional["normals_left"] * 2}
    with pytest.raises(ShardError, match="normals_left has normals whose length is neither 1 nor 0"):
        writer.add(dataclasses.replace(sample, optional=long))
    wide = {**sample.optional, "instance_left": sample.optional["instance_left"].astype(np.int64)}
    with pytest.raises(ShardError, match=r"instance_left is int64 \(80, 128\), expected uint16 \(80, 128\)"):
        writer.add(dataclasses.replace(sample, optional=wide))


def test_a_sample_has_the_channels_of_its_shard_no_fewer_and_no_more(tmp_path):
    with pytest.raises(ShardError, match="sample 0000000-a0 has the channels left, .*, the shard left, "):
        ShardWriter(tmp_path / "0.h5", [0], make_meta(channels=WITH_ALL)).add(make_sample())
    with pytest.raises(ShardError, match="sample 0000000-a0 has the channels left, .*, heat_left, the shard"):
        ShardWriter(tmp_path / "1.h5", [0], make_meta()).add(rich_sample())


def test_shards_with_and_without_a_channel_are_not_one_dataset(tmp_path):
    rich, plain = rich_shard(tmp_path / "0.h5", [0]), make_shard(tmp_path / "1.h5", slots=[1])
    with pytest.raises(ShardError, match="channels is .*samples of different datasets cannot share a shard"):
        publish_rows([(rich, 0), (plain, 0)], tmp_path / "out.h5")


def test_a_part_begun_with_other_channels_is_refused(tmp_path):
    ShardWriter(tmp_path / "0.h5", [0], make_meta(channels=WITH_ALL))
    with pytest.raises(ShardError, match="was begun with channels .'normals_left'"):
        ShardWriter(tmp_path / "0.h5", [0], make_meta())


def test_a_schema_is_read_back_and_what_a_program_knows_is_its_own_channel():
    assert schema_json(REQUIRED) == ""
    (*_, normals, instance, heat) = channels_of_schema(schema_json(WITH_ALL))
    assert normals is KNOWN["normals_left"] and instance is KNOWN["instance_left"]
    assert heat == HEAT and heat.about == HEAT.about


def test_a_known_name_with_another_type_is_read_as_the_file_says():
    other = dataclasses.replace(KNOWN["instance_left"], dtype="<u4")
    assert channels_of_schema(schema_json((*REQUIRED, other)))[-1].dtype == "<u4"


@pytest.mark.parametrize("text", ["{", "[1]", '[{"name": "x"}]'])
def test_what_is_no_schema_is_an_error(text):
    with pytest.raises(ValueError):
        channels_of_schema(text)


def test_a_codec_that_this_program_does_not_have_cannot_be_written(tmp_path):
    meta: ShardMeta = make_meta(channels=(*REQUIRED, dataclasses.replace(HEAT, codec="lzma")))
    sample = rich_sample()
    heat = {"heat_left": sample.optional["heat_left"]}
    with pytest.raises(ShardError, match="channel heat_left has the codec 'lzma'; known:"):
        ShardWriter(tmp_path / "0.h5", [0], meta).add(dataclasses.replace(sample, optional=heat))


def test_optional_channels_have_one_order_whatever_the_order_of_asking():
    assert optional_channels(["instance_left", "normals_left", "instance_left"]) == OPTIONAL


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("normal_left", r"'normal_left' \(did you mean normals_left\?\); optional ones: normals_left, inst"),
        ("xyz", "no channel is called 'xyz'; optional ones: normals_left, instance_left"),
        ("left", "channel left is in every shard anyway"),
    ],
)
def test_an_unknown_channel_is_refused_with_the_known_ones(name, message):
    with pytest.raises(UnknownChannelError, match=message):
        optional_channels([name])
