"""Street scenes that several tests look at."""

from __future__ import annotations

import pytest

from fsd_gen.scene.slots import SlotKey
from fsd_gen.styles.compose import compose_scene
from tests.fsd_gen.styles.only import only


@pytest.fixture(scope="package")
def streets(small_config, library):
    alone = only(small_config, "driving")
    return [compose_scene(alone, library, SlotKey(slot=slot)) for slot in range(6)]
