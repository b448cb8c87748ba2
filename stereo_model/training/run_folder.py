"""The folder of one training run.

checkpoint_0000400.pt   the state after that step; the newest is where a run continues
best.pt                 the model that validated best so far
model.pt                the model after the last step
recipe.yaml             the recipe as it was resolved
log.jsonl  validation.jsonl  tensorboard/    see stereo_model.training.log
amendments.jsonl        what was changed on purpose, see stereo_model.training.amend
damaged.jsonl           data that could not be read, see stereo_model.training.damage
.lock                   who trains here, see jobs.locks
nonfinite_step_0000401.pt                    the batch of a step that gave no number
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jobs.files import sync_folder
from stereo_model.weights.files import write_atomically

MODEL = "model.pt"
RECIPE = "recipe.yaml"
BEST = "best.pt"

_STATE = re.compile(r"checkpoint_(\d{7,})\.pt")


def checkpoint_name(step: int) -> str:
    """Name of the file with the state after `step` steps."""
    return f"checkpoint_{step:07d}.pt"


def checkpoints(run_dir: str | Path) -> list[Path]:
    """The states in a run folder, oldest first."""
    named = ((_STATE.fullmatch(path.name), path) for path in Path(run_dir).glob("checkpoint_*.pt"))
    return [path for _, path in sorted((int(match[1]), path) for match, path in named if match)]


def newest_checkpoint(run_dir: str | Path) -> Path | None:
    """Where a run would continue; None if it has not saved anything yet."""
    return next(reversed(checkpoints(run_dir)), None)


def saved_step(run_dir: str | Path) -> int:
    """The step after which a run would continue."""
    state = newest_checkpoint(run_dir)
    match = None if state is None else _STATE.fullmatch(state.name)
    return int(match[1]) if match else 0


def set_aside(path: Path) -> Path:
    """Give a state that cannot be read another name; the new one."""
    aside = path.with_name(f"{path.name}.damaged")
    path.replace(aside)
    sync_folder(path.parent)
    return aside


def forget_old(run_dir: Path, keep: int) -> None:
    """Delete all states but the newest `keep`."""
    for path in checkpoints(run_dir)[:-keep]:
        path.unlink(missing_ok=True)
    sync_folder(run_dir)


def save_offender(run_dir: Path, step: int, rank: int, size: int, content: Mapping[str, Any]) -> Path:
    """Keep a worker's share of a batch whose loss or gradient was not a number."""
    worker = f"_worker_{rank}" if size > 1 else ""
    path = run_dir / f"nonfinite_step_{step:07d}{worker}.pt"
    write_atomically(content, path)
    return path
