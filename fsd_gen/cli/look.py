"""Looking at what was rendered: info, verify, replay, stage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fsd_gen.cli.app import app, clear_errors, err, escaped, out
from fsd_gen.cli.pages import refuse_no_page, write_page
from fsd_gen.cli.preview import SOURCE
from jobs.store.mirror import local_place, refuse_url

if TYPE_CHECKING:
    from assets_manifest.library import AssetLibrary
    from fsd_gen.production.survey import Survey
    from fsd_gen.scene.spec import SceneSpec
    from fsd_gen.shards.record import SampleRecord

SAMPLE = "PATH:SLOT or PATH:SAMPLE, for example runs/demo:0 or runs/demo:0000000-a1; SHARD:ROW"


@app.command()
@clear_errors
def verify(
    path: Annotated[str, typer.Argument(help=SOURCE)],
    repair: Annotated[
        bool,
        typer.Option("--repair", help="Of a run: move damaged and foreign shards aside, to be made again."),
    ] = False,
) -> None:
    """Read everything back and compare it with checksums and with what the run should hold; exit code 1 if
    anything is damaged, missing, unfinished or of another run.
    """
    from fsd_gen.production.survey import survey

    if repair:
        _repair(path)
    found = survey(local_place(path), deep=not repair)  # what was moved away was found by reading everything
    _show_findings(found)
    out.print(
        f"{found.intact} samples are intact, {len(found.findings)} problems{_and_kept(found)}",
        highlight=False,
    )
    if found.findings:
        raise typer.Exit(1)


def _repair(path: str) -> None:
    from fsd_gen.production.places import at_work_in
    from fsd_gen.production.survey import NoRunError, is_run
    from fsd_gen.production.survey import repair as repair_run

    if not is_run(local_place(path)):
        raise NoRunError(
            f"{path}: no run, so nobody knows how to make its shards again; --repair wants a run"
        )
    with at_work_in(path) as folder:
        moved = repair_run(folder)
    for place, aside in moved:
        out.print(f"moved {place} to {aside}", soft_wrap=True, highlight=False, markup=False)
    if not moved:
        out.print("nothing had to be moved", highlight=False)


def _show_findings(found: Survey) -> None:
    from fsd_gen.production.survey import remedy

    for finding in found.findings:
        err.print(escaped(str(finding)), soft_wrap=True, highlight=False)
    if found.place is not None and any(finding.movable for finding in found.findings):
        err.print(escaped(remedy(found.place)), soft_wrap=True, highlight=False)


def _and_kept(found: Survey) -> str:
    if not found.parts:
        return ""
    return f"; {found.kept} more in {len(found.parts)} unfinished shards"


@app.command()
@clear_errors
def info(
    path: Annotated[Path, typer.Argument(help=SOURCE)],
    html: Annotated[
        Path | None, typer.Option(help="Also write a page with plots, such as page.html.")
    ] = None,
) -> None:
    """What a dataset holds: strata, disparities, rigs, cost, quarantined slots; exit code 1 if it is not what
    its run should hold.
    """
    from fsd_gen.production.survey import survey

    if html is not None:
        refuse_no_page(html, "--html")
    found = survey(local_place(path), deep=False)
    if html is not None:
        _write_page(found, path, html)
    _show_strata([record for shard in found.shards for record in shard.records])
    _show_size(found)
    _show_quarantined(found)
    _show_refused(found)
    _show_partial(found)
    _show_findings(found)
    if found.findings:
        raise typer.Exit(1)


def _write_page(found: Survey, path: Path, target: Path) -> None:
    from fsd_gen.report.gather import gather_numbers
    from fsd_gen.report.page import page
    from fsd_gen.report.unused import unused_assets

    numbers = gather_numbers(found)
    text = page(numbers, f"Dataset {path}", _size_lines(found), unused_assets(numbers, found))
    write_page(target, text, "--html")
    out.print(f"page: {target}", soft_wrap=True, highlight=False, markup=False)


def _show_size(found: Survey) -> None:
    out.print("\n".join(_size_lines(found)), soft_wrap=True, highlight=False, markup=False)


def _size_lines(found: Survey) -> list[str]:
    samples = sum(len(shard.records) for shard in found.shards)
    rows = samples + sum(shard.unmeant for shard in found.shards)
    empty = sum(len(shard.quarantined) for shard in found.shards)
    mib = sum(shard.path.stat().st_size for shard in found.shards) / 2**20
    slots = len({(shard.meta.config_digest, slot) for shard in found.shards for slot in shard.slots})
    again = (
        f" for {slots} slots: {samples + empty - slots} were drawn again," if samples + empty > slots else ""
    )
    size = f" of {found.shards[0].meta.width}x{found.shards[0].meta.height}" if found.shards else ""
    lines = [
        f"{samples} samples{size}{again} in {len(found.shards)} shards, {mib:.1f} MiB "
        f"({mib / max(rows, 1):.2f} MiB each); {empty} slots quarantined{_and_kept(found)}"
    ]
    if unmeant := sum(shard.unmeant for shard in found.shards):
        lines.append(f"the shards hold {unmeant} more samples, which were not asked for")
    for meta in {shard.meta.config_digest: shard.meta for shard in found.shards}.values():
        lines.append(
            f"rendered by {meta.renderer} {meta.renderer_version}, generator {meta.generator_version}, "
            f"config {meta.config_digest[:16]}, seed {meta.seed}"
        )
    return lines


def _show_partial(found: Survey) -> None:
    from fsd_gen.production.assets import partial_packs

    partial = {name for shard in found.shards for name in partial_packs(shard.meta.assets_json)}
    if partial:
        out.print(f"made with incomplete asset packs: {', '.join(sorted(partial))}", highlight=False)


def _show_quarantined(found: Survey) -> None:
    """Slots that were given up, with what the run's log says of the reasons, else their codes alone."""
    from fsd_gen.production.log import why_quarantined

    known = {} if found.place is None else why_quarantined(found.place)
    for entry in (entry for shard in found.shards for entry in shard.quarantined):
        codes = list(dict.fromkeys(chain.from_iterable(entry.reasons)))
        logged = known.get(entry.slot, "")
        why = logged if all(code in logged for code in codes) else ""
        why = why or ", ".join(codes) or "no reason is stored"
        text = f"slot {entry.slot} quarantined after {len(entry.reasons)} attempts: {why}"
        out.print(text, soft_wrap=True, highlight=False, markup=False)


