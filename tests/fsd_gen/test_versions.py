from __future__ import annotations

import copy

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from fsd_gen.config import load_config, thaw
from fsd_gen.sections import ConfigError
from fsd_gen.versions import identity, upgrade, upgrade_v1

OLD = {
    "version": 1,
    "seed": 5,
    "strata": {"indoor": 1, "planted-blank": 0.5, "planted-mirror": 0.25},
    "rig": {"max_disparity": 0.2, "hfov_deg": [50, 60]},
    "flying": {"objects": [3, 5]},
    "indoor": {"room_m": [4, 5], "furniture": [1, 2], "pictures": [0, 1]},
}


def test_version_1_becomes_version_2_with_every_style_keeping_what_it_read():
    before = copy.deepcopy(OLD)
    assert upgrade_v1(OLD) == {
        "version": 2,
        "seed": 5,
        "rig": {"max_disparity_share": 0.2, "hfov_deg": [50, 60]},
        "styles": {
            "indoor": {"weight": 1, "room_m": [4, 5], "furniture": [1, 2], "pictures": [0, 1]},
            "planted-blank": {"weight": 0.5, "room_m": [4, 5]},
            "planted-mirror": {"weight": 0.25, "room_m": [4, 5], "furniture": [1, 2]},
        },
    }
    assert before == OLD


def test_an_upgraded_config_is_a_valid_one():
    config, known_as = thaw(yaml.safe_dump(OLD), "frozen")
    assert config.rig.max_disparity_share == 0.2 and known_as.version == 1 and not known_as.names_assets


def test_version_2_is_upgraded_to_itself():
    values = load_config("demo").explicit()
    assert upgrade(values) == values


@pytest.mark.parametrize("version", [0, 3, "2", None])
def test_an_unknown_version_is_refused_with_the_known_ones(version):
    for judge in (identity, upgrade):
        with pytest.raises(ConfigError, match=f"version {version!r} .*knows versions 1 to 2"):
            judge({"version": version})
    with pytest.raises(ConfigError, match="^x.yaml: version"):
        thaw(yaml.safe_dump({"version": version}), "x.yaml")


@given(st.floats(0, 1e9, exclude_min=True), st.integers(0, 2**53), st.floats(-20, 0))
def test_the_identity_survives_the_frozen_text(weight, seed, low):
    overrides = {"styles": {"flying": {"weight": weight}}, "seed": seed, "render.exposure_ev": [low, 0.0]}
    config = load_config("fsd", overrides)
    assert thaw(config.to_yaml(), "frozen") == (config, config.identity())


def test_the_identity_does_not_depend_on_curation():
    for values in (OLD, load_config("demo").explicit()):
        assert identity({**values, "curation": {"folds": 9}}) == identity(values)
        assert identity({**values, "seed": 77}) != identity(values)
