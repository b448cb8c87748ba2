"""Convolution blocks shared by the parts of the network; axial-planar convolution (paper 3.2).

Legend of shape suffixes: B batch, C channels, D disparity bins, h, w at 1/4 resolution, H, W full resolution.

Three 3-D convolutions are written as what they are for: a matrix product per voxel, one along disparity
alone, one with a single map of results. Each equals nn.Conv3d with its kernel, whose weights it holds, and
is computed, in training too, in the form that libraries are fast at.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LEAK = 0.01  # slope of the leaky ReLUs


class PointwiseConv3d(nn.Conv3d):
    """nn.Conv3d of kernel 1, as a matrix product."""

    def __init__(self, inputs: int, outputs: int, *, bias: bool = True) -> None:
        super().__init__(inputs, outputs, 1, bias=bias)

    def forward(self, x_bcdhw: Tensor) -> Tensor:
        return matrix_product(x_bcdhw, self.weight, self.bias)


def matrix_product(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """A convolution of kernel 1: (B,C,...) -> (B,O,...)."""
    return F.linear(x.movedim(1, -1), weight.flatten(1), bias).movedim(-1, 1)


class DisparityConv(nn.Conv3d):
    """nn.Conv3d along the disparity axis alone, kernel (k,1,1).

    A 2-D convolution with kernel (k,1) on (B,C,D,h*w): no data moves.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__(inputs, outputs, (kernel, 1, 1), padding=(kernel // 2, 0, 0))
        self.reach = kernel // 2

    def forward(self, x_bcdhw: Tensor) -> Tensor:
        folded = F.conv2d(x_bcdhw.flatten(3), self.weight[..., 0], self.bias, padding=(self.reach, 0))
        return torch.unflatten(folded, 3, x_bcdhw.shape[3:])


class SingleMapConv(nn.Conv3d):
    """nn.Conv3d with one output channel, odd cubic kernel, and a bias.

    Convolution libraries compute one map as slowly as sixteen. So a 2-D convolution gives one map per tap of
    the outermost axis, and the maps are added with the shift of their tap.
    """

    def __init__(self, inputs: int, kernel: int) -> None:
        super().__init__(inputs, 1, kernel, padding=kernel // 2)

    def forward(self, x_bcdhw: Tensor) -> Tensor:
        if self.kernel_size[0] == 1:
            return matrix_product(x_bcdhw, self.weight, self.bias)
        return single_map(x_bcdhw, self.weight, self.bias)


def single_map(x_bcpqr: Tensor, weight_1ikkk: Tensor, bias_1: Tensor | None) -> Tensor:
    """3-D convolution of odd kernel k, padding k // 2, to one map: (B,1,P,Q,R)."""
    b, _, planes = x_bcpqr.shape[:3]
    reach = weight_1ikkk.shape[2] // 2
    flat = x_bcpqr.transpose(1, 2).flatten(0, 1)
    maps = torch.unflatten(F.conv2d(flat, weight_1ikkk[0].transpose(0, 1), padding=reach), 0, (b, planes))
    maps = F.pad(maps, (0, 0, 0, 0, 0, 0, reach, reach))
    taps = [maps[:, tap : tap + planes, tap] for tap in range(2 * reach + 1)]
    total = torch.stack(taps).sum(0).unsqueeze(1)
    return total if bias_1 is None else total + bias_1


class NormedConv(nn.Sequential):
    """Convolution, batch norm, activation."""

    def __init__(self, conv: nn.Module, norm: nn.Module, activation: nn.Module) -> None:
        super().__init__(conv, norm, activation)


def conv_in_2d(inputs: int, outputs: int) -> nn.Sequential:
    """3x3 convolution, instance norm, leaky ReLU."""
    conv = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
    return nn.Sequential(conv, nn.InstanceNorm2d(outputs), nn.LeakyReLU(LEAK))


def conv_bn_2d(inputs: int, outputs: int, kernel: int) -> NormedConv:
    """Convolution, batch norm, leaky ReLU."""
    conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
    return NormedConv(conv, nn.BatchNorm2d(outputs), nn.LeakyReLU(LEAK))


def conv_bn_3d(inputs: int, outputs: int, *, stride: int = 1) -> NormedConv:
    """3x3x3 convolution, batch norm, leaky ReLU."""
    conv = nn.Conv3d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
    return NormedConv(conv, nn.BatchNorm3d(outputs), nn.LeakyReLU(LEAK))


def pointwise_bn_3d(inputs: int, outputs: int) -> NormedConv:
    """1x1x1 convolution, batch norm, leaky ReLU."""
    conv = PointwiseConv3d(inputs, outputs, bias=False)
    return NormedConv(conv, nn.BatchNorm3d(outputs), nn.LeakyReLU(LEAK))


def upconv_bn_3d(inputs: int, outputs: int) -> NormedConv:
    """Transposed 3-D convolution that doubles D, h and w; batch norm, leaky ReLU."""
    conv = nn.ConvTranspose3d(inputs, outputs, 4, stride=2, padding=1, bias=False)
    return NormedConv(conv, nn.BatchNorm3d(outputs), nn.LeakyReLU(LEAK))


class BasicBlock2d(nn.Module):
    """relu(x + norm(conv(relu(norm(conv(x)))))), 3x3, instance norm, no biases."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm1 = nn.InstanceNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm2 = nn.InstanceNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm1(self.conv1(x)))
        return F.relu(x + self.norm2(self.conv2(y)))


class BasicBlock3d(nn.Module):
    """relu(x + norm(conv(relu(norm(conv(x)))))), 3x3x3, batch norm, no biases."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(channels, channels, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm3d(channels)
        self.conv2 = nn.Conv3d(channels, channels, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm3d(channels)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm1(self.conv1(x)))
        return F.relu(x + self.norm2(self.conv2(y)))


class ResidualBlock(nn.Module):
    """relu(shortcut(x) + y), y rectified before the addition; a 1x1 shortcut where the shape changes."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        stride: int = 1,
        norm: type[nn.BatchNorm2d] | type[nn.InstanceNorm2d] = nn.BatchNorm2d,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1)
        self.norm1 = norm(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.norm2 = norm(outputs)
        self.shortcut = (
            nn.Identity()
            if stride == 1 and inputs == outputs
            else nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride=stride), norm(outputs))
        )

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm1(self.conv1(x)))
        y = F.relu(self.norm2(self.conv2(y)))
        return F.relu(self.shortcut(x) + y)


class AxialPlanarConv(nn.Module):
    """A 3x3 convolution in the image plane, then one along disparity (paper 3.2), with norm and ReLU."""

    def __init__(self, channels: int, disparity_kernel: int) -> None:
        super().__init__()
        planar = nn.Conv3d(channels, channels, (1, 3, 3), padding=(0, 1, 1))
        axial = DisparityConv(channels, channels, disparity_kernel)
        self.planar = NormedConv(planar, nn.BatchNorm3d(channels), nn.ReLU())
        self.axial = NormedConv(axial, nn.BatchNorm3d(channels), nn.ReLU())

    def forward(self, x_bcdhw: Tensor) -> Tensor:
        filtered: Tensor = self.axial(self.planar(x_bcdhw))
        return filtered


class FeatureAttention(nn.Module):
    """Weight the channels of a volume by the left image's features, alike for all disparities."""

    def __init__(self, volume_dim: int, feature_dim: int) -> None:
        super().__init__()
        self.squeeze = conv_bn_2d(feature_dim, feature_dim // 2, 1)
        self.excite = nn.Conv2d(feature_dim // 2, volume_dim, 1)

    def weights(self, feature_bchw: Tensor) -> Tensor:
        """(B,C,1,h,w), in (0, 1)."""
        return torch.sigmoid(self.excite(self.squeeze(feature_bchw))).unsqueeze(2)

    def forward(self, volume_bcdhw: Tensor, feature_bchw: Tensor) -> Tensor:
        return volume_bcdhw * self.weights(feature_bchw)