def _show_refused(found: Survey) -> None:
    """How often each defect ruled out an attempt, the most frequent first."""
    counts = Counter(chain.from_iterable(shard.refused for shard in found.shards)).most_common()
    if counts:
        listed = ", ".join(f"{code} {count}" for code, count in counts)
        out.print(f"attempts refused, by reason: {listed}", soft_wrap=True, highlight=False)


def _show_strata(records: Sequence[SampleRecord]) -> None:
    from rich.table import Table

    if not records:
        return
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
    from fsd_gen.preview import contact_sheet, refuse_unwritable, save_picture
    from fsd_gen.production.replay import replay as replay_sample
    from fsd_gen.shards.find import load_sample

    if out_file is not None:
        refuse_unwritable(out_file)
    stored = load_sample(sample)
    backend = create_backend(stored.render.backend)
    again, comparison = replay_sample(stored, _library_of(stored.spec), backend)
    if out_file is not None:
        save_picture(contact_sheet([stored, again]), out_file)
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
    from tempfile import TemporaryDirectory

    from fsd_gen.production.staging import asset_paths
    from fsd_gen.shards.find import load_sample
    from fsd_gen.usd.export import export_stage
    from jobs.outputs import refuse_in_run

    refuse_url(place, "`fsd-gen stage`")
    refuse_in_run(Path(place), "--out")
    spec = load_sample(sample).spec
    with TemporaryDirectory(prefix="fsd-made-") as made:
        paths = asset_paths(_library_of(spec), Path(made))
        written = export_stage(spec, place, paths, force=force)
    out.print(f"{spec.key.sample_id} ({spec.stratum}) is in {written}", soft_wrap=True, highlight=False)


def _library_of(spec: SceneSpec) -> AssetLibrary:
    """The packs that a scene draws from."""
    from assets_manifest.library import open_library
    from assets_manifest.made.registry import is_made

    of_packs = (asset_id for asset_id in spec.asset_ids() if not is_made(asset_id))
    return open_library(sorted({asset_id.split("/")[0] for asset_id in of_packs}))
