"""The cost volume built bin by bin, joined, then convolved."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from stereo_model.network.cost_volume import HybridCostVolume


class PlainCostVolume(HybridCostVolume):
    """Correlation and concatenation built bin by bin, joined, then convolved."""

    def forward(self, left_bchw: Tensor, right_bchw: Tensor, evidence_bedhw: Tensor | None = None) -> Tensor:
        parts = []
        if self.groups:
            parts.append(plain_correlation(left_bchw, right_bchw, bins=self.bins, groups=self.groups))
        if evidence_bedhw is not None:
            parts.append(evidence_bedhw)
        if self.project is not None:
            views = (self.project(view) for view in (left_bchw, right_bchw))
            parts.append(plain_concatenation(*views, bins=self.bins))
        volume = torch.cat(parts, dim=1)
        return self.attention(self.smooth(self.mix(volume)), left_bchw)


def plain_correlation(left_bchw: Tensor, right_bchw: Tensor, *, bins: int, groups: int) -> Tensor:
    """cost_volume.group_correlation, one bin at a time."""
    left, right = (view.float().unflatten(1, (groups, -1)) for view in (left_bchw, right_bchw))
    b, _, _, h, w = left.shape
    volume = left.new_zeros(b, groups, bins, h, w)
    for d in range(min(bins, w)):
        pair = F.normalize(left[..., d:], dim=2) * F.normalize(right[..., : w - d], dim=2)
        volume[:, :, d, :, d:] = pair.sum(2)
    return volume


def plain_concatenation(left_bchw: Tensor, right_bchw: Tensor, *, bins: int) -> Tensor:
    """cost_volume.concatenation, one bin at a time."""
    b, c, h, w = left_bchw.shape
    volume = left_bchw.new_zeros(b, 2 * c, bins, h, w)
    for d in range(bins):
        volume[:, :c, d] = left_bchw
        if d < w:
            volume[:, c:, d, :, d:] = right_bchw[..., : w - d]
    return volume
