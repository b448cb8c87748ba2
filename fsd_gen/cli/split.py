"""`fsd-gen split`: samples to train on and samples to validate on, as two lists."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fsd_gen.cli.app import app, clear_errors, out, say_error
from jobs.store.mirror import refuse_url

if TYPE_CHECKING:
    from fsd_gen.shards.split import By, Split

TRAIN, VAL, FACTS = "train.txt", "val.txt", "split.json"
SOURCES = "A run, a round of it, folders, shards, lists or patterns."
EPILOG = (
    "The two lists name one sample a line and stand wherever shards may stand: fsd-stereo train cpu "
    "data.shards.root=RUN/split/train.txt; StereoShards('RUN/split/val.txt'). The same command writes the "
    "same lists. Example: fsd-gen split runs/demo --val 5%"
)


@app.command(epilog=EPILOG)
@clear_errors
def split(
    source: Annotated[list[Path], typer.Argument(help=SOURCES)],
    val: Annotated[str, typer.Option(help="Share of the slots to validate on, such as 5%, or their number.")],
    by: Annotated[
        str,
        typer.Option(
            help="slot: attempts of a slot stay together. asset: nor does any asset stand in scenes of both; "
            "scenes that would mix the two are left out."
        ),
    ] = "slot",
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Decides which slots.")] = 0,
    out_dir: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for the lists; default: split in the run.")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace another split in that folder.")] = False,
) -> None:
    """Write train.txt and val.txt, which share no slot and, where asked, no asset."""
    from fsd_gen.shards.find import find_samples
    from fsd_gen.shards.split import split_samples, weaknesses
    from jobs.outputs import refuse_in_run

    for place in source:
        refuse_url(place, "`fsd-gen split`, whose lists name shards by their paths,")
    refuse_url(out_dir, "`fsd-gen split`")
    folder = _folder(source, out_dir)
    refuse_in_run(folder / TRAIN, "--out")
    share, kind = _share(val), _kind(by)
    parted = split_samples(find_samples(source), val=share, by=kind, seed=seed)
    facts = {"by": kind.value, "left_out": parted.left_out, "seed": seed, "val": share}
    new = _write(folder, _texts(folder, parted, facts), replace=replace)
    left_out = f", {parted.left_out} share an asset and are in neither" if parted.left_out else ""
    out.print(
        f"{len(parted.train)} samples to train on, {len(parted.val)} to validate on{left_out}: "
        f"{folder / TRAIN}, {folder / VAL}{'' if new else ' (were there already)'}",
        soft_wrap=True,
        highlight=False,
    )
    if weak := list(weaknesses(parted)):
        say_error(f"warning: {'; '.join(weak)}; try another --val or --seed{_or_by_slot(kind)}")


def _or_by_slot(kind: By) -> str:
    return ", or --by slot" if kind == "asset" else ""


def _share(text: str) -> float:
    from fsd_gen.shards.split import SplitError

    number, percent = text.strip().removesuffix("%"), text.strip().endswith("%")
    try:
        value = float(number) / (100 if percent else 1)
    except ValueError:
        value = -1.0
    if not (0 < value < 1 or (value >= 1 and value == int(value) and not percent)):
        raise SplitError(f"--val: expected a share such as 5% or 0.05, or a number of slots, got {text!r}")
    return value


def _kind(text: str) -> By:
    from fsd_gen.shards.split import By, SplitError

    if text not in list(By):
        raise SplitError(f"--by: expected {' or '.join(By)}, got {text!r}")
    return By(text)


def _folder(source: list[Path], out_dir: Path | None) -> Path:
    from fsd_gen.shards.split import SplitError

    if out_dir is not None:
        return out_dir
    if len(source) == 1 and source[0].is_dir():
        return source[0] / "split"
    raise SplitError("--out: expected a folder for the lists, since they are not of one run alone")


def _texts(folder: Path, parted: Split, facts: dict[str, Any]) -> dict[str, str]:
    """The files of a split in `folder`, by name."""
    from stereo_model.data.shards.lists import list_text

    sides = {TRAIN: parted.train, VAL: parted.val}
    named = {
        name: [(shard, (record.slot, record.attempt)) for shard, record in samples]
        for name, samples in sides.items()
    }
    texts = {
        name: list_text(folder, samples, title=f"{len(samples)} samples; written by fsd-gen split")
        for name, samples in named.items()
    }
    return {**texts, FACTS: json.dumps(facts, indent=2, sort_keys=True) + "\n"}


def _write(folder: Path, texts: dict[str, str], *, replace: bool) -> bool:
    """All files or none; whether they are new. A folder with anything else in it is left alone."""
    from fsd_gen.shards.split import SplitError
    from jobs.files import part_folder, write_text_atomic

    names = {path.name for path in folder.iterdir()} if folder.is_dir() else set[str]()
    ours = names <= texts.keys()
    if ours and {name: (folder / name).read_text("utf-8") for name in names} == texts:
        return False
    if names and not (replace and ours):
        remedy = (
            "; give --replace, or name another folder with --out" if ours else "; name another with --out"
        )
        raise SplitError(f"{folder}: holds {'another split' if ours else 'something else'}{remedy}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with part_folder(folder) as part:
        for name, text in texts.items():
            write_text_atomic(part / name, text)
    return True
