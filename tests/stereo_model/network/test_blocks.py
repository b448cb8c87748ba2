from __future__ import annotations

import pytest
import torch
from torch import nn

from stereo_model.network.blocks import (
    AxialPlanarConv,
    BasicBlock3d,
    DisparityConv,
    FeatureAttention,
    PointwiseConv3d,
    ResidualBlock,
    SingleMapConv,
)


@pytest.mark.parametrize("kernel", [1, 5, 17])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last_3d])
def test_the_disparity_convolution_equals_conv3d_forward_and_backward(kernel, layout):
    torch.manual_seed(0)
    fast = DisparityConv(3, 4, kernel)
    plain = nn.Conv3d(3, 4, (kernel, 1, 1), padding=(kernel // 2, 0, 0))
    plain.load_state_dict(fast.state_dict())
    x = torch.randn(2, 3, 12, 5, 6).contiguous(memory_format=layout)
    x_fast, x_plain = x.clone().requires_grad_(), x.clone().requires_grad_()
    weights = torch.randn(2, 4, 12, 5, 6)
    (fast(x_fast) * weights).sum().backward()
    (plain(x_plain) * weights).sum().backward()
    torch.testing.assert_close(fast(x), plain(x), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(x_fast.grad, x_plain.grad, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(fast.weight.grad, plain.weight.grad, rtol=1e-4, atol=1e-4)


def test_the_axial_part_mixes_disparities_and_the_planar_part_does_not():
    torch.manual_seed(0)
    block = AxialPlanarConv(2, 3).eval()
    base, changed = torch.zeros(1, 2, 7, 5, 5), torch.zeros(1, 2, 7, 5, 5)
    changed[:, :, 3, 2, 2] = 1.0
    moved = (block.planar(changed) - block.planar(base)).abs().sum((0, 1))
    assert moved[3].any() and not moved[[0, 1, 2, 4, 5, 6]].any()
    moved = (block.axial(changed) - block.axial(base)).abs().sum((0, 1))
    assert set(moved.flatten(1).any(1).nonzero().flatten().tolist()) <= {2, 3, 4} and moved.any()


def test_feature_attention_scales_all_disparities_of_a_pixel_alike():
    torch.manual_seed(0)
    attention = FeatureAttention(2, 4).eval()
    weights = attention(torch.ones(1, 2, 3, 4, 5), torch.randn(1, 4, 4, 5))
    assert torch.equal(weights[:, :, 0], weights[:, :, 2])
    assert ((weights > 0) & (weights < 1)).all() and weights.std() > 0


@pytest.mark.parametrize("kernel", [1, 3, 7])
def test_the_single_map_equals_conv3d_forward_and_backward(kernel):
    torch.manual_seed(0)
    fast = SingleMapConv(3, kernel)
    plain = nn.Conv3d(3, 1, kernel, padding=kernel // 2)
    plain.load_state_dict(fast.state_dict())
    x = torch.randn(2, 3, 5, 8, 9)
    for conv in (fast, plain):
        conv(x).square().sum().backward()
    torch.testing.assert_close(fast(x), plain(x), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(fast.weight.grad, plain.weight.grad, rtol=1e-3, atol=1e-3)


def test_the_pointwise_convolution_equals_conv3d_forward_and_backward():
    torch.manual_seed(0)
    fast = PointwiseConv3d(3, 4)
    plain = nn.Conv3d(3, 4, 1)
    plain.load_state_dict(fast.state_dict())
    x = torch.randn(2, 3, 5, 6, 7)
    for conv in (fast, plain):
        conv(x).square().sum().backward()
    torch.testing.assert_close(fast(x), plain(x), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(fast.weight.grad, plain.weight.grad, rtol=1e-3, atol=1e-3)


def test_a_residual_block_is_written_out_with_its_shortcut():
    """With weights that pass the middle pixel on: y = relu(relu(x)), then relu(shortcut(x) + y)."""
    block = ResidualBlock(1, 1, stride=2).eval()
    with torch.no_grad():
        for conv in (block.conv1, block.conv2):
            conv.weight.zero_()[0, 0, 1, 1] = 1.0
            conv.bias.zero_()
        block.shortcut[0].weight.fill_(-2.0)
        block.shortcut[0].bias.fill_(0.5)
    x = torch.tensor([[[[3.0, 9.0, -1.0, 9.0]]]])  # pixels 0 and 2 are kept
    y = torch.tensor([3.0, 0.0])
    expected = torch.relu(torch.tensor([-6.0 + 0.5, 2.0 + 0.5]) + y)
    torch.testing.assert_close(block(x).flatten(), expected, rtol=1e-4, atol=1e-4)


def test_a_basic_block_of_a_volume_adds_its_input_before_the_last_relu():
    block = BasicBlock3d(1).eval()
    with torch.no_grad():
        for conv, value in ((block.conv1, 1.0), (block.conv2, -0.5)):
            conv.weight.zero_()[0, 0, 1, 1, 1] = value
    x = torch.tensor([4.0, -3.0]).reshape(1, 1, 1, 1, 2)
    torch.testing.assert_close(block(x).flatten(), torch.tensor([2.0, 0.0]), rtol=1e-4, atol=1e-4)
