"""Whether the images show another surface than the truth has: a sheet where it sees through, or the reverse.

The check of the images' offset (`photometric`) looks at a whole band of disparities, in which a wrong fifth
is outvoted. Here each small patch speaks for itself: it is held against the truth when it does not resemble
its own match in the right image at all, yet finds a good one at another disparity. Patches near a step of
the truth, without texture, or on what does not look alike from both eyes have no say. A few patches are
allowed, for reflections on what is hardly glossy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fsd_gen.checks.defects import Defect, DefectCode
from fsd_gen.checks.pictures import Pictures
from fsd_gen.checks.windows import anywhere, highest, lowest
from fsd_gen.shards.flags import Flag
from fsd_gen.shards.sample import StereoSample
from jobs.extras import extra

with extra("render"):
    from scipy import ndimage

RADIUS = 4  # pixels, of a patch
PATCH = 2 * RADIUS + 1
GUARD = 2 * (RADIUS + 3) + 1  # pixels around a patch's middle in which the truth must be smooth
MAX_STEP_PX = 3.0  # of disparity within that
MAX_DISAGREEMENT_PX = 0.75  # between the two views' truth
MIN_DEVIATION = 3.0  # 8-bit levels within a patch; less is no texture
UNLIKE, ALIKE = 0.3, 0.9  # correlation of two patches
OTHER_PX = 2.0  # a match that near the truth is no other one
CONTRAST = (0.4, 2.5)  # of the other match, relative to the patch's own
SEARCHED = 0.35  # of the image's width, for other matches
MOST_PATCHES = 1000  # that are searched for another match
MAX_SHARE = 0.03  # of the textured patches that may be misplaced; gloss makes up to 0.019 of them
MIN_SHARE_OF_IMAGE = 0.004  # of all pixels; in sound scenes up to 0.003

Grey = NDArray[np.float32]
Mask = NDArray[np.bool_]


def misplaced_defects(
    sample: StereoSample, steady_left_hw: Mask | None = None, pictures: Pictures | None = None
) -> Iterator[Defect]:
    """At most one: the share of the textured patches that stand elsewhere than the truth says.

    `steady_left_hw` is where the first surface looks alike from both eyes; by default everywhere but on what
    the flags call glass or mirror. `pictures` are those of the sample, where they are known already.
    """
    patches = _Patches.of(sample, steady_left_hw, pictures or Pictures.of(sample))
    textured = int(np.count_nonzero(patches.textured_hw))
    least = max(MAX_SHARE * textured, MIN_SHARE_OF_IMAGE * patches.textured_hw.size)
    suspects = int(np.count_nonzero(patches.unlike_hw))
    if suspects <= least:
        return
    elsewhere, off_px = patches.found_elsewhere()
    if elsewhere * suspects > least:
        share = elsewhere * suspects / textured
        yield Defect(
            code=DefectCode.PHOTOMETRIC,
            detail=f"{share:.1%} of {textured} textured patches match only at another disparity, "
            f"{off_px:.1f} px off in the median; at most {MAX_SHARE:.1%} allowed",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Patches:
    """The patches around the pixels of the left image."""

    left_hw: Grey
    right_hw: Grey
    disparity_hw: Grey
    textured_hw: Mask  # those that have a say
    unlike_hw: Mask  # those of them that do not resemble their match

    @classmethod
    def of(cls, sample: StereoSample, steady_left_hw: Mask | None, pictures: Pictures) -> _Patches:
        left_hw, right_hw, matches = pictures.left_hw, pictures.right_hw, _Lookup.of(sample.disparity_left_hw)
        warped_hw = matches.between(right_hw)
        mean_hw, other_mean_hw = _mean(left_hw), _mean(warped_hw)
        own_hw, other_hw = _deviation(left_hw, mean_hw), _deviation(warped_hw, other_mean_hw)
        noise = pictures.noise / 3  # of the mean of 3 x 3
        calm_hw = _undisturbed(sample, steady_left_hw, matches)
        textured_hw = calm_hw & (own_hw > max(MIN_DEVIATION, 4 * noise))
        covariance_hw = _mean(left_hw * warped_hw) - mean_hw * other_mean_hw
        alike_hw = covariance_hw / np.maximum(own_hw * other_hw, 1e-3)
        return cls(
            left_hw=left_hw,
            right_hw=right_hw,
            disparity_hw=sample.disparity_left_hw,
            textured_hw=textured_hw,
            unlike_hw=textured_hw & ((alike_hw < UNLIKE) | (other_hw < 1)),
        )

    def found_elsewhere(self) -> tuple[float, float]:
        """Share of the unlike patches with a good match elsewhere; the median distance of those matches."""
        rows_n, columns_n = np.nonzero(self.unlike_hw)
        chosen_n = np.linspace(0, len(rows_n) - 1, min(len(rows_n), MOST_PATCHES)).astype(np.intp)
        rows_n, columns_n = rows_n[chosen_n], columns_n[chosen_n]
        alike_n, match_n = self._best_matches(rows_n, columns_n)
        off_n = np.abs(match_n - self.disparity_hw[rows_n, columns_n])
        elsewhere_n = (alike_n > ALIKE) & (off_n > OTHER_PX)
        return float(elsewhere_n.mean()), float(np.median(off_n[elsewhere_n])) if elsewhere_n.any() else 0.0

    def _best_matches(
        self, rows_n: NDArray[np.intp], columns_n: NDArray[np.intp]
    ) -> tuple[Grey, NDArray[np.intp]]:
        """Highest correlation over all whole disparities, and where it is."""
        around = np.arange(-RADIUS, RADIUS + 1)
        rows_npp, columns_npp = rows_n[:, None, None] + around[:, None], columns_n[:, None, None] + around
        own_npp, own_n = _centred(self.left_hw[rows_npp, columns_npp])
        alike_n = np.full(len(rows_n), -1, np.float32)
        match_n = np.zeros(len(rows_n), np.intp)
        for disparity in range(self._search_px()):
            inside_n = columns_n - disparity >= RADIUS
            there_npp, there_n = _centred(self.right_hw[rows_npp, np.maximum(columns_npp - disparity, 0)])
            here_n = np.einsum("npq,npq->n", own_npp, there_npp) / np.maximum(own_n * there_n, 1e-3)
            low, high = CONTRAST
            better_n = inside_n & (here_n > alike_n) & (there_n > low * own_n) & (there_n < high * own_n)
            alike_n[better_n], match_n[better_n] = here_n[better_n], disparity
        return alike_n, match_n

    def _search_px(self) -> int:
        """Beyond the truth's own range, which knows nothing of a sheet that it sees through."""
        width = int(self.left_hw.shape[1])
        return min(max(int(self.disparity_hw.max()) + 8, int(SEARCHED * width)), width)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lookup:
    """Where in the other image the matches of the left pixels lie: between which pixels, how far along."""

    first_hw: NDArray[np.intp]  # the left one of the two, all rows one after the other
    share_hw: NDArray[np.float64]

    @classmethod
    def of(cls, disparity_hw: Grey) -> _Lookup:
        height, width = disparity_hw.shape
        match_hw = np.clip(np.arange(width, dtype=np.float32) - disparity_hw, 0, width - 1.001)
        column_hw = match_hw.astype(np.intp)
        rows_h1 = np.arange(0, height * width, width)[:, None]
        return cls(first_hw=column_hw + rows_h1, share_hw=match_hw - column_hw)

    def between(self, values_hw: Grey) -> Grey:
        """The other image's values there."""
        a_hw = values_hw.take(self.first_hw)
        step_hw = values_hw.ravel()[1:].take(self.first_hw) - a_hw
        there_hw: Grey = (a_hw + self.share_hw * step_hw).astype(np.float32)
        return there_hw

    def touch(self, mask_hw: Mask) -> Mask:
        """Whether the mask holds for what the other image's values there come from."""
        touched_hw: Mask = mask_hw.ravel()[1:].take(self.first_hw)
        touched_hw &= self.share_hw > 0
        touched_hw |= mask_hw.take(self.first_hw)
        return touched_hw


