"""A scene while it is rendered: its stage on disk, and the same as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fsd_gen.usd.flat_scene import FlatScene


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedScene:
    """Both forms of one scene; `production.staging` makes it, and it lives as long as the attempt at it."""

    path: Path  # the stage file, which names its assets by absolute paths; for reading only
    flat: FlatScene
    time: float | None = None  # time code at which it is seen; None: its startTimeCode
