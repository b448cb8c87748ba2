from __future__ import annotations

import numpy as np
import pytest

from fsd_gen.scene.rotations import camera_to_world
from fsd_gen.scene.slots import SlotKey
from fsd_gen.styles.compose import compose_scene
from tests.fsd_gen.styles.only import only


def test_the_camera_looks_at_the_objects_centre_of_mass(small_config, library):
    spec = compose_scene(only(small_config, "flying"), library, SlotKey(slot=0))
    centre = np.mean([p.position for p in spec.placements], axis=0)
    pose = camera_to_world(spec.camera)
    ahead = (centre - pose[:3, 3]) / np.linalg.norm(centre - pose[:3, 3])
    assert ahead @ pose[:3, 2] == pytest.approx(1, abs=1e-6)


def test_as_many_objects_fly_as_the_settings_say(small_config, library):
    config = only(small_config, "flying", objects=(3, 5), retexture=0.0)
    specs = [compose_scene(config, library, SlotKey(slot=slot)) for slot in range(20)]
    assert {len(spec.placements) for spec in specs} == {3, 4, 5}
    assert all(placement.material is None for spec in specs for placement in spec.placements)
