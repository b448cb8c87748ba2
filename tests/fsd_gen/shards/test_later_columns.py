"""Columns that came after the first shards: there where a sample has something to say, absent elsewhere."""

from __future__ import annotations

from dataclasses import replace

import h5py
import pytest

from fsd_gen.shards.format import LATER_COLUMNS
from fsd_gen.shards.index import INDEX_NAME, read_index, refresh_index
from fsd_gen.shards.reader import ShardReader
from fsd_gen.shards.verify import verify_shard
from fsd_gen.shards.writer import ShardWriter
from tests.fsd_gen.shards.files import REPO
from tests.fsd_gen.synthetic import make_meta, make_sample, make_shard


def test_a_sample_without_them_makes_a_shard_as_ever(tmp_path):
    path = make_shard(tmp_path / "00000.h5", slots=(0, 1))
    with h5py.File(path) as file:
        assert not set(file) & set(LATER_COLUMNS)
        assert b"off_share" not in file["render_json"][0]
    with ShardReader(path) as reader:
        assert [record.depth_off_share for record in reader.records()] == [None, None]


def test_a_shard_made_before_them_is_read():
    with ShardReader(REPO / "tests/data/golden_shard.h5") as reader:
        assert {record.depth_off_share for record in reader.records()} == {None}


def test_what_one_sample_says_is_kept_and_verified(tmp_path):
    told = make_sample(0)
    told = replace(told, render=replace(told.render, depth_off_share=0.0125, instance_off_share=0.5))
    folder = tmp_path / "run" / "shards"
    folder.mkdir(parents=True)
    writer = ShardWriter(folder / "00000.h5", (0, 1), make_meta())
    writer.add(told)
    writer.add(make_sample(1))
    path = writer.finish()
    assert list(verify_shard(path)) == []
    with ShardReader(path) as reader:
        assert [record.depth_off_share for record in reader.records()] == [0.0125, None]
        assert reader.render_info(0).instance_off_share == 0.5
    records = refresh_index(tmp_path / "run").records
    assert [record.instance_off_share for record in records] == [0.5, None]
    assert read_index(tmp_path / "run" / INDEX_NAME) == list(records)


def test_a_column_of_another_length_is_damage(tmp_path):
    path = make_shard(tmp_path / "00000.h5", slots=(0, 1))
    with h5py.File(path, "a") as file:
        file.create_dataset("depth_off_share", data=[0.5], chunks=(1,), fletcher32=True)
    with pytest.raises(ValueError, match="depth_off_share has shape"):
        ShardReader(path).records()
