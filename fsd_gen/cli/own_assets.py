"""`fsd-gen assets import | add | browse`: assets of the user's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fsd_gen.cli.app import clear_errors, err, escaped, out
from fsd_gen.cli.assets import assets_app, open_known, packs_here
from fsd_gen.cli.pages import refuse_no_page, write_page
from fsd_gen.cli.reading import Reading, with_reading

if TYPE_CHECKING:
    from assets_manifest.importing.report import ImportReport

MANIFESTS = (".yaml", ".yml")


@assets_app.command("import")
@clear_errors
@with_reading
def assets_import(
    source: Annotated[Path, typer.Argument(help="Folder, .zip, or manifest (.yaml); docs/assets.md.")],
    name: Annotated[str, typer.Option(help="Of the pack, in small letters, digits and _.")],
    reading: Reading,
) -> None:
    """Make a pack of your own from OBJ, glTF, PLY, STL and USD files; again, it takes up what changed."""
    from assets_manifest.importing.doors import import_folder
    from assets_manifest.importing.manifest import import_manifest

    chosen, force = reading.choices(), reading.force
    licence, author = reading.licence, reading.author
    with _progress(name) as show:
        if source.suffix.lower() in MANIFESTS:
            report = import_manifest(source, name, chosen, force=force, on_progress=show)
        else:
            report = import_folder(
                source, name, chosen, licence=licence, author=author, force=force, on_progress=show
            )
    _tell(report)


@assets_app.command("add")
@clear_errors
@with_reading
def assets_add(
    file: Annotated[Path, typer.Argument(help="One file, or a .zip.")],
    pack: Annotated[str, typer.Option(help="The pack of your own that it joins; made if it is not there.")],
    reading: Reading,
) -> None:
    """Add one object to a pack of your own; all else in it stays."""
    from assets_manifest.importing.doors import add_file
    from assets_manifest.library import PACK_FILE, assets_root

    new = not (assets_root() / pack / PACK_FILE).is_file()
    chosen, force = reading.choices(), reading.force
    licence, author = reading.licence, reading.author
    with _progress(pack) as show:
        report = add_file(file, pack, chosen, licence=licence, author=author, force=force, on_progress=show)
    if new:
        out.print(f"made the new pack {pack}", highlight=False)
    _tell(report)


@assets_app.command("browse")
@clear_errors
def assets_browse(
    packs: Annotated[list[str] | None, typer.Argument(help="All packs that are here by default.")] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The page.")] = Path("assets.html"),
) -> None:
    """Write one HTML page of the packs: thumbnails, sizes, licences, what draws each object, and a filter."""
    from assets_manifest.importing.browse import page
    from fsd_gen.styles.uses import NEVER, uses

    refuse_no_page(output, "--output")
    library = open_known(packs or packs_here())
    with _progress("browse") as show:
        drawn = uses(library)
        text = page(library, on_progress=show, drawn=drawn)
    write_page(output, text, "--output")
    never = sum(said.startswith(NEVER) for said in drawn.values())
    why = f"{never} of {len(drawn)} objects are never drawn, and it says why"
    said = f"{len(library)} assets in {output}; {why if never else f'all {len(drawn)} objects can be drawn'}"
    out.print(escaped(said), soft_wrap=True, highlight=False)


@contextmanager
def _progress(pack: str) -> Iterator[Callable[[str, int, int], None]]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=out, transient=True) as progress:
        bar = progress.add_task(escaped(pack))

        def show(step: str, done: int, total: int) -> None:
            description = escaped(f"{pack}: {step}")
            progress.update(bar, description=description, completed=done, total=total or None)

        yield show


def _tell(report: ImportReport) -> None:
    for refused in report.rejected:
        err.print(
            f"[red]rejected:[/red] {escaped(f'{refused.label}: {refused.reason}')}",
            soft_wrap=True,
            highlight=False,
        )
    for entered in report.entered:
        if entered.state != "unchanged":
            guessed = f"; tags guessed: {' '.join(entered.guessed)}" if entered.guessed else ""
            notes = "".join(f"; {note}" for note in entered.notes)
            out.print(
                escaped(f"{entered.id}: {entered.state}{guessed}{notes}"), soft_wrap=True, highlight=False
            )
    for gone in report.gone:
        out.print(escaped(f"{gone}: gone, as its file is"), soft_wrap=True, highlight=False)
    out.print(
        escaped(f"{report.summary()}; see {report.folder / 'report.html'}"), soft_wrap=True, highlight=False
    )
    if report.rejected and not report.entered:
        raise typer.Exit(1)  # nothing came in
