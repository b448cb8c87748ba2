from __future__ import annotations

import pytest
import torch

from stereo_model.network.config import model_config
from stereo_model.network.cost_volume import HybridCostVolume, group_correlation
from tests.stereo_model.oracles.cost_volume import plain_concatenation


def plain_group_correlation(left, right, bins, groups):
    """One cosine at a time."""
    b, c, h, w = left.shape
    volume = torch.zeros(b, groups, bins, h, w)
    for g in range(groups):
        part = slice(g * c // groups, (g + 1) * c // groups)
        for d in range(bins):
            for x in range(d, w):
                volume[:, g, d, :, x] = torch.cosine_similarity(
                    left[:, part, :, x], right[:, part, :, x - d], dim=1
                )
    return volume


@pytest.mark.parametrize("bins", [3, 9])  # fewer and more bins than columns
def test_group_correlation_equals_one_cosine_at_a_time(bins):
    torch.manual_seed(0)
    left, right = torch.randn(2, 2, 6, 3, 5)
    fast = group_correlation(left, right, bins=bins, groups=2)
    torch.testing.assert_close(fast, plain_group_correlation(left, right, bins, 2))


def test_a_shifted_image_correlates_perfectly_at_its_shift():
    torch.manual_seed(0)
    right = torch.randn(1, 4, 2, 8)
    left = torch.roll(right, 3, dims=-1)  # left x is seen at x - 3
    volume = group_correlation(left, right, bins=6, groups=2)
    torch.testing.assert_close(volume[:, :, 3, :, 3:], torch.ones(1, 2, 2, 5))
    assert volume.argmax(2)[..., 3:].eq(3).all()


def test_features_that_do_not_split_into_groups_are_refused():
    with pytest.raises(ValueError, match="30 feature channels at 1/4 do not split into cv_groups=8"):
        HybridCostVolume(model_config("nano"), 30)


@pytest.mark.parametrize("kind", ["hybrid", "groupwise", "concat"])
@pytest.mark.parametrize("evidence", [False, True])
def test_the_mixed_volume_equals_the_first_layer_on_the_joined_volumes(kind, evidence):
    torch.manual_seed(0)
    config = model_config("nano", cost_volume=kind, evidence_skip=evidence, census_radius=None)
    part = HybridCostVolume(config, 16).eval()
    left, right = torch.randn(2, 2, 16, 6, 9)
    given = torch.randn(2, 1, config.bins, 6, 9) if evidence else None
    joined = [group_correlation(left, right, bins=config.bins, groups=8)] if kind != "concat" else []
    joined += [given] if evidence else []
    if kind != "groupwise":
        joined.append(plain_concatenation(part.project(left), part.project(right), bins=config.bins))
    torch.testing.assert_close(
        part.mixed(left, right, given), part.mix(torch.cat(joined, dim=1)), rtol=1e-4, atol=1e-5
    )


def test_only_the_volume_with_concatenated_features_learns_a_projection():
    volumes = {
        kind: HybridCostVolume(model_config("nano", cost_volume=kind, evidence_skip=False), 16)
        for kind in ("hybrid", "groupwise", "concat")
    }
    learns = {kind: volume.project is not None for kind, volume in volumes.items()}
    assert learns == {"hybrid": True, "groupwise": False, "concat": True}
    assert [v.mix.in_channels for v in volumes.values()] == [8 + 2 * 2, 8, 2 * 2]


def test_correlation_and_evidence_stay_float32_under_autocast():
    left, right = torch.randn(2, 1, 8, 2, 9)
    plain = group_correlation(left, right, bins=4, groups=2)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(group_correlation(left, right, bins=4, groups=2), plain)
