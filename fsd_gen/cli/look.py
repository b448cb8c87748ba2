"""Looking at what was rendered: preview, info, verify, replay, stage."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fsd_gen.cli.app import app, clear_errors, err, escaped, out

if TYPE_CHECKING:
    from assets_manifest.library import AssetLibrary
    from fsd_gen.production.run import Run
    from fsd_gen.scene.slots import SlotKey
    from fsd_gen.scene.spec import SceneSpec
    from fsd_gen.shards.format import Quarantined
    from fsd_gen.shards.record import SampleRecord

SOURCE = "Shard, folder of shards, or run directory."
SAMPLE = "PATH:SAMPLE, for example runs/demo:0000003-a0"


@app.command()
@clear_errors
def preview(
    path: Annotated[Path, typer.Argument(help=SOURCE)],
    out_file: Annotated[Path, typer.Option("--out", "-o", help="PNG to write.")] = Path("preview.png"),
    samples: Annotated[int, typer.Option(min=1, help="At most so many rows.")] = 8,
    columns: Annotated[int, typer.Option(min=1, help="Samples side by side.")] = 1,
    width: Annotated[int, typer.Option(min=32, help="Width of one picture in pixels.")] = 426,
) -> None:
    """Write a contact sheet: left | right | disparity."""
    from fsd_gen.preview import contact_sheet_of_shards
    from fsd_gen.shards.find import find_shards

    sheet = contact_sheet_of_shards(find_shards(path), most=samples, columns=columns, thumb_px=width)
    sheet.save(out_file)
    out.print(f"contact sheet: {out_file}", highlight=False)


@app.command()
@clear_errors
def verify(path: Annotated[Path, typer.Argument(help=SOURCE)]) -> None:
    """Read everything back and compare checksums; exit code 1 if anything is damaged or of another run."""
    from fsd_gen.production.membership import run_of
    from fsd_gen.shards.find import find_shards
    from fsd_gen.shards.verify import verify_shard

    run, problems, intact = run_of(path), 0, 0
    listed: dict[SlotKey, Path] = {}
    for shard in find_shards(path):
        found = list(map(str, verify_shard(shard)))
        if not found:
            records, found = _looked_up(shard, run, listed)
            intact += 0 if found else len(records)
        problems += len(found)
        for problem in found:
            err.print(escaped(problem), soft_wrap=True, highlight=False)
    out.print(f"{intact} samples are intact, {problems} problems", highlight=False)
    if problems:
        raise typer.Exit(1)


def _looked_up(
    shard: Path, run: Run | None, listed: dict[SlotKey, Path]
) -> tuple[Sequence[SampleRecord], list[str]]:
    """The samples of a sound shard, and why it does not fit its run or the shards `listed` before it."""
    from fsd_gen.production.membership import foreign
    from fsd_gen.shards.reader import ShardReader

    with ShardReader(shard) as reader:
        records, meta = reader.records(), reader.meta
    if run is not None and (problem := foreign(run, meta)):
        return records, [f"{shard} {problem}"]
    twice = [record.key for record in records if listed.setdefault(record.key, shard) != shard]
    return records, [f"{shard}: {key.sample_id} is in {listed[key]} too; move one away" for key in twice]


@app.command()
@clear_errors
def info(path: Annotated[Path, typer.Argument(help=SOURCE)]) -> None:
    """What a dataset holds: strata, disparities, rigs, cost, quarantined slots."""
    from fsd_gen.production.assets import partial_packs
    from fsd_gen.shards.find import find_shards
    from fsd_gen.shards.reader import ShardReader

    shards = find_shards(path)
    records: list[SampleRecord] = []
    quarantined: list[Quarantined] = []
    size_bytes = 0
    for shard in shards:
        with ShardReader(shard) as reader:
            records += reader.records()
            quarantined += reader.quarantined()
            meta = reader.meta
        size_bytes += shard.stat().st_size
    _show_strata(records)
    mib = size_bytes / 2**20
    out.print(
        f"{len(records)} samples of {meta.width}x{meta.height} in {len(shards)} shards, {mib:.1f} MiB "
        f"({mib / max(len(records), 1):.2f} MiB each); {len(quarantined)} slots quarantined\n"
        f"rendered by {meta.renderer} {meta.renderer_version}, generator {meta.generator_version}, "
        f"config {meta.config_digest[:16]}, seed {meta.seed}",
        soft_wrap=True,
        highlight=False,
    )
    _show_quarantined(quarantined)
    if partial := partial_packs(meta.assets_json):
        out.print(f"made with incomplete asset packs: {', '.join(partial)}", highlight=False)


def _show_quarantined(quarantined: Iterable[Quarantined]) -> None:
    for entry in quarantined:
        codes = ", ".join(dict.fromkeys(chain.from_iterable(entry.reasons))) or "no reason is stored"
        out.print(
            f"slot {entry.slot} quarantined after {len(entry.reasons)} attempts: {codes}",
            soft_wrap=True,
            highlight=False,
        )


def _show_strata(records: Sequence[SampleRecord]) -> None:
    from rich.table import Table

    table = Table("stratum", "samples", "median disparity", "largest", "baseline m", "occluded", "CPU s")
    for stratum in sorted({record.stratum for record in records}):
        rows = [record for record in records if record.stratum == stratum]
        medians = sorted(r.disparity_p50 for r in rows if r.disparity_p50 is not None)
        largest = max((r.disparity_max for r in rows if r.disparity_max is not None), default=None)
        table.add_row(
            stratum,
            str(len(rows)),
            f"{medians[len(medians) // 2]:.1f} px" if medians else "-",
            f"{largest:.1f} px" if largest is not None else "-",
            f"{min(r.baseline_m for r in rows):.3f} - {max(r.baseline_m for r in rows):.3f}",
            f"{100 * sum(r.occluded_share for r in rows) / len(rows):.1f} %",
            f"{sum(r.cpu_s for r in rows) / len(rows):.1f}",
        )
    out.print(table)


@app.command()
@clear_errors
def replay(
    sample: Annotated[str, typer.Argument(help=SAMPLE)],
    out_file: Annotated[Path | None, typer.Option("--out", "-o", help="PNG of stored and new.")] = None,
) -> None:
    """Render a stored sample again from what its shard holds; exit code 1 if the truth differs."""
    from fsd_gen.backends.registry import create_backend
    from fsd_gen.preview import contact_sheet
    from fsd_gen.production.replay import replay as replay_sample
    from fsd_gen.shards.find import load_sample

    stored = load_sample(sample)
    backend = create_backend(stored.render.backend)
    again, comparison = replay_sample(stored, _library_of(stored.spec), backend)
    if out_file is not None:
        contact_sheet([stored, again]).save(out_file)
    truth = "bit-identical" if comparison.same_truth else f"differs at {comparison.truth_differs_px} pixels"
    left_db, right_db = comparison.psnr_left_db, comparison.psnr_right_db
    out.print(f"truth: {truth}; images: left {left_db:.1f} dB, right {right_db:.1f} dB", highlight=False)
    if not comparison.same_truth:
        raise typer.Exit(1)


@app.command()
@clear_errors
def stage(
    sample: Annotated[str, typer.Argument(help=SAMPLE)],
    place: Annotated[
        str,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE|FOLDER",
            help=".usdz with all assets inside; .usda, .usdc, .usd or a folder with them beside it.",
        ),
    ] = "stage.usda",
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
) -> None:
    """Write the USD stage of a stored sample with all its assets, to open anywhere: usdview, Omniverse."""
    from fsd_gen.shards.find import load_sample
    from fsd_gen.usd.export import export_stage

    spec = load_sample(sample).spec
    written = export_stage(spec, place, _library_of(spec).path, force=force)
    out.print(f"{spec.key.sample_id} ({spec.stratum}) is in {written}", soft_wrap=True, highlight=False)


def _library_of(spec: SceneSpec) -> AssetLibrary:
    """The packs that a scene draws from."""
    from assets_manifest.library import open_library

    return open_library(sorted({asset_id.split("/")[0] for asset_id in spec.asset_ids()}))
