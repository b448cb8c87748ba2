from __future__ import annotations

import pytest

from fsd_gen.scene.slots import SlotKey
from fsd_gen.styles.compose import compose_scene
from tests.fsd_gen.styles.only import only


@pytest.mark.parametrize("slots", [2, pytest.param(6, marks=pytest.mark.slow)])
def test_furniture_stands_on_the_floor_or_on_furniture(small_config, library, slots):
    config = only(small_config, "indoor")
    on_top = 0
    for slot in range(slots):
        spec = compose_scene(config, library, SlotKey(slot=slot))
        heights = {p.position[2] for p in spec.placements if p.name.startswith("Furniture")}
        assert heights == {0.0}
        on_top += sum(p.name.startswith("Thing") and p.position[2] > 0.2 for p in spec.placements)
    assert on_top > 0


def test_a_room_may_stay_empty(small_config, library):
    config = only(small_config, "indoor", furniture=(0, 0), pictures=(0, 0), on_walls=(0, 0))
    spec = compose_scene(config, library, SlotKey(slot=1))
    assert not any(p.name.startswith(("Furniture", "Thing", "Wall")) for p in spec.placements)
    assert not any("Picture" in panel.name for panel in spec.panels)


def test_planted_rooms_have_a_size_of_their_own(small_config, library):
    config = only(small_config, "planted-blank", room_m=(5, 5))
    floor = compose_scene(config, library, SlotKey(slot=0)).panels[0]
    assert floor.size == (15.0, 15.0)  # a blank floor reaches three times as far as the room
