"""What every command line of the project has in common."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated, Any

import typer
from rich.console import Console

from jobs.config import CPUS, GPUS, MEMORY_GIB, MOST_WORKERS
from jobs.extras import DISTRIBUTION
from jobs.store.bases import as_urls
from jobs.veiled import veiled


def _say_version(context: typer.Context, wanted: bool) -> None:
    if wanted:
        typer.echo(f"{context.find_root().info_name} {version(DISTRIBUTION)}")
        raise typer.Exit


class UrlConsole(Console):
    """A terminal that calls what lies in a store by its URL, not by the folder that stands for it here.

    Secrets in URLs are not repeated.
    """

    def print(self, *objects: Any, **options: Any) -> None:
        """As Rich does."""
        super().print(
            *(veiled(as_urls(each)) if isinstance(each, str) else each for each in objects), **options
        )


VersionOption = Annotated[
    bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Show it and exit.")
]

Workers = Annotated[
    int | None,
    typer.Option("--workers", min=0, max=MOST_WORKERS, help="Rendering processes; 0 renders in this one."),
]
CpusPerWorker = Annotated[
    float, typer.Option("--cpus-per-worker", min=CPUS[0], max=CPUS[1], help="CPUs that each of them claims.")
]
GpusPerWorker = Annotated[
    float | None,
    typer.Option(
        "--gpus-per-worker",
        min=GPUS[0],
        max=GPUS[1],
        help="GPUs that each claims: whole ones, or a part of one. Default: what its renderer needs.",
    ),
]
MemoryPerWorker = Annotated[
    float,
    typer.Option(
        "--memory-per-worker",
        min=MEMORY_GIB[0],
        max=MEMORY_GIB[1],
        help="GiB that each claims; 0 claims none.",
    ),
]
Pools = Annotated[
    list[str] | None,
    typer.Option(
        "--pool",
        metavar="NAME:BACKEND:WORKERS[:cpus=N,gpus=N,memory=GIB,label=KEY=VALUE]",
        help="Workers of one renderer, in place of the options above; again for more, such as --pool "
        "gpu:replicator:200 --pool cpu:mitsuba:all.",
    ),
]
Address = Annotated[str | None, typer.Option("--address", help='Ray cluster to join: "auto" or HOST:PORT.')]
