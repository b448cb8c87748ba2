"""Moving a stereo pair and its truth together: windows, scales, flips. Truth stays truth.

A window is a rectangle of the source, in continuous pixel coordinates (pixel i covers [i, i+1)), seen at
`factor_x`, `factor_y` output pixels per source pixel. Both images are cut at the same columns, so that
disparity is multiplied by factor_x and by nothing else. Images are resampled with an antialiased bilinear
filter. Disparity is the nearest pixel's, or, where the four pixels around a point belong to one surface,
their bilinear mean, which is exact on planes; nothing is mixed across an edge or with unknown pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stereo_model.data.sample import Sample

SAME_SURFACE = 1.0  # pixels of disparity between neighbours; more is an edge

Pixel = TypeVar("Pixel", bound=np.generic)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What part of a source pair becomes an output pair of `height` x `width` pixels."""

    top: float  # source pixels
    start: float  # source pixels, left edge
    height: int  # output pixels
    width: int
    factor_y: float = 1.0  # output pixels per source pixel
    factor_x: float = 1.0
    right_rows: float = 0.0  # source pixels that the right image is cut further down: imperfect rectification

    @property
    def resampled(self) -> bool:
        """Whether output pixels lie between source pixels."""
        return self.factor_x != 1.0 or self.factor_y != 1.0

    @property
    def rows(self) -> tuple[int, int]:
        """First and last-but-one source row of either image, of a window that is not resampled."""
        first, last = sorted((self.top, self.top + self.right_rows))
        return int(first), int(last) + self.height

    @property
    def columns(self) -> tuple[int, int]:
        """The same of columns."""
        return int(self.start), int(self.start) + self.width


def draw_window(
    source_hw: tuple[int, int],
    size_hw: tuple[int, int],
    rng: np.random.Generator,
    *,
    factors_yx: tuple[float, float] = (1.0, 1.0),
    y_jitter: int = 0,  # output pixels
) -> Window:
    """A random place for an output of `size_hw`; factors are raised together if the source is too small."""
    (height, width), (rows, columns) = source_hw, size_hw
    factor_y, factor_x = factors_yx
    lift = max(1.0, rows / (height * factor_y), columns / (width * factor_x))
    factor_y, factor_x = factor_y * lift, factor_x * lift
    whole = factor_y == factor_x == 1.0
    top = _place(max(0.0, height - rows / factor_y), rng, whole)
    start = _place(max(0.0, width - columns / factor_x), rng, whole)
    jitter = int(rng.integers(-y_jitter, y_jitter + 1)) / factor_y
    room = max(0.0, height - rows / factor_y - top)
    return Window(
        top=top,
        start=start,
        height=rows,
        width=columns,
        factor_y=factor_y,
        factor_x=factor_x,
        right_rows=float(np.clip(jitter, -top, room)),
    )


def cut(sample: Sample, window: Window) -> Sample:
    """The window's content; new arrays. `occluded` rides along where the sample has it."""
    rows, columns = _nearest(window, sample["valid"].shape)
    result = Sample(
        left=_cut_image(sample["left"], window, 0.0),
        right=_cut_image(sample["right"], window, window.right_rows),
        disparity=_cut_disparity(sample["disparity"], sample["valid"], window),
        valid=sample["valid"][rows[:, None], columns],
    )
    if "occluded" in sample:
        result["occluded"] = sample["occluded"][rows[:, None], columns]
    return result


def upside_down(sample: Sample) -> Sample:
    """Turn everything over vertically; disparity does not change by it."""
    turned = Sample(
        left=_flip_rows(sample["left"]),
        right=_flip_rows(sample["right"]),
        disparity=_flip_rows(sample["disparity"]),
        valid=_flip_rows(sample["valid"]),
    )
    if "occluded" in sample:
        turned["occluded"] = _flip_rows(sample["occluded"])
    return turned


