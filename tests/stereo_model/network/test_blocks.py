from __future__ import annotations

import pytest
import torch
from torch import nn

from stereo_model.network import blocks as layers
from stereo_model.network.blocks import (
    AxialPlanarConv,
    BasicBlock3d,
    Conv2d,
    Conv3d,
    DisparityConv,
    FeatureAttention,
    ResidualBlock,
    SingleMapConv,
    conv_bn_2d,
    conv_bn_3d,
    upconv_bn_3d,
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


def trained(module):
    """In evaluation mode, with batch norm statistics and weights as if trained."""
    for name, value in module.state_dict().items():
        if name.endswith(("running_var", "norm1.weight", "norm2.weight")):
            value.uniform_(0.5, 2.0)
        elif name.endswith(("running_mean", "bias")):
            value.uniform_(-1.0, 1.0)
    return module.eval()


@pytest.fixture
def small_slabs(monkeypatch):
    monkeypatch.setattr(layers, "SLAB_BYTES", 0)
    monkeypatch.setattr(layers, "LEAST_ELEMENTS", 0)


BLOCKS_3D = {
    "conv": lambda: conv_bn_3d(4, 6),
    "strided": lambda: conv_bn_3d(4, 6, stride=2),
    "1x1x1": lambda: conv_bn_3d(4, 6, kernel=1),
    "up": lambda: upconv_bn_3d(4, 6),
    "residual": lambda: BasicBlock3d(4),
    "axial-planar": lambda: AxialPlanarConv(4, 5),
    "single map": lambda: SingleMapConv(4, 7),
    "single map, kernel 1": lambda: SingleMapConv(4, 1),
    "depthwise": lambda: Conv3d(4, 4, 4, stride=4, groups=4),
}


@pytest.mark.parametrize("name", BLOCKS_3D)
@pytest.mark.parametrize("rows", [4, 12])
def test_a_volume_block_infers_what_its_modules_compute(name, rows, small_slabs):
    torch.manual_seed(0)
    block = trained(BLOCKS_3D[name]())
    x = torch.randn(2, 4, 8, rows, 4)
    with torch.no_grad():
        fast = block(x.clone())
    torch.testing.assert_close(fast, block(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("rows", [1, 2, 7])
def test_residual_rows_join_without_seams_whatever_the_slabs(rows, monkeypatch):
    torch.manual_seed(0)
    block, x = trained(BasicBlock3d(3)), torch.randn(1, 3, 4, 7, 5)
    cuts = list(range(0, 7, rows)) + [7]
    monkeypatch.setattr(layers, "row_slabs", lambda frame: list(zip(cuts[:-1], cuts[1:], strict=True)))
    with torch.no_grad():
        torch.testing.assert_close(block(x), block._by_rows(x.transpose(2, 3)).transpose(2, 3))
        fast = block(x)
    torch.testing.assert_close(fast, block(x), rtol=1e-4, atol=1e-5)


def test_slabs_cover_all_rows_once_and_have_nearly_equal_height(monkeypatch):
    monkeypatch.setattr(layers, "SLAB_BYTES", 4 * 2 * 5 * 6 * 3)  # three rows
    monkeypatch.setattr(layers, "LEAST_ELEMENTS", 0)
    slabs = layers.row_slabs(torch.zeros(1, 2, 11, 5, 6))
    assert slabs == [(0, 3), (3, 7), (7, 11)]


BLOCKS_2D = {
    "conv": lambda: conv_bn_2d(4, 6, 3),
    "residual": lambda: ResidualBlock(4, 4),
    "strided residual": lambda: ResidualBlock(4, 6, stride=2),
    "instance norm": lambda: ResidualBlock(4, 6, norm=nn.InstanceNorm2d),
    "wide": lambda: Conv2d(96, 96, 3, padding=1),
}


@pytest.mark.parametrize("name", BLOCKS_2D)
def test_a_map_block_infers_what_its_modules_compute(name):
    torch.manual_seed(0)
    block = trained(BLOCKS_2D[name]())
    x = torch.randn(2, 96 if name == "wide" else 4, 10, 7)
    with torch.no_grad():
        fast = block(x.clone())
    torch.testing.assert_close(fast, block(x), rtol=1e-4, atol=1e-4)


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


def test_a_module_told_not_to_be_fast_runs_its_modules():
    block = AxialPlanarConv(2, 3).eval()
    seen = []
    block.axial.register_forward_hook(lambda *_: seen.append(1))
    with torch.no_grad():
        block(torch.zeros(1, 2, 4, 4, 4))
        assert not seen
        block.fast = False
        block(torch.zeros(1, 2, 4, 4, 4))
    assert seen
