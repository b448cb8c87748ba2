"""Small convolution blocks shared by the parts of the network.

Legend of shape suffixes: B batch, C channels, D disparity bins, h, w at 1/4 resolution, H, W full resolution.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LEAK = 0.01  # slope of the leaky ReLUs


def conv_in_2d(inputs: int, outputs: int) -> nn.Sequential:
    """3x3 convolution, instance norm, leaky ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.InstanceNorm2d(outputs), nn.LeakyReLU(LEAK)
    )


def conv_bn_2d(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
    """Convolution, batch norm, leaky ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.LeakyReLU(LEAK),
    )


def conv_bn_3d(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """3-D convolution, batch norm, leaky ReLU."""
    return nn.Sequential(
        nn.Conv3d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=False),
        nn.BatchNorm3d(outputs),
        nn.LeakyReLU(LEAK),
    )


def upconv_bn_3d(inputs: int, outputs: int) -> nn.Sequential:
    """Transposed 3-D convolution that doubles D, h and w; batch norm, leaky ReLU."""
    return nn.Sequential(
        nn.ConvTranspose3d(inputs, outputs, 4, stride=2, padding=1, bias=False),
        nn.BatchNorm3d(outputs),
        nn.LeakyReLU(LEAK),
    )


class BasicBlock(nn.Module):
    """relu(x + norm(conv(relu(norm(conv(x)))))), 3x3 (or 3x3x3), no biases."""

    def __init__(self, channels: int, conv: type[nn.Module], norm: type[nn.Module]) -> None:
        super().__init__()
        self.conv1 = conv(channels, channels, 3, padding=1, bias=False)
        self.norm1 = norm(channels)
        self.conv2 = conv(channels, channels, 3, padding=1, bias=False)
        self.norm2 = norm(channels)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm1(self.conv1(x)))
        return F.relu(x + self.norm2(self.conv2(y)))


class ResidualBlock(nn.Module):
    """relu(shortcut(x) + y), y rectified before the addition; a 1x1 shortcut where the shape changes."""

    def __init__(
        self, inputs: int, outputs: int, *, stride: int = 1, norm: type[nn.Module] = nn.BatchNorm2d
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


class DisparityConv(nn.Conv3d):
    """Convolution along the disparity axis alone, kernel (k,1,1).

    Equal to nn.Conv3d of that kernel, whose weights it holds, but computed as a 2-D convolution with kernel
    (k,1) on (B,C,D,h*w): no data moves, and CPU libraries have a fast path for it.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__(inputs, outputs, (kernel, 1, 1), padding=(kernel // 2, 0, 0))

    def forward(self, x_bcdhw: Tensor) -> Tensor:
        folded = F.conv2d(x_bcdhw.flatten(3), self.weight[..., 0], self.bias, padding=(self.padding[0], 0))
        return folded.unflatten(3, x_bcdhw.shape[3:])


class AxialPlanarConv(nn.Module):
    """A 3x3 convolution in the image plane, then one along disparity (paper 3.2), with norm and ReLU."""

    def __init__(self, channels: int, disparity_kernel: int) -> None:
        super().__init__()
        self.planar = nn.Sequential(
            nn.Conv3d(channels, channels, (1, 3, 3), padding=(0, 1, 1)), nn.BatchNorm3d(channels), nn.ReLU()
        )
        self.axial = nn.Sequential(
            DisparityConv(channels, channels, disparity_kernel), nn.BatchNorm3d(channels), nn.ReLU()
        )

    def forward(self, x_bcdhw: Tensor) -> Tensor:
        return self.axial(self.planar(x_bcdhw))


class FeatureAttention(nn.Module):
    """Weight the channels of a volume by the left image's features, alike for all disparities."""

    def __init__(self, volume_dim: int, feature_dim: int) -> None:
        super().__init__()
        self.squeeze = conv_bn_2d(feature_dim, feature_dim // 2, 1)
        self.excite = nn.Conv2d(feature_dim // 2, volume_dim, 1)

    def forward(self, volume_bcdhw: Tensor, feature_bchw: Tensor) -> Tensor:
        return volume_bcdhw * torch.sigmoid(self.excite(self.squeeze(feature_bchw))).unsqueeze(2)
