from __future__ import annotations

import math

import torch

from stereo_model.config import model_config
from stereo_model.disparity_transformer import DisparityTransformer, TokenAttention, sinusoidal_positions


def plain_attention(layer, x):
    """Softmax attention over tokens, head by head, written out."""
    n, length, channels = x.shape
    size = channels // layer.heads
    parts = []
    for head in range(layer.heads):
        at = slice(head * size, (head + 1) * size)
        q, k, v = (part(x)[..., at] for part in (layer.query, layer.key, layer.value))
        parts.append(torch.softmax(q @ k.transpose(1, 2) / math.sqrt(size), dim=-1) @ v)
    return layer.out(torch.cat(parts, dim=-1))


def test_disparity_attention_equals_the_written_out_formula():
    torch.manual_seed(0)
    layer, x = TokenAttention(8, 2, "disparity"), torch.randn(3, 5, 8)
    torch.testing.assert_close(layer(x), plain_attention(layer, x))


def test_only_disparity_attention_lets_one_disparity_see_another():
    torch.manual_seed(0)
    x = torch.randn(1, 5, 8)
    changed = x.clone()
    changed[0, 4] += 1.0
    for over, sees in (("disparity", True), ("heads", False)):
        layer = TokenAttention(8, 2, over)
        assert bool((layer(x) - layer(changed))[0, 0].abs().max() > 1e-4) is sees


def test_position_codes_alternate_sine_and_cosine():
    code = sinusoidal_positions(3, 4, like=torch.zeros(1))
    expected = [[0.0, 1.0, 0.0, 1.0], [math.sin(1), math.cos(1), math.sin(0.01), math.cos(0.01)]]
    torch.testing.assert_close(code[:2], torch.tensor(expected))


def test_the_transformer_keeps_the_shape_of_the_volume():
    volume = torch.randn(2, 4, 16, 8, 12)
    assert DisparityTransformer(model_config("nano")).eval()(volume).shape == volume.shape
