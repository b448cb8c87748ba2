"""From linear light to the 8-bit picture a camera delivers: exposure, white balance, a film shoulder, sRGB.

Both eyes get the same exposure and balance, taken from both, as a rig with locked settings would.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from assets_manifest.srgb import linear_to_srgb

MIDDLE_GREY = 0.18  # the log-average of a scene is brought here
BRIGHT_LIMIT = 1.3  # unless that would push the 90th percentile beyond this
BALANCE = 0.6  # 0 leaves the light as it is, 1 makes the average grey
FILM_SPEED = 0.75  # middle grey stays middle grey
WHITE = np.float32(1e6)  # beyond it all is white, and the curve's squares still fit float32
VAST = np.float32(1e30)  # so many pixels may not add up in float32
BAND = 16  # rows developed at once: they stay in the cache
LUMA_3 = np.array([0.2126, 0.7152, 0.0722], np.float32)


def auto_exposure(left_hwc: NDArray[np.float32], right_hwc: NDArray[np.float32], ev: float) -> float:
    """Factor for linear images: middle grey for the log-average, with `ev` stops on top."""
    luma_n = np.concatenate([(image @ LUMA_3).ravel() for image in (left_hwc[::4, ::4], right_hwc[::4, ::4])])
    luma_n = luma_n[np.isfinite(luma_n) & (luma_n > 0)]
    if not luma_n.size:
        return 1.0
    average = float(np.exp(np.log(luma_n + 1e-6).mean()))
    bright = float(np.quantile(luma_n, 0.9))
    return float(min(MIDDLE_GREY / average, BRIGHT_LIMIT / bright) * 2.0**ev)


def white_balance(left_hwc: NDArray[np.float32], right_hwc: NDArray[np.float32]) -> NDArray[np.float32]:
    """Gains (3,) that take part of the light's colour out of the picture, brightness kept."""
    rgb_n3 = np.concatenate([image[::4, ::4].reshape(-1, 3) for image in (left_hwc, right_hwc)])
    if rgb_n3.max(initial=0) > VAST:
        rgb_n3 = rgb_n3 * np.float32(2.0**-64)  # exact, and gains do not depend on it; sums stay in float32
    luma_n = rgb_n3 @ LUMA_3
    usable_n = np.isfinite(luma_n) & (luma_n > 0) & (luma_n <= np.quantile(luma_n, 0.95))
    mean_3 = np.maximum(rgb_n3[usable_n].mean(axis=0), 1e-6) if usable_n.any() else np.ones(3)
    gains_3 = (mean_3.mean() / mean_3) ** BALANCE
    kept_3: NDArray[np.float32] = (gains_3 / (gains_3 * mean_3).sum() * mean_3.sum()).astype(np.float32)
    return kept_3


def gained(linear_hwc: NDArray[np.float32], gains_3: NDArray[np.float32]) -> NDArray[np.float32]:
    """Linear light times `gains_3`, from 0 to `WHITE`; no product on the way is beyond float32."""
    brightest_3 = np.minimum(WHITE / gains_3.astype(np.float64), np.finfo(np.float32).max)
    light_hwc = np.clip(linear_hwc, 0, brightest_3.astype(np.float32)) * gains_3
    gained_hwc: NDArray[np.float32] = np.minimum(light_hwc, WHITE)
    return gained_hwc


def develop(linear_hwc: NDArray[np.float32], gains_3: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Bytes (H, W, 3), sRGB, of linear light times `gains_3`: a film curve per channel, then the sRGB curve.

    The curve is Narkowicz' rational fit of the ACES filmic response (2015).
    """
    bytes_hwc = np.empty(linear_hwc.shape, np.uint8)
    for top in range(0, len(linear_hwc), BAND):
        bytes_hwc[top : top + BAND] = _developed(linear_hwc[top : top + BAND], gains_3)
    return bytes_hwc


def _developed(linear_hwc: NDArray[np.float32], gains_3: NDArray[np.float32]) -> NDArray[np.uint8]:
    x_hwc = gained(linear_hwc, gains_3) * np.float32(FILM_SPEED)
    film_hwc = (x_hwc * (2.51 * x_hwc + 0.03)) / (x_hwc * (2.43 * x_hwc + 0.59) + 0.14)
    film_hwc = np.clip(film_hwc, 0, 1)
    bytes_hwc: NDArray[np.uint8] = np.rint(linear_to_srgb(film_hwc) * 255).astype(np.uint8)
    return bytes_hwc
