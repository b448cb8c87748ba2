from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsd_gen.shards.flags import Flag
from stereo_model.data.augment.augment import AugmentConfig, augment, random_crop
from stereo_model.data.augment.photometric import ColourChange, recolour
from stereo_model.data.augment.spatial import Window, cut, draw_window
from stereo_model.data.sample import Sample, SampleError, checked_sample
from stereo_model.network.config import ConfigError, parse_config
from tests.fsd_gen.synthetic import make_sample

NOTHING = AugmentConfig(brightness=0, contrast=0, saturation=0, gamma=0, asymmetric=0, erase=0, flip=0)


def sample(height=40, width=64) -> Sample:
    """Every pixel carries its own coordinates, so that a moved pixel is seen."""
    rows, columns = np.mgrid[:height, :width]
    image = np.stack([rows * 4, columns * 3, rows + columns]).astype(np.uint8)
    disparity = (rows * width + columns).astype(np.float32)
    return Sample(left=image, right=image[::-1].copy(), disparity=disparity, valid=(rows + columns) % 3 > 0)


def scene(width=128, height=80, **changes) -> dict[str, np.ndarray]:
    """A slanted plane behind a square, with the truth of both images."""
    made = make_sample(3, width=width, height=height, sky_rows=0, **changes)
    gone = Flag.OCCLUDED | Flag.OUT_OF_FRAME
    return {
        "left": made.left_hwc.transpose(2, 0, 1),
        "right": made.right_hwc.transpose(2, 0, 1),
        "disparity": made.disparity_left_hw,
        "valid": np.ones((height, width), bool),
        "occluded": (made.flags_left_hw & gone) > 0,
        "disparity_right": made.disparity_right_hw,
        "valid_right": np.ones((height, width), bool),
    }


def warping_error(pair, shift=0.0) -> float:
    """Median difference, 8-bit levels, of left pixels and what their disparity finds in the right image."""
    height, width = pair["disparity"].shape
    rows = np.arange(height)[:, None]
    columns = np.arange(width) - pair["disparity"] + shift
    before = np.clip(np.floor(columns).astype(int), 0, width - 2)
    share = np.clip(columns - before, 0, 1)
    right = pair["right"].astype(float)
    found = right[:, rows, before] * (1 - share) + right[:, rows, before + 1] * share
    seen = pair["valid"] & (columns >= 0) & ~pair.get("occluded", np.zeros((height, width), bool))
    return float(np.median(np.abs(found - pair["left"])[:, seen]))


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
    with pytest.raises(
        SampleError,
        match=r"cannot crop 64x64 \(height x width\) from a sample of 40x64 pixels; take a smaller",
    ):
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


GEOMETRY = {"scale": (-0.4, 0.6), "stretch": 0.3, "stretch_chance": 1.0}


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000), st.sampled_from([{}, {"flip": 1.0}, {"exchange": 1.0}]))
def test_the_disparity_still_finds_each_left_pixel_in_the_right_image(seed, turn):
    moved = augment(scene(), rng(seed), NOTHING.model_copy(update=GEOMETRY | turn), crop_hw=(64, 96))
    checked_sample(moved, source="augmented")
    assert moved["disparity"].shape == (64, 96) and ("occluded" in moved) == ("exchange" not in turn)
    assert warping_error(moved) < 3 < min(warping_error(moved, 1.5), warping_error(moved, -1.5))


@settings(deadline=None, max_examples=25)
@given(st.floats(0.6, 1.8), st.floats(0.6, 1.8), st.integers(0, 10_000))
def test_disparity_on_a_plane_stays_exact_and_scales_with_the_columns(factor_y, factor_x, seed):
    height, width = 60, 90
    rows, columns = np.mgrid[:height, :width] + 0.5
    plane = {**sample(height, width), "disparity": (5 + 0.1 * columns - 0.05 * rows).astype(np.float32)}
    plane["valid"] = np.ones((height, width), bool)
    window = draw_window((height, width), (32, 32), rng(seed), factors_yx=(factor_y, factor_x))
    found = cut(plane, window)["disparity"][1:-1, 1:-1]
    rows, columns = np.mgrid[1:31, 1:31] + 0.5
    source_rows, source_columns = window.top + rows / factor_y, window.start + columns / factor_x
    assert np.allclose(found, (5 + 0.1 * source_columns - 0.05 * source_rows) * factor_x, atol=1e-4)


