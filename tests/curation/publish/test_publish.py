"""The curated dataset: kept samples only, byte for byte, all or nothing."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from pathlib import Path

import h5py
import pytest

import curation.publish.write as write_module
from curation.judging.tables import read_verdicts
from curation.judging.verdicts import Outcome
from curation.publish.publish import publish
from curation.publish.select import PublishError, Unjudged
from curation.publish.write import MARK, PLAN
from curation.rounds.layout import RoundDir
from curation.rounds.stages import bring_to
from curation.rounds.state import RunError
from fsd_gen.scene.slots import SlotKey
from fsd_gen.shards.channels import REQUIRED
from fsd_gen.shards.format import get_attribute
from fsd_gen.shards.index import read_index
from fsd_gen.shards.reader import ShardReader
from fsd_gen.shards.verify import verify_shard
from jobs.files import write_json_atomic
from tests.curation.world import CONFIG, FakeWorld, make_run


def ignore(event) -> None:
    pass


def brief_report(state, round_dir, world) -> None:
    write_json_atomic(round_dir.report_json, {})


def fate(key: SlotKey) -> str:
    """Slot 3 is mended by its first new attempt, slot 7 never."""
    return "bad" if key.slot == 7 or key == SlotKey(slot=3) else "good"


WORLD = FakeWorld(fate=fate)


@pytest.fixture(scope="module")
def curated(tmp_path_factory) -> Path:
    """Eight slots after one round: 3, 5 and 7 were drawn again, 2 was never filled."""
    run_dir = make_run(tmp_path_factory.mktemp("publish") / "run", slots=8, quarantined=[2])
    bring_to(run_dir, 1, CONFIG, WORLD, brief_report, ignore)
    return run_dir


@pytest.fixture
def run(curated, tmp_path) -> Path:
    return shutil.copytree(curated, tmp_path / "run")


def published_ids(out: Path) -> list[str]:
    return [record.sample_id for record in read_index(out / "index" / "samples.parquet")]


GOOD = ["0000000-a0", "0000001-a0", "0000003-a1", "0000004-a0", "0000005-a1", "0000006-a0"]


def test_only_kept_samples_are_published_and_the_last_successors_are_scored_first(run):
    done = publish(run, run / "curated", WORLD, ignore)
    assert published_ids(run / "curated") == GOOD
    assert (done.samples, done.shards, done.rejected_successors, done.unjudged) == (6, 2, 1, 0)


def test_every_published_sample_comes_with_the_verdict_that_kept_it(run):
    publish(run, run / "curated", WORLD, ignore)
    verdicts = read_verdicts(run / "curated" / "verdicts.parquet")
    assert [verdict.key.sample_id for verdict in verdicts] == GOOD
    assert {verdict.outcome for verdict in verdicts} == {Outcome.KEEP}


def test_successors_that_nobody_scored_are_published_or_left_out_as_told_and_the_card_says_so(run):
    done = publish(run, run / "all", WORLD, ignore, unjudged=Unjudged.KEEP)
    assert "0000007-a1" in published_ids(run / "all") and done.unjudged == 3
    assert "**3 of the pairs are unjudged" in (run / "all" / "README.md").read_text()
    verdicts = read_verdicts(run / "all" / "verdicts.parquet")
    assert [v.key.slot for v in verdicts if v.outcome is Outcome.UNJUDGED] == [3, 5, 7]
    assert {v.reason for v in verdicts if v.outcome is Outcome.UNJUDGED} == {"not scored yet"}
    done = publish(run, run / "judged", WORLD, ignore, unjudged=Unjudged.DROP)
    assert (done.samples, done.unjudged, done.unjudged_published) == (4, 3, False)
    assert "3 more pairs are unjudged" in (run / "judged" / "README.md").read_text()
    assert not RoundDir(run_dir=run, number=1).final_scores.exists()


def test_samples_of_a_weak_scorer_are_refused_until_somebody_decides(tmp_path):
    run = make_run(tmp_path / "run", slots=8)
    world = FakeWorld(fate=lambda key: "bad")
    bring_to(run, 1, CONFIG, world, brief_report, ignore)
    with pytest.raises(PublishError, match=r"8 of 8 .* unjudged \(8 scored by .* too weak") as refused:
        publish(run, run / "curated", world, ignore)
    assert "--unjudged keep" in str(refused.value) and not (run / "curated").exists()
    assert publish(run, run / "curated", world, ignore, unjudged=Unjudged.KEEP).samples == 8
    with pytest.raises(PublishError, match="nothing to publish"):
        publish(run, run / "none", world, ignore, unjudged=Unjudged.DROP)


def test_a_run_whose_last_round_drew_nothing_is_published_without_its_models(tmp_path):
    run, world = make_run(tmp_path / "run", slots=4), FakeWorld(fate=lambda key: "good")
    bring_to(run, 1, CONFIG, world, brief_report, ignore)
    shutil.rmtree(RoundDir(run_dir=run, number=1).path / "model")
    assert publish(run, run / "curated", world, ignore).samples == 4


def test_pixels_are_copied_without_decoding_them(run):
    publish(run, run / "curated", WORLD, ignore)
    source, copy = ShardReader(run / "shards" / "00001.h5"), ShardReader(run / "curated/shards/00000.h5")
    assert copy.records()[3].sample_id == source.records()[0].sample_id == "0000004-a0"
    for name in (channel.name for channel in REQUIRED):
        stored = [chunk[2] for chunk in source.raw_chunks(name, 0)]
        assert stored == [chunk[2] for chunk in copy.raw_chunks(name, 3)]


def test_what_is_published_is_sound_and_names_its_curation(run):
    publish(run, run / "curated", WORLD, ignore)
    shards = sorted((run / "curated" / "shards").iterdir())
    assert [problem for path in shards for problem in verify_shard(path)] == []
    with h5py.File(shards[0]) as file:
        assert get_attribute(file, "curation_policy_digest") == CONFIG.policy.digest()
        assert get_attribute(file, "curation_rounds") == 1


def test_publishing_twice_changes_nothing(run):
    assert publish(run, run / "curated", WORLD, ignore).new
    before = {p: p.stat().st_mtime_ns for p in (run / "curated").rglob("*")}
    assert not publish(run, run / "curated", WORLD, ignore).new
    assert {p: p.stat().st_mtime_ns for p in (run / "curated").rglob("*")} == before


def test_nothing_is_overwritten(run):
    publish(run, run / "curated", WORLD, ignore, unjudged=Unjudged.KEEP)
    with pytest.raises(PublishError, match="older or other publication .of other samples.; give --replace"):
        publish(run, run / "curated", WORLD, ignore)
    (run / "mine").mkdir()
    with pytest.raises(PublishError, match="no publication"):
        publish(run, run / "mine", WORLD, ignore)


def test_a_publication_that_is_interrupted_is_not_there(run, monkeypatch):
    def fail(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("curation.publish.write.refresh_index", fail)
        with pytest.raises(KeyboardInterrupt):
            publish(run, run / "curated", WORLD, ignore)
    assert not (run / "curated").exists()
    assert publish(run, run / "curated", WORLD, ignore).new
    assert not list(run.glob(".curated*"))


def test_an_older_publication_gives_way_once_the_new_one_is_whole(run):
    publish(run, run / "curated", WORLD, ignore, unjudged=Unjudged.DROP)
    done = publish(run, run / "curated", WORLD, ignore, replace=True)
    assert done.new and published_ids(run / "curated") == GOOD
    assert not publish(run, run / "curated", WORLD, ignore, replace=True).new
    assert not (run / "curated" / PLAN).exists() and not list(run.glob(".curated*"))
    (run / "mine").mkdir()
    with pytest.raises(PublishError, match="no publication"):
        publish(run, run / "mine", WORLD, ignore, replace=True)


def test_an_interrupted_publication_keeps_its_finished_shards(run, monkeypatch):
    made = []
    real = write_module.publish_rows

    def interrupted(rows, path, attributes):
        made.append(path.name)
        if len(made) == 2:
            raise KeyboardInterrupt
        return real(rows, path, attributes)

    monkeypatch.setattr(write_module, "publish_rows", interrupted)
    with pytest.raises(KeyboardInterrupt):
        publish(run, run / "curated", WORLD, ignore)
    assert publish(run, run / "curated", WORLD, ignore).samples == 6
    assert made == ["00000.h5", "00001.h5", "00001.h5"]


def test_what_an_interrupted_call_finished_of_another_publication_is_not_taken(run, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(write_module, "refresh_index", lambda part: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            publish(run, run / "curated", WORLD, ignore, unjudged=Unjudged.KEEP)
    publish(run, run / "curated", WORLD, ignore)
    assert published_ids(run / "curated") == GOOD


CHANGES = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "shutil.rmtree", "os.link")


def killed_at(moment: int, work) -> bool:
    """Whether `work` in a process of its own, killed -9 at its n-th change of files, had not yet ended."""
    child = os.fork()
    if child == 0:
        changes = iter(range(moment + 1))

        def count(event: str, details: tuple) -> None:
            changing = event in CHANGES and (event != "open" or details[2] & (os.O_WRONLY | os.O_RDWR))
            if changing and next(changes) == moment:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        try:
            work()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def fingerprint(folder: Path) -> dict[str, bytes]:
    """Every file of a publication but the one that holds the times of others."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "shards.parquet")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.mark.parametrize("step", [pytest.param(1, marks=pytest.mark.slow), 23])
