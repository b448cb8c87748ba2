"""A run is read once, from its index and its rounds' tables."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from curation.rounds.layout import RoundDir
from curation.rounds.state import RunError, read_run
from fsd_gen.production.run import Run
from fsd_gen.scene.slots import SlotKey
from fsd_gen.shards import entry
from fsd_gen.shards import index as index_module
from fsd_gen.shards.format import ShardError
from fsd_gen.shards.reader import ShardReader
from fsd_gen.shards.writer import ShardWriter
from tests.curation.rounds.test_stages import bring
from tests.curation.world import FakeWorld, make_run, write_shard
from tests.fsd_gen.synthetic import make_meta, make_sample, make_shard


@pytest.fixture
def run(tmp_path) -> Path:
    return make_run(tmp_path / "run", slots=8, quarantined=[2])


@pytest.fixture
def opened(monkeypatch) -> list[str]:
    """Shards that the index opens, relative to the run."""
    names = []

    class Noted(ShardReader):
        def __init__(self, path, **options):
            names.append("/".join(path.parts[path.parts.index("run") + 1 :]))
            super().__init__(path, **options)

    for module in (entry, index_module):
        monkeypatch.setattr(module, "ShardReader", Noted)
    return names


def test_every_shard_of_two_rounds_is_opened_once(run, opened):
    bring(run)
    read_run(run)
    assert sorted(opened) == [
        "rounds/1/regenerated/00000.h5",
        "rounds/2/regenerated/00000.h5",
        "shards/00000.h5",
        "shards/00001.h5",
    ]


def test_the_state_of_a_run_knows_samples_rounds_and_empty_slots(run):
    bring(run, 1)
    state = read_run(run)
    assert [round_dir.number for round_dir in state.rounds] == [1]
    assert state.slots == set(range(8)) and state.first.missing == {2}
    assert state.slots_per_shard == 4
    first, successors = len(state.first.samples), len(state.last_successors)
    assert (first, successors, len(state.drawn_before(2))) == (7, 3, 10)
    assert state.now.current[3].key == SlotKey(slot=3, attempt=1)
    assert state.now.current[3].path == RoundDir(run_dir=run, number=1).regenerated / "00000.h5"
    assert state.final is None


def test_a_round_in_work_shows_its_successors_but_does_not_count(run):
    round_dir = RoundDir(run_dir=run, number=1)
    write_shard(round_dir.regenerated / "00000.h5", [SlotKey(slot=3, attempt=1)])
    state = read_run(run)
    assert [sample.key.attempt for sample in state.successors(1)] == [1]
    assert state.now.current[3].key.attempt == 0 and state.last_successors == ()
    with pytest.raises(RunError, match="no round is complete"):
        state.last_round()


def test_what_is_no_run_is_said(tmp_path):
    with pytest.raises(RunError, match="no such directory"):
        read_run(tmp_path / "none")
    with pytest.raises(RunError, match="no finished shard"):
        read_run(tmp_path)


def test_a_removed_round_is_forgotten(run):
    bring(run, 1, FakeWorld())
    shutil.rmtree(run / "rounds")
    state = read_run(run)
    assert state.rounds == () and state.successors(1) == () and len(state.now.samples) == 7


def test_a_shard_of_another_run_is_refused_with_the_remedy(tmp_path, small_config):
    place = Run.start(tmp_path, small_config).shard_path(0)
    make_shard(place, slots=[0, 1])
    with pytest.raises(ShardError, match=r"00000.h5 belongs to config c0ffee, .* verify --repair"):
        read_run(tmp_path)


def test_a_damaged_shard_is_met_with_the_remedy(run):
    shard = run / "shards/00000.h5"
    shard.write_bytes(shard.read_bytes()[:2000])
    (run / "config.sha256").write_text("0" * 64)
    with pytest.raises(ShardError, match=r"00000.h5: truncated.* `fsd-gen verify --repair .*`"):
        read_run(run)


def test_a_run_without_a_finished_shard_says_how_far_it_is(tmp_path):
    writer = ShardWriter(tmp_path / "shards/00000.h5", [0, 1], make_meta())
    writer.add(make_sample(1))
    with pytest.raises(RunError, match="no finished shard .*00000.h5.part has 1 of 2 samples"):
        read_run(tmp_path)
