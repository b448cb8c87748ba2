"""The options of `assets import` and `assets add` that say how files are read, declared once for both."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import typer

from fsd_gen.cli.app import say_error
from fsd_gen.sections import ConfigError

if TYPE_CHECKING:
    from assets_manifest.importing.convert import Choices

TAGS = (
    "For all of them, comma-separated: a role (floor, tabletop, wall, ceiling, outdoor ...) and words of "
    "your own, such as chair, for assets.weights. Guessed if no role is given."
)


AXES: tuple[Literal["x", "y", "z"], ...] = ("x", "y", "z")
W = TypeVar("W", bound=str)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What these options say."""

    tags: Annotated[str, typer.Option(help=TAGS)] = ""
    unit: Annotated[
        str | None,
        typer.Option(metavar="mm|cm|m|km|in|ft", help="Unit of the files; else what each says, and metres."),
    ] = None
    up: Annotated[
        str | None,
        typer.Option(
            metavar="x|y|z",
            help="Upward axis of the files; else what each says: y for OBJ, z for PLY and STL.",
        ),
    ] = None
    licence: Annotated[
        str | None,
        typer.Option(
            "--licence", "--license", help="SPDX identifier, where no licences.csv or LICENSE says it."
        ),
    ] = None
    author: Annotated[str | None, typer.Option(help="To be credited, where no licences.csv says it.")] = None
    any_size: Annotated[
        bool, typer.Option("--any-size", help="Take what is absurdly large or small too.")
    ] = False
    max_triangles: Annotated[
        int, typer.Option(min=1, max=20_000_000, help="More in one file are refused.")
    ] = 500_000
    force: Annotated[bool, typer.Option("--force", help="Convert again what has not changed.")] = False

    def choices(self) -> Choices:
        """How each file is read. Raises ConfigError."""
        from assets_manifest.importing.convert import Choices
        from assets_manifest.importing.raw import UNITS_M, Limits
        from assets_manifest.importing.tags import checked, of_no_style

        try:
            tags = checked([tag.strip() for tag in self.tags.split(",") if tag.strip()])
        except ValueError as error:
            raise ConfigError(f"--tags: {error}") from None
        if own := of_no_style(tags):
            say_error(f"--tags: {own}")
        limits = Limits(triangles=self.max_triangles)
        unit, up = _one_of("--unit", self.unit, UNITS_M), _one_of("--up", self.up, AXES)
        return Choices(unit=unit, up=up, tags=tags, any_size=self.any_size, limits=limits)


def _one_of(option: str, given: str | None, known: Iterable[W]) -> W | None:
    """The known word that is given. Raises ConfigError."""
    found = next((word for word in known if word == given), None)
    if given is not None and found is None:
        raise ConfigError(f"{option}: expected one of {', '.join(known)}, got {given!r}")
    return found


def with_reading(command: Callable[..., None]) -> Callable[..., None]:
    """The command with these options, which it takes as its last argument, `reading`."""
    own = list(inspect.signature(command, eval_str=True).parameters.values())[:-1]
    shared = list(inspect.signature(Reading, eval_str=True).parameters.values())

    @functools.wraps(command)
    def wrapped(**given: Any) -> None:
        options = {each.name: given.pop(each.name) for each in shared}
        command(**given, reading=Reading(**options))

    signature = inspect.Signature([each.replace(kind=each.KEYWORD_ONLY) for each in (*own, *shared)])
    annotations = {each.name: each.annotation for each in signature.parameters.values()}
    vars(wrapped).update(__signature__=signature)
    wrapped.__annotations__ = annotations
    return wrapped
