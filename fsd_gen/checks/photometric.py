"""Whether the images agree with the truth: warped by it, the right one must look like the left one.

Not merely alike, but *better than with any other offset*. A scene without texture is legitimate: where the
images cannot tell right from wrong, nothing is held against the truth. Only what looks alike from both eyes
can tell: what shines, mirrors or is seen through shows something else than the surface that the truth is of.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fsd_gen.checks.defects import Defect, DefectCode
from fsd_gen.checks.limits import CheckLimits
from fsd_gen.checks.pictures import Pictures
from fsd_gen.checks.windows import BAND, anywhere, highest, lowest
from fsd_gen.shards.sample import StereoSample
from jobs.extras import extra

with extra("render"):
    from scipy import ndimage

OFFSETS_PX = np.arange(-3, 3.25, 0.25)  # tried around the truth
ROWS = (-3, -2, -1, 1, 2, 3)  # by which the right image may stand lower than the left one
ERROR_CAP = 40.0  # 8-bit levels; more than that is a highlight or a mistake, however large
MIN_GRADIENT = 3.0  # 8-bit levels per pixel, after smoothing
DETAIL_GAIN = 4.0  # of a gradient per pixel, to be about as large as the levels that it comes from
NOISE_LEFT = 0.15  # share of white noise left in the horizontal gradient after smoothing
MAX_STEP_PX = (
    1.0  # larger steps of disparity within 5 px: two surfaces, or one too oblique to be alike from both
)
MAX_BEND_PX = (
    0.5  # second difference over 2 px: a plane's is 0; an edge before a wall belongs to what is nearer
)
MIN_TEXTURED_PIXELS = 200
PLACES_ACROSS = 20  # squares of the image
PIXELS_OF_A_PLACE = 10  # so many say something
MIN_PLACES, MIN_COLUMNS = 10, 3  # and of them in so many columns: a lone edge lies in fewer
MOST_PLACES = 2 / 3  # have to agree that the truth is wrong, as they do where it is
PIXELS_PER_BAND = 20_000

Mask = NDArray[np.bool_]


def photometric_defects(matches: Matches, limits: CheckLimits) -> Iterator[Defect]:
    """Three bands of disparity, each judged alone, so that an error of scale shows in the nearest one.

    All together are judged too. What lies in few places of the image is not judged, and most places have to
    agree: the denoiser may move a lone edge, and light a single thing.
    """
    if not matches.suffice(limits):
        return
    thirds = np.array_split(np.argsort(matches.disparity_n, kind="stable"), 3)
    bands = [band for chosen_n in thirds if (band := matches.subset(chosen_n)).is_spread]
    for band in [*bands, matches]:
        few = band.thinned()
        if detail := _misfit(few, limits) or (_unlike(few, limits) if band is matches else None):
            low, high = float(band.disparity_n.min()), float(band.disparity_n.max())
            yield Defect(
                code=DefectCode.PHOTOMETRIC,
                detail=f"disparities {low:.1f}-{high:.1f} px, {band.grey_n.size} textured pixels: {detail}",
            )
            return


@dataclass(frozen=True, slots=True, kw_only=True)
class Matches:
    """Textured pixels that both eyes see alike, and the right image in which to find them."""

    grey_n: NDArray[np.float32]  # changes along the rows of the left image, at the pixels
    rows_n: NDArray[np.intp]
    columns_n: NDArray[np.intp]
    disparity_n: NDArray[np.float32]
    right_hw: NDArray[np.float32]  # the same of the right image, everywhere

    @property
    def share(self) -> float:
        """Of the image's pixels."""
        return self.grey_n.size / self.right_hw.size

    def needed_share(self, limits: CheckLimits) -> float:
        """Of the image's pixels: fewer say nothing."""
        return max(MIN_TEXTURED_PIXELS, int(limits.min_textured * self.right_hw.size)) / self.right_hw.size

    def suffice(self, limits: CheckLimits) -> bool:
        """Whether they are enough to say anything."""
        return self.share >= self.needed_share(limits) and self.is_spread

    @property
    def is_spread(self) -> bool:
        """Whether they lie in many places of the image."""
        place_p = np.flatnonzero(np.bincount(self._place_n()) >= PIXELS_OF_A_PLACE)
        columns = np.unique(place_p % (2 * PLACES_ACROSS))
        return place_p.size >= MIN_PLACES and columns.size >= MIN_COLUMNS

    def _place_n(self) -> NDArray[np.intp]:
        side = max(8, self.right_hw.shape[1] // PLACES_ACROSS)
        place_n: NDArray[np.intp] = self.rows_n // side * (2 * PLACES_ACROSS) + self.columns_n // side
        return place_n

    def thinned(self) -> Matches:
        """No more of them than are needed."""
        return self.subset(np.arange(0, self.grey_n.size, max(1, self.grey_n.size // PIXELS_PER_BAND)))

    def subset(self, chosen_n: NDArray[np.intp]) -> Matches:
        """These of them alone."""
        return replace(
            self,
            grey_n=self.grey_n[chosen_n],
            rows_n=self.rows_n[chosen_n],
            columns_n=self.columns_n[chosen_n],
            disparity_n=self.disparity_n[chosen_n],
        )

    def error(self, offset_px: float = 0.0, *, sign: int = -1, rows: int = 0) -> float:
        """Mean capped difference (8-bit levels) between the images if the truth were `offset_px` larger, and
        the right image stood `rows` lower.
        """
        return float(self._error_n(offset_px, sign, rows).mean())

    def agree(self, offset_px: float = 0.0, *, sign: int = -1, rows: int = 0) -> bool:
        """Whether in most places that error is below the one at the truth."""
        place_n = self._place_n()
        there_p = np.bincount(place_n, self._error_n(offset_px, sign, rows))
        here_p = np.bincount(place_n, self._error_n(0.0, -1, 0))
        speaks_p = np.bincount(place_n) >= PIXELS_OF_A_PLACE
        return bool((there_p < here_p)[speaks_p].sum() >= MOST_PLACES * speaks_p.sum())

    def _error_n(self, offset_px: float, sign: int, rows: int) -> NDArray[np.float64]:
        column_n = self.columns_n + sign * (self.disparity_n + np.float32(offset_px))
        np.maximum(column_n, 0, out=column_n)
        np.minimum(column_n, self.right_hw.shape[1] - 1.001, out=column_n)
        first_n = column_n.astype(np.intp)
        weight_n = column_n - first_n
        row_n = np.clip(self.rows_n + rows, 0, self.right_hw.shape[0] - 1) if rows else self.rows_n
        first_n += row_n * self.right_hw.shape[1]
        a_n, b_n = self.right_hw.take(first_n), self.right_hw.take(first_n + 1)
        there_n = a_n + weight_n * (b_n - a_n)
        error_n: NDArray[np.float64] = np.minimum(np.abs(there_n - self.grey_n), ERROR_CAP)
        return error_n


def _misfit(band: Matches, limits: CheckLimits) -> str | None:
    """What the images say against the truth, or None."""
    errors = {float(offset): band.error(float(offset)) for offset in OFFSETS_PX}
    here = errors[0.0]
    best = min(errors, key=lambda offset: (errors[offset], abs(offset)))
    enough = limits.max_shift_gain * here
    if abs(best) > limits.max_shift_px and errors[best] < enough and band.agree(best):
        return f"the images fit best {best:+.2f} px off the truth (error {errors[best]:.1f}, not {here:.1f})"
    lower = {rows: band.error(rows=rows) for rows in ROWS}
    rows = min(lower, key=lambda rows: lower[rows])
    if lower[rows] < enough and band.agree(rows=rows):
        return f"the images fit best {rows:+d} rows off (error {lower[rows]:.1f}, not {here:.1f})"
    return None


def _unlike(matches: Matches, limits: CheckLimits) -> str | None:
    """Whether the images have nothing in common, in words. Fine noisy texture of one thing looks so too."""
    here, beside = matches.error(), (matches.error(-2.0) + matches.error(2.0)) / 2
    swapped = matches.error(sign=1)
    are_swapped = swapped < limits.max_shift_gain * here and matches.agree(sign=1)
    if here <= limits.max_error_ratio * beside and not are_swapped:
        return None
    hint = f"; swapped eyes would give {swapped:.1f}" if are_swapped else ""
    return f"error {here:.1f} at the truth, {beside:.1f} at 2 px beside it{hint}"


def textured_matches(
    sample: StereoSample, steady_left_hw: Mask | None = None, pictures: Pictures | None = None
) -> Matches:
    """What can tell whether images and truth of a sample belong together.

    `steady_left_hw` is where the first surface looks alike from both eyes; by default everywhere but on what
    the flags call glass or mirror. `pictures` are those of the sample, where they are known already.
    """
    pictures = pictures or Pictures.of(sample)
    left_hw, right_hw = _detail(pictures.left_hw), _detail(pictures.right_hw)
    disparity_hw = sample.disparity_left_hw
    alike_hw = sample.flags_left_hw == 0
    if steady_left_hw is not None:
        alike_hw &= steady_left_hw
    seen_hw = ~anywhere(~alike_hw, 7)
    whole_hw = _whole(disparity_hw)
    textured_hw = np.abs(left_hw) > DETAIL_GAIN * max(MIN_GRADIENT, 3 * pictures.noise * NOISE_LEFT)
    match_hw = np.arange(disparity_hw.shape[1], dtype=np.float32) - disparity_hw
    inside_hw = (match_hw > 4) & (match_hw < disparity_hw.shape[1] - 5)
    rows_n, columns_n = np.nonzero(seen_hw & textured_hw & inside_hw & whole_hw)
    return Matches(
        grey_n=left_hw[rows_n, columns_n],
        rows_n=rows_n,
        columns_n=columns_n,
        disparity_n=disparity_hw[rows_n, columns_n],
        right_hw=right_hw,
    )


def _whole(disparity_hw: NDArray[np.float32]) -> Mask:
    """Where smoothing mixes no two surfaces: the disparity of a plane is linear in the image."""
    bent_hw = _bent(disparity_hw) | _bent(disparity_hw.T).T
    steep_hw = highest(disparity_hw, 5) - lowest(disparity_hw, 5) >= MAX_STEP_PX
    whole_hw: Mask = ~(steep_hw | anywhere(bent_hw, 5))
    return whole_hw


def _bent(disparity_hw: NDArray[np.float32]) -> Mask:
    """Where the second difference down a column is too large; beyond the border lies a reflection."""
    padded_hw = np.pad(disparity_hw, ((2, 2), (0, 0)), mode="symmetric")
    bent_hw = np.empty(disparity_hw.shape, bool)
    for top in range(0, len(disparity_hw), BAND):
        band_hw = padded_hw[top : top + BAND + 4].astype(np.float64)
        bend_hw = (band_hw[:-4] + band_hw[4:]) - 2 * band_hw[2:-2]
        bent_hw[top : top + BAND] = np.abs(bend_hw).astype(np.float32) >= MAX_BEND_PX
    return bent_hw


def _detail(grey_hw: NDArray[np.float32]) -> NDArray[np.float32]:
    """Changes along a row, over so few pixels that what lies beyond a step of depth leaves no mark."""
    smooth_hw: NDArray[np.float32] = ndimage.uniform_filter(grey_hw, 3)
    detail_hw = np.zeros_like(smooth_hw)
    detail_hw[:, 1:-1] = (smooth_hw[:, 2:] - smooth_hw[:, :-2]) * np.float32(DETAIL_GAIN / 2)
    return detail_hw
