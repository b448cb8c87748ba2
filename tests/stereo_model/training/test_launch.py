from __future__ import annotations

import json
import os
import signal

import pytest
import torch

from stereo_model import create_model, load_model
from stereo_model.training.config import TrainConfig
from stereo_model.training.launch import TeamCapacityError, WorkerFailedError, ray_session, train_together
from stereo_model.training.recipe import load_recipe
from stereo_model.training.run import build_trainer, run_recipe
from stereo_model.training.run_folder import saved_step
from stereo_model.training.stopping import TrainingInterrupted
from stereo_model.training.team import RunningStatistics, Team, TeamError, unreached
from tests.stereo_model.pairs import write_pairs


def recipe(pairs, **more):
    values = {
        "model": {"preset": "nano"},
        "data": [{"kind": "folder", "root": str(pairs)}],
        "training.steps": 3,
        "training.batch_size": 4,
        "training.micro_batch": 2,
        "training.crop_hw": [32, 64],
        "training.learn": "all",
        "training.initial_loss": "smooth_l1",
        "training.visible_only": False,
        "training.learning_rate": 1e-3,
        "training.warmup_steps": 100,
        "training.average": 0.995,
        "training.iterations": 1,
        "training.loader_workers": 0,
        "training.checkpoint_every": 1,
        "training.freeze_backbone": True,
    }
    return load_recipe("cpu", **{**values, **more})


def test_two_workers_continue_what_one_began_as_one_would(tmp_path):
    pairs = write_pairs(tmp_path / "pairs", 3)
    run_recipe(recipe(pairs), tmp_path / "alone")
    build_trainer(recipe(pairs), tmp_path / "shared").run(until=1)
    seen = []
    run_recipe(
        recipe(pairs),
        tmp_path / "shared",
        workers=2,
        on_step=lambda step, loss, rate: seen.append((step, loss)),
    )
    alone, shared = (
        [json.loads(line) for line in (tmp_path / name / "log.jsonl").read_text().splitlines()]
        for name in ("alone", "shared")
    )
    assert seen == [(record["step"], record["loss"]) for record in shared[1:]]
    for key in ("loss", "epe", "gradient_norm"):
        assert [r[key] for r in shared] == pytest.approx([r[key] for r in alone], rel=1e-3), key
    assert [record["indices"] for record in shared] == [record["indices"] for record in alone]
    weights = [load_model(tmp_path / name / "model.pt").state_dict() for name in ("alone", "shared")]
    for name, value in weights[0].items():
        assert torch.allclose(value.float(), weights[1][name].float(), rtol=1e-2, atol=3e-3), name


@pytest.mark.slow
def test_two_workers_stop_on_a_signal_and_fail_with_one_clear_line(tmp_path):
    pairs = write_pairs(tmp_path / "pairs", 3)
    long = recipe(pairs, **{"training.steps": 1000})

    def stop_once(step, loss, rate):
        if step == 1:
            os.kill(os.getpid(), signal.SIGTERM)

    with ray_session(2):
        with pytest.raises(TrainingInterrupted, match="start the same training again"):
            run_recipe(long, tmp_path, workers=2, on_step=stop_once)
        done = saved_step(tmp_path)
        assert 1 <= done < 1000 and build_trainer(long, tmp_path).step == done
        assert not (tmp_path / "stop-requested").exists()
        with pytest.raises(WorkerFailedError, match="another training configuration") as error:
            run_recipe(recipe(pairs, **{"training.gamma": 0.5}), tmp_path, workers=2)
    assert "\n" not in str(error.value)


def test_a_batch_that_cannot_be_shared_evenly_is_refused_before_anything_starts(tmp_path):
    config = TrainConfig(steps=1, batch_size=6, micro_batch=2)
    with pytest.raises(TeamError, match="6 cannot be shared evenly by passes of 2 samples on 2 workers"):
        train_together(lambda team: None, config, tmp_path / "run", workers=2)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("rank", "size", "micro_batch", "expected"),
    [
        (0, 1, None, (range(0, 8), 8)),
        (0, 1, 2, (range(0, 8), 2)),
        (1, 2, None, (range(4, 8), 4)),
        (3, 4, 2, (range(6, 8), 2)),
    ],
)
def test_each_worker_has_its_places_of_the_batch(rank, size, micro_batch, expected):
    config = TrainConfig(steps=1, batch_size=8, micro_batch=micro_batch)
    assert Team(rank=rank, size=size).share(config) == expected


def test_running_statistics_move_by_the_mean_of_the_passes():
    norm = torch.nn.BatchNorm1d(1, momentum=0.5).train()
    statistics = RunningStatistics(norm)
    statistics.begin()
    for mean in (4.0, 8.0):
        norm(torch.tensor([[mean - 1], [mean + 1]]))  # variance 2
        statistics.collect()
        norm(torch.tensor([[100.0], [200.0]]))  # done again for the gradient: does not count
        statistics.restore()
    statistics.finish(Team())
    assert norm.running_mean.item() == 3.0  # half of the way from 0 to 6
    assert norm.running_var.item() == 1.5  # half of the way from 1 to 2
    assert norm.num_batches_tracked.item() == 1


def test_one_pass_moves_running_statistics_as_ever():
    norms = [torch.nn.BatchNorm1d(3).train() for _ in range(2)]
    batch = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    statistics = RunningStatistics(norms[0])
    statistics.begin()
    norms[0](batch)
    statistics.collect()
    statistics.restore()
    statistics.finish(Team())
    norms[1](batch)
    assert all(torch.equal(a, b) for a, b in zip(norms[0].buffers(), norms[1].buffers(), strict=True))


def test_weights_that_nothing_depends_on_are_found():
    model = create_model("nano").train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert unreached(model) == [] and model.training
    model.spare = torch.nn.Linear(1, 1)
    assert {id(weight) for weight in unreached(model)} == {id(weight) for weight in model.spare.parameters()}
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in before.items())


def test_more_workers_than_processors_are_refused(monkeypatch):
    from stereo_model.training import launch as distributed

    monkeypatch.setattr(distributed.ray, "cluster_resources", lambda: {"CPU": 2.0})
    with pytest.raises(TeamCapacityError, match="3 workers need a CPU each, there are 2 CPUs and 0 GPUs"):
        distributed._require_room(3, on_gpu=False)
