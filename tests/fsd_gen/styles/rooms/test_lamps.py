"""Light in rooms."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from assets_manifest.derived.parts import Part
from assets_manifest.records import Asset
from fsd_gen.styles.rooms import lamps
from fsd_gen.styles.rooms.pieces import Piece
from fsd_gen.styles.rooms.room import Room

PENDANT = Asset(
    id="own/pendant", kind="object", uri="t.usdc", sha256="c" * 64, licence="CC0-1.0", author="", source="",
    title="Pendant lamp", tags=("ceiling", "lamp"), size_m=(0.4, 0.4, 0.3),
)  # fmt: skip
SHADE = Part(name="part_000_Shade", stuff="fabric", area_m2=0.3, colour=(0.8, 0.8, 0.8), textured=False)
FOOT = Part(name="part_001_rod", stuff="metal", area_m2=0.1, colour=(0.8, 0.8, 0.8), textured=False)


@pytest.fixture
def hung(monkeypatch):
    """`hung(*parts)`: placement and light of a pendant that has them."""

    def of(*found):
        monkeypatch.setattr(lamps, "asset_parts", lambda *_: found)
        room = Room(width_m=4, depth_m=4, ceiling_m=2.8)
        maker = SimpleNamespace(room=room, rng=np.random.default_rng(3))
        own = lamps.Lamps(None, maker, 1.0, 3000.0)
        placements, lights = [], []
        own._pendant(0, Piece(PENDANT.id, PENDANT.size_m, PENDANT), 0.0, 0.0, placements, lights)
        return placements[0], lights[0]

    return of


def test_the_shade_of_a_pendant_glows_with_a_share_of_the_lamps_light(hung):
    bare, alone = hung(FOOT)
    shaded, below = hung(SHADE, FOOT)
    assert not bare.looks and [look.part for look in shaded.looks] == [SHADE.name]
    disk_m2 = np.pi * below.radius_m**2
    through = np.pi * SHADE.area_m2 * max(shaded.looks[0].material.glow)
    down = np.pi * disk_m2 * max(below.radiance)
    assert through + down == pytest.approx(np.pi * disk_m2 * max(alone.radiance), rel=0.01)
    assert through / (through + down) == pytest.approx(lamps.THROUGH, rel=0.01)
