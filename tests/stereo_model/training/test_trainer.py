from __future__ import annotations

import json
import os
import signal

import numpy as np
import pytest
import torch

from stereo_model import create_model, load_model, model_digest
from stereo_model.data.augment.augment import AugmentConfig, augment
from stereo_model.data.batches import load_batch
from stereo_model.data.mixture import Mixture, Part
from stereo_model.data.sample import SampleError, without_hidden
from stereo_model.data.streams import rng_for
from stereo_model.evaluation.evaluate import score
from stereo_model.evaluation.metrics import MaskPolicy
from stereo_model.training.amend import ResumeError
from stereo_model.training.config import DeviceError, TrainConfig
from stereo_model.training.run_folder import checkpoints
from stereo_model.training.state import write_state
from stereo_model.training.stopping import TrainingInterrupted
from stereo_model.training.train import train
from stereo_model.training.trainer import NonFiniteLossError, Trainer, UnsupportedModelError
from tests.stereo_model.pairs import textured_pair, textured_steps

CONFIG = TrainConfig(
    steps=4,
    batch_size=2,
    crop_hw=(32, 64),
    iterations=1,
    checkpoint_every=2,
    seed=11,
    freeze_backbone=True,  # a faster backward pass
    tensorboard=False,  # nothing here reads it
)


@pytest.fixture(scope="module")
def dataset():
    return [textured_pair(seed, disparity) for seed, disparity in enumerate((4, 9, 14, 20, 26))]


def losses(run_dir):
    return [json.loads(line)["loss"] for line in (run_dir / "log.jsonl").read_text().splitlines()]


def trainer(dataset, run_dir, config=CONFIG, digest="data-1", preset="nano"):
    return Trainer(create_model(preset), dataset, config, run_dir, data_digest=digest)


@pytest.fixture(scope="module")
def uninterrupted(dataset, tmp_path_factory):
    run_dir = tmp_path_factory.mktemp("whole")
    return train(create_model("nano"), dataset, CONFIG, run_dir, data_digest="data-1"), run_dir


def test_a_resumed_run_equals_an_uninterrupted_one(dataset, tmp_path, uninterrupted):
    model, run_dir = uninterrupted
    trainer(dataset, tmp_path).run(until=2)
    torch.manual_seed(99)  # whatever happened to the global generator in between
    resumed = trainer(dataset, tmp_path)
    assert resumed.step == 2
    resumed.run()
    assert losses(tmp_path) == losses(run_dir) and model_digest(resumed.model) == model_digest(model)


def test_a_run_killed_between_checkpoints_repeats_the_lost_steps_and_logs_each_once(
    dataset, tmp_path, uninterrupted
):
    class Killed(Exception):
        pass

    def kill(step, loss, rate):
        if step == 3:
            raise Killed

    with pytest.raises(Killed):
        trainer(dataset, tmp_path).run(on_step=kill)
    with (tmp_path / "log.jsonl").open("a") as log:
        log.write('{"step": 4, "lo')  # cut off by the crash
    trainer(dataset, tmp_path).run()
    assert losses(tmp_path) == losses(uninterrupted[1]) and len(losses(tmp_path)) == 4


def test_a_finished_run_leaves_a_loadable_model_and_does_nothing_more(dataset, uninterrupted):
    model, run_dir = uninterrupted
    again = trainer(dataset, run_dir)
    again.run(on_step=lambda *step: pytest.fail("no step is left to do"))
    assert model_digest(load_model(run_dir / "model.pt")) == model_digest(model) == model_digest(again.model)


def test_the_callback_sees_every_step_its_loss_and_rate(dataset, tmp_path):
    seen = []
    trainer(dataset, tmp_path).run(until=2, on_step=lambda step, loss, rate: seen.append((step, loss, rate)))
    assert [step for step, _, _ in seen] == [1, 2]
    assert [loss for _, loss, _ in seen] == losses(tmp_path) and seen[0][2] == CONFIG.learning_rate


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"digest": "data-2"}, "was trained on other data (as many samples, but other files, or other sizes"),
        (
            {"config": CONFIG.model_copy(update={"learning_rate": 0.5, "gamma": 0.8})},
            "another training configuration; training.gamma is 0.9 there and 0.8 here: give "
            "training.gamma=0.9 to go on as before, or --amend training.gamma=0.8 to change it after step 4; "
            "training.learning_rate is 0.001 there and 0.5 here",
        ),
        ({"preset": "tiny"}, "iterations: 3 there, 8 here"),
    ],
)
def test_another_run_in_the_same_folder_is_refused(dataset, uninterrupted, change, expected):
    with pytest.raises(ResumeError) as error:
        trainer(dataset, uninterrupted[1], **change)
    assert expected in str(error.value) and "use another run folder" in str(error.value)


