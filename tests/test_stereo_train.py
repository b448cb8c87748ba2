from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from stereo_model import create_model, load_checkpoint, model_digest
from stereo_model.augment import AugmentConfig
from stereo_model.config import ConfigError, parse_config
from stereo_model.sample import Sample, SampleError
from stereo_model.train import (
    NonFiniteLossError,
    ResumeError,
    TrainConfig,
    Trainer,
    WeightAverage,
    batch_indices,
    load_batch,
    rng_for,
    train,
)

CONFIG = TrainConfig(steps=4, batch_size=2, crop_hw=(32, 64), iterations=2, checkpoint_every=2, seed=11)


def textured_pair(seed: int, disparity: int, height=48, width=96) -> Sample:
    """Random blocks seen by two cameras in front of a wall: the disparity is the same everywhere."""
    blocks = np.random.default_rng(seed).integers(0, 256, (3, height // 2, width), np.uint8)
    scene = blocks.repeat(2, 1).repeat(2, 2)
    return Sample(
        left=scene[:, :, :width].copy(),
        right=scene[:, :, disparity : disparity + width].copy(),
        disparity=np.full((height, width), disparity, np.float32),
        valid=np.ones((height, width), bool),
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
    assert (
        model_digest(load_checkpoint(run_dir / "model.pt"))
        == model_digest(model)
        == model_digest(again.model)
    )


def test_the_callback_sees_every_step_its_loss_and_rate(dataset, tmp_path):
    seen = []
    trainer(dataset, tmp_path).run(until=2, on_step=lambda step, loss, rate: seen.append((step, loss, rate)))
    assert [step for step, _, _ in seen] == [1, 2]
    assert [loss for _, loss, _ in seen] == losses(tmp_path) and seen[0][2] == CONFIG.learning_rate


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"digest": "data-2"}, "another data digest (data-1, now data-2)"),
        ({"config": CONFIG.model_copy(update={"learning_rate": 0.5})}, "another training configuration"),
        ({"preset": "tiny"}, "another model configuration"),
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


def test_every_epoch_shows_every_sample_once_in_a_new_order():
    stream = [index for step in range(15) for index in batch_indices(10, 2, seed=0, step=step)]
    epochs = [stream[:10], stream[10:20], stream[20:]]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]


def test_a_batch_may_span_two_epochs():
    assert len(batch_indices(3, 8, seed=0, step=0)) == 8


def test_streams_are_derived_by_name():
    assert (
        rng_for(1, "crop", 2).random() == rng_for(1, "crop", 2).random() != rng_for(1, "augment", 2).random()
    )


def test_the_learning_rate_rises_and_falls_to_a_tenth_for_the_last_fifth():
    config = TrainConfig(steps=10, learning_rate=1.0, warmup_steps=1)
    assert [config.learning_rate_at(step) for step in (0, 1, 7, 8, 9)] == [0.5, 1.0, 1.0, 0.1, 0.1]


def test_the_cosine_schedule_falls_from_the_whole_rate_to_nearly_nothing():
    config = TrainConfig(steps=9, learning_rate=1.0, warmup_steps=1, schedule="cosine")
    rates = [config.learning_rate_at(step) for step in range(9)]
    assert rates[:2] == [0.5, 1.0] and rates[5] == pytest.approx(0.51) and 0.02 < rates[8] < 0.06
    assert rates[1:] == sorted(rates[1:], reverse=True)


def test_the_average_of_the_first_steps_forgets_where_it_began():
    model = torch.nn.Linear(1, 1)
    average = WeightAverage(model, 0.5)
    torch.nn.init.constant_(average.model.weight, 0.0)
    torch.nn.init.constant_(model.weight, 11.0)
    average.update(model, 1)  # decay 1 / 11
    assert average.model.weight.item() == pytest.approx(10.0)
    average.update(model, 90)  # decay 0.5, less than 90 / 100
    assert average.model.weight.item() == pytest.approx(10.5)


def test_a_resumed_run_ends_with_the_same_averaged_model(dataset, tmp_path):
    config = CONFIG.model_copy(update={"average": 0.9})
    whole = trainer(dataset, tmp_path / "whole", config).run()
    trainer(dataset, tmp_path / "broken", config).run(until=2)
    resumed = trainer(dataset, tmp_path / "broken", config)
    assert model_digest(resumed.run()) == model_digest(whole) != model_digest(resumed.model)
    assert model_digest(load_checkpoint(tmp_path / "broken" / "model.pt")) == model_digest(whole)


def test_samples_that_cannot_be_stacked_are_refused(dataset):
    with pytest.raises(SampleError, match="multiples of 32"):
        load_batch(dataset, CONFIG.model_copy(update={"crop_hw": None}), 0)


def test_an_empty_data_set_is_refused(tmp_path):
    with pytest.raises(SampleError, match="empty"):
        trainer([], tmp_path)


def test_one_pair_can_be_learned_by_heart(tmp_path):
    pair = [textured_pair(0, 12)]
    config = TrainConfig(
        steps=100,
        batch_size=1,
        crop_hw=(32, 96),
        iterations=3,
        learning_rate=3e-3,
        augment=None,
        freeze_backbone=True,
        checkpoint_every=100,
    )
    train(create_model("nano"), pair, config, tmp_path, data_digest="one")
    history = losses(tmp_path)
    assert np.mean(history[-5:]) < np.mean(history[:5]) / 2


def test_augmentation_can_be_part_of_the_run(dataset):
    config = CONFIG.model_copy(update={"augment": AugmentConfig(flip=1.0, erase=0.0)})
    plain = load_batch(dataset, CONFIG.model_copy(update={"augment": None}), 0)
    assert not torch.equal(load_batch(dataset, config, 0).left_bchw, plain.left_bchw)


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        (
            TrainConfig,
            {"steps": 3, "crop_hw": (100, 320)},
            "crop_hw: must be positive multiples of 32 pixels",
        ),
        (TrainConfig, {"steps": 3, "learningrate": 1}, "did you mean 'learning_rate'?"),
        (AugmentConfig, {"erase_side": (60, 20)}, "erase_side: must be two rising positive numbers"),
    ],
)
def test_a_bad_setting_is_one_line_that_names_it(kind, values, expected):
    with pytest.raises(ConfigError) as error:
        parse_config(kind, values)
    assert expected in str(error.value) and "\n" not in str(error.value)
