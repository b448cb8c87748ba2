"""Reading the volumes around the current disparity, in every iteration of the refinement (paper 3.3).

Each pixel reads `2 * radius + 1` taps, one bin apart, centred on its disparity, from the filtered volume
and from the all-pairs correlation of the two images, at `levels` resolutions of the disparity axis. Values
between bins are linear; outside the axis they fall linearly to zero.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from stereo_model.network.precision import float32


def sample_line(line_ncl: Tensor, start_n: Tensor, taps: int) -> Tensor:
    """Read `taps` values one bin apart from each line, from the fractional position `start_n` on: (N,C,taps).

    All taps share one fractional part, so taps + 1 neighbours and one weight are enough.
    """
    index, inside, weight = _neighbours(start_n, taps, line_ncl.shape[-1])
    where = index[:, None].expand(-1, line_ncl.shape[1], -1)
    neighbours = line_ncl.gather(2, where) * inside[:, None]
    return torch.lerp(neighbours[..., :-1], neighbours[..., 1:], weight[:, None, None])


def sample_bins(volume_bhdwc: Tensor, start_bhw: Tensor, taps: int) -> Tensor:
    """Read `taps` bins of each pixel, from the fractional bin `start_bhw` on: (B,h,w,taps,C).

    The same as `sample_line` for every channel, but all channels of a bin are one piece of memory.
    """
    b, h, bins, w, channels = volume_bhdwc.shape
    index, inside, weight = _neighbours(start_bhw, taps, bins)
    row = torch.arange(b * h, device=index.device).view(b, h, 1, 1) * bins
    where = (row + index) * w + torch.arange(w, device=index.device)[:, None]
    read = volume_bhdwc.reshape(-1, channels).index_select(0, where.flatten()).view(*where.shape, channels)
    read = read * inside.unsqueeze(-1)
    return torch.lerp(read[..., :-1, :], read[..., 1:, :], weight[..., None, None])


def _neighbours(start: Tensor, taps: int, length: int) -> tuple[Tensor, Tensor, Tensor]:
    """For a start (...): index (..., taps + 1) in the axis, whether it was inside, and the fraction (...)."""
    bounded = start.clamp(-taps - 1.0, length + 0.0)  # beyond these every tap is zero
    first = bounded.floor()
    index = first.long().unsqueeze(-1) + torch.arange(taps + 1, device=start.device)
    inside = (index >= 0) & (index < length)
    return index.clamp(0, length - 1), inside, bounded - first


def all_pairs_correlation(left_bchw: Tensor, right_bchw: Tensor) -> Tensor:
    """Cosine between each left pixel and every right pixel of its row: (B,h,w,w), float32."""
    with float32(left_bchw):
        left = F.normalize(left_bchw.float(), dim=1)
        right = F.normalize(right_bchw.float(), dim=1)
        return left.permute(0, 2, 3, 1) @ right.permute(0, 2, 1, 3)


class GeometryLookup:
    """Pyramids of the filtered volume and the all-pairs correlation, built once per image pair."""

    def __init__(
        self, volume_bcdhw: Tensor, left_bchw: Tensor, right_bchw: Tensor, *, levels: int, radius: int
    ) -> None:
        b, _, _, h, w = volume_bcdhw.shape
        geometry = volume_bcdhw.float().permute(0, 3, 2, 4, 1).contiguous()  # a view if laid out by rows
        correlation = all_pairs_correlation(left_bchw, right_bchw).reshape(b * h * w, 1, w)
        self.taps = 2 * radius + 1
        self.radius = radius
        self.columns_w = torch.arange(w, device=volume_bcdhw.device, dtype=torch.float32)
        self.levels = [(geometry, correlation)]
        for _ in range(levels - 1):
            geometry, correlation = self.levels[-1]
            self.levels.append((_halved_bins(geometry), F.avg_pool1d(correlation, 2)))

    def read(self, disparity_b1hw: Tensor) -> Tensor:
        """Taps around the disparity (quarter-resolution pixels): (B,h,w,K), K = levels * taps * (C + 1).

        For each level: the bins, each with its C channels, then the correlations.
        """
        disparity = disparity_b1hw.squeeze(1)
        read = []
        for level, (geometry, correlation) in enumerate(self.levels):
            at_bin = disparity / 2**level - self.radius
            at_column = (self.columns_w - disparity) / 2**level - self.radius
            columns = sample_line(correlation, at_column.flatten(), self.taps)
            read += [sample_bins(geometry, at_bin, self.taps).flatten(3), columns.view(*disparity.shape, -1)]
        return torch.cat(read, dim=-1)


def channels_innermost(weight_ok: Tensor, *, levels: int, taps: int) -> Tensor:
    """Reorder the inputs of a layer from the published order to that of `GeometryLookup.read`.

    In the published one all taps of a channel stand together: for each level, the taps of every channel of
    the volume, then those of the correlation.
    """
    per_level = torch.unflatten(weight_ok, -1, (levels, -1, taps))
    bins, columns = per_level[..., :-1, :].mT.flatten(-2), per_level[..., -1, :]
    return torch.cat([bins, columns], dim=-1).flatten(1)


def _halved_bins(volume_bhdwc: Tensor) -> Tensor:
    """Means of bins 2k and 2k + 1."""
    even, odd = volume_bhdwc[:, :, 0:-1:2], volume_bhdwc[:, :, 1::2]
    return (even + odd) * 0.5
