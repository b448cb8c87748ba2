"""The state machine of a round: whatever interrupts it, the same result."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from curation.config import Policy
from curation.judging.tables import read_scores, read_verdicts
from curation.judging.verdicts import BrokenScorerError, Outcome
from curation.rounds.layout import RoundDir, completed_rounds
from curation.rounds.scoring import score_samples
from curation.rounds.stages import RoundError, bring_to
from curation.rounds.start import FrozenRoundError, started_config
from curation.rounds.state import RunError, RunState, read_run
from fsd_gen.scene.slots import SlotKey
from jobs.files import write_json_atomic
from tests.curation.world import CONFIG, FakeWorld, Interrupted, forced, make_run, stratum_of, write_shard

QUARANTINED = 2
ROOT = Path(__file__).parents[3]


def brief_report(state: RunState, round_dir: RoundDir, world) -> None:
    """Stands for the real report, which has tests of its own."""
    write_json_atomic(round_dir.report_json, {"round": round_dir.number})


def ignore(event) -> None:
    pass


def bring(run_dir: Path, rounds: int = 2, world: FakeWorld | None = None, config=CONFIG) -> int:
    return bring_to(run_dir, rounds, config, world or FakeWorld(), brief_report, ignore)


def results(run_dir: Path) -> dict[str, str]:
    """Digest of every file of the rounds but the ledger of seconds."""
    files = (
        path for path in (run_dir / "rounds").rglob("*") if path.is_file() and path.name != "effort.jsonl"
    )
    return {str(p.relative_to(run_dir)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


@pytest.fixture(scope="module")
def first_draw(tmp_path_factory) -> Path:
    """Twelve slots in three shards; 3, 7 and 11 are planted, 5 has no truth, 2 was quarantined."""
    return make_run(tmp_path_factory.mktemp("template") / "run", slots=12, quarantined=[QUARANTINED])


@pytest.fixture
def run(first_draw, tmp_path) -> Path:
    return shutil.copytree(first_draw, tmp_path / "run")


@pytest.fixture(scope="module")
def finished(first_draw, tmp_path_factory) -> Path:
    """The same run after two rounds without any interruption."""
    run_dir = shutil.copytree(first_draw, tmp_path_factory.mktemp("finished") / "run")
    assert bring(run_dir) == 2
    return run_dir


def kept(run_dir: Path, number: int) -> dict[str, str]:
    round_dir = RoundDir(run_dir=run_dir, number=number)
    return {verdict.key.sample_id: verdict.outcome.value for verdict in read_verdicts(round_dir.verdicts)}


# ---------------------------------------------------------------- what a round does


def test_a_round_drops_planted_scenes_and_keeps_the_others(finished):
    verdicts = kept(finished, 1)
    rejected = {name: outcome for name, outcome in verdicts.items() if outcome != "keep"}
    assert rejected == {
        "0000003-a0": "drop",
        "0000005-a0": "unscorable",
        "0000007-a0": "drop",
        "0000011-a0": "drop",
    }
    assert len(verdicts) == 11


def test_every_current_sample_has_exactly_one_score_and_one_verdict_in_each_round(finished):
    for number in (1, 2):
        round_dir = RoundDir(run_dir=finished, number=number)
        current = [s.key for s in read_run(finished).population_before(number).samples]
        assert [score.key for score in read_scores(round_dir.scores)] == current
        assert [verdict.key for verdict in read_verdicts(round_dir.verdicts)] == current


def test_rejected_slots_are_drawn_again_as_their_next_attempt_in_their_stratum(finished):
    round_dir = RoundDir(run_dir=finished, number=1)
    drawn = read_run(finished).successors(round_dir.number)
    names = [sample.key.sample_id for sample in drawn]
    assert names == ["0000003-a1", "0000005-a1", "0000007-a1", "0000011-a1"]
    assert all(sample.stratum == stratum_of(sample.key.slot) for sample in drawn)


def test_the_second_round_judges_the_successors_and_draws_again_from_their_attempt_on(finished):
    assert kept(finished, 2)["0000003-a1"] == "drop" and "0000003-a0" not in kept(finished, 2)
    final = read_run(finished).population_before(3)
    assert final.current[3].key == SlotKey(slot=3, attempt=2)
    assert final.current[5].key == SlotKey(slot=5, attempt=1)
    assert final.missing == {QUARANTINED}


def test_slots_are_accounted_for_in_every_round(finished):
    for number in (1, 2, 3):
        population = read_run(finished).population_before(number)
        assert len(population.current) + population.quarantined == 12


def test_no_model_ever_trains_on_a_slot_that_it_scores(run):
    world = FakeWorld()
    bring(run, world=world)
    for number in (1, 2):
        round_dir = RoundDir(run_dir=run, number=number)
        scores = read_scores(round_dir.scores)
        for model in (0, 1):
            seen = set(json.loads(round_dir.checkpoint(model).read_text())["seen"])
            scored = {score.key.slot for score in scores if score.fold == model}
            assert scored and not seen & scored
            assert {s.model_digest for s in scores if s.fold == model} == {
                world.model_digest(round_dir.checkpoint(model))
            }
    assert world.jobs[2].start_from == RoundDir(run_dir=run, number=1).checkpoint(0)
    assert [job.steps for job in world.jobs] == [4, 4, 2, 2]


def test_the_second_round_trains_on_successors_and_not_on_what_they_replaced(run):
    world = FakeWorld()
    bring(run, world=world)
    trained = {sample.key for job in world.jobs[2:] for sample in job.samples}
    assert SlotKey(slot=3, attempt=1) in trained and SlotKey(slot=3) not in trained


def test_in_sample_one_model_scores_what_it_has_seen(run):
    world = FakeWorld()
    bring(run, 1, world, CONFIG.model_copy(update={"in_sample": True}))
    round_dir = RoundDir(run_dir=run, number=1)
    seen = set(json.loads(round_dir.checkpoint(0).read_text())["seen"])
    assert len(world.jobs) == 1 and seen == {score.key.slot for score in read_scores(round_dir.scores)}


def test_a_slot_whose_new_attempts_all_fail_is_lost_and_its_rejected_sample_does_not_come_back(run):
    bring(run, 1, FakeWorld(unrenderable=frozenset({7})))
    after = read_run(run).population_before(2)
    assert 7 not in after.current and after.lost == {7: SlotKey(slot=7)}


def everything_is_bad(key: SlotKey) -> str:
    return "bad"


def test_what_a_weak_scorer_scored_stays_unjudged_unless_it_is_forced(first_draw, tmp_path):
    for name, config, dropped, unjudged in (("a", CONFIG, 0, 10), ("b", forced(), 10, 0)):
        run_dir = shutil.copytree(first_draw, tmp_path / name)
        bring(run_dir, 1, FakeWorld(fate=everything_is_bad), config)
        counts = Counter(v.outcome for v in read_verdicts(RoundDir(run_dir=run_dir, number=1).verdicts))
        assert (counts[Outcome.DROP], counts[Outcome.UNJUDGED], counts[Outcome.UNSCORABLE]) == (
            dropped,
            unjudged,
            1,
        )


def test_unjudged_samples_are_not_drawn_again_and_the_next_round_judges_them(run):
    bring(run, 1, FakeWorld(fate=everything_is_bad))
    assert [sample.key.sample_id for sample in read_run(run).successors(1)] == ["0000005-a1"]
    bring(run, 2, FakeWorld())
    assert kept(run, 2)["0000003-a0"] == "drop" and kept(run, 2)["0000000-a0"] == "keep"


def test_a_model_that_diverged_stops_the_round_before_anything_is_dropped(run):
    with pytest.raises(BrokenScorerError):
        bring(run, 1, FakeWorld(fate=lambda key: "nan"))
    assert not RoundDir(run_dir=run, number=1).verdicts.exists()


def test_progress_is_told_from_every_stage(run):
    events = []
    bring_to(run, 1, CONFIG, FakeWorld(), brief_report, events.append)
    assert list(dict.fromkeys(event.stage for event in events)) == ["train", "score", "regenerate", "report"]
    last = [event for event in events if event.stage == "train"][-1]
    assert (last.done, last.total, last.unit, last.loss) == (4, 4, "steps", 0.25)


# ---------------------------------------------------------------- interruptions

STOPS = [
    ("train", 1), ("step", 2), ("checkpoint", 1), ("train", 2), ("checkpoint", 2),  # training of round 1
    ("predict", 1), ("predict", 4), ("predict", 9),  # scoring
    ("render", 1),
    ("train", 3), ("checkpoint", 4), ("predict", 12), ("predict", 20), ("render", 2),  # round 2
]  # fmt: skip


@pytest.mark.parametrize("stop_at", STOPS, ids=lambda stop: f"{stop[0]}-{stop[1]}")
def test_an_interrupted_run_ends_as_if_it_had_not_been(run, finished, stop_at):
    with pytest.raises(Interrupted):
        bring(run, world=FakeWorld(stop_at=stop_at))
    assert bring(run) in (1, 2)
    assert results(run) == results(finished)


WRITES = ["folds.json", "round.json", "scores.parquet", "verdicts.parquet", "report.json"]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("name", WRITES)
def test_a_kill_around_the_write_of_any_file_changes_nothing(run, finished, monkeypatch, name, when):
    armed = [True]
    replace = os.replace

    def interrupting_replace(source, target, **kwargs):
        if armed and Path(target).name == name:
            armed.clear()
            if when == "after":
                replace(source, target, **kwargs)
            raise Interrupted(name)
        replace(source, target, **kwargs)

    monkeypatch.setattr(os, "replace", interrupting_replace)
    with pytest.raises(Interrupted):
        bring(run)
    assert not armed
    bring(run)
    assert results(run) == results(finished)


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.curation.world import CONFIG, FakeWorld
from tests.curation.rounds.test_stages import bring
class Fragile(FakeWorld):
    def _count(self, name):
        super()._count(name)
        if (name, self.calls[name]) == ("predict", 5):
            os.kill(os.getpid(), signal.SIGKILL)
bring(Path(sys.argv[1]), world=Fragile())
"""


