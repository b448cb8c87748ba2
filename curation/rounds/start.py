"""Starting a round: what it works on is frozen with its settings once something is trained with them, and
taking it up again compares both.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from curation.config import CurationConfig, differences, parse_config
from curation.judging.folds import FoldPlan, assign_folds
from curation.rounds.layout import RoundDir, unfinished_shards
from curation.rounds.population import Population
from curation.rounds.state import RunError, RunState
from fsd_gen.production.unfinished import wanted_shards
from fsd_gen.shards.index import FIRST_DRAW
from jobs.files import write_json_atomic
from jobs.store.bases import base_of

STEP = 32  # crops are multiples of it, pixels
SAME_FOR_CONTINUING = ("seed", "folds", "in_sample", "model", "max_disparity")


class FrozenRoundError(ValueError):
    """A round has started with other settings or other samples."""


def start_round(state: RunState, round_dir: RoundDir, config: CurationConfig) -> FoldPlan:
    """Start the round, or take it up again with the same settings and samples.

    Raises:
        RunError: the run is still being rendered, has too few samples, or too small ones.
        FrozenRoundError: models were trained in the round already, with something else.
    """
    _check_rendered(state)
    _check_crop(config.crop, state.smallest_hw)
    population = state.population_before(round_dir.number)
    if not round_dir.holds_work():
        _begin_anew(round_dir)
    if round_dir.started.exists():
        _check_unchanged(round_dir, config, population)
    else:
        _check_continues(round_dir, config)
    plan = _plan(round_dir, config, population)
    if not round_dir.started.exists():
        round_dir.path.mkdir(parents=True, exist_ok=True)
        write_json_atomic(round_dir.folds, {str(slot): fold for slot, fold in plan.fold_of.items()})
        write_json_atomic(round_dir.started, _beginning(round_dir, config, population))
    return plan


def started_config(round_dir: RoundDir) -> CurationConfig:
    """The settings that a started round is frozen to."""
    return parse_config(_started(round_dir)["config"], source=str(round_dir.started))


def started_plan(round_dir: RoundDir) -> FoldPlan:
    """Who trains on what and scores what in a started round."""
    return FoldPlan(fold_of=_folds(round_dir), in_sample=started_config(round_dir).in_sample)


def population_digest(population: Population) -> str:
    """SHA-256 over the ids and contents of the current samples, hexadecimal."""
    lines = "\n".join(f"{sample.key.sample_id} {sample.content_id}" for sample in population.samples)
    return hashlib.sha256(lines.encode()).hexdigest()


def _started(round_dir: RoundDir) -> dict[str, Any]:
    beginning: dict[str, Any] = json.loads(round_dir.started.read_text("utf-8"))
    return beginning


def _folds(round_dir: RoundDir) -> dict[int, int]:
    return {int(slot): fold for slot, fold in json.loads(round_dir.folds.read_text("utf-8")).items()}


def _check_rendered(state: RunState) -> None:
    _check_put(state.run_dir)
    if unfinished := unfinished_shards(state.run_dir):
        raise RunError(
            f"{state.run_dir}: {len(unfinished)} shards are not finished ({unfinished[0].name} ...); "
            "let the rendering finish before curating"
        )


def _check_put(run_dir: Path) -> None:
    """In a store the unfinished shards are not seen: they lie on the machines of their workers.

    Raises WantedError where nobody knows how many there are to be.
    """
    wanted = wanted_shards(run_dir) or 0
    there = len(tuple((run_dir / FIRST_DRAW).glob("[!.]*.h5")))
    if base_of(run_dir) is not None and there < wanted:
        raise RunError(
            f"{run_dir}: {there} of the {wanted} shards that it is to have are finished; let the rendering "
            "finish before curating"
        )


def _check_crop(crop_hw: tuple[int, int], smallest_hw: tuple[int, int]) -> None:
    if crop_hw[0] <= smallest_hw[0] and crop_hw[1] <= smallest_hw[1]:
        return
    fitting = [min(side, room // STEP * STEP) for side, room in zip(crop_hw, smallest_hw, strict=True)]
    remedy = f"set `curation: {{crop: {fitting}}}`" if min(fitting) else f"{STEP} pixels each way are needed"
    crop, smallest = ("x".join(map(str, sides)) for sides in (crop_hw, smallest_hw))
    raise RunError(f"curation.crop {crop} does not fit samples of {smallest} (height x width); {remedy}")


def _begin_anew(round_dir: RoundDir) -> None:
    """Forget a beginning that nothing was trained with, so that it binds nobody."""
    shutil.rmtree(round_dir.path / "model", ignore_errors=True)
    round_dir.started.unlink(missing_ok=True)


def _beginning(round_dir: RoundDir, config: CurationConfig, population: Population) -> dict[str, Any]:
    return {
        "round": round_dir.number,
        "config": config.model_dump(mode="json"),
        "config_digest": config.digest(),
        "samples": len(population.samples),
        "population_digest": population_digest(population),
    }


def _check_unchanged(round_dir: RoundDir, config: CurationConfig, population: Population) -> None:
    if changed := differences(started_config(round_dir), config):
        raise FrozenRoundError(
            f"round {round_dir.number} has started with other settings ({'; '.join(changed)}); "
            f"restore them, or remove {round_dir.path} to start the round over"
        )
    if _started(round_dir)["population_digest"] != population_digest(population):
        raise FrozenRoundError(
            f"the samples changed since round {round_dir.number} started; "
            f"remove {round_dir.path} to start the round over"
        )


def _check_continues(round_dir: RoundDir, config: CurationConfig) -> None:
    """A model that goes on learning must be held out from the same slots as before."""
    if round_dir.number == 1 or not config.continue_models:
        return
    number, before = round_dir.number, started_config(round_dir.before())
    changed = [name for name in SAME_FOR_CONTINUING if getattr(before, name) != getattr(config, name)]
    values = [f"{name} ({getattr(before, name)} then, {getattr(config, name)} now)" for name in changed]
    if changed:
        raise FrozenRoundError(
            f"round {number} continues the models of round {number - 1}, so {', '.join(values)} must stay "
            "the same: give the settings of that round (the same --config, where there was one), or set "
            "continue_models: false"
        )


def _plan(round_dir: RoundDir, config: CurationConfig, population: Population) -> FoldPlan:
    known = _known_folds(round_dir, config)
    fold_of = assign_folds(population.strata(), seed=config.seed, folds=config.folds, known=known)
    plan = FoldPlan(fold_of=fold_of, in_sample=config.in_sample)
    for model in plan.models:
        if not plan.train_slots(model):
            raise RunError(
                f"{len(fold_of)} samples are too few: nothing is left to train model {model} on; "
                "render more, or use --in-sample"
            )
    return plan


def _known_folds(round_dir: RoundDir, config: CurationConfig) -> dict[int, int]:
    """The folds of this round if it has started, else those of the round before if they still hold."""
    source = round_dir if round_dir.started.exists() else round_dir.before()
    if not source.started.exists():
        return {}
    before = started_config(source)
    return _folds(source) if (before.seed, before.folds) == (config.seed, config.folds) else {}
