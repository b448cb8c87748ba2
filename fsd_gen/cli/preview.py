"""`fsd-gen preview`: contact sheets, of what was rendered or of what a config would render."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated

import typer

from fsd_gen.cli.app import app, clear_errors, out, say_error
from fsd_gen.cli.render import size_settings
from fsd_gen.config import Config, ConfigError, load_config
from jobs.store.bases import base_of
from jobs.store.mirror import local_place

if TYPE_CHECKING:
    from assets_manifest.library import AssetLibrary
    from fsd_gen.production.trial import Tried

DEFAULT_WIDTH, LARGEST_WIDTH = 426, 4096  # of a picture, pixels
LINE_EVERY_S = 10.0  # of progress, where there is no terminal
SOURCE = "Run, round, shard, folder of shards, list of samples or pattern; s3://BUCKET/RUN too."

Width = Annotated[
    int | None,
    typer.Option(
        min=32,
        max=LARGEST_WIDTH,
        help=f"Width of one picture in pixels; by default that of --size, else {DEFAULT_WIDTH}.",
    ),
]


@app.command()
@clear_errors
def preview(
    path: Annotated[Path | None, typer.Argument(help=f"{SOURCE} Or --config.")] = None,
    out_file: Annotated[
        Path | None, typer.Option("--out", "-o", help="Picture to write; default: preview.png in the run.")
    ] = None,
    config: Annotated[
        str | None,
        typer.Option(help="Draw the first scenes of this config, small and fast, without a shard."),
    ] = None,
    per_style: Annotated[int, typer.Option(min=1, max=200, help="With --config: scenes of each style.")] = 8,
    spp: Annotated[int, typer.Option(min=1, max=1024, help="With --config: samples per pixel.")] = 4,
    samples: Annotated[int, typer.Option(min=1, max=1000, help="At most so many rows.")] = 8,
    columns: Annotated[int, typer.Option(min=1, max=64, help="Samples side by side.")] = 1,
    size: Annotated[
        str | None, typer.Option(help="With --config: as for `render`, WIDTHxHEIGHT; also the pictures'.")
    ] = None,
    width: Width = None,
) -> None:
    """Write a contact sheet: left | right | disparity; of unfinished shards too.

    With --config, of the scenes that a run of it would begin with.
    """
    if (path is None) == (config is None):
        raise ConfigError(
            "preview: expected a run, a folder of shards or a shard to show, or --config to draw from; "
            f"got {'neither' if path is None else 'both'}"
        )
    if config is not None:
        chosen = load_config(config, size_settings(size))
        wide = width or (DEFAULT_WIDTH if size is None else min(chosen.image.width, LARGEST_WIDTH))
        _show_config(config, chosen, out_file or Path("preview.png"), per_style, spp, wide, columns)
    elif size is not None:
        raise ConfigError("--size goes with --config; of stored pairs --width says how large they are shown")
    elif path is not None:
        _show_shards(local_place(path), out_file, samples, columns, width or DEFAULT_WIDTH)


def _show_shards(path: Path, out_file: Path | None, samples: int, columns: int, width: int) -> None:
    from fsd_gen.preview import contact_sheet_of_shards, refuse_unwritable, save_picture
    from fsd_gen.production.survey import remedied, shown_shards

    target = _preview_place(path) if out_file is None else out_file
    refuse_unwritable(target)
    with remedied(path):
        sheet = contact_sheet_of_shards(shown_shards(path), most=samples, columns=columns, thumb_px=width)
    save_picture(sheet, target)
    out.print(f"contact sheet: {target}", soft_wrap=True, highlight=False, markup=False)


def _preview_place(path: Path) -> Path:
    """Beside the data if they lie in a run on this machine, else right here."""
    from fsd_gen.production.survey import is_run

    if base_of(path) is not None:
        return Path("preview.png")
    run = next((place for place in (path, *path.absolute().parents[:3]) if is_run(place)), None)
    return Path("preview.png") if run is None else run / "preview.png"


def _show_config(
    source: str, chosen: Config, target: Path, per_style: int, spp: int, width: int, columns: int
) -> None:
    library = _library_for(chosen)
    styles = ", ".join(name for name, style in chosen.styles.items() if style.weight > 0)
    out.print(
        f"{source}: {per_style} scenes of each of {styles}", soft_wrap=True, highlight=False, markup=False
    )
    from fsd_gen.preview import contact_sheet, refuse_unwritable, save_picture  # takes seconds
    from fsd_gen.production.trial import summary

    refuse_unwritable(target)
    tried = _try_out(chosen, library, per_style, width, spp)
    for line in summary(tried):
        out.print(line, soft_wrap=True, highlight=False, markup=False)
    for each in tried:
        if each.sample is None:
            say_error(f"slot {each.slot} ({each.style}): no attempt passed; the last: {each.details[-1]}")
    found = [each.sample for each in tried if each.sample is not None]
    if not found:
        raise typer.Exit(1)
    save_picture(contact_sheet(found, columns=columns, thumb_px=width), target)
    out.print(f"contact sheet: {target}", soft_wrap=True, highlight=False, markup=False)


def _library_for(chosen: Config) -> AssetLibrary:
    """The config's packs. What is wrong with them, or with what it says of them, is said first."""
    from assets_manifest.registry import refuse_unknown_packs
    from fsd_gen.backends.registry import refuse_unavailable
    from fsd_gen.cli.assets import fetch_missing
    from fsd_gen.production.assets import open_chosen
    from fsd_gen.production.widths import too_wide

    refuse_unavailable(chosen.render.backend)
    refuse_unknown_packs(chosen.assets.packs)
    if wide := too_wide(chosen):
        say_error(wide)
    fetch_missing(chosen.assets.packs)
    return open_chosen(chosen)


def _try_out(chosen: Config, library: AssetLibrary, per_style: int, width: int, spp: int) -> list[Tried]:
    from fsd_gen.backends.registry import create_backend
    from fsd_gen.production.trial import first_slots, try_out

    _prepare_styles(chosen)
    number = sum(map(len, first_slots(chosen, per_style).values()))
    found: list[Tried] = []
    with _progress(number, f"{chosen.render.backend} starts") as show:
        backend = create_backend(chosen.render.backend)
        show(0, "the first scene")
        for each in try_out(chosen, library, backend, per_style=per_style, width=width, spp=spp):
            found.append(each)
            show(len(found), each.style)
    backend.close()
    return found


def _prepare_styles(chosen: Config) -> None:
    from fsd_gen.production.worlds import refuse_undrawable

    for style in chosen.styles.values():
        if style.weight > 0:
            style.prepare()
            refuse_undrawable(style, chosen.render.backend)


@contextmanager
def _progress(number: int, beginning: str) -> Iterator[Callable[[int, str], None]]:
    """A bar of scenes on a terminal; elsewhere a line after the first of them and every few seconds."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=out, transient=True, disable=not out.is_terminal) as progress:
        bar, said = progress.add_task(beginning, total=number), float("-inf")

        def show(done: int, what: str) -> None:
            nonlocal said
            progress.update(bar, completed=done, description=what)
            if done and not out.is_terminal and monotonic() - said >= LINE_EVERY_S:
                said = monotonic()
                out.print(f"scenes={done}/{number} style={what}", highlight=False, markup=False)

        yield show
