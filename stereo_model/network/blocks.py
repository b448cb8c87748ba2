"""Convolution blocks shared by the parts of the network.

Legend of shape suffixes: B batch, C channels, D disparity bins, h, w at 1/4 resolution, H, W full resolution.

Every block has two ways to compute the same thing. Where gradients are recorded, its modules run one after
the other. Where they are not (`infers`), batch norms are folded into the convolutions before them,
activations work in place, and volumes are laid out row by row in memory, (B,h,D,w,C): then a part of the
image is one piece of memory, a convolution along disparity needs no copy, and a long chain of volumes can be
replaced by a few rows at a time. The results agree but for rounding; `stereo_model.fast.plain` is the
reference.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stereo_model.fast import winograd

LEAK = 0.01  # slope of the leaky ReLUs
SLAB_BYTES = 16 << 20  # rows of a volume that are worked on at a time, on the CPU
LEAST_ELEMENTS = 20480  # of a slab, over all axes but the last; torch runs smaller 3-D convolutions slowly


def infers(module: nn.Module) -> bool:
    """Whether `module` may take its fast way: evaluation mode, no gradient, no tracing or compilation.

    An attribute `fast` that is False forbids it.
    """
    return not (
        module.training
        or not getattr(module, "fast", True)
        or torch.is_grad_enabled()
        or torch.compiler.is_compiling()
        or torch.jit.is_tracing()
    )


def rows_first(volume_bcdhw: Tensor) -> Tensor:
    """The same volume seen as (B,C,h,D,w); channels-last if the memory is laid out by rows."""
    return volume_bcdhw.transpose(2, 3)


def row_slabs(frame_bchdw: Tensor) -> list[tuple[int, int]]:
    """Ranges of rows to work on at a time: a few of equal number on the CPU, all of them elsewhere."""
    b, c, h, d, w = frame_bchdw.shape
    if frame_bchdw.device.type != "cpu":
        return [(0, h)]
    rows = max(SLAB_BYTES // (4 * b * c * d * w), LEAST_ELEMENTS // (b * c * d) + 1)
    count = max(1, h // rows)
    edges = [h * part // count for part in range(count + 1)]
    return list(pairwise(edges))


def rows_between(frame_bchdw: Tensor, first: int, end: int) -> Tensor:
    """Rows `first` to `end` of a frame; those outside the image are zero."""
    h = frame_bchdw.shape[2]
    inside = frame_bchdw[:, :, max(first, 0) : min(end, h)]
    above, below = max(-first, 0), max(end - h, 0)
    return F.pad(inside, (0, 0, 0, 0, above, below)) if above or below else inside


class Conv2d(nn.Conv2d):
    """nn.Conv2d whose large 3x3 ones multiply less in inference on the CPU (see `winograd`)."""

    def run(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """The convolution with other weights of the same shape."""
        if self._is_winograd() and infers(self) and winograd.applicable(x):
            return winograd.convolve([x], winograd.prepare(weight, bias))
        return F.conv2d(x, weight, bias, self.stride, self.padding, self.dilation, self.groups)

    def forward(self, x: Tensor) -> Tensor:
        return self.run(x, self.weight, self.bias)

    def _is_winograd(self) -> bool:
        shape = (self.kernel_size, self.stride, self.padding, self.dilation, self.groups)
        return shape == ((3, 3), (1, 1), (1, 1), (1, 1), 1) and winograd.pays(
            self.in_channels, self.out_channels
        )


class Conv3d(nn.Conv3d):
    """nn.Conv3d of volumes; 1x1x1 ones are a matrix product, others run with rows outermost in inference."""

    def run(self, x_bcdhw: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """The convolution with other weights of the same shape."""
        if infers(self):
            return self.run_frame(rows_first(x_bcdhw), weight, bias, padding=self.padding[1]).transpose(2, 3)
        if self.kernel_size == (1, 1, 1):
            return _matrix_product(x_bcdhw, weight, bias)
        return F.conv3d(x_bcdhw, weight, bias, self.stride, self.padding, groups=self.groups)

    def run_frame(self, frame_bchdw: Tensor, weight: Tensor, bias: Tensor | None, *, padding: int) -> Tensor:
        """The convolution of a frame, with `padding` rows of zeros above and below."""
        if self.kernel_size == (1, 1, 1):
            return _matrix_product(frame_bchdw, weight, bias)
        around = (padding, self.padding[0], self.padding[2])
        return F.conv3d(frame_bchdw, weight.transpose(2, 3), bias, self.stride, around, groups=self.groups)

    def forward(self, x_bcdhw: Tensor) -> Tensor:
        return self.run(x_bcdhw, self.weight, self.bias)


def _matrix_product(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    return F.linear(x.movedim(1, -1), weight.flatten(1), bias).movedim(-1, 1)


class UpConv3d(nn.ConvTranspose3d):
    """nn.ConvTranspose3d that doubles D, h and w (kernel 4, stride 2, padding 1)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 4, stride=2, padding=1, bias=False)

    def run(self, x_bcdhw: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """The convolution with other weights of the same shape."""
        if not infers(self):
            return F.conv_transpose3d(x_bcdhw, weight, bias, self.stride, self.padding)
        frame = F.conv_transpose3d(
            rows_first(x_bcdhw), weight.transpose(2, 3), bias, self.stride, self.padding
        )
        return frame.transpose(2, 3)

    def forward(self, x_bcdhw: Tensor) -> Tensor:
        return self.run(x_bcdhw, self.weight, self.bias)


class DisparityConv(nn.Conv3d):
    """Convolution along the disparity axis alone, kernel (k,1,1).

    Equal to nn.Conv3d of that kernel, whose weights it holds, but computed as a 2-D convolution with kernel
    (k,1) on (B,C,D,h*w): no data moves, and CPU libraries have a fast path for it.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__(inputs, outputs, (kernel, 1, 1), padding=(kernel // 2, 0, 0))

    def run_frame(self, frame_bchdw: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """The convolution of a frame; each row is one picture of height D."""
        rows = frame_bchdw.transpose(1, 2).flatten(0, 1)
        rows = F.conv2d(rows, weight[..., 0], bias, padding=(self.padding[0], 0))
        return rows.unflatten(0, (-1, frame_bchdw.shape[2])).transpose(1, 2)

    def run(self, x_bcdhw: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """The convolution with other weights of the same shape."""
        folded = F.conv2d(x_bcdhw.flatten(3), weight[..., 0], bias, padding=(self.padding[0], 0))
        return folded.unflatten(3, x_bcdhw.shape[3:])

    def forward(self, x_bcdhw: Tensor) -> Tensor:
        return self.run(x_bcdhw, self.weight, self.bias)


class SingleMapConv(nn.Conv3d):
    """nn.Conv3d with one output channel, odd cubic kernel, and a bias.

    Convolution libraries compute one map as slowly as sixteen. So a 2-D convolution gives one map per tap of
    the outermost axis, and the maps are added with the shift of their tap.
    """

    def __init__(self, inputs: int, kernel: int) -> None:
        super().__init__(inputs, 1, kernel, padding=kernel // 2)

    def forward(self, x_bcdhw: Tensor) -> Tensor:
        if self.kernel_size[0] == 1:
            return _matrix_product(x_bcdhw, self.weight, self.bias)
        if infers(self):
            return self._by_planes(rows_first(x_bcdhw), self.weight.transpose(2, 3)).transpose(2, 3)
        return self._by_planes(x_bcdhw, self.weight)

    def _by_planes(self, x_bcpqr: Tensor, weight_1ikkk: Tensor) -> Tensor:
        b, _, planes = x_bcpqr.shape[:3]
        reach = self.padding[0]
        flat = x_bcpqr.transpose(1, 2).flatten(0, 1)
        maps = F.conv2d(flat, weight_1ikkk[0].transpose(0, 1), padding=reach).unflatten(0, (b, planes))
        maps = F.pad(maps, (0, 0, 0, 0, 0, 0, reach, reach))
        taps = [maps[:, tap : tap + planes, tap] for tap in range(2 * reach + 1)]
        return (torch.stack(taps).sum(0) + self.bias).unsqueeze(1)


class NormedConv(nn.Sequential):
    """Convolution, batch norm, activation; in inference one convolution with the activation in place."""

    def forward(self, x: Tensor) -> Tensor:
        if not infers(self):
            return super().forward(x)
        return self.activate(self[0].run(x, *self.folded()))

    def folded(self) -> tuple[Tensor, Tensor]:
        """Weight and bias of the convolution with the batch norm in them."""
        return fold(self[0], self[1])

    def activate(self, x: Tensor) -> Tensor:
        """The activation, in place."""
        return F.leaky_relu_(x, LEAK) if isinstance(self[2], nn.LeakyReLU) else F.relu_(x)


def fold(conv: nn.Module, norm: nn.Module) -> tuple[Tensor, Tensor]:
    """Weight and bias of `conv` followed by the batch norm `norm` with its stored statistics."""
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    bias = norm.bias - norm.running_mean * scale
    axis = 1 if isinstance(conv, nn.ConvTranspose3d) else 0
    shape = [1] * conv.weight.dim()
    shape[axis] = -1
    if conv.bias is not None:
        bias = bias + conv.bias * scale
    return conv.weight * scale.view(shape), bias


def conv_in_2d(inputs: int, outputs: int) -> nn.Sequential:
    """3x3 convolution, instance norm, leaky ReLU."""
    return nn.Sequential(
        Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.InstanceNorm2d(outputs), nn.LeakyReLU(LEAK)
    )


def conv_bn_2d(inputs: int, outputs: int, kernel: int) -> NormedConv:
    """Convolution, batch norm, leaky ReLU."""
    conv = Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
    return NormedConv(conv, nn.BatchNorm2d(outputs), nn.LeakyReLU(LEAK))


def conv_bn_3d(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> NormedConv:
    """3-D convolution, batch norm, leaky ReLU."""
    conv = Conv3d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=False)
    return NormedConv(conv, nn.BatchNorm3d(outputs), nn.LeakyReLU(LEAK))


def upconv_bn_3d(inputs: int, outputs: int) -> NormedConv:
    """Transposed 3-D convolution that doubles D, h and w; batch norm, leaky ReLU."""
    return NormedConv(UpConv3d(inputs, outputs), nn.BatchNorm3d(outputs), nn.LeakyReLU(LEAK))


class BasicBlock2d(nn.Module):
    """relu(x + norm(conv(relu(norm(conv(x)))))), 3x3, instance norm, no biases."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm1 = nn.InstanceNorm2d(channels)
        self.conv2 = Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm2 = nn.InstanceNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm1(self.conv1(x)))
        return F.relu(x + self.norm2(self.conv2(y)))


