from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from stereo_model.network.config import model_config
from stereo_model.network.cost_volume import group_correlation
from stereo_model.network.evidence import (
    CensusEvidence,
    WindowEvidence,
    build_evidence,
    census,
    census_evidence,
    window_evidence,
)


def noise(width: int = 96) -> torch.Tensor:
    return torch.randint(0, 256, (1, 3, 32, width), generator=torch.Generator().manual_seed(0)).float()


def shifted(image_bchw: torch.Tensor, pixels: int) -> torch.Tensor:
    """The right image of a plane at that disparity."""
    return torch.roll(image_bchw, -pixels, dims=3)


@pytest.mark.parametrize("disparity", [8, 9, 10, 11, 15])
def test_evidence_is_highest_at_the_true_whole_pixel_disparity(disparity: int):
    left = noise()
    evidence = census_evidence(left, shifted(left, disparity), bins=8, radius=2)
    assert evidence.shape == (1, 9, 8, 8, 24)
    for first in (1, 5):  # averaged, alone
        fine = evidence[0, first : first + 4].transpose(0, 1).flatten(0, 1)  # (32 disparities, h, w)
        assert (fine.argmax(0)[:, 6:] == disparity).all()


def test_the_first_channel_is_the_best_average_within_two_pixels_of_a_bin():
    left = noise()
    evidence = census_evidence(left, shifted(left, 10), bins=8, radius=2)[0]
    averages = evidence[1:5].transpose(0, 1).flatten(0, 1)
    assert torch.equal(evidence[0, 3], averages[10:15].amax(0))  # bin 3 is at 12 pixels


def test_census_does_not_see_brightness():
    image = noise()
    assert torch.allclose(census(image), census(image + 40), atol=1e-5)


def test_evidence_left_of_the_right_image_is_zero():
    image = noise()
    evidence = census_evidence(image, image, bins=8, radius=1)[0, 5:]
    assert (evidence[0, 3, :, :3] == 0).all()  # 12 pixels left of columns 0, 4 and 8


def test_pixels_of_another_colour_do_not_support():
    left = noise(64) / 16
    left[..., 32:] += 200  # an edge between two surfaces
    right = shifted(left, 4)
    right[..., :28] = shifted(left, 12)[..., :28]  # the left one is nearer
    evidence = census_evidence(left, right, bins=6, radius=4)[0, 1:5].transpose(0, 1).flatten(0, 1)
    best = evidence.argmax(0)
    assert (best[:, 10:15] == 4).all()


def test_the_evidence_of_a_window_overrules_a_single_pixel():
    torch.manual_seed(0)
    right = torch.randn(1, 4, 9, 24)
    left = torch.roll(right, 3, dims=-1)  # left x is seen at x - 3
    left[..., 4, 12] = right[..., 4, 7]  # but this pixel looks as if it were seen 5 further left
    alone = group_correlation(*(F.instance_norm(view) for view in (left, right)), bins=6, groups=1)
    evidence = window_evidence(left, right, bins=6)
    assert evidence.shape == (1, 1, 6, 9, 24) and evidence.abs().max() <= 1
    assert alone[0, 0, :, 4, 12].argmax() == 5 and evidence[0, 0, :, 4, 12].argmax() == 3


def test_only_small_presets_have_evidence_and_it_has_as_many_channels_as_announced():
    assert build_evidence(model_config("vits")) is None and model_config("vits").evidence_dim == 0
    images, features = torch.rand(2, 1, 3, 32, 64) * 255, torch.randn(2, 8, 8, 16)
    for radius, kind in ((4, CensusEvidence), (None, WindowEvidence)):
        config = model_config("nano", census_radius=radius)
        evidence = build_evidence(config)
        assert type(evidence) is kind and not evidence.state_dict()
        assert evidence(*images, features).shape == (1, config.evidence_dim, config.bins, 8, 16)
