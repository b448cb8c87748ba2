"""`fsd-gen assets`: fetch, list and verify asset packs, and name their authors."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from fsd_gen.cli.app import app, clear_errors, err, escaped, out
from jobs.commandline import VersionOption

assets_app = typer.Typer(no_args_is_help=True, help="Fetch, list, verify and credit asset packs.")
app.add_typer(assets_app, name="assets")


@assets_app.callback()
def main(version: VersionOption = False) -> None:  # noqa: D103
    # Without a docstring, so that typer shows the app's help.
    pass


@assets_app.command("fetch")
@clear_errors
def assets_fetch(
    packs: Annotated[
        list[str] | None, typer.Argument(help="All by default; `fsd-gen assets list` names them.")
    ] = None,
    allow_partial: Annotated[bool, typer.Option(help="Do without sources that cannot be reached.")] = False,
    force: Annotated[bool, typer.Option(help="Fetch again even if the pack is there.")] = False,
) -> None:
    """Fetch asset packs into the cache (FSD_ASSETS_DIR, default ~/.cache/fsd-gen/assets)."""
    from assets_manifest.library import open_library
    from assets_manifest.registry import recipes

    for pack in packs or list(recipes()):
        folder = _fetch_with_progress(pack, allow_partial=allow_partial, force=force)
        library = open_library([pack])
        out.print(f"{pack}: {len(library)} assets in {folder}", soft_wrap=True, highlight=False)
        for identity in library.identities():
            if identity.partial:
                out.print(escaped("\n".join(("partial:", *identity.notes))), soft_wrap=True, highlight=False)


@assets_app.command("list")
@clear_errors
def assets_list(
    pack: Annotated[str | None, typer.Argument(help="Show the assets of this pack.")] = None,
    tag: Annotated[str | None, typer.Option(help="Only assets with this tag.")] = None,
) -> None:
    """Show the packs, or the assets of one."""
    if pack is None:
        _list_packs()
    else:
        _list_assets(pack, tag)


def _list_packs() -> None:
    from rich.table import Table

    from assets_manifest.registry import pack_statuses

    table = Table("pack", "state", "what")
    for status in pack_statuses():
        table.add_row(status.name, status.state, escaped(status.problem or status.about))
    out.print(table)


def _list_assets(pack: str, tag: str | None) -> None:
    from rich.table import Table

    from assets_manifest.library import open_library

    table = Table("id", "kind", "licence", "author", "size m", "tags")
    for asset in open_library([pack]):
        if tag is None or tag in asset.tags:
            size = " x ".join(f"{s:.2f}" for s in asset.size_m) if asset.size_m else ""
            table.add_row(asset.id, asset.kind, asset.licence, asset.author, size, " ".join(asset.tags))
    out.print(table)


@assets_app.command("verify")
@clear_errors
def assets_verify(
    packs: Annotated[list[str] | None, typer.Argument(help="All fetched packs by default.")] = None,
) -> None:
    """Compare every file of the packs with its checksum; exit code 1 if one differs."""
    from assets_manifest.library import open_library

    names = packs or _packs_here()
    differences = list(open_library(names).verify())
    for difference in differences:
        err.print(escaped(str(difference)), soft_wrap=True, highlight=False)
    out.print(f"{', '.join(names) or 'no pack'}: {len(differences)} files differ", highlight=False)
    if differences:
        raise typer.Exit(1)


@assets_app.command("attribution")
@clear_errors
def assets_attribution(
    packs: Annotated[list[str] | None, typer.Argument(help="All fetched packs by default.")] = None,
) -> None:
    """Who made the assets of the packs, and under which licence: a line each."""
    from assets_manifest.attribution import attribution_text
    from assets_manifest.library import open_library

    typer.echo(attribution_text(open_library(packs or _packs_here())))


def _packs_here() -> list[str]:
    """Packs that are fetched or the user's own, damaged ones too; no recipe that cannot be loaded."""
    from assets_manifest.registry import pack_statuses

    return [
        status.name
        for status in pack_statuses()
        if status.pack or (status.problem and status.folder.is_dir())
    ]


def fetch_missing(packs: Iterable[str]) -> None:
    """Fetch those of `packs` that can be fetched and are not here yet."""
    from assets_manifest.registry import recipes

    known = recipes()
    for pack in packs:
        if pack in known and not _is_fetched(pack):
            out.print(f"asset pack {pack} is not here yet, fetching it: {known[pack].about}", highlight=False)
            _fetch_with_progress(pack)


def _is_fetched(pack: str) -> bool:
    from assets_manifest.library import assets_root

    return (assets_root() / pack / "pack.yaml").exists()


def _fetch_with_progress(pack: str, *, allow_partial: bool = False, force: bool = False) -> Path:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from assets_manifest.fetch import fetch

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=out, transient=True) as progress:
        bar = progress.add_task(pack)

        def show(step: str, done: int, total: int) -> None:
            progress.update(bar, description=f"{pack}: {step}", completed=done, total=total or None)

        return fetch(pack, on_progress=show, allow_partial=allow_partial, force=force)
