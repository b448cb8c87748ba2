"""Stored disparities lie on a grid of 1/256 px, and a sample is its channels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsd_gen.shards.channels import REQUIRED
from fsd_gen.shards.sample import FIELDS, StereoSample, is_quantised, quantise
from tests.fsd_gen.shards.files import assert_same_sample
from tests.fsd_gen.synthetic import make_sample


@given(st.floats(0, 2000, width=32))
def test_quantised_disparity_is_on_the_grid_and_at_most_half_a_step_off(value):
    (quantised,) = quantise(np.array([value], np.float32))
    assert (quantised * 256).is_integer()
    assert abs(float(quantised) - value) <= 1 / 512
    assert is_quantised(np.array([quantised]))


def test_quantise_leaves_no_negative_zero():
    assert not np.signbit(quantise(np.array([-0.0, -1 / 1024]))).any()


@pytest.mark.parametrize("value", [np.nan, np.inf, 1 / 512])
def test_values_off_the_grid_are_not_quantised(value):
    assert not is_quantised(np.array([1.0, value], np.float32))


def test_the_fields_of_a_sample_are_the_channels_of_every_shard():
    assert list(FIELDS) == [channel.name for channel in REQUIRED]


def test_a_sample_is_made_of_its_channels_and_what_is_further_is_optional():
    sample, depth = make_sample(), np.ones((80, 128), np.float32)
    made = StereoSample.of_channels(
        {**sample.channels, "depth": depth}, spec=sample.spec, render=sample.render
    )
    assert made.optional == {"depth": depth}
    assert_same_sample(sample, made)


def test_a_sample_without_one_of_the_six_cannot_be_made():
    sample = make_sample()
    with pytest.raises(KeyError, match="left"):
        StereoSample.of_channels({}, spec=sample.spec, render=sample.render)
