"""Nothing enters a shard unchecked: what can be said of a stereo pair and its truth, whatever the scene.

A sound pair has finite, in-range, quantised disparities; flags that agree with the geometry; left and
right truth that agree where both eyes see; a right image that, warped by the truth, looks like the left
one *better than with any other offset*; and a sane exposure. A scene without texture is legitimate: where
the images cannot tell right from wrong, nothing is held against the truth.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy import ndimage

from fsd_gen.scene.rig import StereoRig
from fsd_gen.shards.sample import Flag, StereoSample, is_quantised

KNOWN_BITS = sum(flag.value for flag in Flag)
WITHOUT_SURFACE = (Flag.SKY | Flag.NO_TRUTH).value
UNMATCHED = (Flag.OCCLUDED | Flag.OUT_OF_FRAME).value | WITHOUT_SURFACE
FLAG_SLACK_PX = 0.51  # a match this close to the image border may be flagged either way
DARK, BRIGHT = 3, 252  # 8-bit values at or beyond which a pixel is clipped
OFFSETS_PX = np.arange(-3, 3.25, 0.25)  # tried around the truth
ERROR_CAP = 40.0  # 8-bit levels; more than that is a highlight or a mistake, however large
MIN_GRADIENT = 3.0  # 8-bit levels per pixel, after smoothing
SURROUND_PX = 15  # what changes over more than that is not compared
NOISE_LEFT = 0.15  # share of white noise left in the horizontal gradient after smoothing
MAX_STEP_PX = 2.0  # larger steps of disparity within 5 px: smoothing would mix two surfaces
MIN_TEXTURED_PIXELS = 200
PIXELS_PER_BAND = 20_000


class DefectCode(StrEnum):
    """Why a sample is refused; written down for every attempt of a quarantined slot."""

    SHAPE = "shape"
    NOT_FINITE = "not_finite"
    RANGE = "range"
    FLAGS = "flags"
    DEPTH = "depth"
    LEFT_RIGHT = "left_right"
    PHOTOMETRIC = "photometric"
    EXPOSURE = "exposure"
    SKY = "sky"
    NO_TRUTH = "no_truth"
    TOO_LITTLE_VALID = "too_little_valid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """One reason against a sample, with the numbers behind it."""

    code: DefectCode
    detail: str


class CheckLimits(BaseModel):
    """How much of what is too much. Shares are of all pixels of a view unless said otherwise."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_disparity_px: float = Field(default=768.0, gt=0)  # pixels; FoundationStereo itself looks up to 416
    max_beyond: float = Field(default=0.02, ge=0, le=1)  # share of pixels allowed beyond max_disparity_px
    min_valid: float = Field(default=0.3, ge=0, le=1)  # share of pixels with a surface and its truth
    max_sky: float = Field(default=0.7, ge=0, le=1)
    max_no_truth: float = Field(default=0.05, ge=0, le=1)
    max_flag_mismatch: float = Field(default=0.001, ge=0, le=1)  # OUT_OF_FRAME against the geometry
    left_right_tolerance_px: float = Field(default=0.5, gt=0)  # pixels, beyond the two neighbours' range
    min_left_right: float = Field(default=0.97, ge=0, le=1)  # share of the pixels that both eyes see
    max_shift_px: float = Field(default=0.35, gt=0, lt=3)  # best offset of the images from the truth
    max_shift_gain: float = Field(default=0.8, gt=0)  # error at that offset over error at the truth
    max_error_ratio: float = Field(default=0.9, gt=0)  # error at the truth over error 2 px beside it
    min_textured: float = Field(default=0.01, gt=0, le=1)  # share of pixels; fewer say nothing
    max_black: float = Field(default=0.6, ge=0, le=1)  # all channels <= 3
    max_white: float = Field(default=0.4, ge=0, le=1)  # all channels >= 252
    mean_level: tuple[float, float] = (10.0, 245.0)  # mean of the image, 8-bit sRGB


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
    if defects := tuple(_shape_defects(sample)) or tuple(_finite_defects(sample)):
        return defects
    depths = (depth_left_hw, depth_right_hw)
    return (*_truth_defects(sample, limits, *depths), *_image_defects(sample, limits))


