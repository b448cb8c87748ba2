from __future__ import annotations

import torch

from stereo_model.network.config import model_config
from stereo_model.network.upsample import ConvexUpsampler, convex_upsample


def test_a_constant_disparity_stays_constant_inside_and_is_four_times_as_large():
    full = convex_upsample(torch.full((1, 1, 4, 5), 3.0), torch.randn(1, 9, 16, 20))
    torch.testing.assert_close(full[..., 4:-4, 4:-4], torch.full((1, 1, 8, 12), 12.0))


def test_each_tap_selects_its_row_major_neighbour():
    coarse = torch.arange(9.0).reshape(1, 1, 3, 3)
    for tap in range(9):
        logits = torch.full((1, 9, 12, 12), -1e4)
        logits[:, tap] = 0.0
        assert (
            convex_upsample(coarse, logits)[0, 0, 4:8, 4:8].eq(4.0 * tap).all()
        )  # seen from the centre pixel


def test_the_upsampler_gives_full_resolution():
    config = model_config("nano")
    up = ConvexUpsampler(config)
    out = up(
        torch.randn(2, config.hidden_dim, 8, 12),
        torch.randn(2, config.half_dim, 16, 24),
        torch.rand(2, 1, 8, 12),
    )
    assert out.shape == (2, 1, 32, 48)
