"""A renderer that saw another scene than the truth is about is found out by its own depth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fsd_gen.backends.base import SeenByRenderer
from fsd_gen.checks.defects import DefectCode
from fsd_gen.checks.renderer import Agreement, agreement, renderer_defects
from fsd_gen.truth.maps import compute_truth
from fsd_gen.usd.flat_scene import FlatScene
from tests.fsd_gen.usd import cases


@pytest.fixture(scope="module")
def scene(tmp_path_factory) -> FlatScene:
    return cases.flat(cases.stage(tmp_path_factory.mktemp("stage"), cases.WALL, cases.card()))


@pytest.fixture(scope="module")
def rig(tmp_path_factory):
    return cases.rig_of(cases.stage(tmp_path_factory.mktemp("rig"), cases.WALL))


def right_answer(scene, rig) -> tuple[SeenByRenderer, SeenByRenderer]:
    """What the truth itself would say, with the ids of the things."""
    truth = compute_truth(scene, rig)
    depths = [
        rig.depth(each).astype(np.float32) for each in (truth.disparity_left_hw, truth.disparity_right_hw)
    ]
    ids_hw = np.where(truth.disparity_left_hw > 6, 7, 3).astype(np.uint32)
    labels = {7: "/World/Card", 3: "/World/Wall"}
    return tuple(SeenByRenderer(depth_hw=depth_hw, ids_hw=ids_hw, labels=labels) for depth_hw in depths)


def found(scene, rig, seen) -> Agreement:
    return agreement(scene, rig, compute_truth(scene, rig), seen)


def test_a_renderer_that_saw_the_scene_agrees(scene, rig):
    agrees = found(scene, rig, right_answer(scene, rig))
    assert agrees == Agreement(depth_off_share=0.0, instance_off_share=0.0)
    assert list(renderer_defects(agrees)) == []


def test_a_renderer_that_says_nothing_is_not_judged(scene, rig):
    assert found(scene, rig, None) == Agreement()
    assert list(renderer_defects(Agreement())) == []


@pytest.mark.parametrize(
    ("spoil", "share"),
    [
        (lambda depth_hw: depth_hw * 1.2, 1.0),  # 0.67 px at 4 m, 1.3 px at 2 m
        (lambda depth_hw: np.where(depth_hw < 3, 4, depth_hw), 6400 / 15360),  # the card is not there
        (lambda depth_hw: np.full_like(depth_hw, np.inf), 1.0),
        (lambda depth_hw: np.full_like(depth_hw, np.nan), 1.0),
        (lambda depth_hw: np.zeros_like(depth_hw), 1.0),
    ],
)
def test_another_scene_is_a_defect_of_its_own(scene, rig, spoil, share):
    seen = tuple(replace(view, depth_hw=spoil(view.depth_hw)) for view in right_answer(scene, rig))
    agrees = found(scene, rig, seen)
    assert agrees.depth_off_share == pytest.approx(share, abs=0.03)
    (defect,) = renderer_defects(agrees)
    assert defect.code == DefectCode.RENDERER_DEPTH == "renderer_depth"
    assert "at most 2.0% allowed" in defect.detail


def test_either_side_of_an_edge_is_right(scene, rig):
    seen = tuple(
        replace(view, depth_hw=np.roll(view.depth_hw, 1, axis=1)) for view in right_answer(scene, rig)
    )
    assert found(scene, rig, seen).depth_off_share == 0.0


def test_a_surface_where_the_truth_has_sky_is_off(tmp_path, rig):
    scene = cases.flat(cases.stage(tmp_path, cases.card()))
    seen = right_answer(scene, rig)
    walled = tuple(replace(view, depth_hw=np.minimum(view.depth_hw, 4).astype(np.float32)) for view in seen)
    assert found(scene, rig, seen).depth_off_share == 0.0
    assert found(scene, rig, walled).depth_off_share > 0.5


def test_glass_is_not_compared(tmp_path, rig):
    glass = cases.material("float inputs:opacity = 0.2")
    scene = cases.flat(cases.stage(tmp_path, cases.WALL, cases.card(cases.BOUND), glass))
    seen = tuple(
        replace(view, depth_hw=np.where(view.depth_hw < 3, 4, view.depth_hw).astype(np.float32))
        for view in right_answer(scene, rig)
    )
    assert found(scene, rig, seen).depth_off_share == 0.0


def test_a_depth_that_knows_nothing_of_holes_is_not_compared_at_them(tmp_path, rig):
    from PIL import Image

    Image.new("L", (4, 4), 0).save(tmp_path / "t.png")  # a card that is all hole
    look = cases.material(cases.cutout(), "t.png")
    scene = cases.flat(cases.stage(tmp_path, cases.WALL, cases.card(cases.BOUND), look))
    solid = cases.flat(cases.stage(tmp_path, cases.WALL, cases.card(), name="solid.usda"))
    assert found(scene, rig, right_answer(solid, rig)).depth_off_share == 0.0


def test_ids_are_compared_by_what_they_are_called(scene, rig):
    seen = right_answer(scene, rig)
    swapped = replace(seen[0], labels={7: "/World/Wall", 3: "/World/Card/Part"})
    assert found(scene, rig, (swapped, seen[1])).instance_off_share == 1.0
    unknown = replace(seen[0], labels={7: "/World/Card"})
    assert found(scene, rig, (unknown, seen[1])).instance_off_share == pytest.approx(1 - 6400 / 15360)
    assert found(scene, rig, (replace(seen[0], labels={}), seen[1])).instance_off_share is None