class BasicBlock3d(nn.Module):
    """relu(x + norm(conv(relu(norm(conv(x)))))), 3x3x3, batch norm, no biases."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = Conv3d(channels, channels, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm3d(channels)
        self.conv2 = Conv3d(channels, channels, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm3d(channels)

    def forward(self, x: Tensor) -> Tensor:
        if infers(self):
            return self._by_rows(rows_first(x)).transpose(2, 3)
        y = F.relu(self.norm1(self.conv1(x)))
        return F.relu(x + self.norm2(self.conv2(y)))

    def _by_rows(self, frame_bchdw: Tensor) -> Tensor:
        """The block without the volume between its convolutions: of that, a few rows exist at a time."""
        first, second = fold(self.conv1, self.norm1), fold(self.conv2, self.norm2)
        h = frame_bchdw.shape[2]
        inner, result = None, None
        for row, end in row_slabs(frame_bchdw):
            until = min(end + 1, h)
            start = 0 if inner is None else row + 1  # the rows before are there from the last slab
            if start < until:
                window = rows_between(frame_bchdw, start - 1, until + 1)
                new = F.relu_(self.conv1.run_frame(window, *first, padding=0))
                inner = new if inner is None else torch.cat([inner, new], dim=2)
            top = row - (until - inner.shape[2])  # of this slab, in `inner`
            window = rows_between(inner, top - 1, top + end - row + 1)
            y = self.conv2.run_frame(window, *second, padding=0)
            result = _rows_like(y, h) if result is None else result
            torch.add(y, frame_bchdw[:, :, row:end], out=result[:, :, row:end])
            F.relu_(result[:, :, row:end])
            inner = inner[:, :, -2:]
        return result


def _rows_like(frame_bchdw: Tensor, rows: int) -> Tensor:
    """An empty frame of `rows` rows, otherwise like the given one, channels-last."""
    b, c, _, d, w = frame_bchdw.shape
    return frame_bchdw.new_empty(b, rows, d, w, c).permute(0, 4, 1, 2, 3)


class ResidualBlock(nn.Module):
    """relu(shortcut(x) + y), y rectified before the addition; a 1x1 shortcut where the shape changes."""

    def __init__(
        self, inputs: int, outputs: int, *, stride: int = 1, norm: type[nn.Module] = nn.BatchNorm2d
    ) -> None:
        super().__init__()
        self.conv1 = Conv2d(inputs, outputs, 3, stride=stride, padding=1)
        self.norm1 = norm(outputs)
        self.conv2 = Conv2d(outputs, outputs, 3, padding=1)
        self.norm2 = norm(outputs)
        self.shortcut = (
            nn.Identity()
            if stride == 1 and inputs == outputs
            else nn.Sequential(Conv2d(inputs, outputs, 1, stride=stride), norm(outputs))
        )

    def forward(self, x: Tensor) -> Tensor:
        if infers(self):
            y = F.relu_(_normed(self.conv1, self.norm1, x))
            y = F.relu_(_normed(self.conv2, self.norm2, y))
            shortcut = x if isinstance(self.shortcut, nn.Identity) else _normed(*self.shortcut, x)
            return F.relu_(y.add_(shortcut))
        y = F.relu(self.norm1(self.conv1(x)))
        y = F.relu(self.norm2(self.conv2(y)))
        return F.relu(self.shortcut(x) + y)


def _normed(conv: Conv2d, norm: nn.Module, x: Tensor) -> Tensor:
    """conv and norm as one convolution if the norm can be folded."""
    return conv.run(x, *fold(conv, norm)) if isinstance(norm, nn.BatchNorm2d) else norm(conv(x))


class AxialPlanarConv(nn.Module):
    """A 3x3 convolution in the image plane, then one along disparity (paper 3.2), with norm and ReLU."""

    def __init__(self, channels: int, disparity_kernel: int) -> None:
        super().__init__()
        planar = Conv3d(channels, channels, (1, 3, 3), padding=(0, 1, 1))
        axial = DisparityConv(channels, channels, disparity_kernel)
        self.planar = NormedConv(planar, nn.BatchNorm3d(channels), nn.ReLU())
        self.axial = NormedConv(axial, nn.BatchNorm3d(channels), nn.ReLU())

    def forward(self, x_bcdhw: Tensor) -> Tensor:
        if infers(self):
            return self._by_rows(rows_first(x_bcdhw)).transpose(2, 3)
        return self.axial(self.planar(x_bcdhw))

    def _by_rows(self, frame_bchdw: Tensor) -> Tensor:
        """Both convolutions slab by slab, without the volume between them."""
        planar, axial = self.planar.folded(), self.axial.folded()
        result = None
        for row, end in row_slabs(frame_bchdw):
            window = rows_between(frame_bchdw, row - 1, end + 1)
            y = F.relu_(self.planar[0].run_frame(window, *planar, padding=0))
            y = self.axial[0].run_frame(y, *axial)
            result = _rows_like(y, frame_bchdw.shape[2]) if result is None else result
            torch.clamp_min(y, 0.0, out=result[:, :, row:end])
        return result


class FeatureAttention(nn.Module):
    """Weight the channels of a volume by the left image's features, alike for all disparities.

    In inference the volume is changed in place.
    """

    def __init__(self, volume_dim: int, feature_dim: int) -> None:
        super().__init__()
        self.squeeze = conv_bn_2d(feature_dim, feature_dim // 2, 1)
        self.excite = nn.Conv2d(feature_dim // 2, volume_dim, 1)

    def forward(self, volume_bcdhw: Tensor, feature_bchw: Tensor) -> Tensor:
        weight = torch.sigmoid(self.excite(self.squeeze(feature_bchw))).unsqueeze(2)
        return volume_bcdhw.mul_(weight) if infers(self) else volume_bcdhw * weight
