from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from stereo_model.network.lookup import GeometryLookup, channels_innermost, sample_bins, sample_line
from tests.stereo_model.oracles.lookup import PlainLookup, published_order


def grid_sample_line(line_ncl, position_nt):
    """The oracle: torch's own bilinear sampling with zero padding, one row high."""
    length = line_ncl.shape[-1]
    x = 2 * position_nt / (length - 1) - 1
    grid = torch.stack([x, torch.zeros_like(x)], dim=-1).unsqueeze(1)
    return F.grid_sample(line_ncl.unsqueeze(2), grid, align_corners=True, padding_mode="zeros").squeeze(2)


@settings(deadline=None, max_examples=40)
@given(start=st.floats(-30, 30, width=32), length=st.integers(2, 12))
def test_sampling_a_line_equals_grid_sample(start, length):
    line = torch.arange(1.0, 2 * length + 1, dtype=torch.float64).reshape(1, 2, length)
    position = start + torch.arange(9, dtype=torch.float64)[None]
    fast = sample_line(line, torch.tensor([start], dtype=torch.float64), 9)
    torch.testing.assert_close(fast, grid_sample_line(line, position), rtol=1e-9, atol=1e-9)


def test_sampling_a_line_by_hand():
    line = torch.tensor([[[10.0, 20.0, 40.0]]])
    read = sample_line(line, torch.tensor([-0.75]), 5)
    # positions -0.75, 0.25, 1.25, 2.25, 3.25; beyond bin 2 the line falls to zero over one bin
    assert read.flatten().tolist() == [2.5, 12.5, 25.0, 30.0, 0.0]


def test_the_gradient_of_sampling_equals_grid_sample():
    torch.manual_seed(0)
    fast, plain = (
        torch.linspace(-1, 1, 42, dtype=torch.float64).reshape(3, 2, 7).requires_grad_() for _ in range(2)
    )
    start = torch.tensor([-3.3, 1.6, 5.9], dtype=torch.float64)
    weights = torch.randn(3, 2, 5, dtype=torch.float64)
    (sample_line(fast, start, 5) * weights).sum().backward()
    (
        grid_sample_line(plain, start[:, None] + torch.arange(5.0, dtype=torch.float64)) * weights
    ).sum().backward()
    torch.testing.assert_close(fast.grad, plain.grad)


@pytest.mark.parametrize("width", [8, 9])
def test_the_lookup_equals_grid_sample_on_all_taps_and_levels(width):
    torch.manual_seed(0)
    volume, left, right = (
        torch.randn(2, 3, 12, 4, width),
        torch.randn(2, 6, 4, width),
        torch.randn(2, 6, 4, width),
    )
    disparity = torch.rand(2, 1, 4, width) * 20 - 4
    fast, plain = (kind(volume, left, right, levels=2, radius=4) for kind in (GeometryLookup, PlainLookup))
    found = published_order(fast, disparity)
    assert found.shape == (2, 2 * 9 * (3 + 1), 4, width)
    torch.testing.assert_close(found, plain(disparity), rtol=1e-4, atol=1e-5)


def test_disparities_far_outside_read_zero():
    lookup = GeometryLookup(
        torch.ones(1, 2, 8, 2, 2), torch.ones(1, 8, 2, 2), torch.ones(1, 8, 2, 2), levels=2, radius=4
    )
    for far in (1e9, -1e9):
        assert not lookup.read(torch.full((1, 1, 2, 2), far)).any()


def test_reading_bins_of_a_volume_equals_reading_each_channel_as_a_line():
    torch.manual_seed(0)
    volume, start = torch.randn(2, 3, 7, 4, 5), torch.rand(2, 3, 4) * 16 - 6  # (B,h,D,w,C)
    lines = volume.permute(0, 1, 3, 4, 2).reshape(-1, 5, 7)
    expected = sample_line(lines, start.flatten(), 3).mT.reshape(2, 3, 4, 3, 5)
    torch.testing.assert_close(sample_bins(volume, start, 3), expected)


def test_a_layer_reads_the_same_from_either_order_of_the_lookup():
    torch.manual_seed(0)
    lookup = GeometryLookup(
        torch.randn(1, 3, 8, 2, 4), torch.randn(1, 6, 2, 4), torch.randn(1, 6, 2, 4), levels=2, radius=1
    )
    disparity = torch.rand(1, 1, 2, 4) * 6
    weight = torch.randn(5, 2 * 3 * (3 + 1))
    inner = F.linear(lookup.read(disparity), channels_innermost(weight, levels=2, taps=3))
    outer = torch.einsum("bkhw,ok->bhwo", published_order(lookup, disparity), weight)
    torch.testing.assert_close(inner, outer)


def test_a_volume_laid_out_by_rows_is_not_copied():
    rows = torch.randn(1, 2, 8, 4, 3)  # (B,h,D,w,C)
    features = torch.randn(1, 6, 2, 4)
    lookup = GeometryLookup(rows.permute(0, 4, 2, 1, 3), features, features, levels=1, radius=1)
    assert lookup.levels[0][0].data_ptr() == rows.data_ptr()