def test_sigkill_in_the_middle_of_scoring_costs_one_sample_and_changes_nothing(run, finished):
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(run)], cwd=ROOT, capture_output=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    world = FakeWorld()
    bring(run, 1, world)
    assert world.calls["predict"] == 11 - 4 and "train" not in world.calls
    bring(run)
    assert results(run) == results(finished)


def test_a_run_that_has_its_rounds_has_nothing_to_do(finished):
    before, world = results(finished), FakeWorld()
    assert bring(finished, world=world) == 0
    assert bring(finished, 1, world) == 0
    assert world.calls == {} and results(finished) == before


def test_one_round_and_then_another_is_the_same_as_two(run, finished):
    assert bring(run, 1) == 1
    assert bring(run, 2) == 1
    assert results(run) == results(finished)


def test_a_torn_line_in_a_part_file_is_scored_again(run, tmp_path):
    bring(run, 1)
    round_dir, world = RoundDir(run_dir=run, number=1), FakeWorld()
    samples = read_run(run).population_before(1).samples[:3]

    def score() -> tuple:
        return score_samples(
            world,
            round_dir.checkpoint(0),
            samples,
            fold=0,
            config=CONFIG,
            part=part,
            on_sample=lambda done: None,
        )

    part = tmp_path / "part.jsonl"
    scores = score()
    whole = part.read_text()
    part.write_text(whole[:-40])
    world.calls.clear()
    assert score() == scores and world.calls["predict"] == 1 and part.read_text() == whole


