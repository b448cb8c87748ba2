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

Workers = Annotated[
    int | None, typer.Option("--workers", min=0, max=4096, help="Rendering processes; 0 renders in this one.")
]
GpusPerWorker = Annotated[
    float, typer.Option("--gpus-per-worker", min=0, max=64, help="GPUs that each of them claims.")
]
Address = Annotated[str | None, typer.Option("--address", help='Ray cluster to join: "auto" or HOST:PORT.')]
