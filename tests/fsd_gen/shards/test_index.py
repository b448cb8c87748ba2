import dataclasses

import pyarrow.parquet as pq
import pytest

from fsd_gen.shards.format import ShardError
from fsd_gen.shards.index import (
    SCHEMA,
    IndexFileError,
    collect_records,
    manifest_digest,
    read_index,
    rebuild_index,
    truth_manifest_digest,
    write_index,
)
from fsd_gen.shards.record import record_of
from tests.fsd_gen.synthetic import make_sample, make_shard


@pytest.fixture(scope="module")
def records():
    return [record_of(make_sample(slot, attempt=slot % 2)) for slot in range(4)]


def test_the_index_is_read_back_as_it_was_written(tmp_path, records):
    blank = dataclasses.replace(records[0], slot=9, disparity_p50=None)
    write_index([*records, blank], tmp_path / "samples.parquet")
    assert read_index(tmp_path / "samples.parquet") == [*records, blank]


def test_the_same_records_give_the_same_bytes(tmp_path, records):
    write_index(records, tmp_path / "a.parquet")
    write_index(records, tmp_path / "b.parquet")
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_an_empty_index_still_has_its_columns(tmp_path):
    write_index([], tmp_path / "samples.parquet")
    assert read_index(tmp_path / "samples.parquet") == []
    assert pq.read_schema(tmp_path / "samples.parquet").names == SCHEMA.names


def test_rebuilding_finds_every_finished_shard_and_leaves_parts_alone(tmp_path):
    make_shard(tmp_path / "shards/00001.h5", slots=[2, 3])
    make_shard(tmp_path / "shards/00000.h5", slots=[0, 1])
    (tmp_path / "shards/00002.h5.part").mkdir()
    found = rebuild_index(tmp_path)
    assert [(r.shard, r.row, r.slot) for r in found] == [
        ("shards/00000.h5", 0, 0),
        ("shards/00000.h5", 1, 1),
        ("shards/00001.h5", 0, 2),
        ("shards/00001.h5", 1, 3),
    ]
    assert read_index(tmp_path / "index/samples.parquet") == found


def test_a_damaged_shard_leaves_the_index_as_it_was(tmp_path):
    make_shard(tmp_path / "shards/0.h5", slots=[0])
    before = rebuild_index(tmp_path)
    (tmp_path / "shards/1.h5").write_bytes(b"junk")
    with pytest.raises(ShardError, match=r"1\.h5"):
        rebuild_index(tmp_path)
    assert read_index(tmp_path / "index/samples.parquet") == before


@pytest.mark.parametrize("content", [b"", b"junk", b"PAR1PAR1"])
def test_what_is_no_index_is_a_clear_error(tmp_path, content):
    (tmp_path / "samples.parquet").write_bytes(content)
    with pytest.raises(IndexFileError, match="make it again"):
        read_index(tmp_path / "samples.parquet")


def test_an_index_with_other_columns_is_a_clear_error(tmp_path, records):
    write_index(records, tmp_path / "samples.parquet")
    table = pq.read_table(tmp_path / "samples.parquet").drop_columns(["cpu_s"])
    pq.write_table(table, tmp_path / "samples.parquet")
    with pytest.raises(IndexFileError, match="expected"):
        read_index(tmp_path / "samples.parquet")


def test_the_manifest_digest_ignores_order_place_and_cost(records):
    moved = [dataclasses.replace(r, shard="x.h5", row=7, cpu_s=99.0, wall_s=1.0) for r in reversed(records)]
    assert manifest_digest(moved) == manifest_digest(records)


def test_the_manifest_digest_sees_every_content_and_every_key(records):
    for change in ({"content_id": "0" * 64}, {"attempt": 5}, {"slot": 77}):
        changed = [*records[:-1], dataclasses.replace(records[-1], **change)]
        assert manifest_digest(changed) != manifest_digest(records)
    assert manifest_digest(records[:-1]) != manifest_digest(records)


def test_the_truth_manifest_digest_is_blind_to_the_images(records):
    noisy = [dataclasses.replace(r, content_id=f"{r.slot:064d}") for r in records]
    assert truth_manifest_digest(noisy) == truth_manifest_digest(records)
    other = [dataclasses.replace(records[0], truth_digest="0" * 64), *records[1:]]
    assert truth_manifest_digest(other) != truth_manifest_digest(records)


def test_a_sample_listed_twice_has_no_digest(records):
    with pytest.raises(ValueError, match="slot 3 attempt 1 is listed twice"):
        manifest_digest([*records, records[3]])


def test_the_digest_of_a_dataset_does_not_depend_on_how_it_is_cut_into_shards(tmp_path):
    one = make_shard(tmp_path / "one.h5", slots=[0, 1, 2])
    two = [make_shard(tmp_path / "a.h5", slots=[2]), make_shard(tmp_path / "b.h5", slots=[1, 0])]
    together, apart = collect_records([one], tmp_path), collect_records(two, tmp_path)
    assert manifest_digest(together) == manifest_digest(apart)
