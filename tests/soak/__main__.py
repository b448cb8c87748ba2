"""The command line; see the package."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from jobs.signals import StopRequest, stop_requested
from tests.soak.book import SUMMARY, Book, summary
from tests.soak.plan import Plan
from tests.soak.soaking import Soak
from tests.soak.strikes import Striker
from tests.soak.weather import SmallDisk, faketime_here

COLUMNS = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
console = Console()


def main(
    kills: Annotated[int, typer.Option(min=1, help="Processes to kill, all in all.")] = 1000,
    seed: Annotated[int, typer.Option(help="Decides the plan of every run.")] = 1,
    out: Annotated[Path, typer.Option(help="Folder for records, and for runs with a problem.")] = Path(
        "runs/soak"
    ),
    resume: Annotated[bool, typer.Option(help="Go on with the folder.")] = False,
    faketime: Annotated[Path | None, typer.Option(help="libfaketime, where it is not installed.")] = None,
    only: Annotated[str, typer.Option(help="Numbers of runs to make, such as 3,17, and no others.")] = "",
) -> None:
    """Kill processes of real runs at random moments, and see that nothing is lost."""
    out = out.absolute()
    if any(out.glob("records/*.json")) and not resume:
        raise typer.BadParameter(f"{out} holds a soak already; --resume goes on with it", param_hint="--out")
    if others := {record["seed"] for record in Book(out)} - {seed}:
        raise typer.BadParameter(f"{out} holds a soak of seed {others.pop()}", param_hint="--seed")
    with stop_requested(_answer) as request:
        soak = _soak(out, seed, faketime or faketime_here(), request)
        numbers = map(int, only.split(",")) if only else _unbooked(soak)
        try:
            _go_on(soak, kills, numbers)
        except KeyboardInterrupt:
            console.print("stopped at once; the run that was under way is not counted")
        _say(soak.settle(wait=True))
    _end(soak)


def _answer() -> None:
    console.print("nobody is struck any more; this run comes to its end (again: stop at once)")


def _unbooked(soak: Soak) -> Iterator[int]:
    while True:
        yield soak.book.next_number + len(soak.waiting)


def _go_on(soak: Soak, kills: int, numbers: Iterator[int]) -> None:
    """Run after run, in the order of their numbers."""
    with Progress(*COLUMNS, console=console) as progress:
        bar = progress.add_task("", total=kills)
        for number in numbers:
            soak.once(soak.plan(number), partial(_show, progress, bar, soak.killed()))
            _say(soak.settle(wait=False))
            if soak.request or soak.killed() >= kills:
                return


def _soak(out: Path, seed: int, faketime: Path | None, request: StopRequest) -> Soak:
    for left in out.glob("runs/*/disk"):  # of a soak that was killed
        SmallDisk(left).remove()
    small_disks = SmallDisk.possible(out)
    if faketime is None:
        console.print("no run with clocks apart: libfaketime is not here (apt-get install libfaketime)")
    if not small_disks:
        console.print("no run with a full disk: this process may not mount one")
    return Soak(out, seed, faketime, Book(out), small_disks, request)


def _show(progress: Progress, bar: int, before: int, plan: Plan, striker: Striker) -> None:
    what = (
        f"run {plan.number}: {plan.how}, {plan.workers} workers, {plan.weather}; {striker.progress()} samples"
    )
    progress.update(bar, completed=before + sum(each.killed for each in striker.struck), description=what)


def _say(lines: list[str]) -> None:
    for line in lines:
        console.print(f"PROBLEM {line}", style="bold red", highlight=False, markup=False, soft_wrap=True)


def _end(soak: Soak) -> None:
    told = summary(list(soak.book))
    console.print_json(json.dumps(told))
    console.print(f"written to {soak.out / SUMMARY}")
    if not told["runs with a problem"]:
        shutil.rmtree(soak.out / "runs", ignore_errors=True)
    raise typer.Exit(bool(told["runs with a problem"]))


if __name__ == "__main__":
    typer.run(main)
