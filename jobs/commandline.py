"""What every command line of the project has in common."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console
from typer.core import TyperGroup

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


# What every program ends with, where it does not end well:
FAILED = 1  # the work was done, and went wrong: tasks given up, damage found, a training that diverged
REFUSED = 2  # input or environment: options, files, disks, stores, clusters, memory of a GPU, missing extras
HALTED = 3  # a limit of the command line was reached
SIGNALLED = 128  # and the number of the signal that stopped it


class Program(TyperGroup):
    """The commands of one program: a number that an option does not take is one line."""

    def invoke(self, ctx: Any) -> Any:
        """As typer does."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            if (problem := _wrong_number(error)) is None:
                raise
        UrlConsole(stderr=True).print(
            "error:", problem, style="red", soft_wrap=True, highlight=False, markup=False
        )
        raise typer.Exit(REFUSED)


def _wrong_number(error: Any) -> str | None:
    """What was given for which option, and what is expected; None where it is no option of one number."""
    cause, option = error.__cause__, error.param
    if not isinstance(cause, ValidationError) or option is None:
        return None
    descriptor = option.type_descriptor
    if (what := NUMBERS.get(descriptor.annotation)) is None:
        return None
    given, bounds = cause.errors()[0]["input"], _bounds(descriptor.parameter_info)
    return f"{max(option.opts, key=len)}: expected {what}{bounds}, got {given!r}"


def _bounds(limits: Any) -> str:
    least, most = limits.min, limits.max
    if least is None:
        return ""
    return f" of {least:.12g} or more" if most is None else f" from {least:.12g} to {most:.12g}"


NUMBERS = {int: "a whole number", float: "a number"}

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