def check_truth(sample: StereoSample, limits: CheckLimits | None = None) -> tuple[Defect, ...]:
    """What is wrong with disparity and flags alone; the images are not looked at, and may be blank.

    Cheap enough to spare the rendering of a scene that could not pass.
    """
    limits = limits or CheckLimits()
    return tuple(_shape_defects(sample)) or tuple(_finite_defects(sample)) or _truth_defects(sample, limits)


def _truth_defects(
    sample: StereoSample, limits: CheckLimits, *depths: NDArray[np.floating] | None
) -> tuple[Defect, ...]:
    return (
        *_range_defects(sample, limits),
        *_flag_defects(sample, limits),
        *_depth_defects(sample, *(depths or (None, None))),
        *_left_right_defects(sample, limits),
        *_share_defects(sample, limits),
    )


def _image_defects(sample: StereoSample, limits: CheckLimits) -> tuple[Defect, ...]:
    return (*_photometric_defects(sample, limits), *_exposure_defects(sample, limits))


def _views(sample: StereoSample) -> tuple[tuple[str, NDArray, NDArray, NDArray], ...]:
    return (
        ("left", sample.left_hwc, sample.disparity_left_hw, sample.flags_left_hw),
        ("right", sample.right_hwc, sample.disparity_right_hw, sample.flags_right_hw),
    )


def _shape_defects(sample: StereoSample) -> Iterator[Defect]:
    shape = (sample.spec.rig.height, sample.spec.rig.width)
    for view, image, disparity, flags in _views(sample):
        expected = (("image", image, "uint8", (*shape, 3)), ("disparity", disparity, "float32", shape))
        for what, array, dtype, size in (*expected, ("flags", flags, "uint8", shape)):
            if array.dtype != dtype or array.shape != size:
                found = f"{array.dtype} {array.shape}, expected {dtype} {size}"
                yield Defect(code=DefectCode.SHAPE, detail=f"{view} {what} is {found}")


def _finite_defects(sample: StereoSample) -> Iterator[Defect]:
    for view, _, disparity_hw, _ in _views(sample):
        if bad := int(np.count_nonzero(~np.isfinite(disparity_hw))):
            yield Defect(code=DefectCode.NOT_FINITE, detail=f"{view}: {bad} disparities are NaN or infinite")


def _range_defects(sample: StereoSample, limits: CheckLimits) -> Iterator[Defect]:
    for view, _, disparity_hw, flags_hw in _views(sample):
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
    for (view, _, disparity_hw, flags_hw), sign in zip(_views(sample), (-1, 1), strict=True):
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
    for (view, _, disparity_hw, flags_hw), depth_hw in zip(_views(sample), depths, strict=True):
        if depth_hw is None:
            continue
        surface_hw = (flags_hw & WITHOUT_SURFACE) == 0
        error_n = np.abs(rig.disparity(depth_hw[surface_hw]) - disparity_hw[surface_hw])
        worst = float(error_n.max(initial=0.0))
        if not worst <= 1 / 256:  # also when NaN
            yield Defect(code=DefectCode.DEPTH, detail=f"{view}: f*B/Z is up to {worst:.4f} px off")


def _left_right_defects(sample: StereoSample, limits: CheckLimits) -> Iterator[Defect]:
    """A pixel that both eyes see must find its own disparity at its match, between the two nearest pixels."""
    left, right = ((disparity, flags) for _, _, disparity, flags in _views(sample))
    for view, own, other, sign in (("left", left, right, -1), ("right", right, left, 1)):
        agree_n = _agreement(*own, *other, sign=sign, tolerance=limits.left_right_tolerance_px)
        if agree_n.size and (share := float(agree_n.mean())) < limits.min_left_right:
            yield Defect(
                code=DefectCode.LEFT_RIGHT,
                detail=f"{view}: {share:.2%} of {agree_n.size} pixels that both eyes see agree "
                f"within {limits.left_right_tolerance_px:g} px, expected {limits.min_left_right:.2%}",
            )


