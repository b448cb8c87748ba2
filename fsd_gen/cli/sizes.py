"""Sizes of views, as commands take them."""

from __future__ import annotations

from typing import Annotated

import typer

from fsd_gen.sections import ConfigError

Size = Annotated[str | None, typer.Option("--size", help="Size of each view, WIDTHxHEIGHT.")]


def size_of(text: str) -> tuple[int, int]:
    """Width and height in pixels. Raises ConfigError."""
    width, x, height = text.lower().partition("x")
    if not (x and text.isascii() and width.isdecimal() and height.isdecimal()):
        raise ConfigError(f"--size: expected WIDTHxHEIGHT such as 1280x720, got {text!r}")
    return int(width), int(height)
