"""What a training writes about itself: one JSON line per step, and TensorBoard.

    log.jsonl          one object per step: step, loss, initial_loss, epe, gradient_norm, learning_rate, ...
    validation.jsonl   one object per validation: step, score, and per set epe, bp2 and samples
    tensorboard/       the same numbers as curves, and now and then left | truth | estimate

A resumed training first drops what was logged of steps that it will do again. The JSON lines are the record;
curves and pictures are drawn where TensorBoard is installed.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jobs.extras import MissingExtraError
from jobs.files import open_to_append, write_text_atomic
from stereo_model.inference.colours import colourise, span_of

if TYPE_CHECKING:
    from stereo_model.training.events import EventLog

log = logging.getLogger(__name__)

LOG = "log.jsonl"
VALIDATION_LOG = "validation.jsonl"
TENSORBOARD = "tensorboard"
NOT_CURVES = ("step", "indices", "parts")

OnStep = Callable[[int, float, float], None]  # step (from 1), loss, learning rate


class TrainingLog:
    """Appends to the logs of a run folder whose first `step` steps are done. Close it, or use `with`."""

    def __init__(self, run_dir: Path, *, step: int, tensorboard: bool = True) -> None:
        keep_until(run_dir / LOG, step)
        keep_until(run_dir / VALIDATION_LOG, step)
        self._steps = open_to_append(run_dir / LOG)
        self._validations = run_dir / VALIDATION_LOG
        self._events = _event_log(run_dir / TENSORBOARD, step) if tensorboard else None

    def __enter__(self) -> TrainingLog:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def step(self, record: Mapping[str, Any]) -> None:
        """One step's numbers."""
        self._steps.write(json.dumps(record) + "\n")
        self._steps.flush()
        self._curves(record["step"], "train", record)

    def validation(self, record: Mapping[str, Any]) -> None:
        """The numbers of one validation."""
        with open_to_append(self._validations) as file:
            file.write(json.dumps(record) + "\n")
        self._curves(record["step"], "validation", record)

    def picture(self, step: int, strip_hwc: np.ndarray) -> None:
        """A uint8 picture (H,W,3), such as `strip` makes."""
        if self._events is not None:
            self._events.picture(step, "train/left, truth, estimate", strip_hwc)

    def close(self) -> None:
        """Write everything out."""
        self._steps.close()
        if self._events is not None:
            self._events.close()

    def _curves(self, step: int, group: str, record: Mapping[str, Any]) -> None:
        if self._events is not None:
            curves = {key: value for key, value in record.items() if key not in NOT_CURVES}
            self._events.curves(step, _flat(curves, group))


def _event_log(folder: Path, step: int) -> EventLog | None:
    """TensorBoard's files, or one line that says how to have them."""
    try:
        from stereo_model.training.events import EventLog
    except MissingExtraError as error:
        log.warning("TensorBoard log off: %s", error)
        return None
    return EventLog(folder, first_step=step + 1)


class NewLines:
    """Follows a log that another process appends to, from its present end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = path.stat().st_size if path.exists() else 0

    def read(self) -> list[dict[str, Any]]:
        """The records that were completed since the last call."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._offset)
            whole, newline, _ = file.read().rpartition(b"\n")
        self._offset += len(whole) + len(newline)
        return [json.loads(line) for line in whole.splitlines()]


def strip(
    left_chw: np.ndarray,  # uint8
    truth_hw: np.ndarray,  # pixels
    valid_hw: np.ndarray,
    estimate_hw: np.ndarray,  # pixels
) -> np.ndarray:
    """Left image, truth and estimate side by side, uint8 (H,3W,3), on one scale; unknown truth is black."""
    truth = np.where(valid_hw, truth_hw, np.nan)
    span = span_of(np.concatenate([truth, estimate_hw], axis=1))
    maps = (colourise(disparity, span=span) for disparity in (truth, estimate_hw))
    return np.concatenate([left_chw.transpose(1, 2, 0), *maps], axis=1)


def keep_until(path: Path, step: int) -> None:
    """Drop log lines of steps that will be done again, and a line cut off by a crash."""
    if not path.exists():
        return
    kept = [line for line in path.read_text(encoding="utf-8").splitlines() if logged_step(line) <= step]
    write_text_atomic(path, "".join(line + "\n" for line in kept))


def logged_step(line: str) -> float:
    """The step of a log line; infinity for a line that a crash cut off."""
    try:
        return int(json.loads(line)["step"])
    except (json.JSONDecodeError, KeyError, TypeError):
        return math.inf


def _flat(values: Mapping[str, Any], prefix: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}/{key}")
        elif isinstance(value, int | float):
            found[f"{prefix}/{key}"] = float(value)
    return found
