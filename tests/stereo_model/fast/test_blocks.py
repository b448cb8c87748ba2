"""Each block for inference computes what the one it stands for does in evaluation mode."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from stereo_model.fast import frames
from stereo_model.fast.accelerate import FAST
from stereo_model.network.blocks import (
    AxialPlanarConv,
    BasicBlock3d,
    FeatureAttention,
    ResidualBlock,
    SingleMapConv,
    conv_bn_2d,
    conv_bn_3d,
    pointwise_bn_3d,
    upconv_bn_3d,
)
from stereo_model.network.variant import variant


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
    monkeypatch.setattr(frames, "SLAB_BYTES", 0)
    monkeypatch.setattr(frames, "LEAST_ELEMENTS", 0)


BLOCKS_3D = {
    "conv": lambda: conv_bn_3d(4, 6),
    "strided": lambda: conv_bn_3d(4, 6, stride=2),
    "1x1x1": lambda: pointwise_bn_3d(4, 6),
    "up": lambda: upconv_bn_3d(4, 6),
    "residual": lambda: BasicBlock3d(4),
    "axial-planar": lambda: AxialPlanarConv(4, 5),
    "single map": lambda: SingleMapConv(4, 7),
    "single map, kernel 1": lambda: SingleMapConv(4, 1),
}


@pytest.mark.parametrize("name", BLOCKS_3D)
@pytest.mark.parametrize("rows", [4, 12])
def test_a_volume_block_infers_what_its_modules_compute(name, rows, small_slabs):
    torch.manual_seed(0)
    block = trained(BLOCKS_3D[name]())
    x = torch.randn(2, 4, 8, rows, 4)
    fast = variant(block, FAST)
    assert type(fast) is not type(block)
    with torch.no_grad():
        found = fast(x.clone())
    torch.testing.assert_close(found, block(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("rows", [1, 2, 7])
def test_residual_rows_join_without_seams_whatever_the_slabs(rows, monkeypatch):
    torch.manual_seed(0)
    block, x = trained(BasicBlock3d(3)), torch.randn(1, 3, 4, 7, 5)
    cuts = list(range(0, 7, rows)) + [7]
    monkeypatch.setattr(frames, "row_slabs", lambda frame: list(zip(cuts[:-1], cuts[1:], strict=True)))
    with torch.no_grad():
        found = variant(block, FAST)(x)
    torch.testing.assert_close(found, block(x), rtol=1e-4, atol=1e-5)


def test_slabs_cover_all_rows_once_and_have_nearly_equal_height(monkeypatch):
    monkeypatch.setattr(frames, "SLAB_BYTES", 4 * 2 * 5 * 6 * 3)  # three rows
    monkeypatch.setattr(frames, "LEAST_ELEMENTS", 0)
    slabs = frames.row_slabs(torch.zeros(1, 2, 11, 5, 6))
    assert slabs == [(0, 3), (3, 7), (7, 11)]


BLOCKS_2D = {
    "conv": lambda: conv_bn_2d(4, 6, 3),
    "residual": lambda: ResidualBlock(4, 4),
    "strided residual": lambda: ResidualBlock(4, 6, stride=2),
    "instance norm": lambda: ResidualBlock(4, 6, norm=nn.InstanceNorm2d),
    "wide": lambda: nn.Conv2d(96, 96, 3, padding=1),
}


@pytest.mark.parametrize("name", BLOCKS_2D)
def test_a_map_block_infers_what_its_modules_compute(name):
    torch.manual_seed(0)
    block = trained(BLOCKS_2D[name]())
    x = torch.randn(2, 96 if name == "wide" else 4, 10, 7)
    fast = variant(block, FAST)
    assert type(fast) is not type(block)
    with torch.no_grad():
        found = fast(x.clone())
    torch.testing.assert_close(found, block(x), rtol=1e-4, atol=1e-4)


def test_the_weighting_of_a_volume_changes_it_in_place():
    torch.manual_seed(0)
    attention = FeatureAttention(2, 4).eval()
    volume, feature = torch.randn(1, 2, 3, 4, 5), torch.randn(1, 4, 4, 5)
    expected = attention(volume, feature)
    with torch.no_grad():
        found = variant(attention, FAST)(volume, feature)
    assert found is volume
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