def test_a_loss_that_is_not_a_number_stops_the_run_and_saves_the_batch(dataset, tmp_path):
    broken = trainer(dataset, tmp_path)
    broken.run(until=1)
    before = {
        name: value.clone() for name, value in broken.model.state_dict().items() if "running" not in name
    }
    with torch.no_grad():
        broken.model.cost_volume.mix.bias.fill_(torch.nan)
    with pytest.raises(NonFiniteLossError, match="step 1: loss nan") as error:
        broken.run()
    saved = torch.load(tmp_path / "nonfinite_step_0000001.pt", weights_only=True)
    expected = load_batch(dataset, CONFIG, 1)
    assert str(tmp_path) in str(error.value) and saved["indices"] == list(expected.indices)
    assert torch.equal(saved["left"], expected.left_bchw)
    assert torch.equal(broken.model.initial.classify[0].weight, before["initial.classify.0.weight"])
    assert trainer(dataset, tmp_path).step == 1  # the last good state is still there


def test_the_batch_is_a_function_of_seed_and_step(dataset):
    one, other = load_batch(dataset, CONFIG, 3), load_batch(dataset, CONFIG, 3)
    assert one.indices == other.indices and torch.equal(one.right_bchw, other.right_bchw)
    next_step = load_batch(dataset, CONFIG, 4)
    assert not torch.equal(one.left_bchw, next_step.left_bchw)
    reseeded = load_batch(dataset, CONFIG.model_copy(update={"seed": 12}), 3)
    assert not torch.equal(one.left_bchw, reseeded.left_bchw)


def test_streams_are_derived_by_name():
    assert (
        rng_for(1, "crop", 2).random() == rng_for(1, "crop", 2).random() != rng_for(1, "augment", 2).random()
    )


def test_a_resumed_run_ends_with_the_same_averaged_model(dataset, tmp_path):
    config = CONFIG.model_copy(update={"average": 0.9, "steps": 2, "checkpoint_every": 1})
    whole = trainer(dataset, tmp_path / "whole", config).run()
    trainer(dataset, tmp_path / "broken", config).run(until=1)
    resumed = trainer(dataset, tmp_path / "broken", config)
    assert model_digest(resumed.run()) == model_digest(whole) != model_digest(resumed.model)
    assert model_digest(load_model(tmp_path / "broken" / "model.pt")) == model_digest(whole)


def test_samples_that_cannot_be_stacked_are_refused(dataset):
    with pytest.raises(SampleError, match="multiples of 32"):
        load_batch(dataset, CONFIG.model_copy(update={"crop_hw": None}), 0)


def test_an_empty_data_set_is_refused(tmp_path):
    with pytest.raises(SampleError, match="empty"):
        trainer([], tmp_path)


