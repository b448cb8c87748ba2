"""Carrying out a recipe: its model trained on its data in a run folder, by one worker or several."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from jobs.files import write_text_atomic
from stereo_model.data.base import StereoFiles
from stereo_model.data.mixture import Mixture, Part, mixture_digest
from stereo_model.data.registry import open_dataset
from stereo_model.network.model import FoundationStereo
from stereo_model.training.log import OnStep
from stereo_model.training.recipe import DataChoice, ModelChoice, Recipe, RecipeError
from stereo_model.training.run_folder import MODEL
from stereo_model.training.team import Team
from stereo_model.training.trainer import Trainer
from stereo_model.weights.backbone import installed_lite0_weights
from stereo_model.weights.checkpoint import load_model, load_prior_weights
from stereo_model.weights.create import create_model

RECIPE = "recipe.yaml"  # in the run folder: the recipe as it was resolved


def run_recipe(recipe: Recipe, out: str | Path, *, workers: int = 1, on_step: OnStep | None = None) -> Path:
    """Train as the recipe says, continuing whatever the folder `out` holds; the path of the finished model.

    More than one worker are started through Ray; see stereo_model.training.launch. Raises what building the
    model and opening the data raise, RecipeError for what the recipe leaves open, and what Trainer raises.
    """
    out = Path(out)
    _require_complete(recipe)
    if workers == 1:
        build_trainer(recipe, out).run(on_step=on_step)
        return out / MODEL
    from stereo_model.training.launch import train_together  # loads Ray; only needed here

    make_trainer = partial(build_trainer, recipe, out.resolve())
    train_together(make_trainer, recipe.training, out, workers=workers, on_step=on_step)
    return out / MODEL


def build_trainer(recipe: Recipe, out: str | Path, team: Team | None = None) -> Trainer:
    """The trainer of one worker of `team` (by default alone). See run_recipe for what it raises."""
    _require_complete(recipe)
    chosen = [choice for choice in recipe.data if choice.weight > 0]
    opened = {choice.label: _opened(choice) for choice in chosen}
    parts = (Part(name=c.label, dataset=opened[c.label], weight=c.weight) for c in chosen)
    digests = {c.label: (opened[c.label].digest(), c.weight) for c in chosen}
    trainer = Trainer(
        build_model(recipe.model),
        Mixture(tuple(parts)),
        recipe.training,
        out,
        data_digest=mixture_digest(digests),
        validation={choice.label: _opened(choice) for choice in recipe.validation},
        team=team,
    )
    if trainer.team.leads:
        write_text_atomic(trainer.run_dir / RECIPE, recipe.to_yaml())
    return trainer


def build_model(choice: ModelChoice) -> FoundationStereo:
    """The model to start from. Raises RecipeError, ConfigError, CheckpointError, BackboneWeightsError."""
    if choice.weights is not None:
        return load_model(choice.weights, **choice.overrides)
    if choice.preset is None:
        raise RecipeError("model: give preset (a new model) or weights (a checkpoint to go on from)")
    backbone = choice.backbone_weights
    model = create_model(
        choice.preset,
        seed=choice.seed,
        backbone_weights=installed_lite0_weights() if backbone == "imagenet" else backbone,
        **choice.overrides,
    )
    if choice.prior_weights is not None:
        load_prior_weights(model, choice.prior_weights)
    elif model.prior is not None and not str(model.config.prior).endswith("_nano"):
        raise RecipeError(
            f"model.prior_weights is not given: the frozen prior {model.config.prior} would be noise; "
            "give its published file"
        )
    return model


def _require_complete(recipe: Recipe) -> None:
    if recipe.model.preset is None and recipe.model.weights is None:
        raise RecipeError("model: give preset (a new model) or weights (a checkpoint to go on from)")
    used = [("data", choice) for choice in recipe.data if choice.weight > 0]
    if not used:
        raise RecipeError("data: every weight is 0; nothing to train on")
    for section, choice in [*used, *(("validation", choice) for choice in recipe.validation)]:
        if choice.root is None:
            remedy = f", or leave it out with {section}.{choice.label}.weight=0" if section == "data" else ""
            raise RecipeError(
                f"{section}.{choice.label}.root is not given; set it to the folder of {choice.kind}{remedy}"
            )
    if recipe.training.validate_every and not recipe.validation:
        raise RecipeError("training.validate_every is set but there is no validation set")


def _opened(choice: DataChoice) -> StereoFiles:
    if choice.root is None:
        raise RecipeError(f"data.{choice.label}.root is not given; set it to the folder of {choice.kind}")
    return open_dataset(choice.kind, choice.root, **choice.options)
