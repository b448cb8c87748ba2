from __future__ import annotations

import numpy as np
import pytest

from assets_manifest.library import AssetLibrary
from fsd_gen.config import ConfigError
from fsd_gen.scene.slots import SlotKey
from fsd_gen.styles.compose import compose_scene


def test_rigs_cover_the_configured_ranges(sparse_config, library):
    rigs = [compose_scene(sparse_config, library, SlotKey(slot=slot)).rig for slot in range(60)]
    baselines = [rig.baseline_m for rig in rigs]
    views = [np.rad2deg(2 * np.arctan(rig.width / 2 / rig.focal_px)) for rig in rigs]
    assert 0.04 <= min(baselines) < 0.08 and 0.2 < max(baselines) <= 0.4
    assert 45 <= min(views) < 52 and 88 < max(views) <= 95


def test_scenes_are_denoised_as_the_configuration_says(small_config, library):
    render = small_config.render.model_copy(update={"denoiser_quality": "fast"})
    config = small_config.model_copy(update={"render": render})
    assert compose_scene(config, library, SlotKey(slot=0)).settings.denoiser_quality == "fast"


def test_packs_without_any_asset_of_a_kind_are_named_with_what_to_add(small_config):
    with pytest.raises(ConfigError, match="hold no object; add the pack 'builtin'"):
        compose_scene(small_config, AssetLibrary(()), SlotKey(slot=0))
