"""Rows taken from several shards keep their very bytes, and what cannot be one dataset is refused."""

import dataclasses

import h5py
import hdf5plugin  # noqa: F401  registers the Blosc2 filter
import pytest

from fsd_gen.shards.format import ShardError
from fsd_gen.shards.gather import publish_rows
from fsd_gen.shards.reader import ShardReader
from fsd_gen.shards.verify import verify_shard
from tests.fsd_gen.shards.files import assert_same_sample, chunk_place, flip, stored_chunks
from tests.fsd_gen.synthetic import make_shard


def test_published_rows_have_the_very_bytes_of_their_sources(tmp_path):
    a = make_shard(tmp_path / "a.h5", slots=[0, 2], width=64, height=100)
    b = make_shard(tmp_path / "b.h5", slots=[1], width=64, height=100, attempt=3)
    out = publish_rows([(a, 1), (b, 0), (a, 0)], tmp_path / "out.h5", {"round": 2})
    assert [stored_chunks(out, row) for row in range(3)] == [
        stored_chunks(a, 0),
        stored_chunks(b, 0),
        stored_chunks(a, 1),
    ]
    with ShardReader(out) as reader, ShardReader(b) as source:
        assert_same_sample(reader.sample(1), source.sample(0))
        expected = dataclasses.replace(source.records()[0], row=1)
        assert reader.records("b.h5")[1] == expected
    with h5py.File(out) as file:
        assert file.attrs["round"] == 2
    assert verify_shard(out) == []


def test_a_damaged_source_is_not_published(tmp_path):
    path = make_shard(tmp_path / "0.h5", slots=[0, 1])
    flip(path, *chunk_place(path, "left", 1))
    with pytest.raises(ShardError, match="not published"):
        publish_rows([(path, 0), (path, 1)], tmp_path / "out.h5")
    assert not (tmp_path / "out.h5").exists()


def test_publishing_refuses_what_cannot_be_one_dataset(tmp_path):
    a = make_shard(tmp_path / "a.h5", slots=[0])
    b = make_shard(tmp_path / "b.h5", slots=[1], config_digest="other")
    with pytest.raises(ShardError, match="config_digest"):
        publish_rows([(a, 0), (b, 0)], tmp_path / "out.h5")
    with pytest.raises(ShardError, match="twice"):
        publish_rows([(a, 0), (a, 0)], tmp_path / "out.h5")
    with pytest.raises(ShardError, match="no row 3"):
        publish_rows([(a, 3)], tmp_path / "out.h5")
    with pytest.raises(ShardError, match="no rows"):
        publish_rows([], tmp_path / "out.h5")
    with pytest.raises(ShardError, match="'licence'"):
        publish_rows([(a, 0)], tmp_path / "out.h5", {"licence": "mine"})
    assert not (tmp_path / "out.h5").exists()
