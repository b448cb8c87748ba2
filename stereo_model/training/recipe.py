"""A training as one YAML file: which model, which data in which proportions, how it is trained.

    model:        {preset: vits, prior_weights: depth_anything_v2_vits.pth}     or  {weights: model.pth}
    data:         [{kind: fsd, root: /data/fsd, weight: 3}, {kind: sintel, root: /data/sintel}]
    validation:   [{kind: middlebury, root: /data/middlebury, options: {resolution: Q}}]
    training:     {steps: 200000, batch_size: 128, ...}                         see TrainConfig

`paper`, `finetune`, `cpu` and `cpu-refine` are recipes that come with the package; their data folders and
weights are left open, to be given as overrides: load_recipe("paper", **{"data.fsd.root": "/data/fsd"}).
Single values are named by dots, entries of a list by name, kind or number. Paths are relative to the
current folder.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from jobs.files import write_text_atomic
from stereo_model import create_model, installed_lite0_weights, load_checkpoint
from stereo_model.data.base import StereoFiles
from stereo_model.data.mixture import Mixture, Part, mixture_digest
from stereo_model.data.registry import dataset_kinds, open_dataset
from stereo_model.network.model import FoundationStereo
from stereo_model.training.config import TrainConfig
from stereo_model.training.log import OnStep
from stereo_model.training.run_folder import MODEL
from stereo_model.training.team import Team
from stereo_model.training.trainer import Trainer
from stereo_model.weights.checkpoint import load_prior_weights

RECIPE = "recipe.yaml"  # in the run folder: the recipe as it was resolved


class RecipeError(ValueError):
    """A training file is unreadable, incomplete or asks for something that does not exist."""


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ModelChoice(_Settings):
    """Which network, and where its weights come from."""

    preset: str | None = None  # of stereo_model.network.config: a new model
    weights: Path | None = None  # a checkpoint to go on from, our own or a published one
    prior_weights: Path | None = None  # DepthAnythingV2's or DINOv2's file for a new model's frozen prior
    backbone_weights: Path | Literal["imagenet"] | None = None
    """For a new model's backbone: a file, the ImageNet weights installed with this package, or noise."""
    overrides: dict[str, Any] = {}  # fields of ModelConfig
    seed: int = Field(default=0, ge=0)  # of a new model's random weights

    @model_validator(mode="after")
    def _one_source(self) -> ModelChoice:
        if self.preset is not None and self.weights is not None:
            raise ValueError("give preset (a new model) or weights (a checkpoint to go on from), not both")
        if self.weights is not None and (self.prior_weights or self.backbone_weights):
            raise ValueError("weights hold the prior and the backbone too; leave those two out")
        return self


class DataChoice(_Settings):
    """One data set of a mixture or of a validation."""

    kind: str  # of stereo_model.data.registry
    root: Path | None = None  # must be given before training
    weight: float = Field(
        default=1.0, ge=0.0
    )  # share of the mixture, relative to the others; 0 leaves it out
    options: dict[str, Any] = {}  # keyword arguments of the data set's class
    name: str | None = None  # for logs and overrides; by default the kind

    @field_validator("kind")
    @classmethod
    def _known_kind(cls, kind: str) -> str:
        kinds = tuple(dataset_kinds())
        if kind not in kinds:
            raise ValueError(f"there are {', '.join(kinds)}{_hint(kind, kinds)}")
        return kind

    @property
    def label(self) -> str:
        """What the data set is called."""
        return self.name or self.kind


class Recipe(_Settings):
    """A whole training. Frozen; unknown fields are refused."""

    model: ModelChoice
    data: tuple[DataChoice, ...] = Field(min_length=1)
    validation: tuple[DataChoice, ...] = ()
    training: TrainConfig

    @model_validator(mode="after")
    def _names_differ(self) -> Recipe:
        for section in (self.data, self.validation):
            labels = [choice.label for choice in section]
            twice = sorted({label for label in labels if labels.count(label) > 1})
            if twice:
                raise ValueError(f"{', '.join(twice)} comes twice; give each entry a name of its own")
        return self


