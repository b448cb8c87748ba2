from __future__ import annotations

import math

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


def test_a_level_is_the_state_the_weighted_context_and_the_share_of_the_fine_cell_by_hand():
    """Features of two channels, 3 and -1 everywhere, through weights of the middle pixel alone."""
    network = ContextNetwork(model_config("nano", hidden_dim=2, squeeze_dim=1)).eval()
    with torch.no_grad():
        for conv, diagonal in zip(network.heads16, ((0.5, 0.5), (1.0, -2.0)), strict=True):
            conv.weight.zero_()[[0, 1], [0, 1], 1, 1] = torch.tensor(diagonal)
            conv.bias.zero_()
        network.channel_attention.gate[0].weight.copy_(torch.tensor([1.0, -1.0]).reshape(1, 2, 1, 1))
        network.channel_attention.gate[2].weight.copy_(torch.tensor([0.25, -0.25]).reshape(2, 1, 1, 1))
        network.spatial_attention.conv.weight.zero_()[0, :, 3, 3] = torch.tensor([1.0, -0.5])
    feature = torch.tensor([3.0, -1.0]).reshape(1, 2, 1, 1).expand(1, 2, 4, 4)
    level = network._level(feature, network.heads16)
    # context: relu(3, 2); squeezed, 3 - 2 = 1 of mean and of maximum: gates of +-(0.25 + 0.25)
    context = torch.tensor([3.0 * sigmoid(0.5), 2.0 * sigmoid(-0.5)])
    share = sigmoid(1.0 * float(context.mean()) - 0.5 * float(context.max()))
    at = (0, slice(None), 1, 2)
    torch.testing.assert_close(level.hidden_bchw[at], torch.tensor([math.tanh(1.5), math.tanh(-0.5)]))
    torch.testing.assert_close(level.context_bchw[at], context)
    torch.testing.assert_close(level.attention_b1hw[at], torch.tensor([share]))


def test_channel_attention_reads_mean_and_maximum_of_the_image():
    attention = ChannelAttention(1, 1)
    with torch.no_grad():
        attention.gate[0].weight.fill_(1.0)
        attention.gate[2].weight.fill_(0.5)
    x = torch.tensor([0.0, 2.0, 4.0, 6.0]).reshape(1, 1, 2, 2)  # mean 3, maximum 6
    torch.testing.assert_close(attention(x).flatten(), torch.tensor([sigmoid(0.5 * 3 + 0.5 * 6)]))


def test_spatial_attention_reads_mean_and_maximum_of_the_channels_around_a_pixel():
    attention = SpatialAttention()
    with torch.no_grad():
        attention.conv.weight.zero_()
        attention.conv.weight[0, 0, 3, 3] = 0.5  # of the mean, here
        attention.conv.weight[0, 1, 3, 6] = -0.25  # of the maximum, three pixels to the right
    x = torch.zeros(1, 2, 1, 5)
    x[0, :, 0, 1], x[0, :, 0, 4] = torch.tensor([1.0, 3.0]), torch.tensor([8.0, 2.0])
    expected = [sigmoid(value) for value in (0.0, 0.5 * 2 - 0.25 * 8, 0.0, 0.0, 0.5 * 5)]
    torch.testing.assert_close(attention(x).flatten(), torch.tensor(expected))


def test_the_prior_enters_where_the_features_are_fused():
    network = ContextNetwork(model_config("nano", prior="depth_anything_v2_nano")).eval()
    image, prior = torch.randn(1, 3, 32, 64), torch.randn(1, 8, 8, 16)
    given = network(image, prior)
    without = network(image, torch.zeros_like(prior))
    stem = network.stage3(network.stage2(network.stage1(network.stem(image))))
    with torch.no_grad():
        x4 = network.fuse(torch.cat([stem, prior], dim=1))
        expected = torch.tanh(network.heads16[0](network.stage5(network.stage4(x4))))
    torch.testing.assert_close(given[2].hidden_bchw, expected)
    assert not torch.allclose(given[0].context_bchw, without[0].context_bchw)


def test_attention_without_signal_is_one_half():
    zeros = torch.zeros(1, 8, 4, 4)
    assert ChannelAttention(8, 2)(zeros).eq(0.5).all() and ChannelAttention(8, 2)(zeros).shape == (1, 8, 1, 1)
    assert SpatialAttention()(zeros).eq(0.5).all() and SpatialAttention()(zeros).shape == (1, 1, 4, 4)


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))
