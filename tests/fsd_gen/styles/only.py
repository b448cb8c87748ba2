"""Configurations of one style alone."""

from __future__ import annotations

from typing import Any

from fsd_gen.config import Config
from fsd_gen.styles.registry import find_style


def only(config: Config, style: str, **settings: Any) -> Config:
    """`config` with no other style than `style`, which has these settings."""
    return config.model_copy(update={"styles": {style: find_style(style).config(**settings)}})
