"""Every part that gets a surface is there, whatever the seed."""

from __future__ import annotations

import pytest
from pxr import Usd, UsdGeom

from assets_manifest.made import buildings, street, trees, vehicles
from assets_manifest.made.buildings import Building
from fsd_gen.styles.outdoors.finishes import BARKED, SORTS

SEEDS = range(8)


def parts(make, folder, words):
    folder.mkdir()
    stage = Usd.Stage.Open(str(make(folder, tuple(map(str, words)))))
    return {prim.GetName() for prim in stage.Traverse() if prim.IsA(UsdGeom.Mesh)}


@pytest.mark.parametrize("kind", SORTS)
def test_things_of_the_street_have_the_parts_that_are_finished(kind, tmp_path):
    for seed in SEEDS:
        assert set(SORTS[kind]) <= parts(street.make, tmp_path / str(seed), (kind, 16, seed))


@pytest.mark.parametrize("kind", BARKED)
def test_trees_have_bark(kind, tmp_path):
    assert "bark" in parts(trees.make, tmp_path / "tree", (kind, 70, 40, 300, 1))


@pytest.mark.parametrize("kind", buildings.KINDS)
def test_houses_have_the_parts_that_are_coated(kind, tmp_path):
    for seed in range(4):
        words = (kind, 120, 90, 2, seed)
        wanted = {"wall", "base"} | ({"roof"} if Building.of(tuple(map(str, words))).pitched else set())
        wanted |= {"pane"} if kind == "modern" else set()
        assert wanted <= parts(buildings.make, tmp_path / str(seed), words)


def test_lorries_have_a_box_to_paint(tmp_path):
    assert {"paint", "box"} <= parts(vehicles.make, tmp_path / "lorry", ("lorry", 3))
