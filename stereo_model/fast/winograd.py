"""3x3 convolutions with a quarter of the multiplications, for inference on the CPU.

Winograd's minimal filtering F(4x4, 3x3): each 4x4 patch of the result is computed from a 6x6 window of the
input in a transformed space, where the convolution is one product per window position: 36 multiplications
per channel pair in place of 144. The result is that of the direct convolution but for float32 rounding
(about 1e-5 of the largest value).

The transforms are those of Cook and Toom for the points below and infinity; the two dimensions of a window
are transformed at once, by the Kronecker product of the one-dimensional matrices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

PATCH = 4  # pixels of the result per window and dimension
TAPS = 3
WINDOW = PATCH + TAPS - 1
POINTS = (0.0, -1.0, 1.0, 0.5, -2.0)  # the choice with the smallest rounding error for windows of six
WINDOWS_AT_ONCE = 256  # keeps the temporary arrays inside the processor's caches
LEAST_CHANNELS = 45  # half the harmonic mean of inputs and outputs; below it the transforms cost too much


@dataclass(frozen=True, slots=True, kw_only=True)
class WinogradFilter:
    """A 3x3 convolution, padding 1, ready for `convolve`."""

    weight_kio: Tensor  # (36, inputs, outputs), transformed
    bias_o: Tensor | None


def prepare(weight_oihw: Tensor, bias_o: Tensor | None = None) -> WinogradFilter:
    """Transform the weights of a 3x3 convolution; four times their memory."""
    outputs, inputs = weight_oihw.shape[:2]
    _, to_weight, _ = _matrices(weight_oihw.dtype)
    flat = weight_oihw.permute(2, 3, 1, 0).reshape(TAPS * TAPS, inputs * outputs)
    return WinogradFilter(weight_kio=(to_weight @ flat).view(WINDOW * WINDOW, inputs, outputs), bias_o=bias_o)


def convolve(parts: Sequence[Tensor], kernel: WinogradFilter, *, rectified: int = 0) -> Tensor:
    """3x3 convolution, padding 1, of `parts` (each (B,C_i,h,w)) joined along the channels: (B,O,h,w).

    The first `rectified` channels of the result go through a ReLU. The result is in channels-last order.
    """
    b, _, h, w = parts[0].shape
    rows, columns = -(-h // PATCH), -(-w // PATCH)
    windows = _padded(parts, rows, columns).unfold(1, WINDOW, PATCH).unfold(2, WINDOW, PATCH)
    inputs, outputs = kernel.weight_kio.shape[1:]
    result = windows.new_empty(b, PATCH * rows, PATCH * columns, outputs)
    patches = result.view(b, rows, PATCH, columns, PATCH, outputs)
    step = max(1, WINDOWS_AT_ONCE // (b * columns))
    buffers = _Buffers(result, windows=b * min(step, rows) * columns, inputs=inputs, outputs=outputs)
    for row in range(0, rows, step):
        block = _convolve_windows(windows[:, row : row + step], kernel, rectified, buffers)
        patches[:, row : row + step] = block.permute(2, 3, 0, 4, 1, 5)
    return result[:, :h, :w].permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)


def pays(inputs: int, outputs: int) -> bool:
    """Whether a convolution has channels enough for the transforms to be worth it."""
    return inputs * outputs >= LEAST_CHANNELS * (inputs + outputs)


def applicable(x_bchw: Tensor) -> bool:
    """Whether `x` is of the kind this module is for: float32 on the CPU. The caller sees to the gradient."""
    return (
        x_bchw.device.type == "cpu" and x_bchw.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")
    )


def _padded(parts: Sequence[Tensor], rows: int, columns: int) -> Tensor:
    """The parts joined along the channels with a border of zeros: (B, 4 rows + 2, 4 columns + 2, C)."""
    b, _, h, w = parts[0].shape
    channels = sum(part.shape[1] for part in parts)
    padded = parts[0].new_zeros(b, PATCH * rows + 2, PATCH * columns + 2, channels)
    first = 0
    for part in parts:
        padded[:, 1 : h + 1, 1 : w + 1, first : first + part.shape[1]] = part.permute(0, 2, 3, 1)
        first += part.shape[1]
    return padded


class _Buffers:
    """Memory for one block of windows, used again for every block."""

    def __init__(self, like: Tensor, *, windows: int, inputs: int, outputs: int) -> None:
        self.window, self.transformed = (like.new_empty(WINDOW**2 * windows * inputs) for _ in range(2))
        self.product = like.new_empty(WINDOW**2 * windows * outputs)
        self.patch = like.new_empty(PATCH**2 * windows * outputs)


def _convolve_windows(
    windows_brcikk: Tensor, kernel: WinogradFilter, rectified: int, buffers: _Buffers
) -> Tensor:
    """Windows (B,rows,columns,C,6,6) -> patches (4,4,B,rows,columns,O), in a buffer."""
    to_input, _, to_result = _matrices(windows_brcikk.dtype)
    b, rows, columns, inputs = windows_brcikk.shape[:4]
    count, outputs = b * rows * columns, kernel.weight_kio.shape[2]
    flat = buffers.window[: WINDOW**2 * count * inputs].view(WINDOW**2, -1)
    flat.view(WINDOW, WINDOW, b, rows, columns, inputs).copy_(windows_brcikk.permute(4, 5, 0, 1, 2, 3))
    transformed = buffers.transformed[: flat.numel()].view_as(flat)
    torch.mm(to_input, flat, out=transformed)
    product = buffers.product[: WINDOW**2 * count * outputs].view(WINDOW**2, count, outputs)
    torch.bmm(transformed.view(WINDOW**2, count, inputs), kernel.weight_kio, out=product)
    patches = buffers.patch[: PATCH**2 * count * outputs].view(PATCH**2, -1)
    torch.mm(to_result, product.flatten(1), out=patches)
    patches = patches.view(PATCH, PATCH, b, rows, columns, outputs)
    if kernel.bias_o is not None:
        patches += kernel.bias_o
    if rectified:
        F.relu_(patches[..., :rectified])
    return patches


@cache
def _matrices(dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """Transforms of a flat 6x6 window, of a flat 3x3 weight, and back to a flat 4x4 patch."""
    points = np.array(POINTS)
    others = [np.delete(points, i) for i in range(len(points))]
    scale = np.array([np.prod(point - rest) for point, rest in zip(points, others, strict=True)])
    weight = np.vstack([np.vander(points, TAPS, increasing=True) / scale[:, None], np.eye(TAPS)[-1]])
    result = np.hstack([np.vander(points, PATCH, increasing=True).T, np.eye(PATCH)[:, -1:]])
    window = np.zeros((WINDOW, WINDOW))
    for row, rest in enumerate([*others, points]):
        polynomial = np.poly(rest)[::-1]  # coefficients, lowest power first
        window[row, : len(polynomial)] = polynomial
    return _squared(window, dtype), _squared(weight, dtype), _squared(result, dtype)


def _squared(matrix: NDArray[np.float64], dtype: torch.dtype) -> Tensor:
    """The transform of both dimensions at once."""
    return torch.from_numpy(np.kron(matrix, matrix)).to(dtype)
