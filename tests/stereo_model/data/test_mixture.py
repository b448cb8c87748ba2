from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stereo_model.data.mixture import Mixture, MixtureError, Part, SampleStream, mixture_digest
from stereo_model.data.sample import SampleError

PARTS = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 5)), min_size=1, max_size=4)


def streamed(lengths, weights, count, seed=0):
    stream = SampleStream(lengths, weights, seed)
    return [stream.at(position) for position in range(count)]


def test_every_epoch_of_a_single_part_shows_every_sample_once_in_a_new_order():
    indices = [index for _, index in streamed([10], [1.0], 30)]
    epochs = [indices[:10], indices[10:20], indices[20:]]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]


@settings(deadline=None, max_examples=30)
@given(PARTS, st.integers(0, 99))
def test_each_part_goes_through_its_own_epochs_and_every_block_keeps_the_proportions(parts, seed):
    lengths, weights = zip(*parts, strict=True)
    stream = SampleStream(lengths, weights, seed)
    drawn = [stream.at(position) for position in range(stream.block * max(lengths))]
    for part, length in enumerate(lengths):
        indices = [index for found, index in drawn if found == part]
        assert all(
            sorted(indices[k : k + length]) == list(range(length))
            for k in range(0, len(indices) - length + 1, length)
        )
    for start in range(0, len(drawn), stream.block):
        counts = Counter(part for part, _ in drawn[start : start + stream.block])
        assert tuple(counts[part] for part in range(len(lengths))) == stream.quotas
    assert [quota * weights[0] for quota in stream.quotas] == [w * stream.quotas[0] for w in weights]


@settings(deadline=None, max_examples=30)
@given(PARTS, st.integers(0, 99), st.lists(st.integers(0, 500), min_size=1, max_size=9))
def test_a_position_needs_no_other_position(parts, seed, positions):
    lengths, weights = zip(*parts, strict=True)
    walked = streamed(lengths, weights, 501, seed)
    jumping = SampleStream(lengths, weights, seed)
    assert [jumping.at(position) for position in positions] == [walked[position] for position in positions]


@settings(deadline=None, max_examples=20)
@given(PARTS, st.integers(0, 200))
def test_the_realised_mix_is_counted(parts, end):
    lengths, weights = zip(*parts, strict=True)
    drawn = Counter(part for part, _ in streamed(lengths, weights, end))
    expected = tuple(drawn[part] for part in range(len(lengths)))
    assert SampleStream(lengths, weights, 0).counts(end) == expected


def test_blocks_are_as_short_as_the_proportions_allow():
    assert SampleStream([5, 5], [0.2, 0.3], 0).quotas == (2, 3)
    assert SampleStream([5], [7.0], 0).quotas == (1,)


def test_odd_proportions_are_kept_to_a_thousandth():
    assert SampleStream([5, 5, 5], [1.0, 1.0, 0.31831], 0).quotas == (432, 431, 137)  # 431.3, 431.3, 137.3


@pytest.mark.parametrize(
    ("lengths", "weights", "expected"),
    [
        ([3, 0], [1, 1], "every part needs at least one sample"),
        ([3, 3], [1, 0], "weights must be positive"),
        ([3, 3], [1, float("nan")], "weights must be positive"),
        ([3, 3], [1], "as many weights as parts"),
        ([3, 3], [1, 1e-5], "too small: it must be at least 1/1000"),
    ],
)
def test_what_makes_no_stream_is_refused(lengths, weights, expected):
    with pytest.raises(MixtureError, match=expected):
        SampleStream(lengths, weights, 0)


def test_an_empty_data_set_is_refused_by_name():
    mixture = Mixture((Part(name="full", dataset=[{}]), Part(name="bare", dataset=[])))
    with pytest.raises(SampleError, match="'bare' is empty"):
        mixture.stream(0)


def test_two_parts_of_one_name_are_refused():
    with pytest.raises(MixtureError, match="different names"):
        Mixture((Part(name="a", dataset=[{}]), Part(name="a", dataset=[{}])))


def test_the_digest_covers_names_contents_and_weights():
    base = {"fsd": ("c0ffee", 2.0), "sintel": ("beef", 1.0)}
    others = [base | {"fsd": ("c0ffef", 2.0)}, base | {"fsd": ("c0ffee", 3.0)}, {"fsd": ("c0ffee", 2.0)}]
    digests = {mixture_digest(base), *map(mixture_digest, others)}
    assert len(digests) == 4 and mixture_digest(dict(base)) == mixture_digest(base)
