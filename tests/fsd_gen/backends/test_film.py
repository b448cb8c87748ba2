import numpy as np
import pytest

from fsd_gen.backends.film import auto_exposure, develop, white_balance


def grey(level: float) -> np.ndarray:
    return np.full((16, 16, 3), level, np.float32)


@pytest.mark.parametrize("level", [1e-3, 1.0, 1e3])
def test_the_picture_does_not_depend_on_how_bright_the_light_is(level):
    exposure = auto_exposure(grey(level), grey(level), 0.0)
    picture = develop(grey(level), np.full(3, exposure, np.float32))
    assert 90 < picture.mean() < 140


def test_one_stop_doubles_the_exposure():
    assert auto_exposure(grey(1), grey(1), 1.0) == pytest.approx(2 * auto_exposure(grey(1), grey(1), 0.0))


def test_brighter_stays_brighter_and_white_ends_white():
    ramp = np.linspace(0, 20, 256, dtype=np.float32)[:, None, None] * np.ones((1, 1, 3), np.float32)
    levels = develop(ramp, np.ones(3, np.float32))[:, 0, 0].astype(int)
    assert (np.diff(levels) >= 0).all()
    assert levels[0] == 0 and levels[-1] == 255


@pytest.mark.parametrize("light", [1e15, 1e22, 1e38, np.inf])
def test_light_beyond_all_others_is_white(light):
    assert (develop(grey(light), np.full(3, 10, np.float32)) == 255).all()


def test_a_black_picture_stays_black_and_finite():
    assert auto_exposure(grey(0), grey(0), 0.0) == 1.0
    gains = white_balance(grey(0), grey(0))
    assert np.isfinite(gains).all()
    assert (develop(grey(0), gains) == 0).all()


def test_white_balance_takes_part_of_a_colour_cast_out_and_keeps_brightness():
    warm = grey(1) * np.array([1.4, 1.0, 0.6], np.float32)
    gains = white_balance(warm, warm)
    balanced = warm[0, 0] * gains
    assert 1 < balanced[0] / balanced[2] < 1.4 / 0.6
    assert balanced.sum() == pytest.approx(3.0, rel=1e-5)


@pytest.mark.parametrize("light", [1e-38, 1e-30, 1e15, 1e30, 3.4e38])
def test_no_finite_light_makes_numpy_warn(light, recwarn):
    left, right = grey(light), grey(light)
    left[::3] *= np.float32(0.5)
    gains = white_balance(left, right) * np.float32(auto_exposure(left, right, 0.0))
    picture = develop(left, gains)
    assert not list(recwarn)
    assert picture.std() > 0 or light < 1e-20


def test_gains_of_vast_light_are_those_of_any():
    warm = grey(1) * np.array([1.4, 1.0, 0.6], np.float32)
    vast = warm * np.float32(2.0**100)
    assert (white_balance(vast, vast) == white_balance(warm, warm)).all()


def test_a_picture_of_any_height_is_developed_row_by_row():
    linear_hwc = np.random.default_rng(1).uniform(0, 3, size=(37, 5, 3)).astype(np.float32)
    gains_3 = np.array([1.1, 1.0, 0.9], np.float32)
    rows = [develop(row_wc[None], gains_3) for row_wc in linear_hwc]
    assert np.array_equal(develop(linear_hwc, gains_3), np.concatenate(rows))
