from __future__ import annotations

import math

import pytest
import torch

from stereo_model.network.config import ConfigError, model_config
from stereo_model.network.disparity_transformer import (
    DisparityTransformer,
    TokenAttention,
    rotated,
    sinusoidal_positions,
)


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
    for over in ("disparity", "volume"):
        layer, x = TokenAttention(6, 2, over), torch.randn(3, 5, 6)
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


def test_rotated_products_depend_on_the_distance_alone():
    torch.manual_seed(0)
    query, key = torch.randn(2, 1, 1, 1, 7).expand(2, 1, 1, 12, 7).unbind()
    products = (rotated(query) @ rotated(key).mT)[0, 0]
    for distance in range(-4, 5):
        diagonal = products.diagonal(distance)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal))
    assert products[0].std() > 0.1
    torch.testing.assert_close(rotated(query).norm(dim=-1), query.norm(dim=-1))


def test_rotary_attention_does_not_see_where_a_sequence_stands_but_sees_its_order():
    torch.manual_seed(0)
    layer = TokenAttention(8, 2, "disparity", rotary=True)
    x = torch.randn(1, 6, 8)
    still = torch.randn(1, 1, 8).expand(1, 9, 8)
    torch.testing.assert_close(layer(still)[:, 0], layer(still)[:, 8])  # equal tokens, whatever the place
    order = torch.tensor([5, 0, 1, 2, 3, 4])
    assert (layer(x)[:, order] - layer(x[:, order])).abs().max() > 1e-3
    plain = TokenAttention(8, 2, "disparity")
    torch.testing.assert_close(plain(x)[:, order], plain(x[:, order]))


def test_rotary_positions_need_pairs_of_channels():
    with pytest.raises(ConfigError, match="at least two channels per transformer head"):
        model_config("nano", positions="rope", transformer_heads=4)


@pytest.mark.parametrize(("attention", "seen"), [("disparity", 1), ("volume", 4 * 2)])
def test_only_volume_attention_reaches_other_sites(attention, seen):
    torch.manual_seed(0)
    config = model_config("nano", disparity_attention=attention)
    transformer = DisparityTransformer(config).eval()
    volume = torch.randn(1, 4, 16, 8, 16)
    changed = volume.clone()
    changed[..., :4, :4] += 1.0  # the patches of one site
    with torch.no_grad():
        moved = (transformer.coarse(changed) - transformer.coarse(volume)).abs().amax((0, 1, 2))
    assert int((moved > 1e-7).sum()) == seen
