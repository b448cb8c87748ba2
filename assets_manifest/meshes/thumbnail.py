"""Small shaded pictures of objects, drawn by points: as dear for a million triangles as for ten.

The object is seen from its front, the right and above, without perspective. Points are strewn evenly over the
surface as it is seen; a pixel shows the mean of its points that are about as near as the nearest.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from assets_manifest.srgb import linear_to_srgb, srgb_to_linear

SIZE = 160  # pixels
POINTS = 300_000
SLACK_PIXELS = 3.0  # of depth, for points that share a pixel
BACKGROUND = 0.93
SEEN_OPACITY = 0.3
LIGHT = np.array([-0.35, -0.75, 0.95]) / np.linalg.norm([-0.35, -0.75, 0.95])
LARGEST_TEXTURE = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """Triangles of one colour or texture."""

    points_f33: NDArray[np.float64]  # metres, z up, front -y
    color: tuple[float, float, float]  # linear; multiplies the texture
    texture_hw3: NDArray[np.float64] | None = None  # linear
    uv_f32: NDArray[np.float64] | None = None  # v grows upwards
    opacity: float = 1.0


def thumbnail(patches: Sequence[Patch]) -> bytes:
    """A PNG of SIZE x SIZE pixels."""
    axes = np.stack(_view())
    rng = np.random.Generator(np.random.Philox(key=0))
    shown = [(patch, patch.points_f33 @ axes.T) for patch in patches if patch.opacity > SEEN_OPACITY]
    if not shown:
        return _png(np.full((SIZE, SIZE, 3), BACKGROUND))
    low = np.min([seen.min(axis=(0, 1)) for _, seen in shown], axis=0)
    high = np.max([seen.max(axis=(0, 1)) for _, seen in shown], axis=0)
    scale = 0.92 * SIZE / max(float((high - low)[:2].max()), 1e-9)
    total = max(sum(float(_seen_areas(seen).sum()) for _, seen in shown), 1e-12)
    strewn = [
        _strewn(patch, (seen - (low + high) / 2) * scale, total * scale**2, rng) for patch, seen in shown
    ]
    pixels, depths, colors = (np.concatenate(arrays) for arrays in zip(*strewn, strict=True))
    linear = _averaged(pixels, depths, colors)
    return _png(linear_to_srgb(linear).astype(np.float64))


def picture_thumbnail(image_hw3: NDArray[np.floating]) -> bytes:
    """A PNG at most SIZE wide and high of display values 0..1."""
    image = Image.fromarray((np.clip(image_hw3, 0, 1) * 255 + 0.5).astype(np.uint8))
    image.thumbnail((SIZE, SIZE))
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _view() -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Unit vectors to the right, up and towards the eye."""
    towards = np.array([0.55, -1.0, 0.55])
    towards /= np.linalg.norm(towards)
    right = np.cross([0.0, 0.0, 1.0], towards)
    right /= np.linalg.norm(right)
    return right, np.cross(towards, right), towards


def _seen_areas(corners_f33: NDArray[np.float64]) -> NDArray[np.float64]:
    a, b = (corners_f33[:, k, :2] - corners_f33[:, 0, :2] for k in (1, 2))
    areas: NDArray[np.float64] = np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]) / 2
    return areas


def _strewn(
    patch: Patch, seen_f33: NDArray[np.float64], total: float, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Points of a patch, as many as its share of `total`: their pixels, depths and linear colours.

    `seen_f33` is in pixels from the middle of the picture.
    """
    areas_f = _seen_areas(seen_f33)
    count = int(np.ceil(POINTS * areas_f.sum() / total))
    share_f = np.cumsum(areas_f) / max(float(areas_f.sum()), 1e-30)
    face = np.searchsorted(share_f, (np.arange(count) + rng.random(count)) / max(count, 1))
    face = face.clip(0, len(areas_f) - 1)
    root, along = np.sqrt(rng.random(count)), rng.random(count)
    weights = np.stack([1 - root, root * (1 - along), root * along], axis=-1)  # even over the triangle
    where = np.einsum("nk,nkc->nc", weights, seen_f33[face])
    column, row = (where[:, :2] * (1, -1) + SIZE / 2).astype(np.int64).clip(0, SIZE - 1).T
    return row * SIZE + column, where[:, 2], _colors(patch, face, weights)


def _averaged(
    pixels: NDArray[np.int64], depths: NDArray[np.float64], colors: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The picture (SIZE, SIZE, 3), linear, of all points."""
    nearest = np.full(SIZE * SIZE, -np.inf)
    np.maximum.at(nearest, pixels, depths)
    seen = depths > nearest[pixels] - SLACK_PIXELS
    pixels, colors = pixels[seen], colors[seen]
    count = np.bincount(pixels, minlength=SIZE * SIZE)
    sums = [np.bincount(pixels, colors[:, channel], minlength=SIZE * SIZE) for channel in range(3)]
    mean = np.stack(sums, axis=-1) / np.maximum(count, 1)[:, None]
    image: NDArray[np.float64] = np.where(count[:, None] > 0, np.clip(mean, 0, 1), BACKGROUND)
    return image.reshape(SIZE, SIZE, 3)


def _colors(patch: Patch, face: NDArray[np.int64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    edges = patch.points_f33[:, 1:] - patch.points_f33[:, :1]
    normals = np.cross(edges[:, 0], edges[:, 1])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-30)
    towards = _view()[2]
    normals *= np.sign(normals @ towards)[:, None]  # both sides are drawn
    shade = (0.3 + 0.75 * np.clip(normals @ LIGHT, 0, None))[face]
    color = np.broadcast_to(np.asarray(patch.color, np.float64), (len(face), 3))
    if patch.texture_hw3 is not None and patch.uv_f32 is not None:
        uv = np.einsum("nk,nkc->nc", weights, patch.uv_f32[face])
        height, width = patch.texture_hw3.shape[:2]
        column = (np.mod(uv[:, 0], 1) * width).astype(int) % width
        row = (np.mod(-uv[:, 1], 1) * height).astype(int) % height
        color = color * patch.texture_hw3[row, column]
    shaded: NDArray[np.float64] = color * shade[:, None]
    return shaded


def _png(display_hw3: NDArray[np.float64]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray((np.clip(display_hw3, 0, 1) * 255 + 0.5).astype(np.uint8)).save(
        buffer, "PNG", optimize=True
    )
    return buffer.getvalue()


def shrunk(image: Image.Image) -> NDArray[np.float64]:
    """A texture as linear values, no larger than a thumbnail can show. (H, W, 3)"""
    small = image.convert("RGB")
    small.thumbnail((LARGEST_TEXTURE, LARGEST_TEXTURE))
    return srgb_to_linear(np.asarray(small, np.float64) / 255).astype(np.float64)