def test_scores_of_another_model_in_a_part_file_do_not_count(run, tmp_path):
    bring(run, 1)
    round_dir, world, part = RoundDir(run_dir=run, number=1), FakeWorld(), tmp_path / "part.jsonl"
    samples = read_run(run).population_before(1).samples[:2]
    for model in (0, 1):
        scores = score_samples(
            world,
            round_dir.checkpoint(model),
            samples,
            fold=model,
            config=CONFIG,
            part=part,
            on_sample=lambda d: None,
        )
    assert world.calls["predict"] == 4 and {score.fold for score in scores} == {1}


# ---------------------------------------------------------------- what is refused


def test_a_started_round_refuses_other_settings_and_says_which(run):
    with pytest.raises(Interrupted):
        bring(run, world=FakeWorld(stop_at=("train", 2)))
    other = CONFIG.model_copy(update={"lr": 0.5, "policy": Policy(threshold=0.3)})
    with pytest.raises(FrozenRoundError, match=r"lr: 0.001 -> 0.5; policy.threshold: 0.6 -> 0.3"):
        bring(run, config=other)


def test_a_crop_that_fits_no_sample_is_refused_with_one_that_does_before_anything_is_written(run):
    complaint = r"curation.crop 256x512 does not fit samples of 40x64 .*; set `curation: {crop: \[32, 64\]}`"
    with pytest.raises(RunError, match=complaint):
        bring(run, config=CONFIG.model_copy(update={"crop": (256, 512)}))
    assert not (run / "rounds").exists()


def test_a_round_in_which_nothing_is_trained_takes_other_settings(run):
    with pytest.raises(Interrupted):
        bring(run, world=FakeWorld(stop_at=("train", 1)))
    other = CONFIG.model_copy(update={"folds": 3})
    assert bring(run, 1, config=other) == 1
    assert started_config(RoundDir(run_dir=run, number=1)) == other


def test_a_started_round_refuses_other_samples(run):
    with pytest.raises(Interrupted):
        bring(run, world=FakeWorld(stop_at=("train", 2)))
    write_shard(run / "shards" / "00003.h5", [SlotKey(slot=12)])
    with pytest.raises(FrozenRoundError, match="samples changed"):
        bring(run)


def test_models_cannot_be_continued_over_other_folds_but_trained_anew(run):
    bring(run, 1)
    with pytest.raises(FrozenRoundError, match=r"folds \(. then, . now\) must stay the same"):
        bring(run, 2, config=CONFIG.model_copy(update={"folds": 3}))
    anew = CONFIG.model_copy(update={"folds": 3, "continue_models": False})
    world = FakeWorld()
    assert bring(run, 2, world, anew) == 1
    assert [job.start_from for job in world.jobs] == [None] * 3


def test_a_directory_without_shards_and_one_still_rendering_are_refused(tmp_path, run):
    (tmp_path / "empty").mkdir()
    with pytest.raises(RunError, match="no finished shard"):
        bring(tmp_path / "empty")
    (run / "shards" / "00009.h5.part").mkdir()
    with pytest.raises(RunError, match="1 shards are not finished"):
        bring(run)


def test_too_few_samples_to_hold_any_out_are_refused(tmp_path):
    with pytest.raises(RunError, match="1 samples are too few"):
        bring(make_run(tmp_path / "run", slots=1))


def test_a_renderer_that_leaves_shards_out_is_noticed(run):
    class Lazy(FakeWorld):
        def render(self, run_dir, requests, on_done):
            pass

    with pytest.raises(RoundError, match="not rendered"):
        bring(run, world=Lazy())
    assert completed_rounds(run) == ()
