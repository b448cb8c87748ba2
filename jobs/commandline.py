"""What every command line of the project has in common."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer

from jobs.extras import DISTRIBUTION


def _say_version(context: typer.Context, wanted: bool) -> None:
    if wanted:
        typer.echo(f"{context.find_root().info_name} {version(DISTRIBUTION)}")
        raise typer.Exit


VersionOption = Annotated[
    bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Show it and exit.")
]
