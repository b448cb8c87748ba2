from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from stereo_model.fast import winograd


@settings(deadline=None, max_examples=30)
@given(
    batch=st.integers(1, 2), rows=st.integers(1, 11), columns=st.integers(1, 11), channels=st.integers(1, 5)
)
def test_the_convolution_equals_the_direct_one(batch, rows, columns, channels):
    torch.manual_seed(0)
    x = torch.randn(batch, channels, rows, columns, dtype=torch.float64)
    weight, bias = (torch.randn(shape, dtype=torch.float64) for shape in ((3, channels, 3, 3), (3,)))
    fast = winograd.convolve([x], winograd.prepare(weight, bias))
    torch.testing.assert_close(fast, F.conv2d(x, weight, bias, padding=1), rtol=1e-10, atol=1e-10)


def test_parts_are_joined_along_the_channels_and_only_the_first_results_are_rectified():
    torch.manual_seed(0)
    parts = [torch.randn(1, channels, 6, 9) for channels in (2, 3)]
    weight = torch.randn(4, 5, 3, 3)
    fast = winograd.convolve(parts, winograd.prepare(weight), rectified=3)
    direct = F.conv2d(torch.cat(parts, dim=1), weight, padding=1)
    torch.testing.assert_close(fast[:, :3], direct[:, :3].relu(), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(fast[:, 3:], direct[:, 3:], rtol=1e-4, atol=1e-4)
    assert direct[:, 3:].min() < 0


def test_many_windows_are_worked_on_in_several_blocks(monkeypatch):
    torch.manual_seed(0)
    x, weight = torch.randn(1, 3, 21, 10), torch.randn(2, 3, 3, 3)
    monkeypatch.setattr(winograd, "WINDOWS_AT_ONCE", 4)  # one row of windows each
    fast = winograd.convolve([x], winograd.prepare(weight))
    torch.testing.assert_close(fast, F.conv2d(x, weight, padding=1), rtol=1e-4, atol=1e-4)


def test_rounding_stays_near_that_of_the_direct_convolution():
    torch.manual_seed(0)
    x, weight = torch.randn(1, 128, 16, 16), torch.randn(64, 128, 3, 3) / 34  # results of about unit size
    exact = F.conv2d(x.double(), weight.double(), padding=1)
    error = (winograd.convolve([x], winograd.prepare(weight)) - exact).abs().max()
    assert error < 4e-5


@pytest.mark.parametrize(("channels", "pays"), [((512, 256), True), ((96, 96), True), ((64, 64), False)])
def test_only_wide_convolutions_pay(channels, pays):
    assert winograd.pays(*channels) is pays


def test_half_precision_and_autocast_keep_to_the_direct_convolution():
    x = torch.zeros(1, 1, 4, 4)
    assert winograd.applicable(x) and not winograd.applicable(x.bfloat16())
    with torch.autocast("cpu", torch.bfloat16):
        assert not winograd.applicable(x)
