"""What decides a dataset: one frozen, validated value, whose digest is stored with everything made from it.

How many shards there are and how many workers make them is not part of it: neither changes any sample.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import operator
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from fsd_gen.backends.registry import unknown_backend
from fsd_gen.checks.limits import CheckLimits
from fsd_gen.shards.channels import ChannelNames

Range = tuple[float, float]


class ConfigError(ValueError):
    """A configuration that cannot be used; the message names the field, the value and what was expected."""


class Section(BaseModel):
    """Base of all sections: frozen, and strict about unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="after")
    def _ranges_ascend(self) -> Section:
        for name in type(self).model_fields:
            value = getattr(self, name)
            numbers = isinstance(value, tuple) and len(value) == 2 and not isinstance(value[0], str)
            if numbers and value[0] > value[1]:
                raise ValueError(f"{name} must be [low, high], got [{value[0]}, {value[1]}]")
        return self


class ImageConfig(Section):
    """Size of each view."""

    width: int = Field(default=1280, ge=64, le=8192)  # pixels
    height: int = Field(default=720, ge=64, le=8192)  # pixels


class RigConfig(Section):
    """From which rigs to draw (paper section 3.5: baseline and focal length are randomised first)."""

    baseline_m: Range = (0.04, 0.4)  # log-uniform; widening it from 0.1 to 0.4 m helped WMGStereo most
    hfov_deg: Range = (45.0, 95.0)  # horizontal field of view, uniform
    max_disparity: float = Field(default=0.3, gt=0, lt=1)  # nearest surface, as a share of the width

    @model_validator(mode="after")
    def _possible(self) -> RigConfig:
        if self.baseline_m[0] <= 0:
            raise ValueError(f"baseline_m must be positive metres, got {list(self.baseline_m)}")
        if not 5 <= self.hfov_deg[0] <= self.hfov_deg[1] <= 150:
            raise ValueError(f"hfov_deg must lie within [5, 150], got {list(self.hfov_deg)}")
        return self


class FlyingConfig(Section):
    """Scenes of randomly posed, scaled and retextured objects ("chaotic" in the paper)."""

    objects: tuple[int, int] = (10, 32)
    retexture: float = Field(default=0.6, ge=0, le=1)  # share of the objects that get another material
    metal: float = Field(default=0.12, ge=0, le=1)  # of the retextured ones
    glass: float = Field(default=0.06, ge=0, le=1)


class IndoorConfig(Section):
    """Furnished rooms."""

    room_m: Range = (3.2, 7.0)  # side of the floor
    ceiling_m: Range = (2.4, 3.2)
    furniture: tuple[int, int] = (6, 14)
    on_support: tuple[int, int] = (2, 9)  # small objects standing on furniture
    pictures: tuple[int, int] = (0, 4)
    retexture: float = Field(default=0.2, ge=0, le=1)


class RenderConfig(Section):
    """How images are made. Truth does not depend on it."""

    backend: str = "mitsuba"
    spp: int = Field(default=16, ge=1, le=65536)  # samples per pixel
    max_depth: int = Field(default=9, ge=1, le=64)
    rr_depth: int = Field(default=2, ge=1, le=64)
    denoise: bool = True
    exposure_ev: Range = (-0.4, 0.5)  # stops around the automatic exposure

    @field_validator("backend")
    @classmethod
    def _known_backend(cls, name: str) -> str:
        if problem := unknown_backend(name):
            raise ValueError(problem)
        return name


class AssetsConfig(Section):
    """Which packs of `assets_manifest` scenes draw from."""

    packs: tuple[str, ...] = ("sweethome3d", "surfaces", "builtin")


