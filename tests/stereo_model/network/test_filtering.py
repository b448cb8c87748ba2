from __future__ import annotations

import pytest
import torch

from stereo_model.network.config import model_config
from stereo_model.network.filtering import Hourglass, InitialDisparity, soft_argmin


def test_soft_argmin_is_the_expected_bin():
    logits = torch.log(torch.tensor([0.25, 0.25, 0.5])).view(1, 3, 1, 1)
    assert soft_argmin(logits).item() == pytest.approx(0.25 * 0 + 0.25 * 1 + 0.5 * 2)


def test_soft_argmin_with_a_radius_does_not_average_two_surfaces():
    logits = torch.zeros(1, 9, 1, 1)
    logits[0, 7] = logits[0, 1] = 50.0
    logits[0, 2] = 50.5
    near = torch.tensor([50.0, 50.5]).softmax(0)
    assert soft_argmin(logits).item() > 3
    assert soft_argmin(logits, radius=1).item() == pytest.approx(float(near[0] * 1 + near[1] * 2))


def test_a_certain_bin_is_returned_exactly():
    logits = torch.full((1, 6, 1, 2), -100.0)
    logits[0, 4, 0, 0] = logits[0, 1, 0, 1] = 100.0
    assert soft_argmin(logits).flatten().tolist() == [4.0, 1.0]


def test_the_hourglass_keeps_the_shape_and_is_not_negative():
    torch.manual_seed(0)
    features = [torch.randn(1, c, s, 2 * s) for c, s in ((6, 4), (8, 2), (10, 1))]
    out = Hourglass(model_config("nano"), (6, 8, 10)).eval()(torch.randn(1, 4, 16, 8, 16), features)
    assert out.shape == (1, 4, 16, 8, 16) and out.min() >= 0


@pytest.mark.parametrize("skip", [False, True])
def test_only_the_evidence_skip_reads_the_evidence(skip):
    torch.manual_seed(0)
    initial = InitialDisparity(model_config("nano", evidence_skip=skip, census_radius=None)).eval()
    evidence = torch.zeros(1, 1, 16, 2, 2)
    before, _ = initial(torch.zeros(1, 4, 16, 2, 2), evidence)
    evidence[:, :, 11] = 1.0
    after, _ = initial(torch.zeros(1, 4, 16, 2, 2), evidence)
    assert bool((after != before).all()) is skip
    assert not skip or (after > 10.9).all()  # many logits above the other fifteen bins


@pytest.mark.parametrize("blocks", [0, 1])
def test_the_classifier_comes_with_and_without_residual_blocks(blocks):
    initial = InitialDisparity(model_config("nano", classifier_blocks=blocks, classifier_kernel=3))
    disparity, logits = initial(torch.zeros(1, 4, 16, 3, 5), torch.zeros(1, 9, 16, 3, 5))
    assert disparity.shape == (1, 1, 3, 5) and logits.shape == (1, 16, 3, 5)
