import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fsd_gen.checks.defects import DefectCode
from fsd_gen.checks.limits import CheckLimits
from fsd_gen.checks.sample import check_sample
from fsd_gen.shards.sample import Flag, StereoSample, quantise
from tests.fsd_gen.synthetic import make_sample

WIDE = {"width": 384, "height": 160, "near_px": 90, "far_px": 50.0, "slope": 0.02}


def codes(sample: StereoSample, limits: CheckLimits | None = None) -> set[DefectCode]:
    return {defect.code for defect in check_sample(sample, limits)}


def with_truth(sample: StereoSample, change) -> StereoSample:
    """`change` applied to both disparity maps, but not to the sky."""

    def changed(disparity_hw, flags_hw):
        return quantise(np.where(flags_hw == Flag.SKY, 0, change(disparity_hw)))

    return dataclasses.replace(
        sample,
        disparity_left_hw=changed(sample.disparity_left_hw, sample.flags_left_hw),
        disparity_right_hw=changed(sample.disparity_right_hw, sample.flags_right_hw),
    )


@pytest.mark.parametrize("slot", range(5))
@pytest.mark.parametrize("noise", [0.0, 10.0])
def test_a_sound_sample_has_no_defect(slot, noise):
    assert check_sample(make_sample(slot, noise=noise)) == ()


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


def test_exchanged_truth_of_the_eyes_is_found():
    sample = make_sample()
    exchanged = dataclasses.replace(
        sample,
        disparity_left_hw=sample.disparity_right_hw,
        flags_left_hw=sample.flags_right_hw,
        disparity_right_hw=sample.disparity_left_hw,
        flags_right_hw=sample.flags_left_hw,
    )
    assert {DefectCode.LEFT_RIGHT, DefectCode.PHOTOMETRIC} <= codes(exchanged)


def test_the_wrong_sign_is_found():
    assert DefectCode.RANGE in codes(with_truth(make_sample(), np.negative))


@pytest.mark.parametrize("shift_px", [-2.0, -1.0, -0.5, 0.5, 1.0, 2.0])
def test_truth_shifted_by_half_a_pixel_or_more_is_found_with_its_shift(shift_px):
    defects = check_sample(with_truth(make_sample(**WIDE), lambda d: d + shift_px))
    details = [defect.detail for defect in defects if defect.code == DefectCode.PHOTOMETRIC]
    assert len(details) == 1
    assert f"fit best {-shift_px:+.2f} px" in details[0]


@pytest.mark.parametrize("factor", [0.98, 1.02])
def test_truth_scaled_by_two_per_cent_is_found(factor):
    assert DefectCode.PHOTOMETRIC in codes(with_truth(make_sample(**WIDE), lambda d: d * factor))


def test_truth_of_one_view_only_shifted_breaks_the_agreement_of_the_views():
    sample = make_sample()
    moved = with_truth(sample, lambda d: d + 1)
    assert DefectCode.LEFT_RIGHT in codes(
        dataclasses.replace(sample, disparity_left_hw=moved.disparity_left_hw)
    )


def test_an_image_of_another_scene_is_found():
    sample, other = make_sample(0), make_sample(1)
    assert DefectCode.PHOTOMETRIC in codes(dataclasses.replace(sample, right_hwc=other.right_hwc))


def test_missing_occlusion_flags_break_the_agreement_of_the_views():
    sample = make_sample(near_px=30)
    bare = np.where(sample.flags_left_hw == Flag.OCCLUDED, 0, sample.flags_left_hw).astype(np.uint8)
    assert DefectCode.LEFT_RIGHT in codes(dataclasses.replace(sample, flags_left_hw=bare))


def test_missing_out_of_frame_flags_contradict_the_geometry():
    sample = make_sample()
    bare = np.where(sample.flags_left_hw == Flag.OUT_OF_FRAME, 0, sample.flags_left_hw).astype(np.uint8)
    assert DefectCode.FLAGS in codes(dataclasses.replace(sample, flags_left_hw=bare))


