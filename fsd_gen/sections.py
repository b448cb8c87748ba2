"""What a configuration is made of: strict, frozen sections, and those that every style reads."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PositiveFloat,
    model_validator,
)

from fsd_gen.backends.registry import unknown_backend
from fsd_gen.scene.spec import DenoiserQuality

MOST_THINGS = 10_000  # of one kind in a scene: far more than can be placed
PACK_NAME = re.compile(r"[a-z0-9_]+")  # as `Pack.name`; also the name of a folder
Pair = TypeVar("Pair", tuple[float, float], tuple[int, int])


class ConfigError(ValueError):
    """A configuration that cannot be used; the message names the field, the value and what was expected."""


class Section(BaseModel):
    """Base of all sections: frozen, strict about unknown fields, every number finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignSection:
    """A section that another package reads; the entry point in `fsd_gen.config_sections` names one."""

    model: type[BaseModel]  # its settings, for the schema and the documentation
    check: Callable[[Mapping[str, Any]], None]  # raises ValueError: what is wrong, in one line


def _both_ends(given: object) -> object:
    """A number stands for the range that begins and ends with it."""
    if isinstance(given, list | tuple):
        return given
    if isinstance(given, bool) or not isinstance(given, int | float | str) or not _reads_as_number(given):
        raise ValueError(f"expected a number or [low, high], got {given!r:.60}")
    return given, given


def _reads_as_number(given: float | str) -> bool:
    try:
        float(given)  # YAML takes 1e-4 for a text
    except ValueError:
        return False
    return True


def _ascending(pair: Pair) -> Pair:
    if pair[0] > pair[1]:
        raise ValueError(f"must be [low, high], got {list(pair)}")
    return pair


def within(low: float, high: float, unit: str) -> Callable[[Pair], Pair]:
    """A check that a range of this `unit` is one of stereo rigs and rooms, with the unit that was meant."""

    def check(pair: Pair) -> Pair:
        if low <= pair[0] and pair[1] <= high:
            return pair
        raise ValueError(
            f"must lie within [{low:g}, {high:g}] {unit}, got {_shown(pair)}{_meant(pair, low, high, unit)}"
        )

    return check


UNITS = {  # what is given by mistake, and how many of ours one of it is
    "metres": {"millimetres": 0.001, "centimetres": 0.01},
    "degrees": {"radians": 180 / math.pi},
}


def _meant(pair: Sequence[float], low: float, high: float, unit: str) -> str:
    guesses = {
        other: [float(f"{value * factor:.4g}") for value in pair]
        for other, factor in UNITS.get(unit, {}).items()
    }
    fitting = [
        f"if those are {other}, write {_shown(ours)}"
        for other, ours in guesses.items()
        if low <= ours[0] and ours[1] <= high
    ]
    return "".join(f"; {each}" for each in fitting)


def _shown(pair: Sequence[float]) -> str:
    return f"{pair[0]:g}" if pair[0] == pair[1] else str(list(pair))


def _or_one(one: Any) -> BeforeValidator:
    """Take a single number of the type `one` for the range, and say so in the schema."""
    return BeforeValidator(_both_ends, json_schema_input_type=one | tuple[one, one])


Range = Annotated[tuple[float, float], _or_one(float), AfterValidator(_ascending)]
PositiveRange = Annotated[
    tuple[PositiveFloat, PositiveFloat], _or_one(PositiveFloat), AfterValidator(_ascending)
]
_Few = Annotated[int, Field(ge=0, le=MOST_THINGS)]
_Some = Annotated[int, Field(gt=0, le=MOST_THINGS)]
Count = Annotated[tuple[_Few, _Few], _or_one(_Few), AfterValidator(_ascending)]
PositiveCount = Annotated[tuple[_Some, _Some], _or_one(_Some), AfterValidator(_ascending)]
Share = Annotated[float, Field(ge=0, le=1)]


def suggestion(name: object, known: Iterable[str]) -> str:
    """How an error about an unknown `name` goes on: the nearest of the known names, and all of them."""
    known = sorted(known)
    close = nearest(name, known)
    return f"; did you mean {close!r}? Known: {known}" if close else f"; known: {known}"


