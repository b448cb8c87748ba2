"""Images that do not fit the truth are found; those that cannot tell are let be."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from fsd_gen.checks.defects import DefectCode
from fsd_gen.checks.limits import CheckLimits
from fsd_gen.checks.photometric import photometric_defects, textured_matches
from fsd_gen.checks.sample import check_sample, examine_sample
from fsd_gen.shards.flags import Flag
from fsd_gen.shards.sample import StereoSample, quantise
from tests.fsd_gen.checks.changed import WIDE, codes, with_truth
from tests.fsd_gen.checks.mutations import MUTATIONS, stale
from tests.fsd_gen.synthetic import make_sample


def test_no_texture_is_no_defect():
    assert check_sample(make_sample(contrast=0.0)) == ()


def test_noise_without_texture_is_no_defect():
    assert check_sample(make_sample(contrast=0.0, noise=25.0)) == ()


def test_a_change_of_brightness_between_the_eyes_is_no_defect():
    sample = make_sample(**WIDE)
    darker = np.clip(sample.right_hwc.astype(float) * 0.95 - 3, 0, 255).astype(np.uint8)
    assert check_sample(dataclasses.replace(sample, right_hwc=darker)) == ()


def test_swapped_eyes_are_found_and_named():
    sample = make_sample(**WIDE)
    swapped = dataclasses.replace(sample, left_hwc=sample.right_hwc, right_hwc=sample.left_hwc)
    defects = check_sample(swapped)
    assert [defect.code for defect in defects] == [DefectCode.PHOTOMETRIC]
    assert "swapped eyes" in defects[0].detail


@pytest.mark.parametrize("shift_px", [-2.0, -1.0, -0.5, 0.5, 1.0, 2.0])
def test_truth_shifted_by_half_a_pixel_or_more_is_found_with_its_shift(shift_px):
    defects = check_sample(with_truth(make_sample(**WIDE), lambda d: d + shift_px))
    details = [defect.detail for defect in defects if defect.code == DefectCode.PHOTOMETRIC]
    assert len(details) == 1
    assert f"fit best {-shift_px:+.2f} px" in details[0]


@pytest.mark.parametrize("factor", [0.98, 1.02])
def test_truth_scaled_by_two_per_cent_is_found(factor):
    assert DefectCode.PHOTOMETRIC in codes(with_truth(make_sample(**WIDE), lambda d: d * factor))


def test_an_image_of_another_scene_is_found():
    sample, other = make_sample(0), make_sample(1)
    assert DefectCode.PHOTOMETRIC in codes(dataclasses.replace(sample, right_hwc=other.right_hwc))


def test_glass_and_mirrors_are_not_asked_to_look_alike():
    sample, other = make_sample(0), make_sample(1)
    flags = sample.flags_left_hw | np.uint8(Flag.MIRROR)
    strange = dataclasses.replace(sample, flags_left_hw=flags, right_hwc=other.right_hwc)
    assert check_sample(strange) == ()


def edges(sample: StereoSample, columns: list[int], shift_px: int) -> StereoSample:
    """A plain wall at 10 px with bright bars, in the right image `shift_px` off where they belong."""
    left = np.full_like(sample.left_hwc, 90)
    right = left.copy()
    for column in columns:
        left[:, column : column + 6] = 200
        right[:, column - 10 - shift_px : column - 4 - shift_px] = 200
    disparity = np.full_like(sample.disparity_left_hw, 10.0)
    flags = np.zeros_like(sample.flags_left_hw)
    return dataclasses.replace(
        sample, left_hwc=left, right_hwc=right, disparity_left_hw=disparity, flags_left_hw=flags
    )


@pytest.mark.parametrize(("columns", "found"), [([60], False), (list(range(40, 300, 20)), True)])
def test_a_lone_edge_that_stands_elsewhere_is_no_sign_and_many_are(columns, found):
    sample = edges(make_sample(width=320, height=180), columns, shift_px=1)
    matches = textured_matches(sample)
    assert matches.share > CheckLimits().min_textured and matches.suffice(CheckLimits()) is found
    details = [defect.detail for defect in photometric_defects(matches, CheckLimits())]
    assert ["fit best +1.00 px" in detail for detail in details] == [True] * found


@pytest.mark.parametrize("slope", [0.1, 0.4])
def test_walls_seen_too_obliquely_have_no_say(slope):
    sample = make_sample(width=320, height=180)
    disparity = np.broadcast_to(slope * np.arange(320, dtype=np.float32), (180, 320)).copy()
    oblique = dataclasses.replace(
        sample, disparity_left_hw=disparity, flags_left_hw=np.zeros_like(sample.flags_left_hw)
    )
    assert bool(textured_matches(oblique).share) is (slope < 0.25)


def half_glossy(sample: StereoSample, other: StereoSample) -> tuple[StereoSample, np.ndarray]:
    """A pair whose lower half shows something else to each eye, and where it does not."""
    half = len(sample.left_hwc) // 2
    right = sample.right_hwc.copy()
    right[half:] = other.right_hwc[half:]
    steady = np.ones(right.shape[:2], bool)
    steady[half:] = False
    return dataclasses.replace(sample, right_hwc=right), steady


def defects_of(sample: StereoSample, steady: np.ndarray) -> set[DefectCode]:
    return {defect.code for defect in examine_sample(sample, steady_left_hw=steady).defects}


@pytest.fixture(scope="module", params=range(3))
def glossy(request):
    return half_glossy(make_sample(request.param, **WIDE), make_sample(request.param + 3, **WIDE))


def test_what_shines_has_no_say(glossy):
    sample, steady = glossy
    assert DefectCode.PHOTOMETRIC in codes(sample)
    assert defects_of(sample, steady) == set()


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_every_mistake_is_found_where_half_of_the_picture_shines(glossy, mutation):
    sample, steady = glossy
    assert DefectCode.PHOTOMETRIC in defects_of(MUTATIONS[mutation](sample), steady)


def test_the_right_image_of_the_scene_before_is_found_where_half_of_the_picture_shines(glossy):
    sample, steady = glossy
    assert DefectCode.PHOTOMETRIC in defects_of(stale(sample, make_sample(7, **WIDE)), steady)


def test_where_all_shines_nothing_is_judged_and_that_is_said():
    sample = make_sample(**WIDE)
    found = examine_sample(sample, steady_left_hw=np.zeros(sample.left_hwc.shape[:2], bool))
    assert (found.defects, found.judged_share, found.enough_judged) == ((), 0.0, False)
    told = examine_sample(sample)
    assert told.enough_judged and 0.1 < told.judged_share < 1


def test_a_plain_plate_has_no_say_by_what_lies_around_it():
    sample = make_sample(**WIDE)
    plate = sample.disparity_left_hw == WIDE["near_px"]
    inner = ndimage.binary_erosion(plate, np.ones((7, 7)))  # where a gradient sees nothing else
    plain = dataclasses.replace(sample, left_hwc=np.where(plate[..., None], np.uint8(230), sample.left_hwc))
    judged, judged_plain = (textured_matches(each) for each in (sample, plain))
    assert np.count_nonzero(inner[judged.rows_n, judged.columns_n]) > 1000
    assert not inner[judged_plain.rows_n, judged_plain.columns_n].any()


REAL_PAIRS = sorted((Path(__file__).parents[4] / "shared/realstereo").glob("mb*"))


def real_sample(folder: Path) -> StereoSample:
    """A real pair as a sample; where its truth is unknown or the other eye is blind there is no truth."""
    left, right, disparity, seen = (
        np.asarray(Image.open(folder / f"{name}.png").convert(mode))
        for name, mode in (("left", "RGB"), ("right", "RGB"), ("disp", "I"), ("nocc", "L"))
    )
    height, width = disparity.shape
    known = (disparity > 0) & (seen > 0)
    return dataclasses.replace(
        make_sample(width=width, height=height),
        left_hwc=left,
        right_hwc=right,
        disparity_left_hw=quantise(disparity / 256 * known),
        flags_left_hw=np.where(known, 0, Flag.NO_TRUTH).astype(np.uint8),
    )


@pytest.mark.realdata
@pytest.mark.skipif(not REAL_PAIRS, reason="no real stereo pairs beside the checkout")
@pytest.mark.parametrize("folder", REAL_PAIRS, ids=lambda folder: folder.name)
def test_photographs_with_measured_truth_pass_and_wrong_truth_does_not(folder):
    sample = real_sample(folder)
    assert DefectCode.PHOTOMETRIC not in codes(sample)
    assert DefectCode.PHOTOMETRIC in codes(with_truth(sample, lambda d: d + 1))
    swapped = dataclasses.replace(sample, left_hwc=sample.right_hwc, right_hwc=sample.left_hwc)
    assert DefectCode.PHOTOMETRIC in codes(swapped)
