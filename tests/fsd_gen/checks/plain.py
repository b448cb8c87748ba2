"""The checks in their plain form: every step for every pixel, by the obvious means.

What `fsd_gen.checks` finds must equal this to the bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from fsd_gen.checks import truth
from fsd_gen.checks.defects import Defect
from fsd_gen.checks.exposure import exposure_defects
from fsd_gen.checks.limits import CheckLimits
from fsd_gen.checks.misplaced import (
    GUARD,
    MAX_DISAGREEMENT_PX,
    MIN_DEVIATION,
    PATCH,
    RADIUS,
    UNLIKE,
)
from fsd_gen.checks.misplaced import (
    MAX_STEP_PX as MAX_PATCH_STEP_PX,
)
from fsd_gen.checks.photometric import (
    DETAIL_GAIN,
    ERROR_CAP,
    MAX_BEND_PX,
    MAX_STEP_PX,
    MIN_GRADIENT,
    NOISE_LEFT,
    Matches,
    photometric_defects,
)
from fsd_gen.checks.steady import MOST_MIRRORED, MOST_ON_PLAIN, Shine
from fsd_gen.checks.truth import UNMATCHED
from fsd_gen.scene.rig import StereoRig
from fsd_gen.shards.flags import Flag
from fsd_gen.shards.sample import StereoSample
from fsd_gen.truth.raycast import Hits
from fsd_gen.truth.surfaces import normal_map
from fsd_gen.usd.flat_scene import FlatScene, Surface, Texture

Mask = NDArray[np.bool_]
Grey = NDArray[np.float32]


def steady_mask(scene: FlatScene, rig: StereoRig, hits: Hits) -> NDArray[np.bool_]:
    """As in `fsd_gen.checks.steady`: every pixel is asked."""
    surface_b = [np.full(len(mesh.faces_f3), mesh.surface) for mesh in scene.meshes]
    surface_t = np.concatenate([*surface_b, [len(scene.surfaces)]])  # the last one: nothing
    surface_n = surface_t[np.where(hits.primitive_n >= 0, hits.primitive_n, -1)]
    shine_s5 = np.zeros((len(scene.surfaces) + 1, 5))
    shine_s5[-1] = (0.0, 0.0, 1.0, 0.0, 0.0)
    for index in np.unique(surface_n):
        if index < len(scene.surfaces):
            shine_s5[index] = astuple(Shine.of(scene.surfaces[index]))
    most_s = np.array([*map(_most, scene.surfaces), MOST_MIRRORED])
    shine = Shine(*shine_s5[surface_n].T)
    mirrored_n = np.asarray(shine.mirrored(cosine_map(scene, rig, hits).ravel()))
    steady_hw: NDArray[np.bool_] = (mirrored_n <= most_s[surface_n]).reshape(rig.height, rig.width)
    return steady_hw


def _most(surface: Surface) -> float:
    shown = (surface.diffuse, surface.emissive, surface.normal)
    return MOST_MIRRORED if any(isinstance(each, Texture) for each in shown) else MOST_ON_PLAIN


def cosine_map(scene: FlatScene, rig: StereoRig, hits: Hits) -> NDArray[np.float64]:
    """(H, W): of the angle between each ray and the normal of what it meets."""
    directions_hw3 = rig.ray_directions()
    along_hw = -np.einsum("hwk,hwk->hw", normal_map(scene, rig, hits), directions_hw3)
    cosine_hw: NDArray[np.float64] = np.clip(along_hw / np.linalg.norm(directions_hw3, axis=2), 0.0, 1.0)
    return cosine_hw


def textured_matches(sample: StereoSample, steady_left_hw: Mask | None) -> Matches:
    """As in `fsd_gen.checks.photometric`."""
    left_hw, right_hw = _detail(_smooth(sample.left_hwc)), _detail(_smooth(sample.right_hwc))
    disparity_hw = sample.disparity_left_hw
    alike_hw = sample.flags_left_hw == 0
    if steady_left_hw is not None:
        alike_hw &= steady_left_hw
    seen_hw = ndimage.minimum_filter(alike_hw.view(np.uint8), 7) > 0
    whole_hw = _whole(disparity_hw)
    noise = max(noise_level(sample.left_hwc), noise_level(sample.right_hwc)) * NOISE_LEFT
    textured_hw = np.abs(left_hw) > DETAIL_GAIN * max(MIN_GRADIENT, 3 * noise)
    match_hw = np.arange(disparity_hw.shape[1], dtype=np.float32) - disparity_hw
    inside_hw = (match_hw > 4) & (match_hw < disparity_hw.shape[1] - 5)
    rows_n, columns_n = np.nonzero(seen_hw & textured_hw & inside_hw & whole_hw)
    return PlainMatches(
        grey_n=left_hw[rows_n, columns_n],
        rows_n=rows_n,
        columns_n=columns_n,
        disparity_n=disparity_hw[rows_n, columns_n],
        right_hw=right_hw,
    )


def _whole(disparity_hw: NDArray[np.float32]) -> Mask:
    """Where smoothing mixes no two surfaces: the disparity of a plane is linear in the image."""
    step_hw = ndimage.maximum_filter(disparity_hw, 5) - ndimage.minimum_filter(disparity_hw, 5)
    bend_hw = np.zeros_like(disparity_hw)
    for axis in (0, 1):
        line = np.array([1, 0, -2, 0, 1], np.float32)
        np.maximum(bend_hw, np.abs(ndimage.correlate1d(disparity_hw, line, axis)), out=bend_hw)
    whole_hw: Mask = (step_hw < MAX_STEP_PX) & (ndimage.maximum_filter(bend_hw, 5) < MAX_BEND_PX)
    return whole_hw


def _smooth(image_hwc: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Grey levels without pixel noise."""
    grey_hw = (image_hwc[..., 0].astype(np.float32) + image_hwc[..., 1] + image_hwc[..., 2]) / np.float32(3)
    smooth_hw: NDArray[np.float32] = ndimage.uniform_filter(ndimage.uniform_filter(grey_hw, 3), 3)
    return smooth_hw


