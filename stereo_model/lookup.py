"""Reading the volumes around the current disparity, in every iteration of the refinement (paper 3.3).

Each pixel reads `2 * radius + 1` taps, one bin apart, centred on its disparity, from the filtered volume
and from the all-pairs correlation of the two images, at `levels` resolutions of the disparity axis. Values
between bins are linear; outside the axis they fall linearly to zero.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def sample_line(line_ncl: Tensor, start_n: Tensor, taps: int) -> Tensor:
    """Read `taps` values one bin apart from each line, from the fractional position `start_n` on: (N,C,taps).

    All taps share one fractional part, so taps + 1 neighbours and one weight are enough.
    """
    length = line_ncl.shape[-1]
    bounded = start_n.clamp(-taps - 1.0, length + 0.0)  # beyond these every tap is zero
    first = bounded.floor()
    weight = (bounded - first)[:, None, None]
    index = first.long()[:, None] + torch.arange(taps + 1, device=line_ncl.device)
    inside = (index >= 0) & (index < length)
    where = index.clamp(0, length - 1)[:, None].expand(-1, line_ncl.shape[1], -1)
    neighbours = line_ncl.gather(2, where) * inside[:, None]
    return torch.lerp(neighbours[..., :-1], neighbours[..., 1:], weight)


def all_pairs_correlation(left_bchw: Tensor, right_bchw: Tensor) -> Tensor:
    """Cosine between each left pixel and every right pixel of its row: (B,h,w,w), float32."""
    left = F.normalize(left_bchw.float(), dim=1)
    right = F.normalize(right_bchw.float(), dim=1)
    return torch.einsum("bchx,bchy->bhxy", left, right)


class GeometryLookup:
    """Pyramids of the filtered volume and the all-pairs correlation, built once per image pair."""

    def __init__(
        self, volume_bcdhw: Tensor, left_bchw: Tensor, right_bchw: Tensor, *, levels: int, radius: int
    ) -> None:
        b, c, d, h, w = volume_bcdhw.shape
        geometry = volume_bcdhw.float().permute(0, 3, 4, 1, 2).reshape(b * h * w, c, d)
        correlation = all_pairs_correlation(left_bchw, right_bchw).reshape(b * h * w, 1, w)
        self.radius = radius
        self.columns_b1hw = torch.arange(w, device=volume_bcdhw.device, dtype=torch.float32).expand(
            b, 1, h, w
        )
        self.levels = [(geometry, correlation)]
        for _ in range(levels - 1):
            geometry, correlation = (F.avg_pool1d(line, 2) for line in self.levels[-1])
            self.levels.append((geometry, correlation))

    def __call__(self, disparity_b1hw: Tensor) -> Tensor:
        """Taps around the disparity (quarter-resolution pixels): (B, levels * (C + 1) * taps, h, w)."""
        b, _, h, w = disparity_b1hw.shape
        taps = 2 * self.radius + 1
        read = []
        for level, (geometry, correlation) in enumerate(self.levels):
            at_bin = disparity_b1hw.reshape(-1) / 2**level - self.radius
            at_column = (self.columns_b1hw - disparity_b1hw).reshape(-1) / 2**level - self.radius
            read += [sample_line(geometry, at_bin, taps), sample_line(correlation, at_column, taps)]
        return torch.cat([part.flatten(1) for part in read], dim=1).reshape(b, h, w, -1).permute(0, 3, 1, 2)
