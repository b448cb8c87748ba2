"""ovstage.population: USD into a stage."""

from __future__ import annotations

import math
from typing import Any

from rtx_fake.renderer import Scene

from ovstage import ErrorCode, OvstageError, PopulationDomain


def open_usd(
    stage: Any,
    path: str,
    ordinal: int = 1,
    time_code: float = math.nan,
    domains: PopulationDomain = PopulationDomain.RENDERING,
) -> None:
    stage.writable(ordinal)
    if stage.scene is not None:  # the real one merges the new scene with the old
        raise OvstageError(ErrorCode.INVALID_ARGUMENT, "the scene before is still there")
    try:
        stage.scene = Scene(path)
    except RuntimeError as error:
        raise OvstageError(ErrorCode.LOAD_FAILED, str(error)) from None


def reset_usd(stage: Any) -> None:
    stage.reset = True


def apply_usd_changes(stage: Any, ordinal: int = 1) -> None:
    stage.writable(ordinal)
    if getattr(stage, "reset", False):
        stage.scene, stage.reset = None, False
