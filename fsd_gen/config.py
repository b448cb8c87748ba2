"""What decides a dataset: one frozen, validated value, whose digest is stored with everything made from it.

How many shards there are and how many workers make them is not part of it: neither changes any sample.
The digest covers what the configuration says, and the version of the format for what it leaves to defaults
(see `fsd_gen.versions`). Each style checks its own section, and `curation` checks its own too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from importlib import resources
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    SerializeAsAny,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import ErrorDetails, InitErrorDetails

from fsd_gen.checks.limits import CheckLimits
from fsd_gen.rigs.config import RigConfig
from fsd_gen.sections import (
    AssetsConfig,
    ConfigError,
    ImageConfig,
    RenderConfig,
    Section,
    disguised,
    nearest,
    suggestion,
)
from fsd_gen.sensor.config import SensorConfig
from fsd_gen.shards.channels import ChannelNames
from fsd_gen.strict_yaml import LARGEST_INT, read_mapping, read_text
from fsd_gen.styles.registry import find_style
from fsd_gen.styles.sampler import StyleConfig
from fsd_gen.versions import VERSION, ConfigIdentity, identity, upgrade, upgrade_v1
from jobs.expected import Place, complaints, with_whole_numbers
from jobs.rundir import CONFIG_NAME, DIGEST_NAME

__all__ = ["Config", "ConfigError", "load_config", "preset_names", "thaw"]

SECTION_CHECKS = "fsd_gen.config_sections"  # entry points: section -> a `ForeignSection`
OF_VERSION_1 = {"strata", "flying", "indoor"}
EXPLICIT_ONLY = "# What was given; all else has the default of this version of the format.\n"


def _each_by_its_own_config(sections: object) -> object:
    """Sections of styles, each validated by the style's own settings; all complaints at once."""
    if not isinstance(sections, Mapping):
        return sections
    parsed: dict[Any, StyleConfig] = {}
    complaints: list[InitErrorDetails] = []
    for name, section in sections.items():
        style = find_style(str(name))
        if not isinstance(section, Mapping | StyleConfig):
            found = "nothing" if section is None else repr(section)
            raise ValueError(f"{name}: expected settings such as {{weight: 0.5}}, got {found}")
        try:
            parsed[name] = style.config.model_validate(section)
        except ValidationError as error:
            complaints += [_inside(name, problem) for problem in error.errors()]
    if complaints:
        raise ValidationError.from_exception_data("styles", complaints)
    return parsed


def _inside(name: object, problem: ErrorDetails) -> InitErrorDetails:
    location = (str(name), *problem["loc"])
    context = problem.get("ctx", {})
    return InitErrorDetails(type=problem["type"], loc=location, input=problem["input"], ctx=context)


def _some_weight(styles: dict[str, StyleConfig]) -> dict[str, StyleConfig]:
    if not sum(style.weight for style in styles.values()) > 0:
        weights = {name: style.weight for name, style in styles.items()}
        raise ValueError(f"expected at least one style with a weight above 0, got {weights}")
    return styles


def _nothing_lacking(styles: dict[str, StyleConfig]) -> dict[str, StyleConfig]:
    for name, style in styles.items():
        if style.weight > 0 and (lacking := style.lacking()):
            raise ValueError(f"{name}.{lacking}")
    return styles


def _default_styles() -> dict[str, StyleConfig]:
    return {name: find_style(name).config() for name in ("flying", "indoor")}


Styles = Annotated[
    dict[str, SerializeAsAny[StyleConfig]],
    BeforeValidator(_each_by_its_own_config),
    AfterValidator(_some_weight),
    AfterValidator(_nothing_lacking),
]


