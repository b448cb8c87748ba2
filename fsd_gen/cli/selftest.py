"""`fsd-gen selftest`: whether a renderer on this machine may be believed."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from fsd_gen.cli.app import app, clear_errors, out
from fsd_gen.cli.render import BACKENDS

if TYPE_CHECKING:
    from rich.table import Table

    from fsd_gen.rtx.measures import Row
    from fsd_gen.selftest.measure import SceneResult, Selftest

WIDE = 140  # columns


@app.command()
@clear_errors
def selftest(
    backend: Annotated[str, typer.Option(help=f"Renderer; here: {BACKENDS}.")] = "mitsuba",
) -> None:
    """Render known scenes, and compare light, directions, depth and pictures with what they should be.

    Prints a report to paste into an issue; exit code 1 if anything is off.
    """
    from fsd_gen.backends.registry import create_backend
    from fsd_gen.selftest.measure import selftest as measured

    renderer = create_backend(backend)
    try:
        found = measured(renderer)
        _tell(found, f"{renderer.name} {renderer.version}")
    finally:
        renderer.close()
    if not found.right:
        raise typer.Exit(1)


def _tell(found: Selftest, renderer: str) -> None:
    where = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    _print(f"fsd-gen {version('fsd-gen')}, {renderer}, {where}\n")
    if found.problem:
        _print(f"The probe gave no measures: {found.problem}")
    if found.probe is not None:
        _show(_measures((*found.probe.rows, *found.probe.lens_rows, *found.probe.id_rows)))
    _show(_scenes(found.scenes))
    for scene in found.scenes:
        if scene.problem:
            _print(f"{scene.name}: {scene.problem}")
    _print("everything is as it should be" if found.right else "something is off: see `WRONG` above")


def _print(text: str) -> None:
    out.print(text, soft_wrap=True, highlight=False, markup=False)


def _show(table: Table) -> None:
    """As wide as it is: in an issue there are no terminals."""
    Console(width=WIDE).print(table)


def _measures(rows: tuple[Row, ...]) -> Table:
    table = _table("measured", "expected", "found", "")
    for row in rows:
        unit = f" {row.unit}" if row.unit else ""
        table.add_row(row.name, f"{row.expected:.4g}{unit}", f"{row.measured:.4g}{unit}", _verdict(row.right))
    return table


def _scenes(scenes: tuple[SceneResult, ...]) -> Table:
    table = _table("scene", "depth off", "other thing", "light off, at most", "")
    for scene in scenes:
        shares = (scene.depth_off_share, scene.instance_off_share)
        worst = "" if scene.worst is None else f"{scene.worst:.1%} of {scene.tolerance:.0%}"
        table.add_row(scene.name, *(_share(share) for share in shares), worst, _verdict(scene.right))
    return table


def _share(share: float | None) -> str:
    return "not told" if share is None else f"{share:.2%}"


def _verdict(right: bool) -> str:
    return "ok" if right else "WRONG"


def _table(*columns: str) -> Table:
    from rich.box import MARKDOWN
    from rich.table import Table

    return Table(*columns, box=MARKDOWN)
