"""What a style is, and how styles are found: by their modules here, and by entry points elsewhere.

To add a style, write one file and change no other: `fsd_gen/styles/underwater.py`, or a module of your own.

    class Config(StyleConfig):
        \"\"\"Settings with their defaults; `weight` is there already.\"\"\"

        fish: Count = (3, 12)

    def compose(sampler: Sampler[Config]) -> SceneSpec:
        rng = sampler.rng("fish")  # every random number comes from a stream with a name
        shoal = count(rng, sampler.style.fish)
        ...
        return sampler.scene(sampler.rig(), camera, placements=fish, dome=lighting.dome(sampler))

    STYLE = Style(name="underwater", config=Config, compose=compose)

It is then known by its name: `styles: {underwater: {weight: 0.2, fish: [5, 9]}}`, with its fields checked
before anything is frozen or rendered. In a package of your own, say where it is in pyproject.toml:

    [project.entry-points."fsd_gen.styles"]
    underwater = "my_package.underwater:STYLE"
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from fsd_gen import styles
from fsd_gen.scene.spec import SceneSpec
from fsd_gen.sections import ConfigError, suggestion
from fsd_gen.styles.sampler import Sampler, StyleConfig

ENTRY_POINTS = "fsd_gen.styles"  # a user's package: `NAME = "package.module:STYLE"`
C = TypeVar("C", bound=StyleConfig)


@dataclass(frozen=True, slots=True, kw_only=True)
class Style(Generic[C]):
    """A kind of scene: a name, settings with defaults, and the function that makes a scene of them.

    `name` is the key under `styles:` in the YAML and the stratum of every sample made with it.
    """

    name: str
    config: type[C]
    compose: Callable[[Sampler[C]], SceneSpec]  # pure: everything random comes from the sampler


@cache
def own_styles() -> Mapping[str, Style[Any]]:
    """The styles of this package by name: every `Style` at the top of a module in `fsd_gen.styles`."""
    found: dict[str, Style[Any]] = {}
    for module in pkgutil.iter_modules(styles.__path__, f"{styles.__name__}."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, Style) and found.setdefault(value.name, value) is not value:
                raise ConfigError(f"two styles are called {value.name!r}, one of them in {module.name}")
    return MappingProxyType(dict(sorted(found.items())))


def style_names() -> tuple[str, ...]:
    """Every style that a config may name, sorted."""
    return tuple(sorted({*own_styles(), *entry_points(group=ENTRY_POINTS).names}))


@cache
def find_style(name: str) -> Style[Any]:
    """The style called `name`.

    Raises:
        ConfigError: there is none, two packages bring it, or the package that brings it is broken.
    """
    foreign = tuple(entry_points(group=ENTRY_POINTS, name=name))
    if len(foreign) + (name in own_styles()) > 1:
        packages = [*(["fsd-gen"] if name in own_styles() else []), *map(_package, foreign)]
        raise ConfigError(
            f"style {name!r} is brought by several packages: {packages}; uninstall or rename one"
        )
    if foreign:
        return _loaded(foreign[0])
    if name not in own_styles():
        raise ConfigError(f"unknown style {name!r}{suggestion(name, style_names())}")
    return own_styles()[name]


def _loaded(point: EntryPoint) -> Style[Any]:
    try:
        style = point.load()
    except Exception as error:  # another's code runs here and may raise anything: it disables itself alone
        what = " ".join(str(error).split()) or type(error).__name__
        raise ConfigError(
            f"style {point.name!r}: {point.value} of {_package(point)} cannot be loaded: {what}"
        ) from error
    if not isinstance(style, Style) or style.name != point.name:
        raise ConfigError(
            f"style {point.name!r}: {point.value} of {_package(point)} should be a Style of that name, "
            f"is {f'called {style.name!r}' if isinstance(style, Style) else type(style).__name__}"
        )
    return style


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist else "an unknown package"
