"""`fsd-gen assets`: fetch, list and verify asset packs, and name their authors."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fsd_gen.cli.app import app, clear_errors, err, escaped, out
from fsd_gen.sections import ConfigError
from jobs.commandline import VersionOption

if TYPE_CHECKING:
    from assets_manifest.library import AssetLibrary, Difference
    from assets_manifest.records import Asset

LINE_EVERY_S = 30.0  # as of a render

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
    long: Annotated[bool, typer.Option("--long", help="All columns, however wide.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Everything, for programs.")] = False,
) -> None:
    """Show the packs, or the assets of one."""
    from assets_manifest.registry import pack_statuses
    from fsd_gen.cli.asset_lists import list_assets, list_packs

    if pack is not None:
        list_assets(_assets_of(pack, tag), long=long, as_json=as_json)
    elif tag is not None:
        raise ConfigError("--tag: wants a pack too, such as `fsd-gen assets list builtin --tag wood`")
    else:
        list_packs(pack_statuses(), long=long, as_json=as_json)


def _assets_of(pack: str, tag: str | None) -> list[Asset]:
    assets = list(open_known([pack]))
    found = [asset for asset in assets if tag is None or tag in asset.tags]
    if tag is not None and not found:
        known = ", ".join(sorted({each for asset in assets for each in asset.tags}))
        raise ConfigError(f"--tag: no asset of {pack} has the tag {tag!r}; there are: {known or 'none'}")
    return found


@assets_app.command("verify")
@clear_errors
def assets_verify(
    packs: Annotated[list[str] | None, typer.Argument(help="All packs that are here by default.")] = None,
    open_files: Annotated[
        bool, typer.Option("--open", help="Also open every file, which takes longer.")
    ] = False,
) -> None:
    """Compare every file of the packs with its checksum; exit code 1 if one differs."""
    from assets_manifest.library import MissingAssetError, PackError
    from assets_manifest.registry import UnknownPackError

    names, problems = packs or packs_here(), 0
    opened: list[str] = []
    for name in names:
        try:
            library = open_known([name])
        except (PackError, MissingAssetError, UnknownPackError) as error:
            err.print(escaped(str(error)), soft_wrap=True, highlight=False)
            continue
        opened.append(name)
        for problem in _problems_of(library, open_files=open_files):
            err.print(escaped(problem), soft_wrap=True, highlight=False)
            problems += 1
    if opened or not names:
        said = f"{', '.join(opened) or 'no pack'}: {problems} files differ"
        out.print(said, soft_wrap=True, highlight=False)
    if problems or len(opened) < len(names):
        raise typer.Exit(1)


def _problems_of(library: AssetLibrary, *, open_files: bool) -> Iterator[str]:
    """What is wrong with a pack, file by file."""
    unopened = _unopened(library) if open_files else ()
    for difference in (*library.verify(), *unopened):
        yield f"{difference.asset_id}: {difference.path}: {difference.problem}"


def _unopened(library: AssetLibrary) -> Iterator[Difference]:
    from assets_manifest.importing.opening import unopened

    return unopened(library)


@assets_app.command("attribution")
@clear_errors
def assets_attribution(
    packs: Annotated[list[str] | None, typer.Argument(help="All fetched packs by default.")] = None,
) -> None:
    """Who made the assets of the packs, and under which licence: a line each."""
    from assets_manifest.attribution import attribution_text

    typer.echo(attribution_text(open_known(packs or packs_here())))


def open_known(packs: Sequence[str]) -> AssetLibrary:
    """The packs; one that nobody knows is not said to be fetched, but those that there are.

    Raises:
        UnknownPackError: one has neither a recipe nor a folder.
        MissingAssetError: one is not here.
        PackError: one is damaged.
    """
    from assets_manifest.library import open_library
    from assets_manifest.registry import refuse_unknown_packs

    refuse_unknown_packs(packs)
    return open_library(packs)


def packs_here() -> list[str]:
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


class _StepLines:
    """How far the fetch of a pack is where there is no terminal: a line at first, and then after a while."""

    def __init__(self, pack: str, now: Callable[[], float] = time.monotonic) -> None:
        self._pack, self._now = pack, now
        self._begun, self._next = now(), 0.0

    def show(self, step: str, done: int, total: int) -> None:
        """The pack is at this step."""
        now = self._now()
        if now < self._next:
            return
        self._next = now + LINE_EVERY_S
        far = f" {done}/{total}" if total else ""
        elapsed = timedelta(seconds=round(now - self._begun))
        out.print(
            f"{self._pack}: {step}{far} elapsed={elapsed}", soft_wrap=True, highlight=False, markup=False
        )


def _fetch_with_progress(pack: str, *, allow_partial: bool = False, force: bool = False) -> Path:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from assets_manifest.fetch import fetch

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=out, transient=True, disable=not out.is_terminal) as progress:
        bar = progress.add_task(pack)

        lines = _StepLines(pack)

        def show(step: str, done: int, total: int) -> None:
            if not out.is_terminal:
                lines.show(step, done, total)
            progress.update(bar, description=f"{pack}: {step}", completed=done, total=total or None)

        return fetch(pack, on_progress=show, allow_partial=allow_partial, force=force)