@pytest.mark.parametrize("loader_workers", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_processes_that_load_ahead_change_nothing_and_a_resumed_run_may_have_others(
    dataset, tmp_path, uninterrupted, loader_workers
):
    config = CONFIG.model_copy(update={"loader_workers": loader_workers})
    state = torch.random.get_rng_state()
    trainer(dataset, tmp_path, config).run(until=3)  # in the middle of an epoch of five samples
    trainer(dataset, tmp_path).run()
    assert losses(tmp_path) == losses(uninterrupted[1])
    assert torch.equal(torch.random.get_rng_state(), state)  # the global generator was not used


@pytest.mark.parametrize("loader_workers", [0, 1])
def test_a_bad_sample_is_one_clear_error_wherever_it_is_loaded(tmp_path, loader_workers):
    bad = [{"left": np.zeros((3, 8, 8), np.uint8)}]
    config = CONFIG.model_copy(update={"loader_workers": loader_workers})
    with pytest.raises(SampleError, match="^data sample 0: lacks right, disparity, valid"):
        trainer(bad, tmp_path, config).run()


def still_norms(model):
    """Batch norms that stay as they are, so that no sample changes another's result."""
    for norm in model.modules():
        if isinstance(norm, torch.nn.modules.batchnorm._BatchNorm):
            norm.train = lambda mode=True: None
    return model


def test_passes_over_parts_of_a_batch_take_the_step_of_the_whole(dataset, tmp_path):
    records = []
    for size in (6, 3, 2):
        config = CONFIG.model_copy(update={"batch_size": 6, "micro_batch": size, "steps": 1})
        model = still_norms(create_model("nano", transformer_dropout=0.0))
        train(model, dataset, config, tmp_path / str(size), data_digest="-")
        records.append(json.loads((tmp_path / str(size) / "log.jsonl").read_text()))
    for key in ("loss", "initial_loss", "epe", "gradient_norm"):
        assert [record[key] for record in records] == pytest.approx([records[0][key]] * 3, rel=1e-3)
    assert records[0]["indices"] == records[1]["indices"] == records[2]["indices"]


@pytest.mark.parametrize("micro_batch", [pytest.param(4, marks=pytest.mark.slow), 2])
def test_gradient_checkpointing_changes_nothing_but_memory(dataset, tmp_path, micro_batch):
    digests = []
    for checkpointing in (False, True):
        config = CONFIG.model_copy(
            update={
                "steps": 1,
                "batch_size": 4,
                "micro_batch": micro_batch,
                "gradient_checkpointing": checkpointing,
            }
        )
        model = create_model("nano")
        train(model, dataset, config, tmp_path / str(checkpointing), data_digest="-")
        assert model.checkpointing is checkpointing
        digests.append(model_digest(model))
    assert digests[0] == digests[1]  # weights, and running statistics although passes ran twice


def test_a_model_without_gradient_checkpointing_is_refused_it(dataset, tmp_path):
    model = create_model("nano")
    del model.checkpointing
    config = CONFIG.model_copy(update={"gradient_checkpointing": True})
    with pytest.raises(UnsupportedModelError, match="has no gradient checkpointing"):
        Trainer(model, dataset, config, tmp_path, data_digest="-")


def test_a_mixture_is_trained_on_in_its_proportions_and_says_so(dataset, tmp_path):
    parts = (
        Part(name="near", dataset=dataset[:2], weight=1),
        Part(name="far", dataset=dataset[2:], weight=3),
    )
    trainer(Mixture(parts), tmp_path).run(until=2)
    records = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert records[-1]["mix"] == {"near": 1, "far": 3}
    assert sorted(sum((record["parts"] for record in records), [])) == [0, 1, 1, 1]


def test_the_last_checkpoints_are_kept(dataset, tmp_path):
    config = CONFIG.model_copy(update={"checkpoint_every": 1, "keep_checkpoints": 2})
    trainer(dataset, tmp_path, config).run(until=3)
    names = [path.name for path in checkpoints(tmp_path)]
    assert names == ["checkpoint_0000002.pt", "checkpoint_0000003.pt"]


@pytest.mark.parametrize(
    "signum",
    [pytest.param(signal.SIGINT, marks=pytest.mark.slow), signal.SIGTERM],  # the next tests send SIGINT
)
def test_a_signal_is_answered_at_once_and_stops_after_the_step_with_the_state_saved(
    dataset, tmp_path, uninterrupted, signum, caplog
):
    def interrupt(step, loss, rate):
        if step == 2:
            os.kill(os.getpid(), signum)
            assert caplog.messages[-1].startswith("stopping after step 3, which may take a moment; its state")

    config = CONFIG.model_copy(update={"checkpoint_every": 100, "loader_workers": 1})
    with pytest.raises(TrainingInterrupted, match="stopped after step 3 of 4"):
        trainer(dataset, tmp_path, config).run(on_step=interrupt)
    assert trainer(dataset, tmp_path, config).step == 3
    assert losses(tmp_path) == losses(uninterrupted[1])[:3]


def test_a_second_signal_is_told_what_stopping_at_once_costs_and_the_state_is_still_saved(
    dataset, tmp_path, caplog
):
    def interrupt(step, loss, rate):
        if step == 2:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGTERM)
            assert "one more stops at once" in caplog.messages[-1]
            assert caplog.messages[-1].endswith("would go on after step 0, finished steps lost: 2")

    config = CONFIG.model_copy(update={"checkpoint_every": 100})
    with pytest.raises(TrainingInterrupted, match="stopped after step 3 of 4"):
        trainer(dataset, tmp_path, config).run(on_step=interrupt)
    assert trainer(dataset, tmp_path, config).step == 3


