"""Pictures laid on shapes without coordinates are upright and not mirrored, from whichever side one looks."""

from __future__ import annotations

import numpy as np
import pytest

from assets_manifest.meshes.box_map import box_map, sides

RIGHT = {0: (0, 1, 0), 1: (0, -1, 0), 2: (-1, 0, 0), 3: (1, 0, 0), 4: (1, 0, 0), 5: (-1, 0, 0)}
UP = {0: (0, 0, 1), 1: (0, 0, 1), 2: (0, 0, 1), 3: (0, 0, 1), 4: (0, 1, 0), 5: (0, 1, 0)}


@pytest.mark.parametrize("side", range(6))
def test_s_runs_right_and_t_up_as_seen_from_outside(side):
    right, up = np.array(RIGHT[side], float), np.array(UP[side], float)
    corners_13 = np.array([[0 * right, 2 * right, up]]) + np.cross(right, up) * 5
    assert sides(corners_13).tolist() == [side]
    st = box_map(corners_13)[0]
    assert (st[1] - st[0]).tolist() == [2, 0]
    assert (st[2] - st[0]).tolist() == [0, 1]
