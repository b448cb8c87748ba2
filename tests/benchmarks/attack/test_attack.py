"""A few of the attacks of `make attack`, the cheap ones of every kind: all are refused in one clear line."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from benchmarks.attack.bounded import _tried
from benchmarks.attack.flips import flipped, foreign, overwritten, truncated, verified, verified_places
from benchmarks.attack.hostile import hostile
from benchmarks.attack.kinds import BOUNDED
from benchmarks.attack.trials import Result, Tally, table
from fsd_gen.shards.gather import publish_rows
from fsd_gen.shards.seal import SEAL_BYTES
from tests.fsd_gen.shards.files import REPO

GOLDEN = REPO / "tests/data/golden_shard.h5"
CHEAP = ("checkpoints cut short", "paths as ids and names")


@pytest.fixture(scope="module")
def sealed(tmp_path_factory) -> Path:
    return publish_rows([(GOLDEN, 0), (GOLDEN, 1)], tmp_path_factory.mktemp("sealed") / "0.h5")


def outcomes(results) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for result in results:
        found.setdefault(result.outcome, []).append(f"{result.name}: {result.said}")
    return found


@pytest.mark.parametrize(("how", "count"), [(flipped, 40), (overwritten, 10)])
def test_a_sealed_shard_that_was_changed_anywhere_is_found(sealed, tmp_path, how, count):
    changed = how(sealed.read_bytes(), count, random.Random(1))
    found = outcomes(verified(changed, tmp_path, sealed))
    assert set(found) == {"detected"} and len(found["detected"]) == count


def test_of_the_ways_to_cut_a_sealed_shard_short_only_the_loss_of_the_whole_seal_harms_nothing(
    sealed, tmp_path
):
    size = sealed.stat().st_size
    found = outcomes(verified(truncated(sealed.read_bytes(), 12, random.Random(1)), tmp_path, sealed))
    assert found.pop("harmless") == [f"{size - SEAL_BYTES} of {size} bytes: "]
    assert set(found) == {"detected"} and len(found["detected"]) == 11


def test_in_a_shard_of_before_seals_nothing_is_missed_that_changes_what_is_read(tmp_path):
    changed = flipped(GOLDEN.read_bytes(), 40, random.Random(2))
    assert set(outcomes(verified(changed, tmp_path, GOLDEN))) <= {"detected", "harmless"}


def test_files_of_others_pipes_and_devices_are_no_shards(tmp_path):
    results = [*verified(foreign(), tmp_path, None), *verified_places(tmp_path / "places")]
    assert set(outcomes(results)) == {"detected"} and len(results) > 20
    said = {result.name: result.said for result in results}
    assert "git-lfs pointer" in said["LFS pointer"] and "PNG image" in said["png"]


def hostile_results(scratch: Path, every: int) -> list[Result]:
    return list(verified(hostile(GOLDEN, scratch, every=every), scratch, GOLDEN))


def test_hdf5_that_no_writer_of_shards_made_is_refused_by_name(tmp_path):
    found = outcomes(hostile_results(tmp_path, every=13))
    assert set(found) == {"detected"} and len(found["detected"]) > 15


@pytest.mark.slow
def test_hdf5_that_declares_links_or_holds_what_no_shard_does_is_refused_by_name(tmp_path):
    results = hostile_results(tmp_path, every=1)
    assert len(results) > 200
    accepted = [result.name for result in results if result.outcome != "detected"]
    assert accepted == ["format 'fsd-gen stereo shard\\x00'"]  # HDF5 itself pads texts with zeros
    said = {result.name: result.said for result in results}
    assert "left is a link to another file" in said["left: link to a pipe"]
    assert max(result.seconds for result in results) < 10


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=() if kind in CHEAP else pytest.mark.slow) for kind in BOUNDED]
)
def test_every_other_reader_refuses_in_one_line(tmp_path, monkeypatch, kind):
    monkeypatch.setattr("resource.setrlimit", lambda *_: None)  # of the tests' own process
    monkeypatch.setattr("benchmarks.attack.bounded.TOO_MUCH_BYTES", 1 << 62)
    results = [Result(**_tried(trial)) for trial in BOUNDED[kind](tmp_path)]
    assert set(outcomes(results)) == {"detected"} and len(results) >= 30


def test_the_table_counts_and_names_what_is_bad():
    results = [
        Result(name="a", outcome="detected", said="x", seconds=0.25, peak_bytes=70_000_000),
        Result(name="b", outcome="missed", said="", seconds=1.5),
    ]
    tally = Tally(kind="things", results=tuple(results))
    assert table([tally]).splitlines()[-1] == "| things | 2 | 1 | 0 | 1 | 0 | 1.50 | 70 |"
    assert [result.name for result in tally.bad] == ["b"]
