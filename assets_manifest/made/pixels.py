"""Arithmetic of pictures, plane by plane: as numpy's own, to the bit, without broadcasting over channels.

(H, W, 3) times (H, W, 1) runs numpy's inner loop over three numbers at a time, eight times as slow; and every
further array of a picture's size costs more to get from the system than to fill.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.floating[Any]]


def shaded(image_hwc: Reals, share_hw: Reals) -> Reals:
    """As `image_hwc * share_hw[..., None]`; the image may be one colour (C,)."""
    channels, shape_hw = image_hwc.shape[-1], np.broadcast_shapes(image_hwc.shape[:-1], share_hw.shape)
    product_hwc = np.empty((*shape_hw, channels), np.result_type(image_hwc, share_hw))
    for channel in range(channels):
        np.multiply(image_hwc[..., channel], share_hw, out=product_hwc[..., channel])
    return product_hwc


def blended(below_hwc: Reals, above_hwc: Reals, share_hw: Reals) -> Reals:
    """As `below_hwc + (above_hwc - below_hwc) * share_hw[..., None]`; either may be one colour (C,)."""
    blend_hwc = shaded(above_hwc - below_hwc, share_hw)
    if np.result_type(below_hwc, blend_hwc) != blend_hwc.dtype:
        return np.asarray(below_hwc + blend_hwc)
    return np.add(below_hwc, blend_hwc, out=blend_hwc)


def as_bytes(values_hwc: Reals) -> NDArray[np.uint8]:
    """As `np.rint(values_hwc * 255).astype(np.uint8)`, of values 0..1."""
    scaled_hwc = values_hwc * 255
    return np.rint(scaled_hwc, out=scaled_hwc).astype(np.uint8)
