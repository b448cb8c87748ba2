"""Synthetic stereo data with exact truth.

    from fsd_gen import Flag, StereoShards, load_config, open_shard

Nothing heavy is imported before it is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fsd_gen.config import load_config
    from fsd_gen.shards.dataset import StereoShards
    from fsd_gen.shards.flags import Flag
    from fsd_gen.shards.reader import open_shard

__all__ = ["Flag", "StereoShards", "load_config", "open_shard"]

_HOMES = {
    "Flag": "fsd_gen.shards.flags",
    "StereoShards": "fsd_gen.shards.dataset",
    "load_config": "fsd_gen.config",
    "open_shard": "fsd_gen.shards.reader",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
