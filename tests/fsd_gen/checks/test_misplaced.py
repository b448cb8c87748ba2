"""A part of the truth that stands elsewhere than the images show it is found; gloss and cuts are let be."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from fsd_gen.checks.defects import DefectCode
from fsd_gen.checks.limits import CheckLimits
from fsd_gen.checks.misplaced import misplaced_defects
from fsd_gen.checks.photometric import photometric_defects, textured_matches
from fsd_gen.checks.sample import check_sample
from fsd_gen.shards.flags import Flag
from fsd_gen.shards.sample import StereoSample, quantise
from tests.fsd_gen.synthetic import make_sample

BIG = {"width": 320, "height": 192, "near_px": 40, "far_px": 12.0, "slope": 0.02}


def plane_disparity(sample: StereoSample, view: int) -> np.ndarray:
    """Of the plane behind the square, in the left (0) or right (1) view."""
    height, width = sample.disparity_left_hw.shape
    u, v = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    offset = BIG["far_px"] + BIG["slope"] / 2 * v
    return offset + BIG["slope"] * (u if view == 0 else (u + offset) / (1 - BIG["slope"]))


def seeing_through(sample: StereoSample) -> StereoSample:
    """The truth of a scene whose square is a hole, with the images of one where it is a sheet."""
    maps = []
    for view, (disparity, flags) in enumerate(
        ((sample.disparity_left_hw, sample.flags_left_hw), (sample.disparity_right_hw, sample.flags_right_hw))
    ):
        behind = np.where(flags == Flag.SKY, 0, plane_disparity(sample, view))
        out = flags & np.uint8((Flag.SKY | Flag.OUT_OF_FRAME).value)
        maps += [quantise(behind), out.astype(np.uint8)]
        assert disparity.shape == behind.shape
    names = ("disparity_left_hw", "flags_left_hw", "disparity_right_hw", "flags_right_hw")
    return dataclasses.replace(sample, **dict(zip(names, maps, strict=True)))


def with_a_sheet(sample: StereoSample, near_px: int = 25) -> StereoSample:
    """The truth of a scene with a sheet, a sixth of the image large, that its images see through."""
    rows, columns = slice(20, 80), slice(130, 300)
    left, right = sample.disparity_left_hw.copy(), sample.disparity_right_hw.copy()
    flags_left, flags_right = sample.flags_left_hw.copy(), sample.flags_right_hw.copy()
    left[rows, columns] = right[rows, slice(130 - near_px, 300 - near_px)] = near_px
    flags_left[rows, columns] = flags_right[rows, slice(130 - near_px, 300 - near_px)] = 0
    return dataclasses.replace(
        sample,
        disparity_left_hw=left,
        disparity_right_hw=right,
        flags_left_hw=flags_left,
        flags_right_hw=flags_right,
    )


@pytest.mark.parametrize("slot", range(2))
def test_a_sound_pair_passes(slot: int) -> None:
    assert check_sample(make_sample(slot, **BIG)) == ()
    assert list(misplaced_defects(make_sample(slot, noise=6.0, **BIG))) == []


@pytest.mark.parametrize("slot", range(2))
@pytest.mark.parametrize("change", [seeing_through, with_a_sheet])
def test_a_truth_that_sees_through_what_the_images_show_or_the_reverse_is_found(change, slot: int) -> None:
    sample = change(make_sample(slot, **BIG))
    (defect,) = misplaced_defects(sample)
    assert defect.code is DefectCode.PHOTOMETRIC and "textured patches match only at another" in defect.detail
    assert DefectCode.PHOTOMETRIC in {found.code for found in check_sample(sample)}


def test_the_check_of_the_whole_offset_does_not_see_that() -> None:
    matches = textured_matches(with_a_sheet(make_sample(0, **BIG)))
    assert matches.suffice(CheckLimits()) and not list(photometric_defects(matches, CheckLimits()))


def test_without_texture_nothing_is_held_against_the_truth() -> None:
    assert list(misplaced_defects(with_a_sheet(make_sample(contrast=0.0, **BIG)))) == []


def test_glass_and_mirrors_may_look_like_anything() -> None:
    sample = with_a_sheet(make_sample(0, **BIG))
    glass = np.uint8(Flag.TRANSPARENT.value)
    flagged = dataclasses.replace(
        sample, flags_left_hw=np.where(sample.disparity_left_hw == 25, glass, sample.flags_left_hw)
    )
    assert list(misplaced_defects(flagged)) == []
