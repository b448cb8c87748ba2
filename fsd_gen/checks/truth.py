"""What is wrong with disparity and flags: shapes, ranges, geometry, and the agreement of the two views."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fsd_gen.checks.defects import Defect, DefectCode
from fsd_gen.checks.limits import CheckLimits
from fsd_gen.checks.views import WITHOUT_SURFACE, views
from fsd_gen.checks.windows import BAND
from fsd_gen.scene.rig import StereoRig
from fsd_gen.shards.flags import Flag
from fsd_gen.shards.sample import StereoSample, is_quantised

KNOWN_BITS = sum(flag.value for flag in Flag)
UNMATCHED = (Flag.OCCLUDED | Flag.OUT_OF_FRAME).value | WITHOUT_SURFACE
FLAG_SLACK_PX = 0.51  # a match this close to the image border may be flagged either way


def check_truth(sample: StereoSample, limits: CheckLimits | None = None) -> tuple[Defect, ...]:
    """What is wrong with disparity and flags alone; the images are not looked at, and may be blank.

    Cheap enough to spare the rendering of a scene that could not pass.
    """
    limits = limits or CheckLimits()
    return tuple(shape_defects(sample)) or tuple(finite_defects(sample)) or truth_defects(sample, limits)


def truth_defects(
    sample: StereoSample, limits: CheckLimits, *depths: NDArray[np.floating] | None
) -> tuple[Defect, ...]:
    """What is wrong with finite maps of the right shape."""
    return (
        *_range_defects(sample, limits),
        *_flag_defects(sample, limits),
        *_depth_defects(sample, *(depths or (None, None))),
        *_left_right_defects(sample, limits),
        *_share_defects(sample, limits),
    )


def shape_defects(sample: StereoSample) -> Iterator[Defect]:
    """Arrays of another shape or type than the rig asks for."""
    shape = (sample.spec.rig.height, sample.spec.rig.width)
    for view, image, disparity, flags in views(sample):
        expected = (("image", image, "uint8", (*shape, 3)), ("disparity", disparity, "float32", shape))
        for what, array, dtype, size in (*expected, ("flags", flags, "uint8", shape)):
            if array.dtype != dtype or array.shape != size:
                found = f"{array.dtype} {array.shape}, expected {dtype} {size}"
                yield Defect(code=DefectCode.SHAPE, detail=f"{view} {what} is {found}")


def finite_defects(sample: StereoSample) -> Iterator[Defect]:
    """Disparities that are no numbers."""
    for view, _, disparity_hw, _ in views(sample):
        if bad := int(np.count_nonzero(~np.isfinite(disparity_hw))):
            yield Defect(code=DefectCode.NOT_FINITE, detail=f"{view}: {bad} disparities are NaN or infinite")


def _range_defects(sample: StereoSample, limits: CheckLimits) -> Iterator[Defect]:
    for view, _, disparity_hw, flags_hw in views(sample):
        if (lowest := float(disparity_hw.min())) < 0:
            yield Defect(code=DefectCode.RANGE, detail=f"{view}: disparity {lowest:.3f} px is negative")
        if not is_quantised(disparity_hw):
            yield Defect(code=DefectCode.RANGE, detail=f"{view}: disparities are not multiples of 1/256 px")
        beyond = float((disparity_hw > limits.max_disparity_px).mean())
        if beyond > limits.max_beyond:
            detail = f"{view}: {beyond:.2%} of the pixels beyond {limits.max_disparity_px:g} px"
            yield Defect(code=DefectCode.RANGE, detail=f"{detail}, at most {limits.max_beyond:.2%} allowed")
        surface_hw = (flags_hw & WITHOUT_SURFACE) == 0
        if wrong := int(np.count_nonzero((disparity_hw > 0) & ~surface_hw)):
            yield Defect(code=DefectCode.RANGE, detail=f"{view}: {wrong} sky or NO_TRUTH pixels are not 0")


def _flag_defects(sample: StereoSample, limits: CheckLimits) -> Iterator[Defect]:
    width = sample.spec.rig.width
    for (view, _, disparity_hw, flags_hw), sign in zip(views(sample), (-1, 1), strict=True):
        if unknown := int(np.bitwise_or.reduce(flags_hw, axis=None)) & ~KNOWN_BITS:
            yield Defect(code=DefectCode.FLAGS, detail=f"{view}: unknown flag bits {unknown:#x}")
        column_hw = np.arange(width, dtype=np.float32) + np.float32(0.5) + sign * disparity_hw
        outside_hw = (flags_hw & Flag.OUT_OF_FRAME) != 0
        surely_out_hw = (column_hw < -FLAG_SLACK_PX) | (column_hw > width + FLAG_SLACK_PX)
        surely_in_hw = (column_hw > FLAG_SLACK_PX) & (column_hw < width - FLAG_SLACK_PX)
        wrong_hw = np.where(outside_hw, surely_in_hw, surely_out_hw) & ((flags_hw & Flag.NO_TRUTH) == 0)
        if (share := float(wrong_hw.mean())) > limits.max_flag_mismatch:
            yield Defect(
                code=DefectCode.FLAGS,
                detail=f"{view}: OUT_OF_FRAME contradicts the disparity on {share:.2%} of the pixels",
            )


def _depth_defects(sample: StereoSample, *depths: NDArray[np.floating] | None) -> Iterator[Defect]:
    rig: StereoRig = sample.spec.rig
    for (view, _, disparity_hw, flags_hw), depth_hw in zip(views(sample), depths, strict=True):
        if depth_hw is None:
            continue
        surface_hw = (flags_hw & WITHOUT_SURFACE) == 0
        error_n = np.abs(rig.disparity(depth_hw[surface_hw]) - disparity_hw[surface_hw])
        worst = float(error_n.max(initial=0.0))
        if not worst <= 1 / 256:  # also when NaN
            yield Defect(code=DefectCode.DEPTH, detail=f"{view}: f*B/Z is up to {worst:.4f} px off")


def _left_right_defects(sample: StereoSample, limits: CheckLimits) -> Iterator[Defect]:
    """A pixel that both eyes see must find its own disparity at its match, between the two nearest pixels."""
    left, right = ((disparity, flags) for _, _, disparity, flags in views(sample))
    ways: tuple[tuple[str, Any, Any, Literal[-1, 1]], ...] = (
        ("left", left, right, -1),
        ("right", right, left, 1),
    )
    for view, own, other, sign in ways:
        agree_n = _agreement(*own, *other, sign=sign, tolerance=limits.left_right_tolerance_px)
        if agree_n.size and (share := float(agree_n.mean())) < limits.min_left_right:
            yield Defect(
                code=DefectCode.LEFT_RIGHT,
                detail=f"{view}: {share:.2%} of {agree_n.size} pixels that both eyes see agree "
                f"within {limits.left_right_tolerance_px:g} px, expected {limits.min_left_right:.2%}",
            )


def _agreement(*maps: NDArray[Any], sign: Literal[-1, 1], tolerance: float) -> NDArray[np.bool_]:
    """For every pixel that both eyes see, whether the other view agrees with its disparity.

    `maps` are disparity and flags of one view, then of the other. Matches lie in the same row, so bands of
    rows, which stay in the cache, are as good as all of them.
    """
    tops = range(0, len(maps[0]), BAND)
    bands = ([each_hw[top : top + BAND] for each_hw in maps] for top in tops)
    return np.concatenate([_agreement_of_rows(*band, sign=sign, tolerance=tolerance) for band in bands])


def _agreement_of_rows(
    own_hw: NDArray[np.float32],
    own_flags_hw: NDArray[np.uint8],
    other_hw: NDArray[np.float32],
    other_flags_hw: NDArray[np.uint8],
    *,
    sign: Literal[-1, 1],
    tolerance: float,
) -> NDArray[np.bool_]:
    width = own_hw.shape[1]
    seen_hw = (own_flags_hw & UNMATCHED) == 0
    column_n = np.broadcast_to(np.arange(width, dtype=np.int32), own_hw.shape)[seen_hw]
    disparity_n = own_hw[seen_hw]
    match_n = np.clip(column_n + sign * disparity_n, 0, width - 1)
    first_n = match_n.astype(np.intp)
    has_next_n = first_n < width - 1
    first_n += np.flatnonzero(seen_hw) - column_n
    second_n = first_n + has_next_n
    a_n, b_n = other_hw.take(first_n), other_hw.take(second_n)
    within_n: NDArray[np.bool_] = (disparity_n >= np.minimum(a_n, b_n) - tolerance) & (
        disparity_n <= np.maximum(a_n, b_n) + tolerance
    )
    unknown_hw = (other_flags_hw & Flag.NO_TRUTH) != 0
    if not unknown_hw.any():
        return within_n
    agrees_n: NDArray[np.bool_] = within_n[~(unknown_hw.take(first_n) | unknown_hw.take(second_n))]
    return agrees_n


def _share_defects(sample: StereoSample, limits: CheckLimits) -> Iterator[Defect]:
    for view, _, _, flags_hw in views(sample):
        shares = (
            (DefectCode.SKY, "sky", float(((flags_hw & Flag.SKY) != 0).mean()), limits.max_sky),
            (
                DefectCode.NO_TRUTH,
                "without truth",
                float(((flags_hw & Flag.NO_TRUTH) != 0).mean()),
                limits.max_no_truth,
            ),
        )
        for code, what, share, limit in shares:
            if share > limit:
                detail = f"{view}: {share:.1%} of the pixels are {what}, at most {limit:.1%} allowed"
                yield Defect(code=code, detail=detail)
        valid = float(((flags_hw & WITHOUT_SURFACE) == 0).mean())
        if valid < limits.min_valid:
            detail = f"{view}: {valid:.1%} of the pixels show a surface, expected {limits.min_valid:.1%}"
            yield Defect(code=DefectCode.TOO_LITTLE_VALID, detail=detail)
