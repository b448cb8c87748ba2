from __future__ import annotations

import numpy as np
import pytest

from stereo_model.inference.calibration import Calibration
from stereo_model.inference.cloud import depth_of, millimetres, points_of, seen_by_right, write_ply

RIG = Calibration(fx=100.0, fy=50.0, cx=1.0, cy=0.0, baseline_m=0.2)  # z = 20 / d


def test_depth_by_hand():
    depth = depth_of(np.array([[10.0, 40.0, 0.0, np.nan]]), RIG)
    assert depth[0, :3].tolist() == [2.0, 0.5, np.inf] and np.isnan(depth[0, 3])
    assert depth.dtype == np.float32


def test_the_difference_of_the_principal_points_is_added_to_the_disparity():
    rig = Calibration(fx=100.0, fy=50.0, cx=1.0, cy=0.0, baseline_m=0.2, doffs_px=10.0)
    assert depth_of(np.array([[0.0, 10.0, -10.0, -30.0]]), rig)[0].tolist() == [2.0, 1.0, np.inf, np.inf]


def test_points_by_hand():
    depth = np.array([[2.0, 2.0, 4.0], [2.0, np.inf, np.nan]], np.float32)
    points, kept = points_of(depth, RIG)
    assert kept.tolist() == [[True, True, True], [True, False, False]]
    expected = [[-0.02, 0, 2], [0, 0, 2], [0.04, 0, 4], [-0.02, 0.04, 2]]
    assert points == pytest.approx(np.array(expected))


def test_the_range_and_the_mask_decide_which_points_stay():
    depth = np.array([[1.0, 2.0, 3.0]], np.float32)
    assert points_of(depth, RIG, z_range_m=(1.0, 2.0))[1].tolist() == [[False, True, False]]
    assert points_of(depth, RIG, keep_hw=np.array([[True, False, True]]))[0][:, 2].tolist() == [1.0, 3.0]


def test_a_pixel_is_invisible_to_the_right_camera_where_its_match_lies_outside():
    assert seen_by_right(np.array([[0.0, 1.0, 2.5, np.nan]]))[0].tolist() == [True, True, False, False]


def test_millimetres_leave_out_what_16_bits_cannot_hold():
    depth = np.array([[1.2344, 65.535, 65.536, np.inf, np.nan]], np.float32)
    assert millimetres(depth)[0].tolist() == [1234, 65535, 0, 0, 0]


def test_a_cloud_is_a_binary_ply_that_reads_back(tmp_path):
    points = np.array([[1, 2, 3], [-4, 5.5, 6]], np.float32)
    colours = np.array([[255, 0, 1], [2, 3, 4]], np.uint8)
    write_ply(tmp_path / "c.ply", points, colours)
    header, _, body = (tmp_path / "c.ply").read_bytes().partition(b"end_header\n")
    assert header.startswith(b"ply\nformat binary_little_endian 1.0\n") and b"element vertex 2\n" in header
    vertices = np.frombuffer(body, "<f4,<f4,<f4,u1,u1,u1")
    assert vertices.tolist() == [(1, 2, 3, 255, 0, 1), (-4, 5.5, 6, 2, 3, 4)]
    with pytest.raises(ValueError, match="must both be"):
        write_ply(tmp_path / "d.ply", points, colours[:1])
