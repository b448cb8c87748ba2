from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import torch

from benchmarks.gpu_check import inference
from benchmarks.gpu_check.inference import Cost, Way, compared, prepared
from benchmarks.gpu_check.part import Context
from stereo_model import create_model

COST = Cost(seconds=2.0, first_s=3.0, peak_gb=None, disparity_b1hw=torch.zeros(1, 1, 2, 2))


def test_a_way_is_compared_with_the_plain_one():
    other = replace(COST, seconds=0.5, disparity_b1hw=torch.tensor([[[[0.0, 1.0], [1.0, 4.0]]]]))
    assert compared(other, COST) == {
        "times_faster": 4.0,
        "median_difference_px": 1.0,
        "largest_difference_px": 4.0,
    }
    assert compared(other, None) == {}


def test_channels_last_lays_out_the_weights_of_flat_convolutions():
    model = prepared(create_model("nano"), Way(name="", accelerated=False, channels_last=True))
    flat = [weight for weight in model.parameters() if weight.dim() == 4 and weight.shape[1] > 1]
    assert flat and all(weight.is_contiguous(memory_format=torch.channels_last) for weight in flat)


def test_memory_that_does_not_suffice_costs_one_row(tmp_path: Path, monkeypatch):
    def measured(context, model, way, size_hw):
        return None if way.half else COST

    monkeypatch.setattr(inference, "_cost", measured)
    context = Context(device="cpu", smoke=True, out=tmp_path, scratch=tmp_path, end=time.monotonic() + 60)
    rows = list(inference.vits_compiled(context))
    assert rows[0]["seconds_per_pair"] == 2.0 and "times_faster" not in rows[0]
    assert rows[1]["failed"] == "out of memory"
