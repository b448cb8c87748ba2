from __future__ import annotations

import torch

from stereo_model.network.config import model_config
from stereo_model.network.context import ChannelAttention, ContextNetwork, SpatialAttention


def test_the_levels_are_a_quarter_an_eighth_and_a_sixteenth():
    levels = ContextNetwork(model_config("nano")).eval()(torch.randn(1, 3, 64, 96), None)
    assert [tuple(level.hidden_bchw.shape) for level in levels] == [
        (1, 8, 16, 24),
        (1, 8, 8, 12),
        (1, 8, 4, 6),
    ]
    assert all(level.hidden_bchw.abs().max() < 1 and level.context_bchw.min() >= 0 for level in levels)
    assert all(level.attention_b1hw.shape[1] == 1 for level in levels)


def test_attention_without_signal_is_one_half():
    zeros = torch.zeros(1, 8, 4, 4)
    assert ChannelAttention(8, 2)(zeros).eq(0.5).all() and ChannelAttention(8, 2)(zeros).shape == (1, 8, 1, 1)
    assert SpatialAttention()(zeros).eq(0.5).all() and SpatialAttention()(zeros).shape == (1, 1, 4, 4)
