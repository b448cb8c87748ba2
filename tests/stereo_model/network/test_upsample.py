from __future__ import annotations

import math

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


def test_beyond_the_image_neighbours_count_as_zero():
    logits = torch.zeros(1, 9, 8, 8)  # the average of all nine
    full = convex_upsample(torch.full((1, 1, 2, 2), 9.0), logits)
    torch.testing.assert_close(full, torch.full((1, 1, 8, 8), 4 * 9.0 * 4 / 9))  # four of nine are inside


def middle(conv, value):
    """Pass channel 0 on to channel 0, times a value, and nothing else."""
    conv.weight.zero_()[0, 0, 1, 1] = value
    if conv.bias is not None:
        conv.bias.zero_()


def test_state_and_half_resolution_features_decide_the_weights():
    """Constant maps through weights of one channel, by hand.

    mask: relu(2 * 3) = 6, relu(0.5 * 6) = 3. At 1/2: 0.25 * 3 = 0.75, of which each pixel gets 4 taps of 0.2,
    that is 0.6. Mixed with the features' 1.0: 0.6 + 1.0 = 1.6. At full size 4 taps of 0.5: a logit of 3.2.
    """
    config = model_config("nano")
    up = ConvexUpsampler(config)
    with torch.no_grad():
        middle(up.mask[0], 2.0)
        middle(up.mask[2], 0.5)
        up.to_half.weight.zero_()[0, 0] = 0.2
        middle(up.mix, 1.0)
        up.mix.weight[0, config.half_dim, 1, 1] = 1.0  # the features stand behind the mask's channels
        up.to_full.weight.zero_()[0, 5] = 0.5  # the neighbour to the right
        up.to_full.bias.zero_()
    state, half = torch.full((1, config.hidden_dim, 3, 3), 3.0), torch.full((1, config.half_dim, 6, 6), 1.0)
    coarse = torch.arange(9.0).reshape(1, 1, 3, 3)
    full = up(state, half, coarse)
    right = math.exp(3.2) / (math.exp(3.2) + 8)
    others = (1 - right) / 8
    expected = 4 * (right * 5 + others * (36 - 5))
    assert full.shape == (1, 1, 12, 12)
    torch.testing.assert_close(full[0, 0, 4:8, 4:8], torch.full((4, 4), expected))
