"""A look before a run shows the run's own scenes, only smaller."""

from __future__ import annotations

import numpy as np
import pytest

from fsd_gen.backends.registry import create_backend
from fsd_gen.production.trial import first_slots, narrowed, summary, try_out
from fsd_gen.scene.rig import StereoRig
from fsd_gen.styles.compose import compose_scene, stratum_of
from tests.fsd_gen.styles.only import only

WIDE = StereoRig(width=1280, height=720, focal_px=900, baseline_m=0.2, cx_px=650, cy_px=355)


def test_the_first_slots_of_each_style_are_those_of_the_run(small_config):
    for style, slots in first_slots(small_config, 5).items():
        run = [slot for slot in range(200) if stratum_of(small_config, slot) == style]
        assert list(slots) == run[:5]


def test_a_narrowed_rig_sees_the_same():
    small = narrowed(WIDE, 320, 180)
    assert small.focal_y_px is None and small.baseline_m == 0.2
    corners = [(0, 0), (0, -1), (-1, 0), (-1, -1)]
    wide, narrow = WIDE.ray_directions(), small.ray_directions()
    for row, column in corners:  # rays through pixel centres: off by less than a small pixel
        assert np.abs(wide[row, column] - narrow[row, column]).max() < 1 / small.focal_px
    assert small.disparity(2.0) == WIDE.disparity(2.0) / 4


def test_pixels_of_another_shape_keep_theirs():
    tall = WIDE.model_copy(update={"focal_y_px": 1000.0})
    assert narrowed(tall, 640, 360).aspect == pytest.approx(tall.aspect)


def test_what_is_shown_is_the_scene_that_the_run_will_make(sparse_config, library):
    config = only(sparse_config, "flying", objects=(3, 5)).model_copy(update={"max_attempts": 2})
    (tried,) = try_out(config, library, create_backend("mitsuba"), per_style=1, width=80, spp=1)
    assert tried.sample is not None and tried.sample.left_hwc.shape[1] == 80
    composed = compose_scene(config, library, tried.sample.spec.key)
    assert tried.sample.spec.placements == composed.placements
    assert tried.sample.spec.camera == composed.camera
    assert summary([tried])[0].startswith("flying: 1 of 1 slots filled by")


def test_what_the_checks_refuse_is_told_with_its_reasons(sparse_config, library):
    checks = sparse_config.checks.model_copy(
        update={"min_valid": 1.0, "max_sky": 0.0, "max_disparity_px": 0.01}
    )
    config = only(sparse_config, "flying", objects=(1, 1)).model_copy(
        update={"max_attempts": 2, "checks": checks}
    )
    (tried,) = try_out(config, library, create_backend("mitsuba"), per_style=1, width=80, spp=1)
    assert tried.sample is None and len(tried.refused) == 2 and "range" in tried.refused[0]
    assert "flying: 0 of 1 slots filled by 2 draws; refused: range 2" in summary([tried])[0]