def preset_names() -> tuple[str, ...]:
    """Recipes that come with the package."""
    folder = resources.files("stereo_model.training").joinpath("presets")
    return tuple(sorted(entry.name[:-5] for entry in folder.iterdir() if entry.name.endswith(".yaml")))


def load_recipe(source: str | Path, **overrides: Any) -> Recipe:
    """The recipe of a YAML file or a preset, with single values replaced.

    Override names are dotted: load_recipe("cpu", **{"training.steps": 10, "data.shards.root": "run/shards"}).
    Raises RecipeError, in one line, naming every field that is wrong.
    """
    values = _read_yaml(str(source))
    for dotted, value in overrides.items():
        _replace(values, dotted, value, source=str(source))
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        complaints = "; ".join(_complaint(dict(item)) for item in error.errors())
        raise RecipeError(f"recipe {source}: {complaints}") from None


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
        write_text_atomic(trainer.run_dir / RECIPE, _yaml(recipe))
    return trainer


def build_model(choice: ModelChoice) -> FoundationStereo:
    """The model to start from. Raises RecipeError, ConfigError, CheckpointError, BackboneWeightsError."""
    if choice.weights is not None:
        return load_checkpoint(choice.weights, **choice.overrides)
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
    return open_dataset(choice.kind, choice.root, **choice.options)


def _yaml(recipe: Recipe) -> str:
    return yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False)


def _read_yaml(source: str) -> dict[str, Any]:
    try:
        values = yaml.safe_load(_text_of(source))
    except yaml.YAMLError as error:
        raise RecipeError(f"recipe {source}: not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise RecipeError(f"recipe {source}: expected a mapping of sections, got {type(values).__name__}")
    return values


def _text_of(source: str) -> str:
    if source in preset_names():
        preset = resources.files("stereo_model.training").joinpath("presets", f"{source}.yaml")
        return preset.read_text("utf-8")
    path = Path(source)
    if not path.is_file():
        names = preset_names()
        raise RecipeError(
            f"recipe {source}: neither a file nor one of {', '.join(names)}{_hint(source, names)}"
        )
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise RecipeError(f"recipe {source}: not a text file") from None


def _replace(values: Any, dotted: str, value: Any, *, source: str) -> None:
    *parents, last = dotted.split(".")
    for name in parents:
        values = _entry(values, name, dotted, source)
    if not isinstance(values, dict):
        raise RecipeError(f"recipe {source}: no field {dotted!r} to replace")
    values[last] = value


def _entry(values: Any, name: str, dotted: str, source: str) -> Any:
    """The inner mapping or list called `name`; an absent section is made."""
    if isinstance(values, list):
        labels = [str(item.get("name") or item.get("kind")) for item in values if isinstance(item, dict)]
        place = labels.index(name) if name in labels else int(name) if name.isdigit() else len(values)
        if place >= len(values):
            known = ", ".join(labels) or "none"
            raise RecipeError(f"recipe {source}: {dotted}: there is no {name!r}, only {known}")
        return values[place]
    if not isinstance(values, dict):
        raise RecipeError(f"recipe {source}: no field {dotted!r} to replace")
    if values.get(name) is None:
        values[name] = {}
    return values[name]


def _complaint(item: dict[str, Any]) -> str:
    where = ".".join(str(part) for part in item["loc"])
    if item["type"] == "extra_forbidden":
        return f"unknown field {where!r}{_hint(str(item['loc'][-1]), _fields_of(item['loc'][:-1]))}"
    message = item["msg"].removeprefix("Value error, ")
    got = "" if isinstance(item["input"], dict) else f" (got {item['input']!r})"
    return f"{where}: {message}{got}" if where else f"{message}{got}"


def _fields_of(where: tuple[str | int, ...]) -> list[str]:
    """Names of the fields that the section at `where` may have."""
    model: Any = Recipe
    for name in where:
        if isinstance(name, str) and isinstance(model, type) and name in model.model_fields:
            annotation = model.model_fields[name].annotation
            choices = [annotation, *get_args(annotation)]
            model = next((kind for kind in choices if _is_section(kind)), None)
    return list(model.model_fields) if _is_section(model) else []


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _hint(name: str, known: Mapping[str, Any] | list[str] | tuple[str, ...]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f", did you mean {near[0]!r}?" if near else ""
