"""What a sample is, with and without known occlusion."""

from __future__ import annotations

import numpy as np
import pytest

from stereo_model.data.sample import SampleError, checked_sample


def plain():
    return {
        "left": np.zeros((3, 2, 4), np.uint8),
        "right": np.ones((3, 2, 4), np.uint8),
        "disparity": np.full((2, 4), 1.5, np.float32),
        "valid": np.ones((2, 4), bool),
    }


def test_occlusion_is_kept_where_it_is_known_and_not_made_up_where_it_is_not():
    assert set(checked_sample(plain(), source="a")) == {"left", "right", "disparity", "valid"}
    occluded = np.eye(2, 4, dtype=bool)
    assert checked_sample({**plain(), "occluded": occluded}, source="a")["occluded"] is occluded


def test_what_is_not_part_of_a_sample_is_dropped():
    assert "name" not in checked_sample({**plain(), "name": np.zeros(3)}, source="a")


@pytest.mark.parametrize("occluded", [np.zeros((2, 4), np.uint8), np.zeros((2, 3), bool)])
def test_occlusion_of_another_type_or_size_is_refused(occluded):
    with pytest.raises(SampleError, match=r"pair 7: occluded is .*, expected bool \(2, 4\)"):
        checked_sample({**plain(), "occluded": occluded}, source="pair 7")


def test_a_missing_array_is_named():
    with pytest.raises(SampleError, match="pair 7: lacks right, valid"):
        checked_sample({key: plain()[key] for key in ("left", "disparity")}, source="pair 7")