def test_killed_at_any_moment_the_older_publication_is_there_until_the_new_one_is_whole(run, tmp_path, step):
    out = run / "curated"
    publish(run, out, WORLD, ignore, unjudged=Unjudged.DROP)
    older = fingerprint(out)
    template = shutil.copytree(run, tmp_path / "template")
    publish(run, out, WORLD, ignore, replace=True)
    newer, moment = fingerprint(out), 0
    while True:
        shutil.rmtree(run)
        shutil.copytree(template, run)
        if not killed_at(moment, lambda: publish(run, out, WORLD, ignore, replace=True)):
            break
        places = [place for place in (out, *run.glob(".curated.*.old")) if place.exists()]
        assert any(fingerprint(place) in (older, newer) for place in places), moment
        publish(run, out, WORLD, ignore, replace=True)
        assert fingerprint(out) == newer and not list(run.glob(".curated*")), moment
        moment += step
    assert moment > 60


def test_before_the_first_round_there_is_nothing_to_publish(tmp_path):
    with pytest.raises(RunError, match="no round is complete"):
        publish(make_run(tmp_path / "run", slots=4), tmp_path / "out", FakeWorld(), ignore)


def test_the_card_names_counts_mask_policy_and_digests(run):
    publish(run, run / "curated", WORLD, ignore)
    card = (run / "curated" / "README.md").read_text()
    mark = json.loads((run / "curated" / MARK).read_text())
    for text in (
        "6 stereo pairs of 64 x 40 px",
        "more than 60 % of its visible pixels",
        "No pair is unjudged",
        "1 of the pairs drawn last were rejected",
        "| first | 4 |",
        "| again, after round 1 had rejected another | 2 |",
        "0 attempts at these slots failed",
    ):
        assert text in card
    assert mark["manifest_digest"] in card and CONFIG.digest() in card
    assert (run / "curated" / "histograms.svg").read_text().startswith("<svg")
