import dataclasses
import errno
import os
import shutil

import pyarrow.parquet as pq
import pytest

from fsd_gen.shards import entry
from fsd_gen.shards import index as index_module
from fsd_gen.shards.format import ShardError
from fsd_gen.shards.index import (
    INDEX_NAME,
    SCHEMA,
    IndexFileError,
    collect_records,
    manifest_digest,
    read_index,
    records_of,
    refresh_index,
    truth_manifest_digest,
    write_index,
)
from fsd_gen.shards.reader import ShardReader
from fsd_gen.shards.record import record_of
from fsd_gen.shards.writer import ShardWriter
from tests.fsd_gen.synthetic import make_meta, make_sample, make_shard


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


def test_refreshing_finds_every_finished_shard_and_leaves_parts_alone(tmp_path):
    make_shard(tmp_path / "shards/00001.h5", slots=[2, 3])
    make_shard(tmp_path / "shards/00000.h5", slots=[0, 1])
    (tmp_path / "shards/00002.h5.part").mkdir()
    found = list(refresh_index(tmp_path).records)
    assert [(r.shard, r.row, r.slot) for r in found] == [
        ("shards/00000.h5", 0, 0),
        ("shards/00000.h5", 1, 1),
        ("shards/00001.h5", 0, 2),
        ("shards/00001.h5", 1, 3),
    ]
    assert read_index(tmp_path / "index/samples.parquet") == found


def test_a_damaged_shard_leaves_the_index_as_it_was(tmp_path):
    make_shard(tmp_path / "shards/0.h5", slots=[0])
    before = list(refresh_index(tmp_path).records)
    (tmp_path / "shards/1.h5").write_bytes(b"junk")
    with pytest.raises(ShardError, match=r"1\.h5"):
        refresh_index(tmp_path)
    assert read_index(tmp_path / "index/samples.parquet") == before


# ---------------------------------------------------------------- refreshing


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    root = tmp_path_factory.mktemp("template")
    make_shard(root / "shards/00000.h5", slots=[0, 1])
    make_shard(root / "shards/00001.h5", slots=[2, 3])
    make_shard(root / "rounds/1/regenerated/00000.h5", slots=[1], attempt=1)
    return root


@pytest.fixture
def run(template, tmp_path):
    return shutil.copytree(template, tmp_path / "run")


@pytest.fixture
def opened(monkeypatch) -> list[str]:
    """Names of the shards that the index opens."""
    names = []

    class Noted(ShardReader):
        def __init__(self, path, **options):
            names.append(f"{path.parent.name}/{path.name}")
            super().__init__(path, **options)

    for module in (entry, index_module):
        monkeypatch.setattr(module, "ShardReader", Noted)
    return names


BOTH = ("shards", "rounds/1/regenerated")


def test_a_refreshed_index_is_what_opening_every_shard_says(run):
    index = refresh_index(run, BOTH)
    shards = [path for folder in BOTH for path in (run / folder).iterdir()]
    assert list(index.records) == collect_records(shards, run)
    assert [entry.path for entry in index.shards] == [
        "rounds/1/regenerated/00000.h5",
        "shards/00000.h5",
        "shards/00001.h5",
    ]
    assert read_index(run / INDEX_NAME) == list(index.records)


def test_an_unchanged_run_is_read_without_opening_a_shard(run, opened):
    first = refresh_index(run, BOTH)
    opened.clear()
    before = (run / INDEX_NAME).stat().st_mtime_ns
    assert refresh_index(run, BOTH) == first and opened == []
    assert (run / INDEX_NAME).stat().st_mtime_ns == before


def test_only_new_and_changed_shards_are_opened(run, opened):
    refresh_index(run)
    opened.clear()
    make_shard(run / "shards/00002.h5", slots=[4])
    os.utime(run / "shards/00000.h5", ns=(1, 1))
    index = refresh_index(run)
    assert opened == ["shards/00000.h5", "shards/00002.h5"]
    assert [record.slot for record in index.records] == [0, 1, 2, 3, 4]


def test_a_shard_that_is_gone_is_gone_from_the_index(run, opened):
    refresh_index(run)
    opened.clear()
    (run / "shards/00000.h5").unlink()
    assert [record.slot for record in refresh_index(run).records] == [2, 3] and opened == []
    assert [record.slot for record in read_index(run / INDEX_NAME)] == [2, 3]


