"""Going on with a training of a run folder as another one than before, because somebody said so.

More steps are no other training: they prolong it. Any other field that decides the result, and other data,
have to be named; the run folder keeps what was changed when:

    amendments.jsonl   one object per change: step (after which it holds), field, was, now
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.files import write_text_atomic
from stereo_model.training.config import TrainConfig

AMENDMENTS = "amendments.jsonl"  # in the run folder
FIXED = frozenset({"average", "freeze_backbone", "learn", "sync_batch_norm"})
"""Fields that decide what the saved state consists of: no training can go on with others of them."""


class ResumeError(ValueError):
    """A run folder holds a training with another configuration or other data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Amendment:
    """What may differ from the training in the run folder."""

    fields: frozenset[str] = frozenset()  # of TrainConfig
    data: bool = False


AS_BEFORE = Amendment()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that is different from now on."""

    field: str  # as a recipe names it, such as "training.steps"
    was: Any
    now: Any

    def __str__(self) -> str:
        return f"{self.field}: {json.dumps(self.was)} -> {json.dumps(self.now)}"


def config_changes(
    path: Path, step: int, was: Mapping[str, Any], config: TrainConfig, amendment: Amendment
) -> list[Change]:
    """What of a training's configuration is another than in the state `path` after `step` steps.

    Raises:
        ResumeError: for changes that nobody asked for, and for those that cannot be.
    """
    differing = config.differences(was)
    changes = [Change(field=f"training.{name}", was=a, now=b) for name, (a, b) in differing.items()]
    refused = [change for change in changes if not _allowed(change, step, amendment)]
    if refused:
        raise ResumeError(_refusal(path, step, refused))
    return changes


def _allowed(change: Change, step: int, amendment: Amendment) -> bool:
    name = change.field.removeprefix("training.")
    if name == "steps":
        return bool(change.now > change.was or (name in amendment.fields and change.now >= step))
    return name in amendment.fields and name not in FIXED


def _refusal(path: Path, step: int, refused: Iterable[Change]) -> str:
    parts = []
    for change in refused:
        name, was, now = change.field, json.dumps(change.was), json.dumps(change.now)
        part = f"{name} is {was} there and {now} here: give {name}={was} to go on as before"
        if name == "training.steps" and change.now < step:
            part += f" ({step} steps are done already)"
        elif name.removeprefix("training.") not in FIXED:
            part += f", or --amend {name}={now} to change it after step {step}"
        parts.append(part)
    return f"{path}: another training configuration; {'; '.join(parts)}; or use another run folder"


def other_data(path: Path, was: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """What is said of a state that was made with other data; both map parts to what is known of them."""
    names = [name for name in {**was, **now} if was.get(name) != now.get(name)]
    told = [f"{name}: {_known(was.get(name))} there, {_known(now.get(name))} here" for name in names]
    what = "; ".join(told) or "as many samples, but other files, or other sizes or contents of them"
    return (
        f"{path}: was trained on other data ({what}); restore the data to go on as before, "
        "or --amend data to go on with what is there now, or use another run folder"
    )


def record_changes(run_dir: Path, step: int, changes: Iterable[Change]) -> None:
    """Add to the folder's record, whole or not at all."""
    path = run_dir / AMENDMENTS
    before = path.read_text("utf-8") if path.exists() else ""
    lines = [
        json.dumps({"step": step, "field": change.field, "was": change.was, "now": change.now})
        for change in changes
    ]
    write_text_atomic(path, before + "".join(f"{line}\n" for line in lines))


def _known(facts: Mapping[str, Any] | None) -> str:
    return "none" if facts is None else ", ".join(f"{name} {value}" for name, value in facts.items())
