"""Whether the images are neither black nor blown out."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fsd_gen.checks.defects import Defect, DefectCode
from fsd_gen.checks.limits import CheckLimits
from fsd_gen.checks.views import views
from fsd_gen.shards.sample import StereoSample

DARK, BRIGHT = 3, 252  # 8-bit values at or beyond which a pixel is clipped


def exposure_defects(sample: StereoSample, limits: CheckLimits) -> Iterator[Defect]:
    """Too much black, too much white, or a mean beyond its limits."""
    low, high = limits.mean_level
    for view, image_hwc, _, _ in views(sample):
        mean = float(image_hwc.mean())
        r_hw, g_hw, b_hw = (image_hwc[..., channel] for channel in range(3))
        brightest_hw = np.maximum(np.maximum(r_hw, g_hw), b_hw)
        darkest_hw = np.minimum(np.minimum(r_hw, g_hw), b_hw)
        shares = (
            ("black", float((brightest_hw <= DARK).mean()), limits.max_black),
            ("white", float((darkest_hw >= BRIGHT).mean()), limits.max_white),
        )
        for what, share, limit in shares:
            if share > limit:
                detail = f"{view}: {share:.1%} of the pixels are {what}, at most {limit:.1%} allowed"
                yield Defect(code=DefectCode.EXPOSURE, detail=detail)
        if not low <= mean <= high:
            detail = f"{view}: mean level {mean:.1f}, expected {low:g} to {high:g}"
            yield Defect(code=DefectCode.EXPOSURE, detail=detail)
