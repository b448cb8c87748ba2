"""What can go wrong in rendering that its user can put right."""

from __future__ import annotations

from assets_manifest.library import MissingAssetError, PackError
from assets_manifest.meshes.errors import MeshError
from fsd_gen.backends.base import BackendError
from fsd_gen.backends.plugin import BackendUnavailableError
from fsd_gen.config import ConfigError
from fsd_gen.shards.format import ShardError
from fsd_gen.usd.errors import StageError, StageWriteError


class StyleError(ValueError):
    """A style raised instead of making a scene; the message says which, what and where."""


class PluginError(RuntimeError):
    """A style or a backend failed in a way that says nothing about the scene."""


RENDER_ERRORS = (  # each message says how
    BackendError,
    BackendUnavailableError,
    ConfigError,
    MeshError,
    MissingAssetError,
    PackError,
    PluginError,
    ShardError,
    StageError,
    StageWriteError,
)
