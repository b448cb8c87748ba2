"""`fsd-gen status`: a run at work, from another terminal or another machine."""

from __future__ import annotations

import json
import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fsd_gen.cli.app import app, clear_errors, out, say_error
from fsd_gen.cli.pages import refuse_no_page, write_page
from fsd_gen.cost_options import CpuPrice, GpuPrice, WorkerPrice, prices_of
from fsd_gen.sections import ConfigError
from jobs.store.mirror import local_place

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

    from fsd_gen.production.standing import Standing
    from fsd_gen.report.sheet import Sheet
    from jobs.status.model import Prices


@app.command()
@clear_errors
def status(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Folder or URL of a run.")],
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Again and again, while it is at work.")
    ] = False,
    every: Annotated[float, typer.Option(min=0.2, max=3600, help="Seconds between two looks.")] = 5.0,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON for each look.")] = False,
    html: Annotated[
        Path | None,
        typer.Option(help="Write a page too; with --watch at each look, and the page loads itself again."),
    ] = None,
    cost_per_hour_cpu: CpuPrice = 0.0,
    cost_per_hour_gpu: GpuPrice = 0.0,
    worker_cost: WorkerPrice = 0.0,
) -> None:
    """How far a run is: rates, time left, cost, workers, failures; exit code 1 if its driver was killed or
    ended with an error, or shards failed.
    """
    if not run:
        raise ConfigError("RUN: expected the folder or URL of a run, got an empty name")
    prices = prices_of(cost_per_hour_cpu, cost_per_hour_gpu, worker_cost)
    if html is not None:
        refuse_no_page(html, "--html")
    in_place = watch and out.is_terminal and not as_json
    standing = _look(run, prices, html, every if watch else None, as_json=as_json, quiet=in_place)
    if watch:
        standing = _follow(run, prices, html, every, standing, as_json=as_json)
    if html is not None and not as_json:
        say_error(f"page: {html}")
    if not standing.is_well:
        raise typer.Exit(1)


def _look(
    run: str, prices: Prices, html: Path | None, again_s: float | None, *, as_json: bool, quiet: bool = False
) -> Standing:
    from fsd_gen.production.standing import standing
    from fsd_gen.report.sheet import sheet

    found = standing(local_place(run), run, prices, say_error)
    shown = sheet(found)
    if html is not None:
        from fsd_gen.report.standing_page import standing_page

        write_page(html, standing_page(shown, again_s if found.state == "at work" else None), "--html")
    if as_json:
        typer.echo(_json(found))
    elif not quiet:
        out.print(_rendered(shown))
    return found


def _follow(
    run: str, prices: Prices, html: Path | None, every: float, first: Standing, *, as_json: bool
) -> Standing:
    """Look again until nobody works there any more; on a terminal the picture stays in its place."""
    found, in_place = first, out.is_terminal and not as_json
    with _picture(first) if in_place else nullcontext() as live:
        while found.state == "at work":
            time.sleep(every)
            found = _look(run, prices, html, every, as_json=as_json, quiet=in_place)
            if live is not None:
                _redraw(live, found)
    return found


def _picture(found: Standing) -> Live:
    from rich.live import Live

    from fsd_gen.report.sheet import sheet

    return Live(_rendered(sheet(found)), console=out, auto_refresh=False)


def _redraw(live: Live, found: Standing) -> None:
    from fsd_gen.report.sheet import sheet

    live.update(_rendered(sheet(found)), refresh=True)


def _rendered(sheet: Sheet) -> RenderableType:
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    parts: list[RenderableType] = [Text(sheet.title, style="bold")]
    bar = Table.grid()  # of itself it ends no line
    bar.add_row(ProgressBar(total=max(sheet.total, 1), completed=sheet.done, width=60))
    parts.append(bar)
    parts += [Text(line) for line in sheet.lines]
    for each in sheet.tables:
        table = Table(title=each.title, title_justify="left")
        for number, head in enumerate(each.heads):
            table.add_column(head, justify="left" if number < each.words else "right", overflow="fold")
        for row in each.rows:
            table.add_row(*map(Text, row))
        parts.append(table)
    return Group(*parts)


def _json(found: Standing) -> str:
    from dataclasses import asdict

    document = {
        "version": 1,
        "run": found.place,
        "state": found.state,
        "shards": {"done": found.shards_done, "wanted": found.shards_wanted},
        "slots": {"done": found.slots_done, "wanted": found.slots_wanted},
        "cost": found.cost,
        "holder": found.holder,
        "quarantined": found.quarantined,
        "refused": found.refused,
        "sessions": [{"pulse": each.pulse, **asdict(each.status)} for each in found.sessions],
    }
    return json.dumps(document, ensure_ascii=False, allow_nan=False)
