"""A training as one YAML file: which model, which data in which proportions, how it is trained.

    model:        {preset: vits, prior_weights: depth_anything_v2_vits}         or  {weights: model.pth}
    data:         [{kind: fsd, root: /data/fsd, weight: 3}, {kind: sintel, root: /data/sintel},
                   {kind: shards, root: [runs/demo, "runs/more*"], options: {keep: {stratum: flying}}}]
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
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, TypeGuard, get_args

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from jobs.expected import in_words, own_complaints, with_whole_numbers
from jobs.plain_yaml import PlainYamlError, read_plain
from stereo_model.data.registry import dataset_kinds
from stereo_model.training.config import TrainConfig


class RecipeError(ValueError):
    """A training file is unreadable, incomplete or asks for something that does not exist."""


Place = Annotated[str, BeforeValidator(lambda value: str(value) if isinstance(value, Path) else value)]
"""Where weights are: a path, a name of `stereo_model.weights.hub`, or hf:OWNER/REPO/FILE@REVISION."""


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ModelChoice(_Settings):
    """Which network, and where its weights come from."""

    preset: str | None = None  # of stereo_model.network.config: a new model
    weights: Place | None = None  # a checkpoint to go on from, our own or a published one; or hf:...
    prior_weights: Place | None = None
    """For a new model's frozen prior: DepthAnythingV2's or DINOv2's file, the prior's name, or hf:..."""
    backbone_weights: Place | None = None
    """For a new model's backbone: `imagenet` (installed for EfficientNet-Lite0, else fetched), a file, a name
    of `stereo_model.weights.hub`, or hf:OWNER/REPO/FILE@REVISION. None: it starts from noise."""
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
    root: Path | tuple[Path, ...] | None = None  # must be given before training; of shards also several
    weight: float = Field(
        default=1.0, ge=0.0, allow_inf_nan=False
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

    def to_yaml(self) -> str:
        """The text of a recipe file."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False)

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
        return with_whole_numbers(Recipe.model_validate, values)
    except ValidationError as error:
        wrong = own_complaints(error)
        complaints = "; ".join(_complaint(dict(item), _typed(item["loc"], values)) for item in wrong)
        raise RecipeError(f"recipe {source}: {complaints}") from None


def _read_yaml(source: str) -> dict[str, Any]:
    try:
        values = read_plain(_text_of(source))
    except PlainYamlError as error:
        raise RecipeError(f"recipe {source}: {error}") from None
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


def _typed(where: tuple[str | int, ...], values: Any) -> str:
    """The dotted name that an override has: entries of a list by their name or kind."""
    parts = []
    for part in where:
        entries = values if isinstance(values, list) else []
        values = values[part] if _holds(values, part) else None
        label = values.get("name") or values.get("kind") if entries and isinstance(values, dict) else None
        parts.append(str(label or part))
    return ".".join(parts)


def _holds(values: Any, part: str | int) -> bool:
    return (
        part in values
        if isinstance(values, dict)
        else isinstance(values, list) and part in range(len(values))
    )


def _complaint(item: dict[str, Any], where: str) -> str:
    if item["type"] == "extra_forbidden":
        return f"unknown field {where!r}{_hint(str(item['loc'][-1]), _fields_of(item['loc'][:-1]))}"
    message = in_words(item["type"], item["msg"])
    got = "" if isinstance(item["input"], dict) else f" (got {item['input']!r})"
    return f"{where}: {message}{got}" if where else f"{message}{got}"


def _fields_of(where: tuple[str | int, ...]) -> list[str]:
    """Names of the fields that the section at `where` may have."""
    section: type[BaseModel] | None = Recipe
    for name in where:
        if isinstance(name, str) and section is not None and name in section.model_fields:
            annotation = section.model_fields[name].annotation
            choices = (annotation, *get_args(annotation))
            section = next((kind for kind in choices if _is_section(kind)), None)
    return [] if section is None else list(section.model_fields)


def _is_section(kind: Any) -> TypeGuard[type[BaseModel]]:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _hint(name: str, known: Mapping[str, Any] | list[str] | tuple[str, ...]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f", did you mean {near[0]!r}?" if near else ""