def _agreement(
    own_hw: NDArray[np.float32],
    own_flags_hw: NDArray[np.uint8],
    other_hw: NDArray[np.float32],
    other_flags_hw: NDArray[np.uint8],
    *,
    sign: int,
    tolerance: float,
) -> NDArray[np.bool_]:
    """For every pixel that both eyes see, whether the other view agrees with its disparity."""
    height, width = own_hw.shape
    rows_n, columns_n = np.nonzero((own_flags_hw & UNMATCHED) == 0)
    disparity_n = own_hw[rows_n, columns_n]
    match_n = np.clip(columns_n + sign * disparity_n, 0, width - 1)
    first_n = np.floor(match_n).astype(np.intp)
    second_n = np.minimum(first_n + 1, width - 1)
    unknown_hw = (other_flags_hw & Flag.NO_TRUTH) != 0
    known_n = ~(unknown_hw[rows_n, first_n] | unknown_hw[rows_n, second_n])
    a_n, b_n = other_hw[rows_n, first_n], other_hw[rows_n, second_n]
    within_n = (disparity_n >= np.minimum(a_n, b_n) - tolerance) & (
        disparity_n <= np.maximum(a_n, b_n) + tolerance
    )
    return within_n[known_n]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Matches:
    """Textured pixels that both eyes see, and the right image in which to find them."""

    grey_n: NDArray[np.float32]  # detail of the left image at the pixels
    rows_n: NDArray[np.intp]
    columns_n: NDArray[np.intp]
    disparity_n: NDArray[np.float32]
    right_hw: NDArray[np.float32]

    def subset(self, chosen_n: NDArray) -> _Matches:
        parts = (self.grey_n, self.rows_n, self.columns_n, self.disparity_n)
        grey_n, rows_n, columns_n, disparity_n = (part[chosen_n] for part in parts)
        return _Matches(
            grey_n=grey_n,
            rows_n=rows_n,
            columns_n=columns_n,
            disparity_n=disparity_n,
            right_hw=self.right_hw,
        )

    def error(self, offset_px: float, *, sign: int = -1) -> float:
        """Mean capped difference (8-bit levels) between the images if the truth were `offset_px` larger."""
        column_n = self.columns_n + sign * (self.disparity_n + np.float32(offset_px))
        column_n = np.clip(column_n, 0, self.right_hw.shape[1] - 1.001)
        first_n = column_n.astype(np.intp)
        weight_n = column_n - first_n
        a_n, b_n = self.right_hw[self.rows_n, first_n], self.right_hw[self.rows_n, first_n + 1]
        return float(np.minimum(np.abs(a_n + weight_n * (b_n - a_n) - self.grey_n), ERROR_CAP).mean())


