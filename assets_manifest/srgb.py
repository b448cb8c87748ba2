"""The sRGB curve (IEC 61966-2-1), both ways, elementwise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def srgb_to_linear(values: NDArray[np.floating]) -> NDArray[np.floating]:
    """Display values to linear light, both 0..1."""
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(values: NDArray[np.floating]) -> NDArray[np.floating]:
    """Linear light to display values, both 0..1."""
    values = np.asarray(values)
    shown = np.asarray(values ** (1 / 2.4))  # in place from here on: pictures are large
    shown *= 1.055
    shown -= 0.055
    dark = np.asarray(values <= 0.0031308)
    if dark.any():
        shown[dark] = 12.92 * values[dark]
    return shown
