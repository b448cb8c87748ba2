"""Scenes that several tests look at."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from assets_manifest.library import AssetLibrary
from fsd_gen.config import Config
from fsd_gen.scene.slots import SlotKey
from fsd_gen.scene.spec import SceneSpec
from fsd_gen.styles.compose import compose_scene
from tests.fsd_gen.styles.only import only


@pytest.fixture(scope="session")
def first_scene(small_config: Config, library: AssetLibrary) -> Callable[[str], SceneSpec]:
    """The first scene of a style by its name, composed once."""
    return cache(lambda style: compose_scene(only(small_config, style), library, SlotKey(slot=0)))
