"""Coats of made things name parts that these have, and grain runs as boards are cut."""

from __future__ import annotations

import numpy as np
import pytest
from pxr import Usd, UsdGeom

from assets_manifest.made.registry import made_file
from fsd_gen.styles.rooms import coats
from fsd_gen.styles.rooms.pieces import made_id


def meshes_of(asset, folder):
    stage = Usd.Stage.Open(str(made_file(asset, folder)))
    return {prim.GetName() for prim in stage.Traverse() if prim.IsA(UsdGeom.Mesh)}


def coated(name):
    """A made thing that has looks, and these."""
    sides = {"room_door": (0.9, 2.0), "room_rug": (1.6, 1.2)}.get(name, (0.5, 0.3, 0.4))
    asset = made_id(name, 4, *sides)
    draw = {"room_door": coats.door, "room_rug": lambda rng: coats.rug(rng, (1.6, 1.2))}
    for seed in range(20):
        looks = draw.get(name, lambda rng: coats.coat(rng, asset))(np.random.default_rng(seed))
        if looks:
            return asset, looks
    raise AssertionError(f"{name} never gets looks")


@pytest.mark.parametrize(
    "name", ["room_shelf", "room_door", "room_rug", "room_cushion", "room_folded", "room_cloth"]
)
def test_a_coat_names_parts_that_the_thing_has(name, tmp_path):
    asset, looks = coated(name)
    assert {look.part for look in looks} <= meshes_of(asset, tmp_path)


def test_grain_runs_up_uprights_and_along_boards():
    _, looks = coated("room_shelf")
    turns = {look.part.split("_")[-1]: look.material.uv_rotation_deg for look in looks}
    assert turns == {"back": 90.0, "upright": 90.0, "board": 0.0}


def test_the_picture_of_a_rug_fills_it_once():
    looks = [coats.rug(np.random.default_rng(seed), (2.0, 1.25))[0].material for seed in range(8)]
    whole = [look for look in looks if "/rug/" in look.texture]
    assert whole and all(look.uv_scale == (0.5, 0.8) and look.uv_offset == (0.5, 0.5) for look in whole)