def nearest(name: object, known: Iterable[str]) -> str | None:
    """The known name that was probably meant: capitals, - and _ count as little as a slip of the finger."""
    plain = {_plain(each): each for each in known}
    close = difflib.get_close_matches(_plain(str(name)), plain, n=1)
    return plain[close[0]] if close else None


def _plain(name: str) -> str:
    return name.lower().replace("-", "_")


def disguised(given: object, taken: object, place: str = "") -> Iterator[str]:
    """Where truth values and numbers stand for each other in what was `given`, by what it was `taken` for.

    YAML reads `on` and `yes` as true, which would pass for the number 1. Texts that are numbers are none:
    YAML takes 1e-4 for a text.
    """
    if isinstance(given, Mapping) and isinstance(taken, Mapping):
        for name in given:
            yield from disguised(given[name], taken.get(name), f"{place}.{name}" if place else str(name))
    elif isinstance(given, list | tuple) and isinstance(taken, list | tuple):
        for index, (one, other) in enumerate(zip(given, taken, strict=False)):
            yield from disguised(one, other, f"{place}[{index}]")
    elif isinstance(given, bool) and _is_number(taken):
        yield f"{place}: expected a number, got {str(given).lower()}"
    elif isinstance(taken, bool) and not isinstance(given, bool):
        yield f"{place}: expected true or false, got {given!r:.60}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


class ImageConfig(Section):
    """Size of each view."""

    width: int = Field(default=1280, ge=64, le=8192)  # pixels
    height: int = Field(default=720, ge=64, le=8192)  # pixels


def _known_backend(name: str) -> str:
    if problem := unknown_backend(name):
        raise ValueError(problem)
    return name


class RenderConfig(Section):
    """How images are made. Truth does not depend on it."""

    backend: Annotated[str, AfterValidator(_known_backend)] = "mitsuba"  # the renderer
    spp: int = Field(default=16, ge=1, le=65536)  # samples per pixel
    max_depth: int = Field(default=9, ge=1, le=64)  # longest path, in bounces
    rr_depth: int = Field(default=2, ge=1, le=64)  # bounces before Russian roulette may end a path
    denoise: bool = True  # with Open Image Denoise
    denoiser_quality: DenoiserQuality = "high"  # of Open Image Denoise, the work it takes upon itself
    exposure_ev: Annotated[Range, AfterValidator(within(-20, 20, "stops"))] = (-0.4, 0.5)
    """Around the automatic exposure."""


def _pack_names(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names:
        raise ValueError("expected at least one pack, such as builtin, got none")
    for name in names:
        if not PACK_NAME.fullmatch(name):
            raise ValueError(f"expected names of packs in small letters, digits and _, got {name!r}")
        if names.count(name) > 1:
            raise ValueError(f"{name!r} is given twice; keep one of them")
    return names


TAG_WEIGHT = "tag:"


class AssetsConfig(Section):
    """Which packs of `assets_manifest` scenes draw from."""

    packs: Annotated[tuple[str, ...], AfterValidator(_pack_names)] = (
        "sweethome3d",
        "surfaces",
        "builtin",
    )  # names; `fsd-gen assets list` shows those that there are
    objects_from: tuple[str, ...] = ()  # packs that objects come from; all if none is named
    weights: dict[str, Annotated[float, Field(ge=0, le=1e6)]] = {}
    """How much oftener an asset is drawn than others, by pack or by tag: {mine: 5, "tag:seat": 2}."""

    @model_validator(mode="after")
    def _of_these_packs(self) -> AssetsConfig:
        for where, names in (("objects_from", self.objects_from), ("weights", tuple(self.weights))):
            for name in names:
                if not (where == "weights" and name.startswith(TAG_WEIGHT)) and name not in self.packs:
                    tag = ", or tag:NAME" if where == "weights" else ""
                    raise ValueError(
                        f"{where}: expected one of the packs{tag}, got {name!r}{suggestion(name, self.packs)}"
                    )
        return self