class Config(Section):
    """All of it. `load_config` makes one from a preset or a YAML file."""

    version: Literal[2] = VERSION  # of this format
    seed: int = Field(default=0, ge=0, le=LARGEST_INT)  # of all scenes
    samples_per_shard: int = Field(default=16, ge=1, le=4096)  # pairs in one file
    max_attempts: int = Field(default=6, ge=1, le=100)  # draws of a slot per pass before it is quarantined
    styles: Styles = Field(default_factory=_default_styles)  # weight and settings of each
    image: ImageConfig = ImageConfig()  # size of each view
    channels: ChannelNames = ()  # optional ones that every sample is to have
    rig: RigConfig = RigConfig()  # baselines and focal lengths, or one calibrated camera
    render: RenderConfig = RenderConfig()  # how images are made
    sensor: SensorConfig = SensorConfig()  # what the camera does to them
    assets: AssetsConfig = AssetsConfig()  # what scenes are made of
    checks: CheckLimits = CheckLimits()  # when a rendered pair is refused
    curation: dict[str, Any] = Field(default_factory=dict)  # what `fsd-curate` does with the run

    @field_validator("rig")
    @classmethod
    def _rig_of_this_size(cls, rig: RigConfig, info: ValidationInfo) -> RigConfig:
        if image := info.data.get("image"):  # else that is what is wrong
            rig.lens(image.width, image.height)
        return rig

    def check_limits(self) -> CheckLimits:
        """The checks' limits, with the largest disparity that this rig and size may give."""
        largest_px = 1.2 * self.rig.max_disparity_share * self.image.width
        largest_px = min(largest_px, self.checks.max_disparity_px)
        return self.checks.model_copy(update={"max_disparity_px": largest_px})

    def explicit(self) -> dict[str, Any]:
        """What was given, in one spelling: plain values, with the version that says all the rest."""
        return {"version": VERSION, **self.model_dump(mode="json", exclude_unset=True)}

    def resolved(self) -> dict[str, Any]:
        """Everything that decides the samples, defaults included."""
        return self.model_dump(mode="json", exclude={"curation"})

    def to_yaml(self) -> str:
        """The text that `load_config` reads back to the same value, and `thaw` to the same identity."""
        return EXPLICIT_ONLY + yaml.safe_dump(self.explicit(), sort_keys=False)

    def identity(self) -> ConfigIdentity:
        """What shards say of this configuration."""
        return identity(self.explicit())

    def digest(self) -> str:
        """SHA-256 over what was given and decides samples (all but `curation`), hexadecimal."""
        return self.identity().digest


def preset_names() -> tuple[str, ...]:
    """Names that `load_config` knows without a file."""
    presets = resources.files("fsd_gen").joinpath("presets")
    return tuple(sorted(p.name.removesuffix(".yaml") for p in presets.iterdir() if p.name.endswith(".yaml")))


def load_config(source: str = "fsd", overrides: dict[str, Any] | None = None) -> Config:
    """The configuration called `source` (a preset's name or a YAML file), with dotted `overrides` on top.

    The `config.yaml` of a run is read in whatever version it was frozen.

    Raises:
        ConfigError: unknown preset, unreadable YAML, an unknown field or style, or a value out of range.
    """
    where = f"config {source}"
    values = _beside(read_mapping(_text(source), where), source)
    if _is_frozen(Path(source)):
        values = upgrade(values)
    for dotted, value in (overrides or {}).items():
        _set(values, dotted, value, where)
    _refuse_version_1(values, where)
    _refuse_infinite(values, where)
    config = validated(values, where)
    if found := list(disguised(values, {**config.resolved(), "curation": config.curation})):
        raise ConfigError(f"{where}: {'; '.join(found)}")
    _check_sections(values, where)
    return config


def thaw(text: str, source: str) -> tuple[Config, ConfigIdentity]:
    """A frozen configuration of any version: its value today, and what its shards have always said of it.

    Raises:
        ConfigError: not the text of a configuration that this program knows.
    """
    values = read_mapping(text, source)
    if not values:
        raise ConfigError(f"{source}: is empty; put back what the run was begun with, from a copy")
    try:
        known_as, today = identity(values), upgrade(values)
    except ConfigError as error:
        raise ConfigError(f"{source}: {error}") from None
    return validated(today, source), known_as


def validated(values: dict[str, Any], where: str) -> Config:
    """The configuration of these `values`. Raises ConfigError, which begins with `where`."""
    try:
        return with_whole_numbers(Config.model_validate, values)
    except ValidationError as error:
        raise ConfigError(f"{where}: {_joined(error)}") from None


def _complaints(values: dict[str, Any]) -> str:
    """What is wrong with the values, "" if nothing is."""
    try:
        with_whole_numbers(Config.model_validate, values)
    except ValidationError as error:
        return _joined(error)
    return ""


def _joined(error: ValidationError) -> str:
    return complaints(error, _suggested, top="top level")


