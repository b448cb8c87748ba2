"""Convolutions with other weights than their module's: batch norms folded into them, rows outermost."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stereo_model.fast import winograd
from stereo_model.fast.frames import rows_first
from stereo_model.network.blocks import DisparityConv, PointwiseConv3d, matrix_product

BatchNorm = nn.BatchNorm2d | nn.BatchNorm3d
Conv = nn.Conv2d | nn.Conv3d | nn.ConvTranspose3d


def folded(conv: Conv, norm: BatchNorm) -> tuple[Tensor, Tensor]:
    """Weight and bias of `conv` followed by the batch norm `norm` with its stored statistics."""
    if norm.running_var is None or norm.running_mean is None:
        raise TypeError(f"{norm} keeps no statistics and cannot be folded into a convolution")
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    bias = norm.bias - norm.running_mean * scale
    shape = [1] * conv.weight.dim()
    shape[1 if isinstance(conv, nn.ConvTranspose3d) else 0] = -1
    if conv.bias is not None:
        bias = bias + conv.bias * scale
    return conv.weight * scale.view(shape), bias


def convolved(conv: Conv, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """conv(x) with other weights of the same shape."""
    if isinstance(conv, nn.Conv2d):
        return convolved_map(conv, x, weight, bias)
    if isinstance(conv, nn.ConvTranspose3d):
        frame = F.conv_transpose3d(rows_first(x), weight.transpose(2, 3), bias, conv.stride, _padding(conv))
    else:
        frame = convolved_frame(conv, rows_first(x), weight, bias)
    return frame.transpose(2, 3)


def convolved_map(conv: nn.Conv2d, x_bchw: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """conv(x) of maps, by `winograd` where that pays."""
    shape = (conv.kernel_size, conv.stride, conv.padding, conv.dilation, conv.groups)
    plain3x3 = shape == ((3, 3), (1, 1), (1, 1), (1, 1), 1)
    if plain3x3 and winograd.pays(conv.in_channels, conv.out_channels) and winograd.applicable(x_bchw):
        return winograd.convolve([x_bchw], winograd.prepare(weight, bias))
    return F.conv2d(x_bchw, weight, bias, conv.stride, _padding(conv), conv.dilation, conv.groups)


def convolved_frame(
    conv: nn.Conv3d, frame_bchdw: Tensor, weight: Tensor, bias: Tensor | None, *, rows: int | None = None
) -> Tensor:
    """Conv of a frame, with `rows` rows of zeros above and below; by default as many as the module pads."""
    if isinstance(conv, PointwiseConv3d):
        return matrix_product(frame_bchdw, weight, bias)
    if isinstance(conv, DisparityConv):
        return _along_disparity(frame_bchdw, weight, bias)
    disparity, own_rows, columns = _padding(conv)
    around = (own_rows if rows is None else rows, disparity, columns)
    return F.conv3d(frame_bchdw, weight.transpose(2, 3), bias, conv.stride, around, groups=conv.groups)


def _along_disparity(frame_bchdw: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """DisparityConv of a frame: each row is one picture of height D."""
    rows = frame_bchdw.transpose(1, 2).flatten(0, 1)
    rows = F.conv2d(rows, weight[..., 0], bias, padding=(weight.shape[2] // 2, 0))
    return torch.unflatten(rows, 0, (-1, frame_bchdw.shape[2])).transpose(1, 2)


def bias_of(conv: Conv) -> Tensor:
    """The bias of a convolution that has one."""
    return conv.get_parameter("bias")


def _padding(conv: Conv) -> tuple[int, ...]:
    if isinstance(conv.padding, str):
        raise TypeError(f"{conv}: padding by name is not known here")
    return conv.padding
