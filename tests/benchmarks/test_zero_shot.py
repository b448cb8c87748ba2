from __future__ import annotations

import numpy as np
import pytest

from benchmarks.zero_shot import First, SceneError, bp2, enough_disparities, fill_from_background
from stereo_model.data.base import StereoFiles


class Scenes(StereoFiles):
    """Scenes of one row of pixels, by their true disparities; the first pixel is hidden."""

    kind = "test"
    root = "test"

    def __init__(self, *rows: list[float]) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int):
        truth = np.array([self.rows[index]], np.float32)
        hidden = np.zeros(truth.shape, bool)
        hidden[0, 0] = True
        image = np.zeros((3, *truth.shape), np.uint8)
        return {"left": image, "right": image, "disparity": truth, "valid": truth > 0, "occluded": hidden}

    def scene(self, index: int) -> str:
        return str(index)

    def files(self):
        return iter(())


def test_holes_get_the_smaller_of_the_nearest_known_disparities_of_their_row():
    disparity = np.array([[-1, 9, -1, -1, 4, -1], [-1, -1, -1, -1, -1, -1]], np.float32)
    filled = fill_from_background(disparity, disparity >= 0)
    assert filled.tolist() == [[9, 9, 4, 4, 4, 4], [0, 0, 0, 0, 0, 0]]


def test_known_disparities_stay_as_they_are():
    disparity = np.array([[3.5, 0.0, 7.25]], np.float32)
    assert np.array_equal(fill_from_background(disparity, disparity >= 0), disparity)


def test_bp2_counts_visible_pixels_with_known_truth_alone():
    sample = Scenes([50.0, 10.0, 10.0, 0.0, 10.0])[0]  # hidden, good, bad, unknown, bad
    estimate = np.array([[0.0, 11.9, 12.1, 99.0, 7.9]], np.float32)
    assert bp2(estimate, sample) == pytest.approx(2 / 3)


def test_a_scene_without_a_visible_pixel_has_no_bp2():
    with pytest.raises(SceneError, match="no pixel"):
        bp2(np.zeros((1, 1), np.float32), Scenes([5.0])[0])


@pytest.mark.parametrize(("largest", "expected"), [(15.9, 16), (16.0, 32), (77.3, 80)])
def test_sgbm_searches_a_multiple_of_16_above_the_truth(largest: float, expected: int):
    assert enough_disparities(Scenes([1.0, 2.0], [3.0, largest])) == expected


def test_the_first_pairs_of_a_larger_set_are_the_same_pairs():
    data = Scenes([1.0], [2.0], [3.0])
    assert [float(sample["disparity"][0, 0]) for sample in First(data, 2)] == [1.0, 2.0]
    assert First(data, 1).digest() != First(data, 2).digest()


def test_more_pairs_than_there_are_are_refused():
    with pytest.raises(SceneError, match="4 training pairs asked for, there are 3"):
        First(Scenes([1.0], [2.0], [3.0]), 4)
