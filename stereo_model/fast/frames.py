"""Volumes row by row: a part of the image is one piece of memory.

A volume is laid out as (B,h,D,w,C) and seen as a frame (B,C,h,D,w), which is then channels-last. So a
convolution along disparity needs no copy, and a long chain of volumes can be replaced by a few rows at a
time.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional as F

SLAB_BYTES = 16 << 20  # rows of a volume that are worked on at a time, on the CPU
LEAST_ELEMENTS = 20480  # of a slab, over all axes but the last; torch runs smaller 3-D convolutions slowly


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


def empty_rows(like_bchdw: Tensor) -> Tensor:
    """An empty frame like the given one, channels-last, of the type that a convolution of it gives."""
    b, c, h, d, w = like_bchdw.shape
    device = like_bchdw.device.type
    half = device != "meta" and torch.is_autocast_enabled(device)
    dtype = torch.get_autocast_dtype(device) if half else like_bchdw.dtype
    return like_bchdw.new_empty(b, h, d, w, c, dtype=dtype).permute(0, 4, 1, 2, 3)
