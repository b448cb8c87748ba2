from __future__ import annotations

import pytest
import torch

from stereo_model.fast import frames
from stereo_model.fast.accelerate import FAST
from stereo_model.network.config import model_config
from stereo_model.network.cost_volume import HybridCostVolume
from stereo_model.network.variant import variant


@pytest.mark.parametrize("kind", ["hybrid", "groupwise", "concat"])
@pytest.mark.parametrize("evidence", [False, True])
def test_slabs_of_rows_join_to_the_volume(kind, evidence, monkeypatch):
    torch.manual_seed(0)
    monkeypatch.setattr(frames, "row_slabs", lambda frame: [(0, 1), (1, 4), (4, 6)])
    config = model_config("nano", cost_volume=kind, evidence_skip=evidence, census_radius=None)
    part = HybridCostVolume(config, 16).eval()
    left, right = torch.randn(2, 2, 16, 6, 9)
    given = torch.randn(2, 1, config.bins, 6, 9) if evidence else None
    with torch.no_grad():
        fast = variant(part, FAST)(left, right, given)
    torch.testing.assert_close(fast, part(left, right, given), rtol=1e-4, atol=1e-5)
