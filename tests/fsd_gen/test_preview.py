import dataclasses

import numpy as np
import pytest

from fsd_gen.preview import (
    CAPTION_PX,
    GAP_PX,
    NO_DISPARITY,
    caption,
    channel_picture,
    contact_sheet,
    contact_sheet_of_shards,
    disparity_picture,
    flags_overlay,
    sample_view,
)
from fsd_gen.shards.flags import Flag
from fsd_gen.shards.record import record_of
from tests.fsd_gen.synthetic import make_sample, make_shard


def test_a_sheet_has_a_cell_per_sample():
    sheet = contact_sheet((make_sample(slot) for slot in range(3)), columns=2, thumb_px=64)
    cell = (3 * 64 + GAP_PX, 40 + CAPTION_PX + GAP_PX)
    assert sheet.size == (2 * cell[0] + GAP_PX, 2 * cell[1] + GAP_PX)


def test_a_cell_shows_left_right_and_disparity():
    sample = make_sample()
    cell = np.asarray(contact_sheet([sample], thumb_px=128))[GAP_PX:, GAP_PX:]
    assert np.array_equal(cell[:80, :128], sample.left_hwc)
    assert np.array_equal(cell[:80, 128:256], sample.right_hwc)
    assert tuple(cell[0, 256]) == NO_DISPARITY


def test_a_sheet_of_shards_stops_at_the_most_it_may_show(tmp_path):
    shards = [make_shard(tmp_path / f"{n}.h5", slots=[2 * n, 2 * n + 1]) for n in range(2)]
    sheet = contact_sheet_of_shards(shards, most=3, thumb_px=64)
    assert sheet.size[1] == 3 * (40 + CAPTION_PX + GAP_PX) + GAP_PX


def test_an_empty_sheet_is_an_error():
    with pytest.raises(ValueError, match="at least one sample"):
        contact_sheet([])


def test_near_is_red_far_is_blue_and_the_sky_is_dark():
    disparity = np.array([[0.0, 10.0, 90.0]], np.float32)
    flags = np.array([[Flag.SKY, 0, 0]], np.uint8)
    sky, far, near = disparity_picture(disparity, flags, (0.0, 100.0))[0].astype(int)
    assert tuple(sky) == NO_DISPARITY
    assert far[2] > far[0]
    assert near[0] > near[2]


def test_only_flagged_pixels_are_tinted():
    image = np.full((1, 3, 3), 100, np.uint8)
    out = flags_overlay(image, np.array([[0, Flag.OCCLUDED, Flag.SKY]], np.uint8))[0]
    assert tuple(out[0]) == (100, 100, 100)
    assert out[1][0] > out[1][2]
    assert out[2][2] > out[2][0]


def test_the_caption_names_sample_stratum_rig_and_range():
    text = caption(record_of(make_sample(12, attempt=1)))
    assert text == "0000012-a1  flying  B 200 mm  f 102 px  d 7.0 .. 24.0 px"


def test_a_sample_that_is_all_sky_can_be_shown():
    sky = np.full((80, 128), Flag.SKY, np.uint8)
    sample = dataclasses.replace(make_sample(), flags_left_hw=sky, flags_right_hw=sky)
    assert "no valid disparity" in caption(record_of(sample))
    assert sample_view(sample).size == (256, 3 * 80 + CAPTION_PX)


def test_optional_channels_are_shown_after_the_disparity():
    ids = np.zeros((80, 128), np.uint16)
    ids[:, 64:] = 3
    sample = dataclasses.replace(make_sample(), optional={"instance_left": ids})
    cell = np.asarray(contact_sheet([sample], thumb_px=128))[GAP_PX:, GAP_PX:]
    assert np.array_equal(cell[:80, 384:512], channel_picture(ids))
    assert sample_view(sample).size == (256, 4 * 80 + CAPTION_PX)


def test_a_channel_of_ids_has_a_colour_for_each_and_none_for_0():
    nothing, one, two, again = channel_picture(np.array([[0, 1, 2, 1]], np.uint16))[0]
    assert tuple(nothing) == NO_DISPARITY
    assert tuple(one) == tuple(again) != tuple(two)


def test_a_channel_of_vectors_is_red_green_and_blue():
    assert channel_picture(np.array([[[-1.0, 0.0, 1.0]]], np.float16)).tolist() == [[[0, 128, 255]]]


def test_a_channel_of_numbers_goes_from_blue_to_red():
    low, high = channel_picture(np.array([[2.0, 5.0]], np.float32))[0].astype(int)
    assert low[2] > low[0] and high[0] > high[2]
