"""Nothing enters a shard unchecked: what can be said of a stereo pair and its truth, whatever the scene.

A sound pair has finite, in-range, quantised disparities; flags that agree with the geometry; left and
right truth that agree where both eyes see; a right image that, warped by the truth, looks like the left
one *better than with any other offset*, as a whole and patch by patch; and a sane exposure. A scene without
texture is legitimate: where the images cannot tell right from wrong, nothing is held against the truth.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fsd_gen.checks.defects import Defect
from fsd_gen.checks.exposure import exposure_defects
from fsd_gen.checks.limits import CheckLimits
from fsd_gen.checks.misplaced import misplaced_defects
from fsd_gen.checks.photometric import photometric_defects
from fsd_gen.checks.truth import finite_defects, shape_defects, truth_defects
from fsd_gen.shards.sample import StereoSample


def check_sample(
    sample: StereoSample,
    limits: CheckLimits | None = None,
    *,
    depth_left_hw: NDArray[np.floating] | None = None,
    depth_right_hw: NDArray[np.floating] | None = None,
) -> tuple[Defect, ...]:
    """Everything that is wrong with `sample`; empty for a sound one.

    Depth maps (plane depth Z in metres, infinite for the sky), where a caller has them, are held
    against d = f * B / Z. Arrays of the wrong shape or with values that are not finite end the check early.
    """
    limits = limits or CheckLimits()
    if defects := tuple(shape_defects(sample)) or tuple(finite_defects(sample)):
        return defects
    depths = (depth_left_hw, depth_right_hw)
    return (
        *truth_defects(sample, limits, *depths),
        *(tuple(photometric_defects(sample, limits)) or misplaced_defects(sample)),
        *exposure_defects(sample, limits),
    )
