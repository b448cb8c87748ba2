"""Scenes that several tests look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import pytest

from assets_manifest.library import AssetLibrary
from fsd_gen.config import Config
from fsd_gen.scene.slots import SlotKey
from fsd_gen.scene.spec import SceneSpec
from fsd_gen.shards import apart
from fsd_gen.styles.compose import compose_scene
from tests.fsd_gen.styles.only import only

FEWER = {"manipulation": {"things": (4, 6)}, "indoor": {"furniture": (3, 5)}}


@pytest.fixture(scope="session", autouse=True)
def one_process_verifies() -> Iterator[None]:
    """Commands that verify shards start a process each; here they share one, but in `test_apart.py`."""
    with pytest.MonkeyPatch.context() as patch, apart._Child() as kept:

        class Lent(apart._Child):
            def verify(self, path, *, deep):
                return kept.verify(path, deep=deep)

        patch.setattr(apart, "_Child", Lent)
        yield


@pytest.fixture(scope="session")
def first_scene(small_config: Config, library: AssetLibrary) -> Callable[[str], SceneSpec]:
    """The first scene of a style by its name, with not too much in it, composed once."""

    @cache
    def scene(style: str) -> SceneSpec:
        config = only(small_config, style, **FEWER.get(style, {}))
        return compose_scene(config, library, SlotKey(slot=0))

    return scene