class Config(Section):
    """All of it. `load_config` makes one from a preset or a YAML file."""

    version: Literal[1] = 1
    seed: int = Field(default=0, ge=0)
    samples_per_shard: int = Field(default=16, ge=1, le=4096)
    max_attempts: int = Field(default=6, ge=1, le=100)  # draws of a slot per pass before it is quarantined
    strata: dict[str, float] = Field(default_factory=lambda: {"flying": 0.5, "indoor": 0.5})
    image: ImageConfig = ImageConfig()
    channels: ChannelNames = Field(default=(), exclude_if=operator.not_)  # optional ones; none: as if unsaid
    rig: RigConfig = RigConfig()
    flying: FlyingConfig = FlyingConfig()
    indoor: IndoorConfig = IndoorConfig()
    render: RenderConfig = RenderConfig()
    assets: AssetsConfig = AssetsConfig()
    checks: CheckLimits = CheckLimits()
    curation: dict[str, Any] = Field(default_factory=dict)  # validated by `curation`

    @model_validator(mode="after")
    def _strata_have_weights(self) -> Config:
        if not self.strata or min(self.strata.values()) < 0 or sum(self.strata.values()) <= 0:
            raise ValueError(f"strata must map names to weights >= 0 with a positive sum, got {self.strata}")
        return self

    def check_limits(self) -> CheckLimits:
        """The checks' limits, with the largest disparity that this rig and size may give."""
        largest_px = 1.2 * self.rig.max_disparity * self.image.width
        largest_px = min(largest_px, self.checks.max_disparity_px)
        return self.checks.model_copy(update={"max_disparity_px": largest_px})

    def to_yaml(self) -> str:
        """The text that `load_config` reads back to the same value."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False)

    def digest(self) -> str:
        """SHA-256 over what decides the samples (all but the `curation` section), hexadecimal."""
        values = self.model_dump(mode="json", exclude={"curation"})
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def preset_names() -> tuple[str, ...]:
    """Names that `load_config` knows without a file."""
    presets = resources.files("fsd_gen").joinpath("presets")
    return tuple(sorted(p.name.removesuffix(".yaml") for p in presets.iterdir() if p.name.endswith(".yaml")))


def load_config(source: str = "fsd", overrides: dict[str, Any] | None = None) -> Config:
    """The configuration called `source` (a preset's name or a YAML file), with dotted `overrides` on top.

    Raises:
        ConfigError: unknown preset, unreadable YAML, or a value out of range.
    """
    values = _read_yaml(source)
    for dotted, value in (overrides or {}).items():
        _set(values, dotted, value)
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        raise ConfigError(f"config {source}: {_first_problem(error)}") from None


def _read_yaml(source: str) -> dict[str, Any]:
    if source in preset_names():
        text = resources.files("fsd_gen").joinpath("presets", f"{source}.yaml").read_text()
    else:
        path = Path(source)
        if not path.is_file():
            close = difflib.get_close_matches(source, preset_names(), n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise ConfigError(f"config {source}: neither a file nor a preset {list(preset_names())}{hint}")
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise ConfigError(f"config {source}: not a text file") from None
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"config {source}: not valid YAML: {' '.join(str(error).split())}") from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ConfigError(f"config {source}: expected a mapping of sections, got {type(values).__name__}")
    return values


def _set(values: dict[str, Any], dotted: str, value: Any) -> None:
    *parents, last = dotted.split(".")
    for name in parents:
        values = values.setdefault(name, {})
    values[last] = value


def _first_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    where = ".".join(str(part) for part in problem["loc"]) or "top level"
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        known = _known_fields(problem["loc"][:-1])
        close = difflib.get_close_matches(str(problem["loc"][-1]), known, n=1)
        return f"{where}: unknown field" + (f"; did you mean {close[0]!r}?" if close else f"; known: {known}")
    return f"{where}: {message}, got {problem['input']!r}" if "got" not in message else f"{where}: {message}"


def _known_fields(section: tuple[int | str, ...]) -> list[str]:
    model: type[BaseModel] = Config
    for name in section:
        annotation = model.model_fields[str(name)].annotation
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return []
        model = annotation
    return list(model.model_fields)
