from __future__ import annotations

import pytest

from stereo_model.data.augment.augment import AugmentConfig
from stereo_model.network.config import ConfigError, parse_config
from stereo_model.training.config import TrainConfig


def test_the_learning_rate_rises_and_falls_to_a_tenth_for_the_last_fifth():
    config = TrainConfig(steps=10, learning_rate=1.0, warmup_steps=1)
    assert [config.learning_rate_at(step) for step in (0, 1, 7, 8, 9)] == [0.5, 1.0, 1.0, 0.1, 0.1]


def test_the_cosine_schedule_falls_from_the_whole_rate_to_nearly_nothing():
    config = TrainConfig(steps=9, learning_rate=1.0, warmup_steps=1, schedule="cosine")
    rates = [config.learning_rate_at(step) for step in range(9)]
    assert rates[:2] == [0.5, 1.0] and rates[5] == pytest.approx(0.51) and 0.02 < rates[8] < 0.06
    assert rates[1:] == sorted(rates[1:], reverse=True)


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