def test_a_third_signal_stops_at_once_and_says_what_is_lost(dataset, tmp_path, caplog):
    def interrupt(step, loss, rate):
        for _ in range(3):
            os.kill(os.getpid(), signal.SIGINT)

    config = CONFIG.model_copy(update={"checkpoint_every": 100})
    with pytest.raises(KeyboardInterrupt):
        trainer(dataset, tmp_path, config).run(on_step=interrupt)
    assert caplog.messages[-1].startswith("stopped at once: ") and caplog.messages[-1].endswith("lost: 1")
    assert trainer(dataset, tmp_path, config).step == 0


def test_signals_while_the_state_is_written_do_not_hurt_it(dataset, tmp_path, monkeypatch, caplog):
    def insist(run_dir, model, state, *, keep):
        for _ in range(3):
            os.kill(os.getpid(), signal.SIGINT)
        write_state(run_dir, model, state, keep=keep)

    def interrupt(step, loss, rate):
        if step == 1:
            os.kill(os.getpid(), signal.SIGINT)

    config = CONFIG.model_copy(update={"checkpoint_every": 100})
    monkeypatch.setattr("stereo_model.training.trainer.write_state", insist)
    with pytest.raises(TrainingInterrupted, match="stopped after step 2 of 4"):
        trainer(dataset, tmp_path, config).run(on_step=interrupt)
    assert caplog.messages[-1] == "the state is being written; then the training ends"
    assert trainer(dataset, tmp_path, config).step == 2


def test_a_training_that_is_stopped_saves_its_state_before_it_validates(dataset, tmp_path, monkeypatch):
    def interrupt(step, loss, rate):
        if step == 1:
            os.kill(os.getpid(), signal.SIGINT)

    def long_validation(*args, **options):
        saved.extend(checkpoints(tmp_path))
        return {}

    saved = []
    config = CONFIG.model_copy(update={"checkpoint_every": 100, "validate_every": 2})
    monkeypatch.setattr("stereo_model.training.trainer.validate", long_validation)
    monkeypatch.setattr("stereo_model.training.trainer.overall", lambda scores: 1.0)
    stopped = Trainer(
        create_model("nano"), dataset, config, tmp_path, data_digest="data-1", validation={"set": dataset}
    )
    with pytest.raises(TrainingInterrupted, match="stopped after step 2 of 4"):
        stopped.run(on_step=interrupt)
    assert [path.name for path in saved] == ["checkpoint_0000002.pt"]


def test_the_way_of_training_may_change_in_a_run_but_not_its_precision(dataset, tmp_path):
    trainer(dataset, tmp_path).run(until=2)
    other = CONFIG.model_copy(update={"tensorboard": True, "checkpoint_every": 1, "device": "auto"})
    assert trainer(dataset, tmp_path, other).step == 2
    with pytest.raises(ResumeError, match='training.precision is "fp32" there and "bf16" here'):
        trainer(dataset, tmp_path, CONFIG.model_copy(update={"precision": "bf16"}))


def test_a_gpu_that_is_not_there_is_one_clear_error(dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DeviceError, match="device is cuda, but torch finds no CUDA device"):
        trainer(dataset, tmp_path, CONFIG.model_copy(update={"device": "cuda"}))


@pytest.mark.parametrize(
    ("learn", "moves"), [("initial", "cost_volume.mix.weight"), ("refinement", "update.motion.corr1.weight")]
)
def test_a_stage_moves_its_own_part_of_the_network_alone(dataset, tmp_path, learn, moves):
    parts = {"initial": "cost_volume.mix.weight", "refinement": "update.motion.corr1.weight"}
    model = create_model("nano")
    before = {name: model.state_dict()[name].clone() for name in parts.values()}
    config = CONFIG.model_copy(update={"learn": learn, "initial_loss": "bins", "saturation": 4.0})
    after = train(model, dataset, config, tmp_path, data_digest="d").state_dict()
    assert [name for name in before if not torch.equal(before[name], after[name])] == [moves]


