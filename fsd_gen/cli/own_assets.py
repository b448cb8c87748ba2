"""`fsd-gen assets import | add | browse`: assets of the user's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from fsd_gen.cli.app import clear_errors, err, escaped, out
from fsd_gen.cli.assets import assets_app, packs_here
from fsd_gen.sections import ConfigError

if TYPE_CHECKING:
    from assets_manifest.importing.convert import Choices
    from assets_manifest.importing.report import ImportReport

MANIFESTS = (".yaml", ".yml")
TagsOption = Annotated[
    str, typer.Option(help="For all of them, comma-separated: floor, chair ... Guessed if none.")
]
UnitOption = Annotated[
    Literal["mm", "cm", "m", "km", "in", "ft"] | None,
    typer.Option(help="Unit of the files; else what each says, and metres."),
]
UpOption = Annotated[
    Literal["x", "y", "z"] | None,
    typer.Option(help="Upward axis of the files; else what each says: y for OBJ, z for PLY and STL."),
]
LicenceOption = Annotated[
    str | None,
    typer.Option("--licence", "--license", help="SPDX identifier, where no licences.csv or LICENSE says it."),
]
AuthorOption = Annotated[str | None, typer.Option(help="To be credited, where no licences.csv says it.")]
AnySizeOption = Annotated[bool, typer.Option("--any-size", help="Take what is absurdly large or small too.")]
TrianglesOption = Annotated[int, typer.Option(min=1, max=20_000_000, help="More in one file are refused.")]
ForceOption = Annotated[bool, typer.Option("--force", help="Convert again what has not changed.")]


@assets_app.command("import")
@clear_errors
def assets_import(
    source: Annotated[Path, typer.Argument(help="Folder, .zip, or manifest (.yaml); docs/assets.md.")],
    name: Annotated[str, typer.Option(help="Of the pack, in small letters, digits and _.")],
    tags: TagsOption = "",
    unit: UnitOption = None,
    up: UpOption = None,
    licence: LicenceOption = None,
    author: AuthorOption = None,
    any_size: AnySizeOption = False,
    max_triangles: TrianglesOption = 500_000,
    force: ForceOption = False,
) -> None:
    """Make a pack of your own from OBJ, glTF, PLY, STL and USD files; again, it takes up what changed."""
    from assets_manifest.importing.doors import import_folder
    from assets_manifest.importing.manifest import import_manifest

    chosen = _choices(tags, unit, up, any_size, max_triangles)
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
def assets_add(
    file: Annotated[Path, typer.Argument(help="One file, or a .zip.")],
    pack: Annotated[str, typer.Option(help="The pack of your own that it joins; made if it is not there.")],
    tags: TagsOption = "",
    unit: UnitOption = None,
    up: UpOption = None,
    licence: LicenceOption = None,
    author: AuthorOption = None,
    any_size: AnySizeOption = False,
    max_triangles: TrianglesOption = 500_000,
    force: ForceOption = False,
) -> None:
    """Add one object to a pack of your own; all else in it stays."""
    from assets_manifest.importing.doors import add_file

    chosen = _choices(tags, unit, up, any_size, max_triangles)
    with _progress(pack) as show:
        report = add_file(file, pack, chosen, licence=licence, author=author, force=force, on_progress=show)
    _tell(report)


@assets_app.command("browse")
@clear_errors
def assets_browse(
    packs: Annotated[list[str] | None, typer.Argument(help="All packs that are here by default.")] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The page.")] = Path("assets.html"),
) -> None:
    """Write one HTML page of the packs: thumbnails, sizes, licences, what draws each object, and a filter."""
    from assets_manifest.importing.browse import page
    from assets_manifest.library import open_library
    from fsd_gen.styles.uses import NEVER, uses
    from jobs.files import write_text_atomic

    if not output.parent.is_dir():
        raise ConfigError(f"--output: {output.parent} is no folder")
    library = open_library(packs or packs_here())
    with _progress("browse") as show:
        drawn = uses(library)
        text = page(library, on_progress=show, drawn=drawn)
    write_text_atomic(output, text)
    never = sum(said.startswith(NEVER) for said in drawn.values())
    said = (
        f"{len(library)} assets in {output}; {never} of {len(drawn)} objects are never drawn, and it says why"
    )
    out.print(escaped(said), soft_wrap=True, highlight=False)


def _choices(
    tags: str, unit: str | None, up: Literal["x", "y", "z"] | None, any_size: bool, most: int
) -> Choices:
    from assets_manifest.importing.convert import Choices
    from assets_manifest.importing.raw import Limits
    from assets_manifest.importing.tags import checked

    try:
        plain = checked([tag.strip() for tag in tags.split(",") if tag.strip()])
    except ValueError as error:
        raise ConfigError(f"--tags: {error}") from None
    return Choices(unit=unit, up=up, tags=plain, any_size=any_size, limits=Limits(triangles=most))


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