def _detail(smooth_hw: NDArray[np.float32]) -> NDArray[np.float32]:
    """Changes along a row, over so few pixels that what lies beyond a step of depth leaves no mark."""
    detail_hw = np.zeros_like(smooth_hw)
    detail_hw[:, 1:-1] = (smooth_hw[:, 2:] - smooth_hw[:, :-2]) * np.float32(DETAIL_GAIN / 2)
    return detail_hw


def noise_level(image_hwc: NDArray[np.uint8]) -> float:
    """Robust standard deviation of pixel noise in 8-bit levels (Immerkaer's second-difference mask)."""
    g_hw = image_hwc[..., 1].astype(np.float32)
    rows_hw = g_hw[:-2] - 2 * g_hw[1:-1] + g_hw[2:]
    mask_hw = rows_hw[:, :-2] - 2 * rows_hw[:, 1:-1] + rows_hw[:, 2:]
    return float(np.median(np.abs(mask_hw)) / (0.6745 * 6))


class PlainMatches(Matches):
    """Whose errors are worked out plainly."""

    __slots__ = ()

    def _error_n(self, offset_px: float, sign: int, rows: int) -> NDArray[np.floating]:
        return errors(self, offset_px, sign, rows)


@contextmanager
def plain_truth() -> Iterator[None]:
    """Within the block the views' agreement is worked out plainly."""
    with patch.object(truth, "_agreement", agreement_of_views):
        yield


def examine(sample: StereoSample, limits: CheckLimits, steady_left_hw: Mask | None) -> tuple[Defect, ...]:
    """Everything that is wrong with a sample, as it was found at first: truth and images by one function."""
    with plain_truth():
        wrong_truth = truth.truth_defects(sample, limits, None, None)
    matches = textured_matches(sample, steady_left_hw)
    matches.suffice(limits)
    misfits = tuple(photometric_defects(matches, limits))
    if not misfits:
        patches(sample, steady_left_hw)  # none of a sound sample is looked for elsewhere
    return (*wrong_truth, *misfits, *exposure_defects(sample, limits))


def errors(matches: Matches, offset_px: float, sign: int, rows: int) -> NDArray[np.floating]:
    """As `Matches` has them, of each pixel."""
    right_hw = matches.right_hw
    column_n = matches.columns_n + sign * (matches.disparity_n + np.float32(offset_px))
    column_n = np.clip(column_n, 0, right_hw.shape[1] - 1.001)
    first_n = column_n.astype(np.intp)
    weight_n = column_n - first_n
    row_n = np.clip(matches.rows_n + rows, 0, right_hw.shape[0] - 1)
    a_n, b_n = right_hw[row_n, first_n], right_hw[row_n, first_n + 1]
    return np.minimum(np.abs(a_n + weight_n * (b_n - a_n) - matches.grey_n), ERROR_CAP)