def test_unknown_flag_bits_are_found():
    flags = make_sample().flags_left_hw.copy()
    flags[5, 5] = 64
    assert DefectCode.FLAGS in codes(dataclasses.replace(make_sample(), flags_left_hw=flags))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_disparity_that_is_not_finite_is_the_only_defect_reported(value):
    disparity = make_sample().disparity_left_hw.copy()
    disparity[40, 60:62] = value
    (defect,) = check_sample(dataclasses.replace(make_sample(), disparity_left_hw=disparity))
    assert defect.code == DefectCode.NOT_FINITE
    assert "left: 2 disparities" in defect.detail


def test_disparity_off_the_grid_is_found():
    disparity = make_sample().disparity_left_hw.copy()
    disparity[40, 60] += 1 / 1024
    assert codes(dataclasses.replace(make_sample(), disparity_left_hw=disparity)) == {DefectCode.RANGE}


def test_sky_with_a_disparity_is_found():
    disparity = make_sample().disparity_left_hw.copy()
    disparity[0, 3] = 1
    assert codes(dataclasses.replace(make_sample(), disparity_left_hw=disparity)) == {DefectCode.RANGE}


def test_too_much_beyond_the_largest_disparity_is_found():
    assert codes(make_sample(near_px=30), CheckLimits(max_disparity_px=29)) == {DefectCode.RANGE}


def test_a_wrong_shape_is_the_only_defect_reported():
    (defect,) = check_sample(dataclasses.replace(make_sample(), left_hwc=np.zeros((80, 64, 3), np.uint8)))
    assert defect.code == DefectCode.SHAPE
    assert "(80, 64, 3), expected uint8 (80, 128, 3)" in defect.detail


def test_depth_maps_are_held_against_the_disparity():
    sample = make_sample()
    rig = sample.spec.rig
    depth = rig.depth(sample.disparity_left_hw)
    assert check_sample(sample, depth_left_hw=depth) == ()
    (defect,) = check_sample(sample, depth_left_hw=depth * 1.01)
    assert defect.code == DefectCode.DEPTH


def test_a_black_eye_is_found_and_named():
    defects = check_sample(dataclasses.replace(make_sample(), right_hwc=np.zeros((80, 128, 3), np.uint8)))
    exposure = [defect.detail for defect in defects if defect.code == DefectCode.EXPOSURE]
    assert any(detail.startswith("right: 100.0% of the pixels are black") for detail in exposure)


def test_a_blown_out_eye_is_found():
    blown = np.full((80, 128, 3), 255, np.uint8)
    assert DefectCode.EXPOSURE in codes(dataclasses.replace(make_sample(), left_hwc=blown, right_hwc=blown))


def test_too_much_sky_is_found():
    assert codes(make_sample(sky_rows=64)) == {DefectCode.SKY, DefectCode.TOO_LITTLE_VALID}


def test_too_little_truth_is_found():
    flags = make_sample().flags_left_hw | np.uint8(Flag.NO_TRUTH)
    without = dataclasses.replace(
        make_sample(), flags_left_hw=flags, disparity_left_hw=np.zeros((80, 128), np.float32)
    )
    assert codes(without) == {DefectCode.NO_TRUTH, DefectCode.TOO_LITTLE_VALID}


def test_glass_and_mirrors_are_not_asked_to_look_alike():
    sample, other = make_sample(0), make_sample(1)
    flags = sample.flags_left_hw | np.uint8(Flag.MIRROR)
    strange = dataclasses.replace(sample, flags_left_hw=flags, right_hwc=other.right_hwc)
    assert check_sample(strange) == ()


def test_limits_refuse_an_unknown_name():
    with pytest.raises(ValueError, match="max_skyy"):
        CheckLimits(max_skyy=0.5)


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
