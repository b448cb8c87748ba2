from __future__ import annotations

import json

import pytest
import torch

from stereo_model import create_model, load_model
from stereo_model.training.config import TrainConfig
from stereo_model.training.run import build_trainer, run_recipe
from stereo_model.training.run_folder import saved_step
from stereo_model.training.team import RunningStatistics, Team, unreached
from tests.stereo_model.pairs import write_pairs
from tests.stereo_model.training.gloo import train_as_a_team
from tests.stereo_model.training.recipes import recipe


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Runs by one worker and by two, and one of two workers of which one was asked to stop."""
    folder = tmp_path_factory.mktemp("team")
    pairs = write_pairs(folder / "pairs", 3)
    run_recipe(recipe(pairs), folder / "alone")
    build_trainer(recipe(pairs), folder / "shared").run(until=1)
    long = recipe(pairs, **{"training.steps": 1000, "training.checkpoint_every": 1000})
    train_as_a_team(folder, {"shared": (recipe(pairs), None), "stopped": (long, 2)})
    return folder


def report(trained, run, rank):
    return json.loads((trained / run / f"worker-{rank}.json").read_text())


def test_two_workers_continue_what_one_began_as_one_would(trained):
    alone, shared = (
        [json.loads(line) for line in (trained / name / "log.jsonl").read_text().splitlines()]
        for name in ("alone", "shared")
    )
    assert [record["step"] for record in shared] == [1, 2, 3]
    for key in ("loss", "epe", "gradient_norm"):
        assert [r[key] for r in shared] == pytest.approx([r[key] for r in alone], rel=1e-3), key
    assert [record["indices"] for record in shared] == [record["indices"] for record in alone]
    weights = [load_model(trained / name / "model.pt").state_dict() for name in ("alone", "shared")]
    for name, value in weights[0].items():
        assert torch.allclose(value.float(), weights[1][name].float(), rtol=1e-2, atol=3e-3), name


def test_every_worker_sees_the_loss_of_the_whole_batch(trained):
    logged = [json.loads(line) for line in (trained / "shared" / "log.jsonl").read_text().splitlines()]
    for rank in (0, 1):
        assert report(trained, "shared", rank)["seen"] == [[r["step"], r["loss"]] for r in logged[1:]]


def test_all_workers_stop_after_the_same_step_when_one_is_asked_to(trained):
    reports = [report(trained, "stopped", rank) for rank in (0, 1)]
    assert [found["step"] for found in reports] == [2, 2] and saved_step(trained / "stopped") == 2
    assert all("start the same training again to continue" in found["interrupted"] for found in reports)


@pytest.mark.parametrize(
    ("rank", "size", "micro_batch", "expected"),
    [
        (0, 1, None, (range(8), 8)),
        (0, 1, 2, (range(8), 2)),
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
    after = model.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
