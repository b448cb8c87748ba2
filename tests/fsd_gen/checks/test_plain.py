"""The checks find what their plain forms find, to the bit, in sound samples and in wrong ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fsd_gen.checks import photometric
from fsd_gen.checks.limits import CheckLimits
from fsd_gen.checks.misplaced import _Patches
from fsd_gen.checks.pictures import Pictures, noise_level
from fsd_gen.checks.sample import examine_images, examine_sample
from fsd_gen.checks.truth import _agreement, truth_defects
from fsd_gen.checks.views import views
from fsd_gen.shards.flags import Flag
from fsd_gen.shards.sample import StereoSample
from tests.fsd_gen.checks import plain
from tests.fsd_gen.checks.changed import with_truth
from tests.fsd_gen.synthetic import make_sample

BIG = {"width": 331, "height": 187, "near_px": 40, "far_px": 12.0, "slope": 0.02}


def without_some_truth(sample: StereoSample) -> StereoSample:
    flags_hw = sample.flags_right_hw.copy()
    flags_hw[20:60, 100:200] |= Flag.NO_TRUTH.value
    return replace(sample, flags_right_hw=flags_hw)


SAMPLES = {
    "sound": make_sample(**BIG),
    "noisy": make_sample(3, noise=9.0, **BIG),
    "plain": make_sample(contrast=0.02, **BIG),
    "steep": make_sample(**BIG | {"slope": 0.3}),
    "moved": with_truth(make_sample(**BIG), lambda d: d + 1.5),
    "negative": with_truth(make_sample(**BIG), np.negative),
    "off the grid": replace(
        make_sample(**BIG), disparity_left_hw=make_sample(**BIG).disparity_left_hw * np.float32(1.0001)
    ),
    "beyond": with_truth(make_sample(**BIG), lambda d: d * 9),
    "lacking": without_some_truth(make_sample(**BIG)),
    "swapped": replace(make_sample(**BIG), left_hwc=make_sample(**BIG).right_hwc),
}
each = pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES.keys())


def steady(sample: StereoSample) -> np.ndarray:
    """Some of it is not."""
    return np.add.outer(np.arange(sample.left_hwc.shape[0]), np.arange(sample.left_hwc.shape[1])) % 90 > 9


@each
@pytest.mark.parametrize("masked", [False, True])
def test_matches_are_those_of_the_plain_form(sample, masked):
    mask_hw = steady(sample) if masked else None
    ours, theirs = photometric.textured_matches(sample, mask_hw), plain.textured_matches(sample, mask_hw)
    for name in ("grey_n", "rows_n", "columns_n", "disparity_n", "right_hw"):
        assert np.array_equal(getattr(ours, name), getattr(theirs, name)), name
    for way in ((0.0, -1, 0), (0.75, -1, 0), (-3.0, -1, 0), (0.0, 1, 0), (0.0, -1, 3), (0.0, -1, -2)):
        assert np.array_equal(ours._error_n(*way), plain.errors(theirs, *way)), way


@each
@pytest.mark.parametrize("masked", [False, True])
def test_patches_are_those_of_the_plain_form(sample, masked):
    mask_hw = steady(sample) if masked else None
    ours = _Patches.of(sample, mask_hw, Pictures.of(sample))
    textured_hw, unlike_hw = plain.patches(sample, mask_hw)
    assert np.array_equal(ours.textured_hw, textured_hw)
    assert np.array_equal(ours.unlike_hw, unlike_hw)


def test_the_plain_forms_have_something_to_find():
    assert all(plain.patches(SAMPLES[name], None)[1].any() for name in ("moved", "swapped"))
    assert plain.patches(SAMPLES["sound"], None)[0].any()


@each
def test_the_views_agree_where_they_do_in_the_plain_form(sample):
    left, right = ((disparity, flags) for _, _, disparity, flags in views(sample))
    for own, other, sign in ((left, right, -1), (right, left, 1)):
        ours = _agreement(*own, *other, sign=sign, tolerance=0.5)
        assert np.array_equal(ours, plain.agreement_of_views(*own, *other, sign=sign, tolerance=0.5))


@each
def test_noise_is_that_of_the_plain_form(sample):
    assert noise_level(sample.left_hwc) == plain.noise_level(sample.left_hwc)


@each
def test_truth_and_images_judged_apart_make_the_whole_judgement(sample):
    limits, whole = CheckLimits(), examine_sample(sample, steady_left_hw=steady(sample))
    images = examine_images(sample, limits, steady(sample))
    assert whole.defects == (*truth_defects(sample, limits, None, None), *images.defects)
    assert replace(whole, defects=()) == replace(images, defects=())