def exchanged(sample: Sample) -> Sample:
    """Mirror both images and let them trade places, so that disparity stays positive.

    The new left image is the mirrored right one, whose disparity is `disparity_right` where `valid_right`.
    `occluded` is dropped: it is known for the former left image only.
    """
    return Sample(
        left=_flip_columns(sample["right"]),
        right=_flip_columns(sample["left"]),
        disparity=_flip_columns(sample["disparity_right"]),
        valid=_flip_columns(sample["valid_right"]),
    )


def _place(room: float, rng: np.random.Generator, whole: bool) -> float:
    return float(rng.integers(int(room) + 1)) if whole else float(rng.uniform(0.0, room))


def _cut_image(image_chw: NDArray[np.uint8], window: Window, right_rows: float) -> NDArray[np.uint8]:
    top, start = window.top + right_rows, window.start
    if not window.resampled:
        rows = slice(int(top), int(top) + window.height)
        return image_chw[:, rows, int(start) : int(start) + window.width].copy()
    height, width = image_chw.shape[1:]
    bottom = min(float(height), top + window.height / window.factor_y)
    end = min(float(width), start + window.width / window.factor_x)
    image = Image.fromarray(np.ascontiguousarray(image_chw.transpose(1, 2, 0)))
    size = (window.width, window.height)
    resized = image.resize(size, Image.Resampling.BILINEAR, box=(start, max(0.0, top), end, bottom))
    return np.ascontiguousarray(np.asarray(resized).transpose(2, 0, 1))


def _cut_disparity(
    disparity_hw: NDArray[np.float32], valid_hw: NDArray[np.bool_], window: Window
) -> NDArray[np.float32]:
    rows, columns = _nearest(window, disparity_hw.shape)
    nearest = disparity_hw[rows[:, None], columns]
    if not window.resampled:
        return nearest
    known = np.where(valid_hw, disparity_hw, np.nan)
    mean, spread = _cell(known, window)
    with np.errstate(invalid="ignore"):
        smooth = spread <= SAME_SURFACE  # False where a neighbour is unknown
    valid = valid_hw[rows[:, None], columns]
    return (np.where(smooth & valid, mean, nearest) * window.factor_x).astype(np.float32)


def _cell(known_hw: NDArray[np.float32], window: Window) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Bilinear mean of the four pixels around each output pixel's centre, and largest minus smallest."""
    (top, below, y), (left, beside, x) = _neighbours(window, known_hw.shape)
    corners = [known_hw[rows[:, None], columns] for rows in (top, below) for columns in (left, beside)]
    upper = corners[0] + (corners[1] - corners[0]) * x
    lower = corners[2] + (corners[3] - corners[2]) * x
    highest, lowest = np.maximum.reduce(corners), np.minimum.reduce(corners)
    return upper + (lower - upper) * y[:, None], highest - lowest


def _nearest(window: Window, shape: tuple[int, ...]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of the source pixels that the output pixels' centres fall into."""
    rows, columns = (
        np.clip(np.floor(centres).astype(np.intp), 0, length - 1)
        for centres, length in zip(_centres(window), shape, strict=True)
    )
    return rows, columns


def _neighbours(
    window: Window, shape: tuple[int, ...]
) -> list[tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]]:
    """Per axis: the source pixels before and after each output centre, and how far it is between them."""
    found = []
    for centres, length in zip(_centres(window), shape, strict=True):
        place = np.clip(centres - 0.5, 0, length - 1)
        before = np.floor(place).astype(np.intp)
        after = np.minimum(before + 1, length - 1)
        found.append((before, after, (place - before).astype(np.float32)))
    return found


def _centres(window: Window) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rows_n, columns_n = (np.arange(length, dtype=np.float64) for length in (window.height, window.width))
    rows_n = window.top + (rows_n + 0.5) / window.factor_y
    return rows_n, window.start + (columns_n + 0.5) / window.factor_x


def _flip_rows(array: NDArray[Pixel]) -> NDArray[Pixel]:
    return array[..., ::-1, :].copy()


def _flip_columns(array: NDArray[Pixel]) -> NDArray[Pixel]:
    return array[..., ::-1].copy()
