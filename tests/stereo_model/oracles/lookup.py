"""lookup.GeometryLookup by torch's own bilinear sampling, and its answer in the published order."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from stereo_model.network.lookup import GeometryLookup, all_pairs_correlation


class PlainLookup:
    """lookup.GeometryLookup by torch's own bilinear sampling with zero padding."""

    def __init__(
        self, volume_bcdhw: Tensor, left_bchw: Tensor, right_bchw: Tensor, *, levels: int, radius: int
    ) -> None:
        b, c, d, h, w = volume_bcdhw.shape
        geometry = volume_bcdhw.float().permute(0, 3, 4, 1, 2).reshape(b * h * w, c, 1, d)
        correlation = all_pairs_correlation(left_bchw, right_bchw).reshape(b * h * w, 1, 1, w)
        self.taps_t = torch.arange(-radius, radius + 1.0, device=volume_bcdhw.device)
        self.columns_n1 = torch.arange(w, device=volume_bcdhw.device).expand(b, h, w).reshape(-1, 1)
        self.levels = [(geometry, correlation)]
        for _ in range(levels - 1):
            geometry, correlation = (F.avg_pool2d(line, (1, 2)) for line in self.levels[-1])
            self.levels.append((geometry, correlation))

    def __call__(self, disparity_b1hw: Tensor) -> Tensor:
        """(B, levels * (C + 1) * taps, h, w); for each level, the taps of every channel."""
        b, _, h, w = disparity_b1hw.shape
        at = disparity_b1hw.reshape(-1, 1)
        read = []
        for level, (geometry, correlation) in enumerate(self.levels):
            read.append(_sample(geometry, at / 2**level + self.taps_t))
            read.append(_sample(correlation, (self.columns_n1 - at) / 2**level + self.taps_t))
        return torch.cat(read, dim=1).reshape(b, h, w, -1).permute(0, 3, 1, 2).contiguous()


def _sample(line_nc1l: Tensor, position_nt: Tensor) -> Tensor:
    x = 2 * position_nt / (line_nc1l.shape[-1] - 1) - 1
    grid = torch.stack([x, torch.zeros_like(x)], dim=-1).unsqueeze(1)
    return F.grid_sample(line_nc1l, grid, align_corners=True, padding_mode="zeros").flatten(1)


def published_order(lookup: GeometryLookup, disparity_b1hw: Tensor) -> Tensor:
    """What `lookup.read` gives as (B,K,h,w): for each level, the taps of every channel."""
    read = lookup.read(disparity_b1hw)
    channels = lookup.levels[0][0].shape[-1]
    per_level = read.unflatten(-1, (len(lookup.levels), -1, lookup.taps))
    bins = per_level[..., :channels, :].flatten(-2).unflatten(-1, (lookup.taps, channels)).mT
    ordered = torch.cat([bins, per_level[..., channels:, :]], dim=-2)
    return ordered.flatten(3).permute(0, 3, 1, 2)
