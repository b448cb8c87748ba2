from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stereo_model.augment import AugmentConfig, augment, random_crop
from stereo_model.sample import Sample, SampleError, checked_sample

NOTHING = AugmentConfig(brightness=0, contrast=0, saturation=0, gamma=0, asymmetric=0, erase=0, flip=0)


def sample(height=40, width=64) -> Sample:
    """Every pixel carries its own coordinates, so that a moved pixel is seen."""
    rows, columns = np.mgrid[:height, :width]
    image = np.stack([rows * 4, columns * 3, rows + columns]).astype(np.uint8)
    disparity = (rows * width + columns).astype(np.float32)
    return Sample(left=image, right=image[::-1].copy(), disparity=disparity, valid=(rows + columns) % 3 > 0)


def rng(seed=0):
    return np.random.default_rng(seed)


def equal(one, other):
    return all(np.array_equal(one[key], other[key]) for key in one)


def test_nothing_asked_for_changes_nothing():
    assert equal(augment(sample(), rng(), NOTHING), sample())


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10_000))
def test_the_same_generator_gives_the_same_sample_and_the_input_stays(seed):
    given_sample = sample()
    config = AugmentConfig(flip=0.5)
    one, other = (augment(given_sample, rng(seed), config) for _ in range(2))
    assert equal(one, other) and equal(given_sample, sample())
    checked_sample(one, source="augmented")


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10_000))
def test_the_geometry_survives(seed):
    varied, plain = augment(sample(), rng(seed), AugmentConfig(flip=0.5)), sample()
    rows = slice(None) if varied["disparity"][0, 0] == 0 else slice(None, None, -1)
    assert np.array_equal(varied["disparity"], plain["disparity"][rows])
    assert np.array_equal(varied["valid"], plain["valid"][rows])


def test_upside_down_turns_all_four_arrays_over():
    turned = augment(sample(), rng(), NOTHING.model_copy(update={"flip": 1.0}))
    assert np.array_equal(turned["left"][:, 0], sample()["left"][:, -1])
    assert np.array_equal(turned["right"][:, 0], sample()["right"][:, -1])
    assert turned["disparity"][0, 0] == 39 * 64 and turned["valid"][0, 0] == sample()["valid"][-1, 0]


def test_only_the_right_image_is_covered():
    covered = augment(sample(), rng(), NOTHING.model_copy(update={"erase": 1.0}))
    changed = (covered["right"] != sample()["right"]).any(0)
    assert np.array_equal(covered["left"], sample()["left"]) and changed.any()
    colour = np.round(sample()["right"].mean((1, 2))).astype(np.uint8)
    assert (covered["right"][:, changed] == colour[:, None]).all()


@pytest.mark.parametrize(("asymmetric", "alike"), [(0.0, True), (1.0, False)])
def test_colours_change_alike_or_apart(asymmetric, alike):
    grey = np.full((3, 8, 8), 100, np.uint8)
    pair = Sample(left=grey, right=grey, disparity=np.zeros((8, 8), np.float32), valid=np.ones((8, 8), bool))
    varied = augment(pair, rng(), AugmentConfig(asymmetric=asymmetric, erase=0, flip=0))
    assert varied["left"][0, 0, 0] != 100 and np.array_equal(varied["left"], varied["right"]) is alike


def test_a_crop_takes_one_window_from_all_arrays():
    crop = random_crop(sample(), (16, 32), rng(3))
    top, start = divmod(int(crop["disparity"][0, 0]), 64)
    assert crop["left"].shape == (3, 16, 32)
    for key, value in sample().items():
        assert np.array_equal(crop[key], value[..., top : top + 16, start : start + 32])


def test_a_crop_larger_than_the_sample_is_refused():
    with pytest.raises(SampleError, match="cannot crop 64x64 from a sample of 40x64"):
        random_crop(sample(), (64, 64), rng())


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        (
            "left",
            np.zeros((40, 64, 3), np.uint8),
            r"left is uint8 \(40, 64, 3\), expected uint8 \(3, 40, 64\)",
        ),
        ("disparity", np.zeros((40, 64), np.float64), "disparity is float64"),
        ("valid", np.zeros((40, 64), np.uint8), "valid is uint8"),
    ],
)
def test_a_sample_of_other_types_or_shapes_is_refused(key, value, expected):
    with pytest.raises(SampleError, match=expected):
        checked_sample({**sample(), key: value}, source="sample 7")


def test_a_sample_without_a_key_is_refused():
    with pytest.raises(SampleError, match="sample 7: lacks valid"):
        checked_sample({key: value for key, value in sample().items() if key != "valid"}, source="sample 7")
