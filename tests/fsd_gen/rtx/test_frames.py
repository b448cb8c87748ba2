"""What is no picture of a scene is told by its name; what is one is cut to the rig, free of the exposure."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fsd_gen.backends.base import BackendError
from fsd_gen.rtx.child.contract import View
from fsd_gen.rtx.frames import frames_of
from fsd_gen.rtx.layer import RtxStage
from fsd_gen.scene.rig import StereoRig

RIG = StereoRig(width=32, height=32, focal_px=32, baseline_m=0.1, cx_px=18.0, cy_px=14.0)
STAGE = RtxStage(path=Path("x"), width=36, height=36, products=(), rig=RIG, crop=(0, 4), scale=0.25)
RAMP = np.arange(36 * 36 * 3, dtype=np.float32).reshape(36, 36, 3) / 100


def pair(left: np.ndarray = RAMP, right: np.ndarray = RAMP + 1, **more: object) -> tuple[View, View]:
    return (View(eye="left", colour_hwc=left, **more), View(eye="right", colour_hwc=right, **more))


def test_a_frame_is_cut_to_the_rig_and_divided_by_the_exposure():
    depth_hw = np.arange(36 * 36, dtype=np.float32).reshape(36, 36)
    ids_hw = depth_hw.astype(np.uint32)
    frames = frames_of(pair(depth_hw=depth_hw, ids_hw=ids_hw, labels={1: "/World/A"}), STAGE, "rtx")
    assert np.array_equal(frames.left_hwc, RAMP[4:, :32] * 4)
    left, right = frames.seen
    assert np.array_equal(left.depth_hw, depth_hw[4:, :32]) and np.array_equal(right.ids_hw, ids_hw[4:, :32])
    assert left.labels == {1: "/World/A"}
    assert frames_of(pair(), STAGE, "rtx").seen is None
    told = pair(depth_hw=depth_hw, ids_hw=ids_hw, labels={1: "class:fsdthing0", 2: "class:other"})
    assert frames_of(told, replace(STAGE, things=("/World/A",)), "rtx").seen[0].labels == {1: "/World/A"}


def spoilt(value: float, rows: int = 1) -> np.ndarray:
    image = RAMP.copy()
    image[10 : 10 + rows] = value
    return image


@pytest.mark.parametrize(
    ("views", "what"),
    [
        (pair(np.zeros_like(RAMP)), "rtx: the frame of the left eye is black"),
        (pair(RAMP, np.full_like(RAMP, 0.5)), "rtx: the frame of the right eye is of one colour everywhere"),
        (pair(RAMP, RAMP), "rtx: both eyes got the same frame"),
        (pair(spoilt(np.nan)), "left eye has 32 pixels that are not finite"),
        (pair(spoilt(np.inf, rows=2)), "left eye has 64 pixels that are not finite"),
        (pair(spoilt(65504)), "clipped on 3.1% of its pixels, exposed by 2^-2"),
        (pair(RAMP[:, :32]), "the frame of the left eye is 32x36, expected 36x36"),
        (pair(depth_hw=RAMP[:8, :, 0]), "the depth of the left eye is 36x8, expected 36x36"),
        (pair()[:1], "expected frames of left and right, got ['left']"),
    ],
)
def test_what_is_no_picture_is_named(views, what):
    with pytest.raises(BackendError, match=re.escape(what)):
        frames_of(views, STAGE, "rtx")


def test_a_few_glints_are_as_white_as_they_may_be():
    image = RAMP.copy()
    image[10, 10] = 65504
    assert frames_of(pair(image), replace(STAGE, crop=(0, 0)), "rtx").left_hwc.max() == 4 * 65504
