from __future__ import annotations

import numpy as np
import pytest

from stereo_model.inference.confidence import confidence_of, right_disparity


def test_mirroring_gives_the_right_view():
    def find_bright(left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Where the one bright column is, left minus right: an estimator for one-column scenes."""
        columns = [int(image[0, :, 0].argmax()) for image in (left, right)]
        return np.full(left.shape[:2], columns[0] - columns[1], np.float32)

    left, right = np.zeros((2, 20, 3), np.uint8), np.zeros((2, 20, 3), np.uint8)
    left[:, 12], right[:, 9] = 255, 255
    assert (find_bright(left, right) == 3).all()
    assert (right_disparity(find_bright, left, right) == 3).all()


def test_confidence_is_one_where_both_views_agree_and_zero_outside():
    left = np.array([[2.0, 2.0, 2.0, 1.5, np.nan]])
    right = np.array([[2.0, 1.0, 2.0, 2.0, 2.0]])  # x=2 -> 0: agree; x=3 -> 1.5: 1.5
    confidence = confidence_of(left, right)
    assert confidence[0, [0, 1, 4]].tolist() == [0, 0, 0]
    assert confidence[0, 2] == 1 and confidence[0, 3] == 1
    assert confidence_of(left, right + 1)[0, 2] == pytest.approx(np.exp(-1))
