import dataclasses

import numpy as np
import pytest

from fsd_gen.shards.flags import Flag
from fsd_gen.shards.record import content_id, record_of, truth_digest
from tests.fsd_gen.synthetic import make_sample, make_spec


def test_statistics_leave_out_the_sky_and_missing_truth():
    flags = np.full((80, 128), Flag.SKY, np.uint8)
    disparity = np.zeros((80, 128), np.float32)
    flags[0, :101], disparity[0, :101] = 0, np.arange(101)
    flags[1, 0], disparity[1, 0] = Flag.NO_TRUTH, 0
    record = record_of(dataclasses.replace(make_sample(), disparity_left_hw=disparity, flags_left_hw=flags))
    assert (record.disparity_p05, record.disparity_p50, record.disparity_p95) == (5, 50, 95)
    assert record.disparity_max == 100
    assert record.no_truth_share == 1 / 10240
    assert record.sky_share == (10240 - 102) / 10240


def test_without_a_valid_pixel_the_statistics_are_none_not_zero():
    flags = np.full((80, 128), Flag.SKY, np.uint8)
    record = record_of(dataclasses.replace(make_sample(), flags_left_hw=flags))
    assert record.disparity_p50 is None and record.disparity_max is None


def test_digests_do_not_depend_on_byte_order_or_memory_layout():
    arrays = make_sample().channels
    other = {name: np.asfortranarray(a).astype(a.dtype.newbyteorder(">")) for name, a in arrays.items()}
    assert truth_digest(other) == truth_digest(arrays)


def test_the_truth_digest_is_blind_to_images_and_the_content_id_is_not():
    sample = make_sample()
    image = sample.left_hwc.copy()
    image[0, 0, 0] ^= 1
    a, b = record_of(sample), record_of(dataclasses.replace(sample, left_hwc=image))
    assert a.truth_digest == b.truth_digest
    assert a.content_id != b.content_id


@pytest.mark.parametrize("name", ["disparity_left", "disparity_right", "flags_left", "flags_right"])
def test_every_truth_map_counts_in_both_digests(name):
    arrays = make_sample().channels
    changed = {**arrays, name: arrays[name].copy()}
    changed[name][40, 64] += 1
    assert truth_digest(changed) != truth_digest(arrays)
    assert content_id(changed, "{}") != content_id(arrays, "{}")


def test_the_content_id_covers_the_scene():
    arrays = make_sample().channels
    assert content_id(arrays, make_spec(0).to_json()) != content_id(arrays, make_spec(1).to_json())


def test_a_record_knows_its_sample_id():
    assert record_of(make_sample(12, attempt=1)).sample_id == "0000012-a1"
