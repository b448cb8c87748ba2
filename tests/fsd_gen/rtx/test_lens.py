"""The picture that is rendered, and the part of it that the rig sees."""

from __future__ import annotations

import re

import pytest

from fsd_gen.backends.base import BackendError
from fsd_gen.rtx.child.versions import OVRTX
from fsd_gen.rtx.lens import frame_of
from fsd_gen.rtx.targets import Target
from fsd_gen.scene.rig import StereoRig
from tests.fsd_gen.rtx.same import target

CENTRED = StereoRig.centred(width=160, height=96, focal_px=160, baseline_m=0.1)


def rig(**changes: float) -> StereoRig:
    return CENTRED.model_copy(update=changes)


@pytest.mark.parametrize(
    ("changes", "size", "crop"),
    [
        ({}, (160, 96), (0, 0)),
        ({"cx_px": 84.5}, (169, 96), (0, 0)),
        ({"cx_px": 70.0, "cy_px": 50.0}, (180, 100), (20, 0)),
        ({"cy_px": 40.5}, (160, 111), (0, 15)),
        ({"cx_px": -10.0}, (340, 96), (180, 0)),
    ],
)
def test_the_principal_point_is_in_the_middle_of_what_is_rendered(changes, size, crop):
    frame = frame_of(rig(**changes), target(version="0.5.1"))
    assert ((frame.width, frame.height), (frame.left, frame.top), frame.opencv) == (size, crop, False)
    assert frame.width / 2 - frame.left == rig(**changes).cx_px
    assert frame.height / 2 - frame.top == rig(**changes).cy_px
    assert frame.left + 160 <= frame.width and frame.top + 96 <= frame.height


@pytest.mark.parametrize("changes", [{"cx_px": 80.3}, {"focal_y_px": 150.0}, {"cy_px": 1e9}])
def test_what_no_cut_can_reach_is_left_to_the_opencv_lens(changes):
    frame = frame_of(rig(**changes), target())
    assert frame.opencv and (frame.width, frame.height, frame.left, frame.top) == (160, 96, 0, 0)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        (
            {"cx_px": 80.3},
            "(80.3, 48) is not at whole or half pixels, for which it has no lens that is right; use the",
        ),
        ({"cx_px": 80.3}, "use the principal point (80.5, 48)"),
        ({"focal_y_px": 150.0}, "pixels are not square (160 and 150 px focal length)"),
    ],
)
def test_a_version_without_that_lens_refuses_the_rig_by_name(changes, what):
    old = Target(engine="ovrtx", version="0.4.1", row=OVRTX["0.4.1"])
    with pytest.raises(BackendError, match=re.escape(what)):
        frame_of(rig(**changes), old)
