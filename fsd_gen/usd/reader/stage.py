"""Opening a stage, the moment at which it is read, and its own axis and unit against ours: z up, metres."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assets_manifest.meshes.usd_quiet import quiet
from fsd_gen.usd.errors import AssetFileError, StageError
from fsd_gen.usd.flat_scene import Rgb
from fsd_gen.usd.openusd import Gf, Sdf, Tf, Usd, UsdGeom

Y_TO_Z_UP = np.array([[1.0, 0, 0, 0], [0, 0, -1.0, 0], [0, 1.0, 0, 0], [0, 0, 0, 1.0]])
AFFINE = 1e-9  # what inverted transforms may lose

Matrix = NDArray[np.float64]  # (4, 4), column vectors


def open_stage(path: Path) -> Usd.Stage:
    """The composed stage. Raises StageError, AssetFileError where something that it refers to is missing."""
    if not Path(path).is_file():
        raise StageError(f"{path}: no such stage file")
    try:
        with quiet():
            stage = Usd.Stage.Open(str(path))
    except Tf.ErrorException as error:
        raise StageError(f"{path}: cannot be opened as a USD stage: {reason_of(error)}") from error
    problems = stage.GetCompositionErrors()
    if problems:
        raise AssetFileError(f"{path}: does not compose: {reason_of(problems[0])}")
    return stage


def stage_time(stage: Usd.Stage, chosen: float | None) -> Usd.TimeCode:
    """The chosen time code, else the stage's startTimeCode, else the earliest sample of everything.

    Raises:
        StageError: the chosen one is no number.
    """
    if chosen is not None:
        if not math.isfinite(chosen):
            raise StageError(f"the time must be a time code of the stage, got {chosen}")
        return Usd.TimeCode(chosen)
    layers = (stage.GetSessionLayer(), stage.GetRootLayer())
    if stage.HasAuthoredTimeCodeRange() or any(layer and layer.HasStartTimeCode() for layer in layers):
        return Usd.TimeCode(stage.GetStartTimeCode())
    return Usd.TimeCode.EarliestTime()


def reason_of(error: object) -> str:
    """The first complaint of a USD error, without the place in USD's own source."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    first = lines[0] if lines else type(error).__name__
    return first.rpartition(" : '")[2].rstrip("'")


def stage_to_world(stage: Usd.Stage) -> Matrix:
    """From the stage's own unit and up axis to metres and z up. Raises StageError."""
    metres = UsdGeom.GetStageMetersPerUnit(stage)
    if not (math.isfinite(metres) and metres > 0):
        raise StageError(f"expected metersPerUnit to be a positive number of metres, got {metres}")
    turn = Y_TO_Z_UP if UsdGeom.GetStageUpAxis(stage) == UsdGeom.Tokens.y else np.eye(4)
    return np.diag([metres, metres, metres, 1.0]) @ turn


def matrix_of(gf: Gf.Matrix4d) -> Matrix:
    """USD's row vectors as our column vectors."""
    return np.array(gf).T


def affine(matrix: Matrix, named: str) -> Matrix:
    """The same matrix; `named` says whose it is. Raises StageError where it is a projection."""
    if np.abs(matrix[3] - (0.0, 0.0, 0.0, 1.0)).max() > AFFINE:
        raise StageError(
            f"{named}: its transform has perspective; expected 0, 0, 0, 1 in the last column of each matrix"
        )
    return matrix


def rgb_of(value: Sequence[float] | NDArray[np.floating]) -> Rgb:
    """Three plain numbers, of a USD vector or an array."""
    return (float(value[0]), float(value[1]), float(value[2]))


def shared_path(prim: Usd.Prim) -> Sdf.Path:
    """Where a prim is authored for all its instances: in their prototype, if it has one."""
    return (prim.GetPrimInPrototype() if prim.IsInstanceProxy() else prim).GetPath()
