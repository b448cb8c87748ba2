"""What `make demo` costs: CPU seconds and time of each of its commands, with all their workers.

    python -m benchmarks.demo [--out FOLDER] [--bin FOLDER]

The commands are the Makefile's own, run from the checkout with the programs beside this interpreter. Fetching
assets is shown apart: it is mostly download, and nothing where they are there already. Read it on a machine
without other work: two threads on one core wait for each other, and that counts as use.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.usage import Usage, usage_of

CHECKOUT = Path(__file__).parents[1]
PROGRAMS = ("fsd-gen", "fsd-curate", "fsd-stereo")
FETCH = ("assets", "fetch")


def main(
    out: Annotated[Path | None, typer.Option(help="The demo's run; a temporary folder.")] = None,
    programs: Annotated[Path, typer.Option("--bin", help="Where fsd-gen lies.")] = Path(
        sys.executable
    ).parent,
) -> None:
    """Run the demo's commands one after the other, and print what each took."""
    with tempfile.TemporaryDirectory() as folder:
        commands = demo_commands(programs, (out or Path(folder) / "demo").absolute())
        used = [(command, measured(command)) for command in commands]
    show(used)


def demo_commands(programs: Path, run: Path) -> list[list[str]]:
    """What `make demo` calls once everything is installed."""
    make = ["make", "--dry-run", "--directory", str(CHECKOUT), "demo", f"BIN={programs}", f"RUN={run}"]
    lines = subprocess.run(make, capture_output=True, text=True, check=True).stdout.splitlines()
    commands = [shlex.split(line) for line in lines if line.startswith(f"{programs}/")]
    return [command for command in commands if Path(command[0]).name in PROGRAMS]


def measured(command: list[str]) -> Usage:
    """What the command took. Raises SystemExit where it failed."""
    used = usage_of(command)
    if used.code:
        raise SystemExit(f"{shlex.join(command)}: ended with exit code {used.code}")
    return used


def show(used: list[tuple[list[str], Usage]]) -> None:
    """The table, and the sum without downloads."""
    table = Table("command", "time, s", "CPU, s", title="make demo")
    for command, took in used:
        words = " ".join([Path(command[0]).name, *command[1:]])
        table.add_row(words, f"{took.wall_s:.0f}", f"{took.cpu_s:.0f}")
    counted = [took for command, took in used if tuple(command[1:3]) != FETCH]
    wall_s, cpu_s = (sum(each) for each in zip(*((took.wall_s, took.cpu_s) for took in counted), strict=True))
    table.add_row("all but fetching", f"{wall_s:.0f}", f"{cpu_s:.0f}")
    console = Console(width=110)
    console.print(table)
    console.print(f"{cpu_s / 60:.1f} CPU minutes")


if __name__ == "__main__":
    typer.run(main)
