"""Nothing enters a shard unchecked: what can be said of a stereo pair and its truth, whatever the scene.

A sound pair has finite, in-range, quantised disparities; flags that agree with the geometry; left and
right truth that agree where both eyes see; a right image that, warped by the truth, looks like the left
one *better than with any other offset*, as a whole and patch by patch; and a sane exposure. A scene without
texture, or all of metal, is legitimate: where the images cannot tell right from wrong, nothing is held
against the truth. How much of the picture could tell is part of the answer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fsd_gen.checks.defects import Defect
from fsd_gen.checks.exposure import exposure_defects
from fsd_gen.checks.limits import CheckLimits
from fsd_gen.checks.misplaced import misplaced_defects
from fsd_gen.checks.photometric import photometric_defects, textured_matches
from fsd_gen.checks.pictures import Pictures
from fsd_gen.checks.truth import finite_defects, shape_defects, truth_defects
from fsd_gen.shards.sample import StereoSample


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What became of the checks of one sample."""

    defects: tuple[Defect, ...]  # empty for a sound one
    judged_share: float | None = None  # of the left pixels: they could tell whether the images fit the truth
    needed_share: float = 0.0  # with fewer the images were not held against the truth as a whole
    enough_judged: bool = True  # the images were held against the truth, or there was no need to


def examine_sample(
    sample: StereoSample,
    limits: CheckLimits | None = None,
    *,
    steady_left_hw: NDArray[np.bool_] | None = None,
    depth_left_hw: NDArray[np.floating] | None = None,
    depth_right_hw: NDArray[np.floating] | None = None,
) -> Examined:
    """Everything that is wrong with `sample`, and how much of its images could tell.

    `steady_left_hw` says where the first surface looks alike from both eyes (see `steady_mask`); without it
    only glass and mirrors are taken not to. Depth maps (plane depth Z in metres, infinite for the sky), where
    a caller has them, are held against d = f * B / Z. Arrays of the wrong shape or with values that are not
    finite end the examination early.
    """
    limits = limits or CheckLimits()
    if defects := tuple(shape_defects(sample)) or tuple(finite_defects(sample)):
        return Examined(defects=defects)
    found = examine_images(sample, limits, steady_left_hw)
    wrong_truth = truth_defects(sample, limits, depth_left_hw, depth_right_hw)
    return replace(found, defects=(*wrong_truth, *found.defects))


def examine_images(
    sample: StereoSample, limits: CheckLimits, steady_left_hw: NDArray[np.bool_] | None = None
) -> Examined:
    """What is wrong with the images of a sample in whose truth `check_truth` found nothing wrong."""
    pictures = Pictures.of(sample)
    matches = textured_matches(sample, steady_left_hw, pictures)
    misfits = tuple(photometric_defects(matches, limits)) or tuple(
        misplaced_defects(sample, steady_left_hw, pictures)
    )
    return Examined(
        defects=(*misfits, *exposure_defects(sample, limits)),
        judged_share=matches.share,
        needed_share=matches.needed_share(limits),
        enough_judged=matches.suffice(limits),
    )


def check_sample(sample: StereoSample, limits: CheckLimits | None = None) -> tuple[Defect, ...]:
    """The defects that `examine_sample` finds in a sample of which no more is known than it says itself."""
    return examine_sample(sample, limits).defects
