"""The real trainer, network and shards in the loop, as small as they go."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import torch

from curation.config import CurationConfig, Policy
from curation.judging.tables import read_scores
from curation.publish.publish import publish
from curation.report.pages import write_round_report
from curation.rounds import storing
from curation.rounds.layout import RoundDir
from curation.rounds.population import RunSample
from curation.rounds.spending import LimitReached
from curation.rounds.stages import bring_to
from curation.rounds.state import read_run
from curation.rounds.world import TrainJob
from curation.workbench import training
from curation.workbench.device import DeviceError, device_of
from curation.workbench.rendering import RenderError
from curation.workbench.training import TrainingDataError, fold_dataset, starting_model
from curation.workbench.workbench import Workbench
from fsd_gen.production.places import place_at_work
from fsd_gen.production.requests import RenderReport, ShardRequest
from fsd_gen.scene.slots import SlotKey
from fsd_gen.shards import index as index_module
from jobs.status.book import Claim
from jobs.status.budget import Budget
from jobs.status.model import Prices
from jobs.task import Event, EventKind, FarmReport, TaskFailure
from stereo_model.data.sample import checked_sample
from stereo_model.network.backbone import Backbone
from stereo_model.network.config import ConfigError
from stereo_model.weights.backbone import installed_lite0_weights, load_lite0_weights
from tests.curation.world import make_run, write_shard
from tests.objects import another_machine

NEVER = datetime(2999, 1, 1, tzinfo=UTC)
CONFIG = CurationConfig(
    model="nano",
    max_disparity=64,
    steps_first=2,
    steps_next=1,
    batch=1,
    crop=(32, 64),
    train_iterations=1,
    score_iterations=1,
    device="cpu",
    policy=Policy(threshold=0.97, force=True),
)


class Bench(Workbench):
    """Everything real but the renderer."""

    def render(self, run_dir, requests, on_done):
        for request in requests:
            write_shard(request.path, request.keys)


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> Path:
    return make_run(tmp_path_factory.mktemp("bench") / "run", slots=5, per_shard=3)


@pytest.fixture
def run(template, tmp_path) -> Path:
    return shutil.copytree(template, tmp_path / "run")


def first_samples(run: Path) -> tuple[RunSample, ...]:
    return read_run(run).first.samples


def job_for(run: Path, **changes) -> TrainJob:
    round_dir = RoundDir(run_dir=run, number=1)
    round_dir.checkpoint(0).parent.mkdir(parents=True, exist_ok=True)
    job = TrainJob(
        samples=first_samples(run)[::2],
        checkpoint=round_dir.checkpoint(0),
        curve=round_dir.curve(0),
        start_from=None,
        steps=2,
        seed=5,
        config=CONFIG,
    )
    return replace(job, **changes)


def test_two_real_rounds_and_a_publication(run):
    bench = Bench(threads=1)
    assert bring_to(run, 2, CONFIG, bench, write_round_report, lambda event: None) == 2
    round_dir = RoundDir(run_dir=run, number=2)
    scores = read_scores(round_dir.scores)
    assert [score.key.slot for score in scores] == list(range(5)) and all(score.finite for score in scores)
    assert {s.model_digest for s in scores} == {bench.model_digest(round_dir.checkpoint(k)) for k in (0, 1)}
    assert (
        not list((run / "rounds").rglob("*.training"))
        and len(json.loads(round_dir.curve(0).read_text())) == 1
    )
    assert publish(run, run / "curated", bench, lambda event: None).samples >= 1


class Dies(Bench):
    """Is killed after the second step of the second model."""

    def train(self, job, on_step):
        def step(done, loss):
            on_step(done, loss)
            if job.checkpoint.stem == "fold-1" and done == 2:
                os.kill(os.getpid(), signal.SIGKILL)

        super().train(job, step)


def bring_in_store(url: str, bench: Bench) -> list[int]:
    """A round of three steps a model, whose states are put at every step; the steps that were told."""
    steps: list[int] = []
    config = CONFIG.model_copy(update={"steps_first": 3})
    with pytest.MonkeyPatch.context() as patch, place_at_work(url, storing.MANNER) as place:
        patch.setattr(training, "CHECKPOINT_EVERY", 1)
        patch.setattr(storing, "EVERY_S", 0.0)
        keeps = storing.Storing(place)
        tell = keeps.during(lambda now: steps.append(now.done) if now.stage == "train" else None)
        bring_to(place.folder, 1, config, bench, write_round_report, tell, keeps)
    return steps


def die_in_store(url: str) -> None:
    bring_in_store(url, Dies(threads=1))


@pytest.mark.slow
def test_a_training_in_a_store_that_is_killed_goes_on_from_its_state_on_another_machine(
    run, bucket, tmp_path, monkeypatch
):
    url = f"{bucket.url}/demo"
    for path in (path for path in run.rglob("*") if path.is_file()):
        bucket.write(f"demo/{path.relative_to(run)}", path.read_bytes())
    child = multiprocessing.get_context("spawn").Process(target=die_in_store, args=(url,))
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    names = bucket.names("demo/rounds/1/model/")
    assert any("fold-1.training/checkpoint" in key for key in names)
    assert "demo/rounds/1/model/fold-0.pt" in names and "demo/rounds/1/model/fold-1.pt" not in names
    bucket.client.delete_object(Bucket=bucket.name, Key="demo/.lock")  # as if its lease had run out
    another_machine(monkeypatch, tmp_path)
    steps = bring_in_store(url, Bench(threads=1))
    assert steps == [0, 1, 2, 3]  # of the second model alone, which goes on after its first step
    assert not [key for key in bucket.names("demo/rounds/") if ".training/" in key]
    config = CONFIG.model_copy(update={"steps_first": 3})
    bring_to(run, 1, config, Bench(threads=1), write_round_report, lambda event: None)
    for name in ("scores.parquet", "verdicts.parquet"):  # scores name their model by its digest
        assert bucket.read(f"demo/rounds/1/{name}") == (run / "rounds" / "1" / name).read_bytes()


def test_a_model_is_trained_on_the_listed_samples_and_no_other(run):
    samples = first_samples(run)
    dataset = fold_dataset([samples[1], samples[4]])
    assert [record.sample_id for record in dataset.records] == ["0000001-a0", "0000004-a0"]
    assert checked_sample(dataset[1], source="fold")["left"].shape == (3, 40, 64)


def test_the_samples_of_a_fold_are_found_in_the_index_without_opening_a_shard(run, monkeypatch):
    samples = first_samples(run)
    monkeypatch.delattr(index_module, "ShardReader")
    assert len(fold_dataset(samples[1:])) == 4


def test_samples_that_changed_since_are_not_trained_on(run):
    samples = first_samples(run)
    with pytest.raises(TrainingDataError, match="2 samples are to be trained on, the shards hold 1"):
        fold_dataset([samples[0], replace(samples[1], content_id="another")])


def test_interrupted_training_goes_on_and_ends_with_the_same_weights(run, tmp_path, monkeypatch):
    monkeypatch.setattr("curation.workbench.training.CHECKPOINT_EVERY", 1)
    bench, digests, steps = Bench(threads=1), [], []

    def stop(step: int, loss: float | None) -> None:
        steps.append(step)
        if steps == [0, 1, 2]:
            raise KeyboardInterrupt

    whole = job_for(run, checkpoint=tmp_path / "a.pt", curve=tmp_path / "a.json", steps=3)
    bench.train(whole, lambda step, loss: None)
    broken = replace(whole, checkpoint=tmp_path / "b.pt", curve=tmp_path / "b.json")
    with pytest.raises(KeyboardInterrupt):
        bench.train(broken, stop)
    assert not broken.checkpoint.exists()
    bench.train(broken, stop)
    digests = [bench.model_digest(job.checkpoint) for job in (whole, broken)]
    assert digests[0] == digests[1] and steps == [0, 1, 2, 1, 2, 3]
    assert json.loads(whole.curve.read_text()) == json.loads(broken.curve.read_text())


def test_a_later_round_starts_from_the_weights_before(run, tmp_path):
    bench = Bench(threads=1)
    first = job_for(run, steps=1)
    bench.train(first, lambda step, loss: None)
    still = CONFIG.model_copy(update={"lr": 1e-12})
    second = job_for(
        run,
        checkpoint=tmp_path / "next.pt",
        curve=tmp_path / "n.json",
        start_from=first.checkpoint,
        config=still,
    )
    bench.train(replace(second, steps=1), lambda step, loss: None)
    before, after = (torch.load(p, weights_only=True)["model"] for p in (first.checkpoint, second.checkpoint))
    weights = [name for name in before if name.endswith("weight") and before[name].dim() > 1]
    assert weights and all(torch.allclose(before[name], after[name], atol=1e-6) for name in weights)


def test_predictions_come_in_order_with_the_samples_own_truth(run):
    bench = Bench(threads=1)
    job = job_for(run, steps=1)
    bench.train(job, lambda step, loss: None)
    samples = first_samples(run)[1:5]
    predictions = list(bench.predict(job.checkpoint, samples, CONFIG))
    assert [p.key for p in predictions] == [sample.key for sample in samples]
    assert all(p.predicted_hw.shape == p.truth_hw.shape == (40, 64) for p in predictions)
    assert all(np.isfinite(p.predicted_hw).all() for p in predictions)


def test_a_new_models_backbone_starts_from_the_installed_weights_unless_told_otherwise(run):
    job = job_for(run)
    published = Backbone("efficientnet_lite0")
    load_lite0_weights(published, installed_lite0_weights())
    stem = published.net.conv_stem.weight
    assert torch.equal(starting_model(job).features.backbone.net.conv_stem.weight, stem)
    noise = replace(job, config=CONFIG.model_copy(update={"backbone_weights": None}))
    assert not torch.equal(starting_model(noise).features.backbone.net.conv_stem.weight, stem)


def test_a_training_that_ends_at_its_price_loses_no_step(run):
    bench, job, steps = Bench(threads=1), job_for(run, steps=3), []

    def dear(step, loss):
        if step == 2:
            raise LimitReached("enough")

    with pytest.raises(LimitReached):
        bench.train(job, dear)
    bench.train(job, lambda step, loss: steps.append((step, loss is None)))
    assert steps == [(2, True), (3, False)] and job.checkpoint.exists()


def test_this_process_claims_its_threads_and_the_gpu_it_computes_on(monkeypatch):
    bench = Bench(threads=1)
    assert bench.claim(CONFIG) == Claim(cpus=1.0, gpus=0.0)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert bench.claim(CONFIG.model_copy(update={"device": "auto"})) == Claim(cpus=1.0, gpus=1.0)


def test_an_unknown_model_is_named(run):
    with pytest.raises(ConfigError, match="unknown preset 'huge'"):
        Bench(threads=1).train(
            job_for(run, config=CONFIG.model_copy(update={"model": "huge"})), lambda step, loss: None
        )


def test_a_gpu_that_is_not_there_is_refused_and_not_replaced(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DeviceError, match="no CUDA device"):
        device_of(CONFIG.model_copy(update={"device": "cuda"}))
    assert device_of(CONFIG.model_copy(update={"device": "auto"})) == "cpu"


@pytest.mark.parametrize("fails", [False, True])
def test_rendering_hands_the_requests_to_the_farm_and_reports_failures(tmp_path, monkeypatch, fails):
    asked = []

    def render_shards(run_dir, requests, *, farm, on_event, budget):
        assert budget == replace(left, spent=3.0)
        asked.extend(requests)
        on_event(Event(kind=EventKind.ITEM, done=1, task_id="regenerated/00000"))
        failure = TaskFailure(task_id="regenerated/00000", attempts=3, traceback="Traceback\nOSError: broken")
        failed = {failure.task_id: failure} if fails else {}
        farm_report = FarmReport(done={}, failed=failed, unfinished=(), retried=0, recycled=0, seconds=0.0)
        return RenderReport(written=(), existing=(), farm=farm_report)

    monkeypatch.setattr("fsd_gen.production.render.render_shards", render_shards)
    request, done = ShardRequest(tmp_path / "00000.h5", (SlotKey(slot=3, attempt=1),)), []
    left = Budget(until=NEVER, prices=Prices(cpu_hour=3.0), max_cost=4.0)
    monkeypatch.setattr("curation.workbench.workbench.spent", lambda run_dir, prices: prices.cpu_hour)
    if fails:
        with pytest.raises(
            RenderError, match="1 shards failed; regenerated/00000 after 3 tries: OSError: broken"
        ):
            Workbench(threads=1, budget=left).render(tmp_path, [request], done.append)
    else:
        Workbench(threads=1, budget=left).render(tmp_path, [request], done.append)
    assert done == [1] and asked == [request]