def _photometric_defects(sample: StereoSample, limits: CheckLimits) -> Iterator[Defect]:
    """Three bands of disparity, each judged alone, so that an error of scale shows in the nearest one."""
    matches = _textured_matches(sample)
    enough = max(MIN_TEXTURED_PIXELS, int(limits.min_textured * sample.disparity_left_hw.size))
    if matches.disparity_n.size < enough:
        return
    thirds = np.array_split(np.argsort(matches.disparity_n, kind="stable"), 3)
    for chosen_n in thirds:
        band = matches.subset(chosen_n[:: max(1, chosen_n.size // PIXELS_PER_BAND)])
        if detail := _misfit(band, limits):
            low, high = float(band.disparity_n.min()), float(band.disparity_n.max())
            yield Defect(
                code=DefectCode.PHOTOMETRIC,
                detail=f"disparities {low:.1f}-{high:.1f} px, {band.grey_n.size} textured pixels: {detail}",
            )
            return


def _misfit(band: _Matches, limits: CheckLimits) -> str | None:
    """What the images say against the truth, or None."""
    errors = {float(offset): band.error(float(offset)) for offset in OFFSETS_PX}
    here, beside = errors[0.0], (errors[-2.0] + errors[2.0]) / 2
    best = min(errors, key=lambda offset: (errors[offset], abs(offset)))
    if abs(best) > limits.max_shift_px and errors[best] < limits.max_shift_gain * here:
        return f"the images fit best {best:+.2f} px off the truth (error {errors[best]:.1f}, not {here:.1f})"
    if here > limits.max_error_ratio * beside:
        swapped = band.error(0.0, sign=1)
        hint = f"; swapped eyes would give {swapped:.1f}" if swapped < limits.max_shift_gain * here else ""
        return f"error {here:.1f} at the truth is no better than {beside:.1f} at 2 px beside it{hint}"
    return None


def _textured_matches(sample: StereoSample) -> _Matches:
    left_hw, right_hw = _detail(sample.left_hwc), _detail(sample.right_hwc)
    disparity_hw = sample.disparity_left_hw
    seen_hw = ndimage.minimum_filter((sample.flags_left_hw == 0).view(np.uint8), 7) > 0
    step_hw = ndimage.maximum_filter(disparity_hw, 5) - ndimage.minimum_filter(disparity_hw, 5)
    gradient_hw = np.zeros_like(left_hw)
    gradient_hw[:, 1:-1] = np.abs(left_hw[:, 2:] - left_hw[:, :-2]) / 2
    noise = max(_noise_level(sample.left_hwc), _noise_level(sample.right_hwc)) * NOISE_LEFT
    textured_hw = gradient_hw > max(MIN_GRADIENT, 3 * noise)
    match_hw = np.arange(disparity_hw.shape[1], dtype=np.float32) - disparity_hw
    inside_hw = (match_hw > 4) & (match_hw < disparity_hw.shape[1] - 5)
    rows_n, columns_n = np.nonzero(seen_hw & textured_hw & inside_hw & (step_hw < MAX_STEP_PX))
    return _Matches(
        grey_n=left_hw[rows_n, columns_n],
        rows_n=rows_n,
        columns_n=columns_n,
        disparity_n=disparity_hw[rows_n, columns_n],
        right_hw=right_hw,
    )


def _detail(image_hwc: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Grey levels without pixel noise and without slow changes, in which gloss and lighting differ."""
    grey_hw = (image_hwc[..., 0].astype(np.float32) + image_hwc[..., 1] + image_hwc[..., 2]) / np.float32(3)
    smooth_hw = ndimage.uniform_filter(ndimage.uniform_filter(grey_hw, 3), 3)
    return smooth_hw - ndimage.uniform_filter(smooth_hw, SURROUND_PX)


def _noise_level(image_hwc: NDArray[np.uint8]) -> float:
    """Robust standard deviation of pixel noise in 8-bit levels (Immerkaer's second-difference mask)."""
    g_hw = image_hwc[..., 1].astype(np.float32)
    rows_hw = g_hw[:-2] - 2 * g_hw[1:-1] + g_hw[2:]
    mask_hw = rows_hw[:, :-2] - 2 * rows_hw[:, 1:-1] + rows_hw[:, 2:]
    return float(np.median(np.abs(mask_hw)) / (0.6745 * 6))


def _exposure_defects(sample: StereoSample, limits: CheckLimits) -> Iterator[Defect]:
    low, high = limits.mean_level
    for view, image_hwc, _, _ in _views(sample):
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


def _share_defects(sample: StereoSample, limits: CheckLimits) -> Iterator[Defect]:
    for view, _, _, flags_hw in _views(sample):
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