def patches(sample: StereoSample, steady_left_hw: Mask | None) -> tuple[Mask, Mask]:
    """Which patches have a say, and which of them do not resemble their match."""
    left_hw, right_hw = _grey(sample.left_hwc), _grey(sample.right_hwc)
    warped_hw = _warped(right_hw, sample.disparity_left_hw)
    own_hw, other_hw = _deviation(left_hw), _deviation(warped_hw)
    noise = max(noise_level(sample.left_hwc), noise_level(sample.right_hwc)) / 3
    textured_hw = _undisturbed(sample, steady_left_hw) & (own_hw > max(MIN_DEVIATION, 4 * noise))
    covariance_hw = _mean(left_hw * warped_hw) - _mean(left_hw) * _mean(warped_hw)
    alike_hw = covariance_hw / np.maximum(own_hw * other_hw, 1e-3)
    return textured_hw, textured_hw & ((alike_hw < UNLIKE) | (other_hw < 1))


def _undisturbed(sample: StereoSample, steady_left_hw: Mask | None) -> Mask:
    """Where the truth is smooth, known and the same in both views, and of something steady, all around."""
    disparity_hw = sample.disparity_left_hw
    flagged_hw, flagged_there_hw = (
        ((flags_hw & ~np.uint8(Flag.SKY.value)) != 0).astype(np.float32)
        for flags_hw in (sample.flags_left_hw, sample.flags_right_hw)
    )
    wrong_hw = (flagged_hw > 0) | (_warped(flagged_there_hw, disparity_hw) > 0)
    if steady_left_hw is not None:
        wrong_hw |= ~steady_left_hw
    there_hw = _warped(sample.disparity_right_hw, disparity_hw)
    wrong_hw |= np.abs(there_hw - disparity_hw) > MAX_DISAGREEMENT_PX
    match_hw = np.arange(disparity_hw.shape[1], dtype=np.float32) - disparity_hw
    wrong_hw |= (match_hw < 1) | (match_hw > disparity_hw.shape[1] - 2)
    step_hw = ndimage.maximum_filter(disparity_hw, GUARD) - ndimage.minimum_filter(disparity_hw, GUARD)
    calm_hw: Mask = ~ndimage.maximum_filter(wrong_hw, GUARD) & (step_hw < MAX_PATCH_STEP_PX)
    calm_hw[:RADIUS] = calm_hw[-RADIUS:] = False
    calm_hw[:, :RADIUS] = calm_hw[:, -RADIUS:] = False
    return calm_hw


def _grey(image_hwc: NDArray[np.uint8]) -> Grey:
    grey_hw: Grey = ndimage.uniform_filter(image_hwc.mean(axis=2, dtype=np.float32), 3)
    return grey_hw


def _mean(values_hw: Grey) -> Grey:
    mean_hw: Grey = ndimage.uniform_filter(values_hw, PATCH, mode="nearest")
    return mean_hw


def _deviation(values_hw: Grey) -> Grey:
    """Standard deviation within each patch."""
    deviation_hw: Grey = np.sqrt(np.maximum(_mean(values_hw * values_hw) - _mean(values_hw) ** 2, 0))
    return deviation_hw


def _warped(right_hw: Grey, disparity_hw: Grey) -> Grey:
    """The right view's values at the matches of the left pixels."""
    width = disparity_hw.shape[1]
    match_hw = np.clip(np.arange(width, dtype=np.float32) - disparity_hw, 0, width - 1.001)
    first_hw = match_hw.astype(np.intp)
    share_hw = match_hw - first_hw
    rows_h1 = np.arange(len(disparity_hw))[:, None]
    a_hw, b_hw = right_hw[rows_h1, first_hw], right_hw[rows_h1, first_hw + 1]
    warped_hw: Grey = (a_hw + share_hw * (b_hw - a_hw)).astype(np.float32)
    return warped_hw


def agreement_of_views(
    own_hw: NDArray[np.float32],
    own_flags_hw: NDArray[np.uint8],
    other_hw: NDArray[np.float32],
    other_flags_hw: NDArray[np.uint8],
    *,
    sign: int,
    tolerance: float,
) -> NDArray[np.bool_]:
    """For every pixel that both eyes see, whether the other view agrees with its disparity."""
    width = own_hw.shape[1]
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
    agrees_n: NDArray[np.bool_] = within_n[known_n]
    return agrees_n
