"""Carrying out a recipe: its model trained on its data in a run folder, by one worker or several."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from jobs.files import write_text_atomic
from jobs.locks import RunLock
from stereo_model.data.base import StereoFiles
from stereo_model.data.mixture import Mixture, Part, mixture_digest
from stereo_model.data.registry import open_dataset
from stereo_model.network.model import FoundationStereo
from stereo_model.training.amend import AS_BEFORE, Amendment, ResumeError
from stereo_model.training.damage import digests_before_repair
from stereo_model.training.leaks import shared
from stereo_model.training.log import OnStep
from stereo_model.training.progress import Listener, Nobody
from stereo_model.training.recipe import DataChoice, ModelChoice, Recipe, RecipeError, load_recipe
from stereo_model.training.run_folder import MODEL, RECIPE, newest_checkpoint
from stereo_model.training.start import backbone_weights, model_left_open, start_of
from stereo_model.training.team import Team
from stereo_model.training.trainer import Trainer
from stereo_model.weights.checkpoint import load_model
from stereo_model.weights.create import create_model

NOBODY = Nobody()
MOST_SKIPPED = 20  # scenes of one data set

log = logging.getLogger(__name__)


def run_recipe(
    recipe: Recipe,
    out: str | Path,
    *,
    workers: int = 1,
    on_step: OnStep | None = None,
    listener: Listener = NOBODY,
    amend: Amendment = AS_BEFORE,
) -> Path:
    """Train as the recipe says, continuing whatever the folder `out` holds; the path of the finished model.

    More than one worker are started through Ray; see stereo_model.training.launch. `amend` names what may be
    another than before. Raises what building the model and opening the data raise, RecipeError for what the
    recipe leaves open, RunLockedError while another process trains in `out`, and what Trainer raises.
    """
    out = Path(out)
    _require_complete(recipe)
    with RunLock(out):
        if workers == 1:
            build_trainer(recipe, out, amend=amend, listener=listener).run(on_step=on_step)
            return out / MODEL
        from stereo_model.training.launch import train_together  # loads Ray; only needed here

        listener.phase(f"starting {workers} workers")
        make_trainer = partial(build_trainer, recipe, out.resolve(), amend=amend)
        train_together(make_trainer, recipe.training, out, workers=workers, on_step=on_step)
        return out / MODEL


def build_trainer(
    recipe: Recipe,
    out: str | Path,
    team: Team | None = None,
    *,
    amend: Amendment = AS_BEFORE,
    listener: Listener = NOBODY,
) -> Trainer:
    """The trainer of one worker of `team` (by default alone). See run_recipe for what it raises."""
    out = Path(out)
    _require_complete(recipe)
    _refuse_another_start(recipe, out)
    chosen = [choice for choice in recipe.data if choice.weight > 0]
    opened = {choice.label: _opened("data", choice, listener) for choice in chosen}
    validation = {choice.label: _opened("validation", choice, listener) for choice in recipe.validation}
    weights = {choice.label: choice.weight for choice in chosen}
    if team is None or team.leads:
        for line in (*_left_out(opened, "data"), *_left_out(validation, "validation")):
            log.warning("%s", line)
        for line in shared(opened, validation):
            log.warning("%s", line)
    listener.phase("building the model")
    model = build_model(recipe.model)
    trainer = Trainer(
        model,
        Mixture(tuple(Part(name=name, dataset=opened[name], weight=weights[name]) for name in opened)),
        recipe.training,
        out,
        data_digest=_digest({name: data.digest() for name, data in opened.items()}, weights),
        validation=validation,
        team=team,
        amend=amend,
        repaired=_before_repair(out, opened, weights),
    )
    if trainer.team.leads:
        write_text_atomic(trainer.run_dir / RECIPE, recipe.to_yaml())
    if trainer.step == 0:
        listener.note(f"the model starts with {start_of(recipe.model, model)}")
    listener.phase(f"step {trainer.step + 1}")
    return trainer


def build_model(choice: ModelChoice) -> FoundationStereo:
    """The model to start from. Raises RecipeError, ConfigError, CheckpointError, BackboneWeightsError."""
    if choice.weights is not None:
        return load_model(choice.weights, **choice.overrides)
    if left_open := list(model_left_open(choice)):
        raise RecipeError("; ".join(left_open))
    return create_model(
        choice.preset or "",
        seed=choice.seed,
        backbone_weights=backbone_weights(choice),
        prior_weights=choice.prior_weights,
        **choice.overrides,
    )


def _left_out(sets: Mapping[str, StereoFiles], section: str) -> Iterator[str]:
    """A line for each scene that a data set leaves out (`allow_missing`), up to MOST_SKIPPED of a set."""
    for name, data in sets.items():
        for line in data.skipped[:MOST_SKIPPED]:
            yield f"skipped: {section}.{name}: {line}"
        if len(data.skipped) > MOST_SKIPPED:
            yield f"skipped: {section}.{name}: and {len(data.skipped) - MOST_SKIPPED} more"


def _digest(digests: Mapping[str, str], weights: Mapping[str, float]) -> str:
    return mixture_digest({name: (digest, weights[name]) for name, digest in digests.items()})


def _before_repair(
    out: Path, opened: Mapping[str, StereoFiles], weights: Mapping[str, float]
) -> tuple[str, ...]:
    digests = digests_before_repair(out, opened)
    return () if digests is None else (_digest(digests, weights),)


def _refuse_another_start(recipe: Recipe, out: Path) -> None:
    """A saved state goes on with its own weights: another start would be ignored, so it is refused."""
    path, state = out / RECIPE, newest_checkpoint(out)
    if state is None or not path.is_file():
        return
    was, now = (each.model_dump(mode="json") for each in (load_recipe(path).model, recipe.model))
    differing = [name for name in now if was[name] != now[name]]
    if differing:
        named = "; ".join(f"model.{name} is {was[name]} there and {now[name]} here" for name in differing)
        given = " ".join(f"model.{name}={was[name]}" for name in differing)
        raise ResumeError(
            f"{state}: the training started from another model ({named}); give {given} to go on, or use "
            "another run folder"
        )


def _require_complete(recipe: Recipe) -> None:
    """Raises RecipeError naming at once all that the recipe leaves open."""
    used = [choice for choice in recipe.data if choice.weight > 0]
    missing = [
        *model_left_open(recipe.model),
        *_roots_left_open("data", used, "or leave a set out with data.NAME.weight=0"),
        *_roots_left_open("validation", recipe.validation, "or leave all of it out with validation=[]"),
    ]
    if not used:
        missing.append("data: every weight is 0; nothing to train on")
    if recipe.training.validate_every and not recipe.validation:
        missing.append("training.validate_every is set but there is no validation set")
    if missing:
        raise RecipeError("; ".join(missing))


def _roots_left_open(section: str, choices: Sequence[DataChoice], remedy: str) -> Iterator[str]:
    names = [f"{section}.{choice.label}.root" for choice in choices if choice.root is None]
    if names:
        verb = "is" if len(names) == 1 else "are"
        yield f"{', '.join(names)} {verb} not given, the folder of each data set; {remedy}"


def _opened(section: str, choice: DataChoice, listener: Listener) -> StereoFiles:
    if choice.root is None:
        raise RecipeError(
            f"{section}.{choice.label}.root is not given; set it to the folder of {choice.kind}"
        )
    places = choice.root if isinstance(choice.root, tuple) else (choice.root,)
    listener.phase(f"opening {section}.{choice.label}: {', '.join(map(str, places))}")
    return open_dataset(choice.kind, choice.root, **choice.options)
