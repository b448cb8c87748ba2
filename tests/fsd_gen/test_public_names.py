"""`from fsd_gen import ...` gives the working parts, and nothing is loaded before it is asked for."""

from __future__ import annotations

import pytest

import fsd_gen
from fsd_gen.config import load_config
from fsd_gen.shards.dataset import StereoShards
from fsd_gen.shards.flags import Flag
from fsd_gen.shards.reader import open_shard


def test_the_public_names_are_those_of_the_modules():
    assert fsd_gen.load_config is load_config
    assert fsd_gen.StereoShards is StereoShards
    assert fsd_gen.open_shard is open_shard
    assert fsd_gen.Flag is Flag
    assert set(fsd_gen.__all__) == {"Flag", "StereoShards", "load_config", "open_shard"} <= set(dir(fsd_gen))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'fsd_gen' has no attribute 'open_shards'"):
        fsd_gen.open_shards  # noqa: B018
