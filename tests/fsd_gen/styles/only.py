"""Configurations of one style alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from filelock import FileLock

from fsd_gen.config import Config
from fsd_gen.styles.registry import find_style
from tests.fsd_gen.worlds.halls import hall


def only(config: Config, style: str, **settings: Any) -> Config:
    """`config` with no other style than `style`, which has these settings over what it says of it."""
    there = config.styles.get(style)
    own = there.model_dump(exclude_unset=True, exclude={"weight"}) if there else {}
    given = {**needed(style), **own, **settings}
    return config.model_copy(update={"styles": {style: find_style(style).config(**given)}})


def needed(style: str) -> dict[str, Any]:
    """What a style cannot do without: a stage of the user's, for the one that is about those."""
    if style != "environment":
        return {}
    folder = Path(os.environ["FSD_ASSETS_DIR"])
    with FileLock(folder / "hall.lock"):
        if not (folder / "hall.usda").exists():
            hall(folder)
    return {"stages": [str(folder / "hall.usda")]}
