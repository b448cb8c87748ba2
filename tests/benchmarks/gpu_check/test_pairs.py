from __future__ import annotations

import numpy as np
import pytest

from benchmarks.gpu_check.pairs import NEAREST, LayeredPairs, layered_pair
from stereo_model.data.sample import checked_sample


@pytest.mark.parametrize("seed", range(4))
def test_what_both_cameras_see_looks_alike_at_the_true_disparity(seed: int):
    pair = layered_pair(seed, 96, 192)
    rows, columns = np.nonzero(~pair["occluded"])
    match = columns - pair["disparity"][rows, columns]
    low = np.floor(match).astype(int)
    share = match - low
    right = pair["right"].astype(float)
    seen = (1 - share) * right[:, rows, low] + share * right[:, rows, np.minimum(low + 1, 191)]
    off = np.abs(seen - pair["left"][:, rows, columns])
    beside = np.abs(right[:, rows, np.maximum(low - 3, 0)] - pair["left"][:, rows, columns])
    assert np.median(off) < 4 and np.median(beside) > 3 * np.median(off)


@pytest.mark.parametrize("seed", range(4))
def test_a_hidden_pixel_has_something_nearer_at_its_place(seed: int):
    pair = layered_pair(seed, 96, 192)
    disparity = pair["disparity"]
    rows, columns = np.nonzero(pair["occluded"])
    match = columns - disparity[rows, columns]
    inside = (match >= 0) & (match + NEAREST * 192 < 191)  # what hides it lies within the left image too
    assert inside.sum() > 50
    for row, column, at in zip(rows[inside], columns[inside], match[inside], strict=True):
        lands_there = np.abs(np.arange(192) - disparity[row] - at) < 1.1
        assert disparity[row][lands_there].max() > disparity[row, column] + 0.1


def test_most_pixels_of_a_pair_are_seen_by_both_cameras_and_some_are_not():
    shares = [layered_pair(seed, 96, 192)["occluded"].mean() for seed in range(8)]
    assert 0.02 < np.mean(shares) < 0.3


def test_a_pair_is_a_function_of_its_number():
    first, again = LayeredPairs(10, (64, 96)), LayeredPairs(5, (64, 96), first_seed=3)
    for key in ("left", "right", "disparity", "occluded"):
        assert np.array_equal(first[4][key], again[1][key])
    assert first.scene(4) == again.scene(1) == "000004"
    assert not np.array_equal(first[4]["left"], first[5]["left"])


def test_a_pair_is_a_stereo_sample():
    sample = checked_sample(LayeredPairs(1, (64, 96))[0], source="layered")
    assert sample["disparity"].min() > 0


def test_the_digest_changes_with_the_number_and_the_size():
    sets = [LayeredPairs(1, (64, 96)), LayeredPairs(2, (64, 96)), LayeredPairs(1, (64, 128))]
    assert len({data.digest() for data in sets}) == 3
