"""`network.blocks` for inference: norms folded into convolutions, activations in place, volumes by rows.

Each class computes what the one it is derived from does in evaluation mode, but for rounding, and stands in
its place in the copy that `accelerate` makes. No gradient can be had of any.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stereo_model.fast import frames
from stereo_model.fast.convolve import BatchNorm, Conv, convolved, convolved_frame, convolved_map, folded
from stereo_model.fast.frames import empty_rows, rows_between, rows_first
from stereo_model.network.blocks import (
    LEAK,
    AxialPlanarConv,
    BasicBlock3d,
    FeatureAttention,
    NormedConv,
    ResidualBlock,
    SingleMapConv,
    single_map,
)


class FastConv2d(nn.Conv2d):
    """nn.Conv2d whose large 3x3 ones multiply less on the CPU (see `winograd`)."""

    def forward(self, x: Tensor) -> Tensor:
        return convolved_map(self, x, self.weight, self.bias)


class FastSingleMapConv(SingleMapConv):
    """The planes that give maps are rows of the image."""

    def forward(self, x_bcdhw: Tensor) -> Tensor:
        if self.kernel_size[0] == 1:
            return super().forward(x_bcdhw)
        return single_map(rows_first(x_bcdhw), self.weight.transpose(2, 3), self.bias).transpose(2, 3)


class FastNormedConv(NormedConv):
    """One convolution, with the activation in place."""

    def forward(self, x: Tensor) -> Tensor:
        conv, norm, activation = parts(self)
        y = convolved(conv, x, *folded(conv, norm))
        return F.leaky_relu_(y, LEAK) if isinstance(activation, nn.LeakyReLU) else F.relu_(y)


def parts(block: NormedConv) -> tuple[Conv, BatchNorm, nn.Module]:
    """Convolution, norm and activation."""
    conv, norm, activation = block
    return cast(Conv, conv), cast(BatchNorm, norm), activation


class FastResidualBlock(ResidualBlock):
    """Norms folded where they can be, additions in place."""

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu_(_normed(self.conv1, self.norm1, x))
        y = F.relu_(_normed(self.conv2, self.norm2, y))
        shortcut = x
        if isinstance(self.shortcut, nn.Sequential):
            conv, norm = self.shortcut
            shortcut = _normed(cast(nn.Conv2d, conv), norm, x)
        return F.relu_(y.add_(shortcut))


def _normed(conv: nn.Conv2d, norm: nn.Module, x: Tensor) -> Tensor:
    if isinstance(norm, nn.BatchNorm2d):
        return convolved_map(conv, x, *folded(conv, norm))
    normed: Tensor = norm(conv(x))
    return normed


class FastBasicBlock3d(BasicBlock3d):
    """Without the volume between the two convolutions: of that, a few rows exist at a time."""

    def forward(self, x: Tensor) -> Tensor:
        frame = rows_first(x)
        second = folded(self.conv2, self.norm2)
        result = empty_rows(frame)
        for row, end, inner in self._inner_slabs(frame):
            y = convolved_frame(self.conv2, inner, *second, rows=0)
            torch.add(y, frame[:, :, row:end], out=result[:, :, row:end])
            F.relu_(result[:, :, row:end])
        return result.transpose(2, 3)

    def _inner_slabs(self, frame_bchdw: Tensor) -> Iterator[tuple[int, int, Tensor]]:
        """Ranges of rows, each with what lies between the convolutions there and one row above and below."""
        first = folded(self.conv1, self.norm1)
        h = frame_bchdw.shape[2]
        inner = frame_bchdw[:, :, :0]
        for row, end in frames.row_slabs(frame_bchdw):
            until = min(end + 1, h)
            start = row + 1 if row else 0  # the rows before are there from the last slab
            if start < until:
                window = rows_between(frame_bchdw, start - 1, until + 1)
                new = F.relu_(convolved_frame(self.conv1, window, *first, rows=0))
                inner = torch.cat([inner, new], dim=2) if row else new
            top = row - (until - inner.shape[2])  # of this slab, in `inner`
            yield row, end, rows_between(inner, top - 1, top + end - row + 1)
            inner = inner[:, :, -2:]


class FastAxialPlanarConv(AxialPlanarConv):
    """Both convolutions slab by slab, without the volume between them."""

    def forward(self, x_bcdhw: Tensor) -> Tensor:
        frame = rows_first(x_bcdhw)
        (planar, norm, _), (axial, axial_norm, _) = parts(self.planar), parts(self.axial)
        planar, axial = cast(nn.Conv3d, planar), cast(nn.Conv3d, axial)
        of_plane, of_axis = folded(planar, norm), folded(axial, axial_norm)
        result = empty_rows(frame)
        for row, end in frames.row_slabs(frame):
            window = rows_between(frame, row - 1, end + 1)
            y = F.relu_(convolved_frame(planar, window, *of_plane, rows=0))
            y = convolved_frame(axial, y, *of_axis)
            torch.clamp_min(y, 0.0, out=result[:, :, row:end])
        return result.transpose(2, 3)


class FastFeatureAttention(FeatureAttention):
    """Changes the volume in place."""

    def forward(self, volume_bcdhw: Tensor, feature_bchw: Tensor) -> Tensor:
        return volume_bcdhw.mul_(self.weights(feature_bchw))
