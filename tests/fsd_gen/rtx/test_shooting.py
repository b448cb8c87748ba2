"""A scene through a renderer: what comes back is the rig's picture, pixel by pixel where the truth is."""

from __future__ import annotations

import pytest
from scipy import ndimage

from fsd_gen.checks.renderer import agreement
from fsd_gen.rtx.shooting import shoot
from fsd_gen.scene.spec import RenderSettings
from fsd_gen.truth.maps import compute_truth
from fsd_gen.usd.staged import StagedScene
from tests.fsd_gen.rtx.plain import PlainRenderer, Wrongness
from tests.fsd_gen.rtx.same import target
from tests.fsd_gen.usd import cases

SKY = 'def DomeLight "Sky" { }'


@pytest.mark.parametrize(
    "lens",
    [{}, {"cx_px": 70.0, "cy_px": 55.5}, {"cx_px": 70.3, "focal_y_px": 140.0}],
    ids=["centred", "cut", "opencv"],
)
def test_the_picture_of_any_rig_lies_on_its_truth(tmp_path, lens):
    path = cases.stage(tmp_path, cases.WALL, cases.card(), SKY, head="startTimeCode = 3")
    scene = StagedScene(path=path, flat=cases.flat(path))
    rig = cases.rig_of(path).model_copy(update=lens)
    frames = shoot(scene, rig, RenderSettings(), target(), PlainRenderer())
    truth = compute_truth(scene.flat, rig)
    assert agreement(scene.flat, rig, truth, frames.seen).depth_off_share == 0.0
    card_hw = ndimage.binary_erosion(truth.disparity_left_hw > 6)
    wall_hw = ndimage.binary_erosion((truth.disparity_left_hw < 6) & (truth.disparity_left_hw > 0))
    assert frames.left_hwc.shape == (96, 160, 3)
    assert len({tuple(pixel) for pixel in frames.left_hwc[card_hw]}) == 1  # all of the card, and nothing else
    assert (frames.left_hwc[card_hw][0] != frames.left_hwc[wall_hw]).any(axis=1).all()
    askew = shoot(scene, rig, RenderSettings(), target(), PlainRenderer(wrong=Wrongness(shift_px=(3.0, 0))))
    assert agreement(scene.flat, rig, truth, askew.seen).depth_off_share > 0
