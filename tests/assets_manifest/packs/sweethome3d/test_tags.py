from __future__ import annotations

from assets_manifest.meshes.flat_tops import find_flat_top
from assets_manifest.packs.sweethome3d.tags import tags_of
from tests.assets_manifest.boxes import part_of
from tests.assets_manifest.packs.sweethome3d.furniture import (
    cube_model,
)


def test_tags_say_how_a_thing_may_be_placed() -> None:
    def tags(**changes: object) -> set[str]:
        model = cube_model(**changes)
        parts = part_of(((model.width_m, model.depth_m, model.height_m), (0, 0, 0)))
        return set(tags_of(model, parts, find_flat_top(parts)))

    assert {"indoor", "living", "floor", "table", "support"} <= tags()
    cup = tags(name="Coffee cup", category="Kitchen", width_m=0.1, depth_m=0.1, height_m=0.1)
    assert {"indoor", "kitchen", "tabletop"} == cup
    assert "ceiling" in tags(name="Ceiling lamp", category="Lights", light=True)
    assert {"wall", "kitchen"} <= tags(name="Upper cabinet", category="Kitchen", elevation_m=1.45)
    assert tags(name="Oak", category="Exterior") == {"outdoor"}
    assert "door_window" in tags(name="Door", door_or_window=True)
    assert {"floor", "seat"} <= tags(name="Winchester sofa") and "support" not in tags(name="Winchester sofa")
    assert "flat" in tags(name="Parking slot", category="Exterior", height_m=0.01)
