"""What `fsd-gen assets list` prints: packs, or the assets of one. Names and ids are never cut."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

from fsd_gen.cli.app import out

if TYPE_CHECKING:
    from assets_manifest.records import Asset
    from assets_manifest.registry import PackStatus

GAP = 2  # spaces between columns
Columns = Mapping[str, Callable[[Any], str]]  # title -> text of one thing; the dearest come last

PACKS: Columns = {
    "pack": lambda status: status.name,
    "state": lambda status: status.state,
    "what": lambda status: status.problem or status.described,
    "folder": lambda status: str(status.folder) if status.pack or status.problem else "-",
}
ASSETS: Columns = {
    "id": lambda asset: asset.id,
    "kind": lambda asset: asset.kind,
    "size m": lambda asset: " x ".join(f"{side:.2f}" for side in asset.size_m or ()) or "-",
    "licence": lambda asset: asset.licence,
    "tags": lambda asset: " ".join(asset.tags) or "-",
    "author": lambda asset: asset.author,
}


def list_packs(packs: Sequence[PackStatus], *, long: bool, as_json: bool) -> None:
    """All packs: those that can be made, and the user's own."""
    if as_json:
        _print_json(map(_pack_json, packs))
    else:
        _print_rows(packs, PACKS, always=3, long=long)


def list_assets(assets: Sequence[Asset], *, long: bool, as_json: bool) -> None:
    """Assets by id, with as much about each as fits, or all of it."""
    if as_json:
        _print_json(asset.model_dump(mode="json") for asset in assets)
    else:
        _print_rows(assets, ASSETS, always=1, long=long)


def _pack_json(status: PackStatus) -> dict[str, Any]:
    known: dict[str, Any] = {"version": None, "licence": None, "partial": None, "assets": None}
    if (pack := status.pack) is not None:
        known = {
            "version": pack.version,
            "licence": pack.licence,
            "partial": pack.partial,
            "assets": len(pack.assets),
        }
    return {
        "name": status.name,
        "state": status.state,
        "about": status.described,
        "problem": status.problem or None,
        "folder": str(status.folder),
        "can_be_fetched": status.recipe,
        **known,
    }


def _print_json(values: Iterable[Mapping[str, Any]]) -> None:
    typer.echo(json.dumps(list(values), indent=2, ensure_ascii=False))


def _print_rows(things: Sequence[Any], columns: Columns, *, always: int, long: bool) -> None:
    """One line for each thing: the first `always` columns, and of the others those that fit."""
    rows = [tuple(columns), *(tuple(text(thing) for text in columns.values()) for thing in things)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    shown = len(columns) if long else _fitting(widths, always, out.width)
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row[:shown], widths, strict=False))
        typer.echo((" " * GAP).join(cells).rstrip())
    if shown < len(columns):
        left = ", ".join(list(columns)[shown:])
        out.print(f"({left}: --long shows all, --json for programs)", style="dim", highlight=False)


def _fitting(widths: Sequence[int], always: int, room: int) -> int:
    shown = always
    while shown < len(widths) and sum(widths[: shown + 1]) + GAP * shown <= room:
        shown += 1
    return shown