def test_an_index_of_one_folder_keeps_what_is_known_of_the_others(run, opened):
    refresh_index(run, BOTH)
    opened.clear()
    assert {entry.folder for entry in refresh_index(run, ["shards"]).shards} == {"shards"}
    assert len(refresh_index(run, BOTH).records) == 5 and opened == []
    shutil.rmtree(run / "rounds")
    assert len(refresh_index(run, ["shards"]).records) == 4 == len(read_index(run / INDEX_NAME))


def test_quarantined_slots_and_their_reasons_are_in_the_index(tmp_path):
    writer = ShardWriter(tmp_path / "shards/0.h5", [7, 8], make_meta())
    writer.add(make_sample(7))
    writer.quarantine(8, [["dark"], ["dark", "flat"]])
    writer.finish()
    for _ in ("made", "read back"):
        (entry,) = refresh_index(tmp_path).shards
        assert [(q.slot, q.reasons) for q in entry.quarantined] == [(8, (("dark",), ("dark", "flat")))]
        assert (entry.rows, entry.renderer) == (1, "analytic")


def test_a_pair_of_files_that_were_not_written_together_is_made_again(run, opened):
    refresh_index(run)
    write_index(read_index(run / INDEX_NAME)[:1], run / INDEX_NAME)
    opened.clear()
    assert len(refresh_index(run).records) == 4 and opened == ["shards/00000.h5", "shards/00001.h5"]


@pytest.mark.parametrize("name", ["samples.parquet", "shards.parquet"])
def test_a_damaged_index_is_made_again(run, name):
    before = refresh_index(run)
    (run / "index" / name).write_bytes(b"junk")
    assert refresh_index(run) == before == refresh_index(run)


@pytest.mark.parametrize("number", [errno.EACCES, errno.ENOENT])  # the latter: its part was swept meanwhile
def test_a_run_that_cannot_be_written_to_is_read_and_a_warning_says_so(run, monkeypatch, caplog, number):
    def refuse(*args, **kwargs):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(index_module, "part_file", refuse)
    assert len(refresh_index(run).records) == 4
    assert "cannot be stored" in caplog.text


def test_the_records_of_some_shards_come_from_the_index_of_their_run(run, opened, monkeypatch):
    paths = [run / "rounds/1/regenerated/00000.h5", run / "shards/00001.h5"]
    plain = [(path, record.row, record.sample_id) for path, record in records_of(paths)]
    assert plain == [(paths[0], 0, "0000001-a1"), (paths[1], 0, "0000002-a0"), (paths[1], 1, "0000003-a0")]
    refresh_index(run, BOTH)
    opened.clear()
    assert [(path, record.row, record.sample_id) for path, record in records_of(paths)] == plain
    monkeypatch.chdir(run / "shards")
    assert len(records_of(["00000.h5"])) == 2 and opened == []


def test_a_shard_that_changed_since_it_was_indexed_is_opened(run, opened):
    refresh_index(run)
    shutil.copyfile(make_shard(run / "other.h5", slots=[9]), run / "shards/00000.h5")
    opened.clear()
    assert [record.slot for _, record in records_of([run / "shards/00000.h5"])] == [9]
    assert opened == ["shards/00000.h5"]


# ---------------------------------------------------------------- the files


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


def test_a_sample_listed_twice_has_no_digest_and_both_files_are_named(records):
    records = [dataclasses.replace(r, shard="shards/00001.h5") for r in records]
    records.append(dataclasses.replace(records[-1], shard="shards/copy.h5"))
    with pytest.raises(ShardError, match="is listed twice, in shards/00001.h5 and shards/copy.h5"):
        truth_manifest_digest(records)


def test_a_sample_listed_twice_in_one_list_has_no_digest(records):
    with pytest.raises(ShardError, match="slot 3 attempt 1 is listed twice"):
        manifest_digest([*records, records[3]])


def test_the_digest_of_a_dataset_does_not_depend_on_how_it_is_cut_into_shards(tmp_path):
    one = make_shard(tmp_path / "one.h5", slots=[0, 1, 2])
    two = [make_shard(tmp_path / "a.h5", slots=[2]), make_shard(tmp_path / "b.h5", slots=[1, 0])]
    together, apart = collect_records([one], tmp_path), collect_records(two, tmp_path)
    assert manifest_digest(together) == manifest_digest(apart)
