"""Colours of a stereo pair: what two real cameras make differently of the same scene.

Nothing here moves a pixel. Factors act in a fixed order: brightness, contrast, saturation, hue, gamma, then
rounding to 8 bits, so that a draw of factors is a function of images and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601
RGB_TO_YIQ = np.array([LUMA, [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]], np.float64)  # NTSC


@dataclass(frozen=True, slots=True, kw_only=True)
class ColourChange:
    """One draw of how a camera sees colours; the defaults change nothing."""

    brightness: float = 1.0  # factor on all values
    contrast: float = 1.0  # factor on the distance from the mean value
    saturation: float = 1.0  # factor on the distance from grey
    hue: float = 0.0  # turns of the colour circle, -0.5..0.5
    gamma: float = 1.0  # exponent on values in 0..1


def recolour(image_chw: np.ndarray, change: ColourChange) -> np.ndarray:
    """The uint8 image (3,H,W) with its colours changed."""
    pixels = image_chw.astype(np.float32) * np.float32(change.brightness / 255)
    mean = pixels.mean()
    pixels = (pixels - mean) * np.float32(change.contrast) + mean
    mix = _mixing(change.saturation, change.hue)
    if not np.array_equal(mix, np.eye(3)):
        pixels = np.tensordot(mix.astype(np.float32), pixels, axes=1)
    pixels = np.clip(pixels, 0, 1, out=pixels)
    if change.gamma != 1.0:
        pixels **= np.float32(change.gamma)
    return np.round(pixels * 255).astype(np.uint8)


def erase(
    image_chw: np.ndarray, rng: np.random.Generator, *, count: int, side: tuple[int, int]
) -> np.ndarray:
    """A copy with 1 to `count` rectangles in its mean colour, each side `side[0]` to `side[1]` pixels.

    On the right image alone it is as if something stood before that camera only, which teaches the network
    to judge by context where it finds no match (RAFT-Stereo's occlusion augmentation).
    """
    covered = image_chw.copy()
    colour = np.round(image_chw.mean((1, 2), keepdims=True)).astype(np.uint8)
    height, width = image_chw.shape[1:]
    for _ in range(int(rng.integers(1, count + 1))):
        rows, columns = (int(length) for length in rng.integers(side[0], side[1] + 1, 2))
        top, start = int(rng.integers(height)), int(rng.integers(width))
        covered[:, top : top + rows, start : start + columns] = colour
    return covered


def _mixing(saturation: float, hue: float) -> np.ndarray:
    """RGB to RGB (3,3): the chroma plane of YIQ, turned by `hue` and scaled by `saturation`; luma stays."""
    if saturation == 1.0 and hue == 0.0:
        return np.eye(3)
    angle = 2 * np.pi * hue
    turn = np.eye(3)
    turn[1:, 1:] = saturation * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.linalg.inv(RGB_TO_YIQ) @ turn @ RGB_TO_YIQ
