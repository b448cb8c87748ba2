"""What a user may mean by a run, a folder, a shard or a pattern."""

from pathlib import Path

import pytest

from fsd_gen.shards.find import NoShardsError, find_shards, load_sample
from fsd_gen.shards.format import ShardError
from fsd_gen.shards.index import refresh_index
from tests.fsd_gen.synthetic import make_shard


@pytest.fixture
def runs(tmp_path) -> Path:
    """Two runs without content; the name of one has brackets."""
    for run, count in (("a", 3), ("b [1]", 2)):
        (tmp_path / run / "shards").mkdir(parents=True)
        for index in range(count):
            (tmp_path / run / "shards" / f"{index:05d}.h5").touch()
    (tmp_path / "a" / "shards" / "00009.h5.part").mkdir()
    return tmp_path


def names(shards: list[Path]) -> list[str]:
    return [f"{path.parent.parent.name}/{path.stem}" for path in shards]


def test_a_run_its_folder_and_its_shards_mean_the_same(runs):
    shards = find_shards(runs / "a")
    assert names(shards) == ["a/00000", "a/00001", "a/00002"]
    assert find_shards(runs / "a/shards") == find_shards(shards) == find_shards(str(runs / "a")) == shards
    assert find_shards(shards[1]) == [shards[1]]


def test_several_keep_their_order_and_each_shard_comes_once(runs):
    found = find_shards([runs / "b [1]", runs / "a/shards/00002.h5", runs / "a"])
    assert names(found) == ["b [1]/00000", "b [1]/00001", "a/00002", "a/00000", "a/00001"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*", ["a/00000", "a/00001", "a/00002", "b [1]/00000", "b [1]/00001"]),
        ("a/shards/0000[01].h5", ["a/00000", "a/00001"]),
        ("?/shards", ["a/00000", "a/00001", "a/00002"]),
        ("b [1]/shards/*1.h5", ["b [1]/00001"]),
        ("**/00001.h5", ["a/00001", "b [1]/00001"]),
    ],
)
def test_a_pattern_means_what_it_matches(runs, pattern, expected):
    assert names(find_shards(runs / pattern)) == expected


def test_a_name_that_exists_is_no_pattern(runs):
    assert names(find_shards(runs / "b [1]")) == ["b [1]/00000", "b [1]/00001"]


def test_relative_patterns_work(runs, monkeypatch):
    monkeypatch.chdir(runs)
    assert names(find_shards("a/shards/*2.h5")) == ["a/00002"] == names(find_shards("./a/*/*2.h5"))


@pytest.mark.parametrize("source", ["", "none", "none/*.h5", "a/shards/x*.h5", "a/shards/00007.h5"])
def test_where_there_is_none_the_error_says_what_was_expected(runs, source):
    (runs / "empty").mkdir()
    with pytest.raises(NoShardsError, match="no finished shards .* expected a shard"):
        find_shards(runs / "empty" / source if source == "" else runs / source)
    with pytest.raises(FileNotFoundError):
        find_shards([runs / "a", runs / "empty"])
    with pytest.raises(ShardError, match="no shard was named"):
        find_shards([])


def test_a_sample_is_addressed_by_its_id_or_its_row(tmp_path):
    shard = make_shard(tmp_path / "shards/0.h5", slots=[4, 6])
    assert load_sample(f"{shard}:1").spec.key.slot == 6
    for _ in ("shards", "index"):
        assert load_sample(f"{tmp_path}:0000004-a0").spec.key.slot == 4
        refresh_index(tmp_path)
    for address, complaint in (
        ("x", "expected PATH:SAMPLE"),
        (f"{shard}:2", "there is no row 2"),
        (f"{shard}:0000004-a1", "no sample 0000004-a1"),
    ):
        with pytest.raises(ShardError, match=complaint):
            load_sample(address)


def test_a_slot_means_the_one_sample_that_it_holds_whichever_attempt_that_is(tmp_path):
    for number, attempt in enumerate((2, 0, 1)):
        make_shard(tmp_path / f"run/shards/{number}.h5", slots=[min(number, 1)], attempt=attempt)
    assert load_sample(f"{tmp_path / 'run'}:0").spec.key.attempt == 2
    with pytest.raises(ShardError, match="slot 1 holds 0000001-a0, 0000001-a1; name one of them"):
        load_sample(f"{tmp_path / 'run'}:1")
    with pytest.raises(ShardError, match="no sample of slot 7 .* none of them holds slot 7"):
        load_sample(f"{tmp_path / 'run'}:7")
