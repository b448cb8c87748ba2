"""What a sensor does to light, against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fsd_gen.backends.film import develop
from fsd_gen.scene.rig import StereoRig
from fsd_gen.scene.slots import SlotKey
from fsd_gen.scene.spec import CameraPose, SceneSpec, SensorSpec
from fsd_gen.sensor.expose import exposed

ONES = np.ones(3, np.float32)
RIG = StereoRig(width=160, height=96, focal_px=120.0, baseline_m=0.1, cx_px=40.5, cy_px=30.5)
SPEC = SceneSpec(
    seed=1,
    key=SlotKey(slot=3),
    stratum="test",
    rig=RIG,
    camera=CameraPose(position=(0, 0, 0), target=(0, 1, 0)),
)


def flat(level: float | tuple[float, float, float]) -> np.ndarray:
    return np.broadcast_to(np.float32(level), (96, 160, 3)).copy()


def seen(light: np.ndarray, eye: str = "left", *, spec: SceneSpec = SPEC, **sensor: object) -> np.ndarray:
    return exposed(spec, SensorSpec(**sensor), light, ONES, eye)


def slope(level: float) -> float:
    """Bytes per unit of light."""
    ramp = np.linspace(0.9 * level, 1.1 * level, 1001, dtype=np.float32)
    levels = develop(np.repeat(ramp[:, None, None], 3, 2), ONES)[:, 0, 0]
    return float(np.polyfit(ramp, levels.astype(float), 1)[0])


def test_an_ideal_sensor_gives_the_picture_of_an_ideal_camera():
    light = np.random.default_rng(0).uniform(0, 2, (96, 160, 3)).astype(np.float32)
    light[0, 0] = np.inf
    for eye in ("left", "right"):
        assert (seen(light, eye) == develop(light, ONES)).all()


@pytest.mark.parametrize("level", [0.1, 0.4])
def test_shot_noise_grows_with_the_root_of_the_light_and_read_noise_does_not(level):
    for sensor, expected in (
        ({"shot_noise": 0.06}, 0.06 * math.sqrt(level)),
        ({"read_noise": 0.02}, 0.02),
        ({"shot_noise": 0.03, "read_noise": 0.02}, math.hypot(0.03 * math.sqrt(level), 0.02)),
    ):
        assert seen(flat(level), **sensor).std() / slope(level) == pytest.approx(expected, rel=0.06)


def test_noise_follows_from_the_scene_and_differs_from_eye_to_eye_and_from_pixel_to_pixel():
    first, again, right, other = (
        seen(flat(0.3), eye, spec=spec, shot_noise=0.1).astype(float)
        for eye, spec in (
            ("left", SPEC),
            ("left", SPEC),
            ("right", SPEC),
            ("left", SPEC.but(key=SlotKey(slot=3, attempt=1))),
        )
    )
    assert (first == again).all()
    for one, two in (
        (first, right),
        (first, other),
        (first[:, 1:], first[:, :-1]),
        (first[..., 0], first[..., 1]),
    ):
        assert abs(np.corrcoef(one.ravel(), two.ravel())[0, 1]) < 0.03


def test_vignetting_takes_its_share_at_the_farthest_corner_and_none_at_the_principal_point():
    picture = seen(flat(0.4), vignetting=0.5)
    assert (picture[30, 40] == develop(flat(0.4), ONES)[0, 0]).all()
    assert abs(int(picture[-1, -1, 0]) - int(develop(flat(0.2), ONES)[0, 0, 0])) <= 1
    assert picture[0, 0, 0] > picture[-1, -1, 0]


def test_blur_spreads_an_edge_as_a_gaussian_does_on_light_not_on_bytes():
    light = flat(0.05)
    light[:, 80:] = 0.8
    row = seen(light, blur_px=2.0)[48, :, 0].astype(float)
    shares = [0.5 * (1 + math.erf((u + 0.5 - 80) / (2.0 * math.sqrt(2)))) for u in range(160)]
    expected = develop(np.float32(0.05 + 0.75 * np.array(shares))[None, :, None].repeat(3, 2), ONES)[0, :, 0]
    assert np.abs(row - expected).max() <= 3
    assert row[79] > 20 + (row[0] + row[-1]) / 2  # half the light is more than half the bytes


def test_the_right_eye_alone_has_another_exposure_and_colour():
    light = flat((0.1, 0.2, 0.3))
    sensor = {"right_ev": 1.0, "right_gains": (1.1, 1.0, 0.9)}
    assert (seen(light, "left", **sensor) == develop(light, ONES)).all()
    expected = develop(light * np.float32([2.2, 2.0, 1.8]), ONES)
    assert np.abs(seen(light, "right", **sensor).astype(int) - expected).max() <= 1


def test_a_sensor_without_colour_has_three_equal_channels_with_one_noise():
    red, blue = flat((0.6, 0.05, 0.05)), flat((0.05, 0.05, 0.6))
    for look in ("grey", "infrared"):
        for quality in (None, 60):
            picture = seen(red, look=look, shot_noise=0.1, jpeg_quality=quality)
            assert (picture == picture[..., :1]).all() and picture.std() > 2
    assert seen(red, look="infrared").mean() > seen(blue, look="infrared").mean() + 50
    assert seen(flat(0.3), look="infrared").mean() == pytest.approx(develop(flat(0.3), ONES).mean(), abs=1)


def test_jpeg_loses_more_the_lower_its_quality():
    light = np.random.default_rng(0).uniform(0, 1, (96, 160, 1)).astype(np.float32).repeat(3, 2)
    ideal = develop(light, ONES).astype(float)
    losses = [np.abs(seen(light, jpeg_quality=quality) - ideal).mean() for quality in (95, 60, 20)]
    assert 0 < losses[0] < losses[1] < losses[2]
    assert (seen(light, jpeg_quality=60) == seen(light, jpeg_quality=60)).all()