def test_nothing_is_mixed_over_an_edge_or_with_an_unknown_pixel():
    step = sample(8, 8)
    step["disparity"] = np.where(np.arange(8) < 4, 10.0, 50.0).astype(np.float32) * np.ones(
        (8, 1), np.float32
    )
    step["valid"] = np.ones((8, 8), bool)
    step["valid"][2, 2] = False
    step["disparity"][2, 2] = np.nan
    whole = Window(top=0.0, start=0.0, height=20, width=20, factor_y=2.5, factor_x=2.5)
    larger = cut(step, whole)
    assert set(np.unique(larger["disparity"][larger["valid"]])) == {25.0, 125.0}
    assert (~larger["valid"]).sum() == pytest.approx(2.5**2, abs=3)


def test_sparse_truth_stays_as_dense_as_it_was():
    sparse = scene()
    sparse["valid"] = rng(1).random((80, 128)) < 0.2
    larger = augment(sparse, rng(), NOTHING.model_copy(update={"scale": (0.5, 0.5)}), crop_hw=(64, 96))
    assert larger["valid"].mean() == pytest.approx(0.2, abs=0.05) and warping_error(larger) < 5


def test_a_sample_smaller_than_the_crop_is_refused_or_scaled_up_on_purpose_until_it_fills_it():
    with pytest.raises(SampleError, match="cannot crop 160x192 .* enlarge=true to scale small samples up"):
        augment(scene(), rng(), NOTHING, crop_hw=(160, 192))
    grown = augment(scene(), rng(), NOTHING, crop_hw=(160, 192), enlarge=True)
    assert grown["left"].shape == (3, 160, 192) and warping_error(grown) < 3
    assert grown["disparity"].max() == pytest.approx(2 * 24, abs=0.01)  # 160 rows from 80


def test_exchanging_without_the_right_truth_turns_upside_down_instead():
    pair = sample()
    turned = augment(pair, rng(), NOTHING.model_copy(update={"exchange": 1.0}))
    assert np.array_equal(turned["left"], pair["left"][:, ::-1]) and turned["disparity"][0, 0] == 39 * 64


def test_mirrored_images_trade_places():
    pair = scene()
    turned = augment(pair, rng(), NOTHING.model_copy(update={"exchange": 1.0}))
    assert np.array_equal(turned["left"], pair["right"][:, :, ::-1])
    assert np.array_equal(turned["disparity"], pair["disparity_right"][:, ::-1])
    assert set(turned) == {"left", "right", "disparity", "valid"}


def test_y_jitter_moves_the_right_image_alone_and_no_further_than_asked():
    config, shifts = NOTHING.model_copy(update={"y_jitter": 2}), set()
    for seed in range(40):
        cropped = augment(sample(), rng(seed), config, crop_hw=(16, 32))
        left_row, right_row = int(cropped["left"][0, 0, 0]) // 4, int(cropped["right"][2, 0, 0]) // 4
        assert left_row == int(cropped["disparity"][0, 0]) // 64
        shifts.add(right_row - left_row)
    assert shifts == {-2, -1, 0, 1, 2}


def test_scaling_follows_the_configured_range():
    config = NOTHING.model_copy(update={"scale": (1.0, 1.0), "stretch": 0.0})
    doubled = augment(scene(near_px=24), rng(), config, crop_hw=(160, 256), enlarge=True)
    assert doubled["disparity"].max() == 48


def test_factors_may_be_given_as_a_range():
    config = parse_config(AugmentConfig, {"saturation": [0.0, 1.4], "brightness": 0.4})
    assert config.saturation == (0.0, 1.4) and config.brightness == 0.4
    assert AugmentConfig.model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize("values", [{"saturation": (1.4, 0.6)}, {"contrast": 1.0}, {"scale": (0.4, -0.2)}])
def test_an_impossible_range_is_refused(values):
    with pytest.raises(ConfigError, match=next(iter(values))):
        parse_config(AugmentConfig, values)


def test_a_whole_turn_of_hue_changes_nothing_and_half_a_turn_makes_the_opposite():
    image = np.array([150, 100, 110], np.uint8).reshape(3, 1, 1)
    assert np.abs(recolour(image, ColourChange(hue=1.0)).astype(int) - image).max() <= 1
    opposite = recolour(image, ColourChange(hue=0.5)).astype(float).ravel()
    luma = np.array([0.299, 0.587, 0.114])
    assert opposite @ luma == pytest.approx(image.ravel() @ luma, abs=1)  # 116
    assert opposite[0] == pytest.approx(2 * 116.1 - 150, abs=2)  # mirrored about grey


def test_colours_change_as_told():
    image = np.array([[[100, 60]], [[100, 60]], [[100, 60]]], np.uint8)
    assert recolour(image, ColourChange(brightness=2.0))[0].tolist() == [[200, 120]]
    assert recolour(image, ColourChange(contrast=0.5))[0].tolist() == [[90, 70]]  # mean 80
    grey = recolour(np.array([150, 100, 110], np.uint8).reshape(3, 1, 1), ColourChange(saturation=0.0))
    assert grey.ravel().tolist() == [116, 116, 116]