def _text(source: str) -> str:
    if source in preset_names():
        return resources.files("fsd_gen").joinpath("presets", f"{source}.yaml").read_text("utf-8")
    path = Path(source)
    if not path.is_file():
        close = nearest(source, preset_names())
        hint = f"; did you mean {close!r}?" if close else ""
        raise ConfigError(f"config {source}: neither a file nor a preset {list(preset_names())}{hint}")
    return read_text(path)


def _beside(values: dict[str, Any], source: str) -> dict[str, Any]:
    """A `k_file`, and stages of the user's, that a file names lie beside that file."""
    folder = Path(source).parent
    rig, styles = values.get("rig"), values.get("styles")
    if isinstance(rig, Mapping) and isinstance(rig.get("k_file"), str):
        values = {**values, "rig": {**rig, "k_file": str(folder / rig["k_file"])}}
    environment = styles.get("environment") if isinstance(styles, Mapping) else None
    stages = environment.get("stages") if isinstance(environment, Mapping) else None
    if isinstance(stages, list) and all(isinstance(stage, str) for stage in stages):
        absolute = [str((folder / Path(stage).expanduser()).resolve()) for stage in stages]
        moved = {**dict(environment or {}), "stages": absolute}
        values = {**values, "styles": {**dict(styles or {}), "environment": moved}}
    return values


def _is_frozen(path: Path) -> bool:
    return path.name == CONFIG_NAME and path.with_name(DIGEST_NAME).is_file()


def _set(values: dict[str, Any], dotted: str, value: Any, where: str) -> None:
    *parents, last = dotted.split(".")
    for name in parents:
        values = values.setdefault(name, {})
        if not isinstance(values, dict):
            raise ConfigError(f"{where}: {dotted}: {name} is {values!r}, expected a section")
    values[last] = value


def _refuse_version_1(values: dict[str, Any], where: str) -> None:
    if values.get("version") != 1 and not OF_VERSION_1 & values.keys():
        return
    about = f"{where}: is of version 1 of the format, which has styles in place of strata now"
    if wrong := [name for name in OF_VERSION_1 & values.keys() if not isinstance(values[name], Mapping)]:
        raise ConfigError(f"{about}; {wrong[0]}: expected a section, got {values[wrong[0]]!r:.80}")
    today = upgrade_v1(values)
    if complaints := _complaints(today):
        raise ConfigError(f"{about}; in that form, {complaints}")
    changed = {name: today[name] for name in ("version", "styles", "rig") if name in today}
    flow = yaml.safe_dump(changed, sort_keys=False, default_flow_style=True, width=10**6).strip()
    raise ConfigError(f"{about}; in place of version, strata, flying, indoor and rig write {flow[1:-1]}")


def _refuse_infinite(values: dict[str, Any], where: str) -> None:
    for dotted, number in _floats(values):
        if not math.isfinite(number):
            raise ConfigError(f"{where}: {dotted}: expected a finite number, got {number}")


def _floats(value: Any, dotted: str = "") -> Iterator[tuple[str, float]]:
    if isinstance(value, float):
        yield dotted, value
    elif isinstance(value, Mapping):
        for name, child in value.items():
            yield from _floats(child, f"{dotted}.{name}" if dotted else str(name))
    elif isinstance(value, list | tuple):
        for index, child in enumerate(value):
            yield from _floats(child, f"{dotted}[{index}]")


def _check_sections(values: dict[str, Any], where: str) -> None:
    """Let the packages that read a section check it, before anything is frozen."""
    for point in entry_points(group=SECTION_CHECKS):
        if section := values.get(point.name):
            try:
                point.load().check(section)
            except ValueError as error:
                raise ConfigError(f"{where}: {point.name}: {error}") from None


def _suggested(name: str, section: Place) -> str:
    """The field of this section that was probably meant, or the section that has such a field."""
    known = _known_fields(section)
    if nearest(name, known) is None:
        for other in Config.model_fields:
            if (other,) != section and name in _known_fields((other,)):
                return f"; did you mean {other}.{name}?"
    return suggestion(name, known)


def _known_fields(section: Place) -> list[str]:
    model: type[BaseModel] = Config
    if section[:1] == ("styles",) and len(section) > 1:
        model, section = find_style(str(section[1])).config, section[2:]
    for name in section:
        annotation = model.model_fields[str(name)].annotation
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return []
        model = annotation
    return list(model.model_fields)
