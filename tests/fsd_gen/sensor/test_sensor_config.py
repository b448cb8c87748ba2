"""The section `sensor`: off unless asked for, drawn per sample, each number from a stream of its own."""

from __future__ import annotations

import numpy as np
import pytest

from fsd_gen.config import ConfigError, load_config
from fsd_gen.scene.slots import SlotKey
from fsd_gen.scene.spec import SensorSpec
from fsd_gen.sensor.config import SensorConfig
from fsd_gen.styles.compose import compose_scene

ALL = SensorConfig(
    shot_noise=(0.005, 0.03),
    read_noise=(0.001, 0.01),
    vignetting=(0.1, 0.5),
    blur_px=(0.3, 1.5),
    grey=0.25,
    infrared=0.25,
    jpeg_quality=(40, 95),
    exposure_difference_ev=(-0.2, 0.2),
    colour_difference=(0, 0.1),
)


def drawn(config: SensorConfig, slots: int = 200) -> list[SensorSpec | None]:
    return [config.draw(7, SlotKey(slot=slot)) for slot in range(slots)]


def test_it_is_off_by_default():
    assert drawn(load_config("fsd").sensor, 5) == [None] * 5


def test_what_is_drawn_fills_its_ranges_and_is_the_same_for_the_same_slot():
    sensors = drawn(ALL)
    assert sensors == drawn(ALL)
    for name, (low, high) in {
        "shot_noise": (0.005, 0.03),
        "read_noise": (0.001, 0.01),
        "vignetting": (0.1, 0.5),
        "blur_px": (0.3, 1.5),
        "jpeg_quality": (40, 95),
        "right_ev": (-0.2, 0.2),
    }.items():
        values = np.array([getattr(sensor, name) for sensor in sensors])
        span = high - low
        assert low <= values.min() < low + 0.1 * span and high - 0.1 * span < values.max() <= high
    gains = np.array([sensor.right_gains for sensor in sensors])
    assert 0.9 <= gains.min() < 0.93 and 1.07 < gains.max() <= 1.1
    looks = [sensor.look for sensor in sensors]
    assert all(30 < looks.count(look) < 70 for look in ("grey", "infrared")) and looks.count("colour") > 70


@pytest.mark.parametrize("changed", ["shot_noise", "blur_px", "jpeg_quality", "grey"])
def test_a_setting_that_changes_leaves_all_other_numbers_as_they_were(changed):
    other = {"shot_noise": (0, 0), "blur_px": (3, 4), "jpeg_quality": None, "grey": 0.0}[changed]
    without = {changed if changed != "grey" else "look"}
    for before, after in zip(drawn(ALL), drawn(ALL.model_copy(update={changed: other})), strict=True):
        assert before.model_dump(exclude=without) == after.model_dump(exclude=without)


def test_a_scene_records_its_sensor_and_is_otherwise_the_same(small_config, library):
    key = SlotKey(slot=0)
    noisy = small_config.model_copy(update={"sensor": SensorConfig(shot_noise=(0.01, 0.01))})
    plain, sensed = (compose_scene(config, library, key) for config in (small_config, noisy))
    assert '"sensor"' not in plain.to_json()
    assert sensed.sensor == SensorSpec(shot_noise=0.01)
    assert type(sensed).model_validate_json(sensed.to_json()) == sensed
    assert sensed.but(sensor=None).digest() == plain.digest()


@pytest.mark.parametrize(
    ("sensor", "message"),
    [
        ({"shot_noise": 2}, r"sensor.shot_noise: must lie within \[0, 0.5\] of white, got 2"),
        ({"vignetting": [0.2, 1.5]}, r"sensor.vignetting: must lie within \[0, 1\] of the light"),
        ({"jpeg_quality": 0}, "sensor.jpeg_quality.*greater than 0, got 0"),
        ({"jpeg_quality": 101}, r"sensor.jpeg_quality: must lie within \[1, 100\] \(quality\), got 101"),
        ({"grey": 0.7, "infrared": 0.6}, "sensor: grey 0.7 and infrared 0.6 are more than all samples"),
        ({"exposure_difference_ev": 5}, r"must lie within \[-3, 3\] stops, got 5"),
        ({"blur": 1}, "sensor.blur: unknown field; did you mean 'blur_px'"),
    ],
)
def test_what_no_sensor_is_like_is_refused_by_name(sensor, message):
    with pytest.raises(ConfigError, match=message):
        load_config("fsd", {"sensor": sensor})