def _undisturbed(sample: StereoSample, steady_left_hw: Mask | None, matches: _Lookup) -> Mask:
    """Where the truth is smooth, known and the same in both views, and of something steady, all around."""
    disparity_hw, width = sample.disparity_left_hw, sample.disparity_left_hw.shape[1]
    flagged_hw, flagged_there_hw = (
        (flags_hw & ~np.uint8(Flag.SKY.value)) != 0
        for flags_hw in (sample.flags_left_hw, sample.flags_right_hw)
    )
    wrong_hw = flagged_hw | matches.touch(flagged_there_hw)
    if steady_left_hw is not None:
        wrong_hw |= ~steady_left_hw
    there_hw = matches.between(sample.disparity_right_hw)
    wrong_hw |= np.abs(there_hw - disparity_hw) > MAX_DISAGREEMENT_PX
    match_hw = np.arange(width, dtype=np.float32) - disparity_hw
    wrong_hw |= (match_hw < 1) | (match_hw > width - 2)
    step_hw = highest(disparity_hw, GUARD) - lowest(disparity_hw, GUARD)
    calm_hw: Mask = ~anywhere(wrong_hw, GUARD) & (step_hw < MAX_STEP_PX)
    calm_hw[:RADIUS] = calm_hw[-RADIUS:] = False
    calm_hw[:, :RADIUS] = calm_hw[:, -RADIUS:] = False
    return calm_hw


def _mean(values_hw: Grey) -> Grey:
    mean_hw: Grey = ndimage.uniform_filter(values_hw, PATCH, mode="nearest")
    return mean_hw


def _deviation(values_hw: Grey, mean_hw: Grey) -> Grey:
    """Standard deviation within each patch."""
    deviation_hw: Grey = np.sqrt(np.maximum(_mean(values_hw * values_hw) - mean_hw**2, 0))
    return deviation_hw


def _centred(patches_npp: Grey) -> tuple[Grey, Grey]:
    """Patches free of their means, and their lengths."""
    centred_npp = patches_npp - patches_npp.mean(axis=(1, 2), keepdims=True)
    return centred_npp, np.sqrt(np.einsum("npq,npq->n", centred_npp, centred_npp))