def test_hidden_pixels_have_no_truth_where_only_visible_ones_are_to_be_learnt():
    sample = textured_pair(0, 4, height=1 * 2, width=8)
    assert without_hidden(sample)["valid"].tolist() == [[False] * 4 + [True] * 4] * 2
    sample["occluded"] = np.zeros((2, 8), bool)
    sample["occluded"][:, 6] = True
    assert without_hidden(sample)["valid"].tolist() == [[False] * 4 + [True, True, False, True]] * 2


def test_one_pair_can_be_learned_by_heart(tmp_path):
    disparities = (4, 12, 20)  # the best constant is off by 5.3 px on average
    pair, other = (textured_steps(seed, disparities) for seed in (0, 1))
    model = create_model("nano")
    before = epe_of(model, pair)
    config = TrainConfig(
        steps=60,
        batch_size=1,
        crop_hw=(32, 64),
        iterations=1,
        learning_rate=1e-2,
        initial_loss="bins",
        augment=None,
        freeze_backbone=True,
        checkpoint_every=100,
        tensorboard=False,
    )
    model = train(model, [pair], config, tmp_path, data_digest="one").eval()
    assert epe_of(model, pair) < 0.5 * before < 1.0
    for right in (other["right"], np.roll(pair["right"], 8, axis=2)):  # what was learned is to match
        assert epe_of(model, {**pair, "right": right}) > 16 / 3


def epe_of(model, pair):
    return score(model, pair, iterations=1).regions[MaskPolicy.ALL].epe


def test_a_batch_is_augmented_by_the_streams_of_its_step_and_places(dataset):
    config = CONFIG.model_copy(update={"augment": AugmentConfig(flip=1.0, hue=0.2, y_jitter=1)})
    for step in (0, 3):
        batch = load_batch(dataset, config, step)
        plain = load_batch(dataset, config.model_copy(update={"augment": None}), step)
        assert batch.indices == plain.indices and not torch.equal(batch.left_bchw, plain.left_bchw)
        for place, index in enumerate(batch.indices):
            rng = rng_for(CONFIG.seed, "augment", step, place)
            expected = augment(dataset[index], rng, config.augment, crop_hw=CONFIG.crop_hw)
            assert np.array_equal(batch.left_bchw[place], expected["left"])
            assert np.array_equal(batch.right_bchw[place], expected["right"])
            assert np.array_equal(batch.disparity_bhw[place], expected["disparity"])


def test_the_best_model_by_validation_is_kept_and_remembered(dataset, tmp_path):
    changes = {"validate_every": 1, "checkpoint_every": 1, "keep_checkpoints": 4}
    changes |= {"learning_rate": 0.03, "validation_iterations": 1}
    config = CONFIG.model_copy(update=changes)  # so fast that the model gets worse
    sets = {"near": dataset[:1], "far": dataset[2:3]}

    def begin():
        return Trainer(create_model("nano"), dataset, config, tmp_path, data_digest="-", validation=sets)

    def logged():
        return [json.loads(line) for line in (tmp_path / "validation.jsonl").read_text().splitlines()]

    begin().run(until=2)
    resumed = begin()
    assert resumed.best == min(record["score"] for record in logged())
    resumed.run()
    records = logged()
    assert [record["step"] for record in records] == [1, 2, 3, 4]
    for record in records:
        found = [record["sets"][name] for name in sets]
        assert record["score"] == np.mean([one["bp2"] for one in found])
        assert all(one["samples"] == 1 and one["epe"] > 0 for one in found)
    best = min(records, key=lambda record: record["score"])["step"]
    assert best < 4, "the last model is the best: this run cannot tell whether the best is kept"
    digests = [model_digest(load_model(path)) for path in checkpoints(tmp_path)]
    assert model_digest(load_model(tmp_path / "best.pt")) == digests[best - 1] != digests[-1]


def test_half_precision_trains_close_to_single(dataset, tmp_path, uninterrupted):
    config = CONFIG.model_copy(update={"precision": "bf16"})
    model = train(create_model("nano"), dataset, config, tmp_path, data_digest="-")
    half, single = losses(tmp_path), losses(uninterrupted[1])
    assert half != single and half == pytest.approx(single, rel=0.02)
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}
