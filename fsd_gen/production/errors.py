"""What can go wrong in rendering that its user can put right."""

from __future__ import annotations

from assets_manifest.library import MissingAssetError, PackError
from fsd_gen.backends.base import BackendError
from fsd_gen.backends.plugin import BackendUnavailableError
from fsd_gen.config import ConfigError
from fsd_gen.shards.format import ShardError
from fsd_gen.usd.errors import StageError, StageWriteError

RENDER_ERRORS = (  # each message says how
    BackendError,
    BackendUnavailableError,
    ConfigError,
    MissingAssetError,
    PackError,
    ShardError,
    StageError,
    StageWriteError,
)
