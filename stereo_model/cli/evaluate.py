"""`fsd-stereo evaluate`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from stereo_model.cli.options import (
    CheckpointArgument,
    Device,
    DeviceOption,
    FieldOptions,
    Hierarchical,
    Iterations,
    OptionError,
    Replace,
    data_source,
    load,
)
from stereo_model.cli.terminal import Counter, counter, out, say, warn

if TYPE_CHECKING:
    from stereo_model.data.base import StereoFiles
    from stereo_model.evaluation.benchmarks import Benchmark
    from stereo_model.evaluation.evaluate import SceneResult
    from stereo_model.evaluation.evaluation import Evaluation
    from stereo_model.evaluation.metrics import MaskPolicy
    from stereo_model.evaluation.pictures import Gallery
    from stereo_model.evaluation.scores import RegionScore

EXAMPLE = (
    "Example: fsd-stereo evaluate model.pt --data middlebury:/data/MiddEval3,resolution=Q "
    "--data eth3d:/data/eth3d --out results/first"
)
METRICS = ("epe", "bp05", "bp1", "bp2", "bp3", "d1")
METRIC_NAMES = ("EPE px", "BP-0.5", "BP-1", "BP-2", "BP-3", "D1")
MOST_SCENES = 40  # rows of a table; all are in result.json

Data = Annotated[
    list[str],
    typer.Option(
        metavar="KIND:ROOT[,OPTION=VALUE]",
        help="A data set and its folder; repeatable. See `models`. Of shards a run, a folder, a round, a "
        "list, a pattern or several, and keep.stratum=..., keep.baseline=0.05..0.3, keep.disparity=..192, "
        "keep.flags.mirror=0.1, keep.verdict=keep.",
    ),
]
Masks = Annotated[
    list[str] | None,
    typer.Option(help="all | non_occluded | occluded; repeatable. Default: what the data set knows."),
]
BenchmarkName = Annotated[
    str | None, typer.Option(help="Masks and limits by a benchmark's custom, such as kitti2015.")
]
MaxDisparity = Annotated[
    float | None, typer.Option(min=1, help="Leave out pixels whose truth is as large or larger.")
]
Limit = Annotated[int | None, typer.Option(min=1, help="Only so many scenes of each data set.")]
Out = Annotated[Path | None, typer.Option("--out", help="Write KIND/report.html and KIND/result.json here.")]


def evaluate(
    checkpoint: CheckpointArgument,
    data: Data,
    mask: Masks = None,
    benchmark: BenchmarkName = None,
    max_disparity: MaxDisparity = None,
    iterations: Iterations = None,
    hierarchical: Hierarchical = False,
    limit: Limit = None,
    out_dir: Out = None,
    replace: Replace = False,
    fields: FieldOptions = None,
    device: DeviceOption = Device.AUTO,
) -> None:
    """Measure a model on data sets with ground truth: EPE, BP-0.5/1/2/3 and D1 under every mask."""
    from stereo_model.evaluation.evaluate import evaluate as measure
    from stereo_model.evaluation.report import write_report

    sets = _open_sets(data)
    folders = _free_folders(sets, out_dir, replace=replace)
    rules = _benchmark(benchmark)
    model = load(checkpoint, fields, device)
    for name, dataset in sets.items():
        gallery = _gallery(mask, rules, dataset, max_disparity)
        scenes = range(min(len(dataset), limit or len(dataset)))
        with counter(name, len(scenes)) as count:
            result = measure(
                model,
                dataset,
                policies=_policies(mask, rules, dataset),
                max_disparity=gallery.max_disparity,
                iterations=iterations,
                hierarchical=hierarchical,
                indices=scenes,
                name=Path(checkpoint).name,
                on_scene=_drawn_and_counted(gallery, count),
            )
        _print_evaluation(name, result, gallery.policy, gallery.metric)
        if name in folders:
            write_report(folders[name], result, gallery=gallery, benchmark=rules, replace=replace)
            say(f"{folders[name] / 'report.html'}")


def _open_sets(texts: Sequence[str]) -> dict[str, StereoFiles]:
    """Data sets by name: their kind, numbered where one comes twice."""
    from stereo_model.data.registry import open_dataset

    sets: dict[str, StereoFiles] = {}
    for text in texts:
        kind, roots, options = data_source(text)
        twins = sum(name.partition("-")[0] == kind for name in sets)
        name = f"{kind}-{twins + 1}" if twins else kind
        sets[name] = open_dataset(kind, roots, **options)
    return sets


def _drawn_and_counted(gallery: Gallery, count: Counter) -> Callable[[SceneResult], None]:
    """What to do with each scene."""

    def on_scene(result: SceneResult) -> None:
        gallery.add(result)
        count.step()

    return on_scene


def _free_folders(sets: dict[str, StereoFiles], out_dir: Path | None, *, replace: bool) -> dict[str, Path]:
    """Where the report of each set goes, by the set's name. Raises ResultFolderError where something is."""
    from stereo_model.inference.results import require_free

    folders = {} if out_dir is None else {name: out_dir / name for name in sets}
    for folder in folders.values():
        require_free(folder, replace=replace)
    return folders


def _gallery(
    masks: Sequence[str] | None, rules: Benchmark | None, dataset: StereoFiles, max_disparity: float | None
) -> Gallery:
    """An empty gallery, sorted by the headline of the benchmark, or else by BP-2 of the first mask."""
    from stereo_model.evaluation.pictures import Gallery

    policies = _policies(masks, rules, dataset)
    policy, metric = (policies[0], "bp2") if rules is None else rules.headline
    ceiling = max_disparity or (rules.max_disparity if rules is not None else None)
    return Gallery(policy=policy if policy in policies else policies[0], metric=metric, max_disparity=ceiling)


def _benchmark(name: str | None) -> Benchmark | None:
    from stereo_model.evaluation.benchmarks import BENCHMARKS

    if name is not None and name not in BENCHMARKS:
        raise OptionError(f"--benchmark: expected one of {', '.join(BENCHMARKS)}, got {name!r}")
    return None if name is None else BENCHMARKS[name]


def _policies(
    masks: Sequence[str] | None, rules: Benchmark | None, dataset: StereoFiles
) -> tuple[MaskPolicy, ...]:
    from stereo_model.evaluation.evaluate import known_policies
    from stereo_model.evaluation.metrics import MaskPolicy

    if masks:
        known = [policy.value for policy in MaskPolicy]
        wrong = [mask for mask in masks if mask.replace("-", "_") not in known]
        if wrong:
            raise OptionError(f"--mask: expected one of {', '.join(known)}, got {wrong[0]!r}")
        return tuple(MaskPolicy(mask.replace("-", "_")) for mask in masks)
    return known_policies(dataset[0]) if rules is None else rules.policies


def _print_evaluation(name: str, result: Evaluation, policy: MaskPolicy, metric: str) -> None:
    ordered = result.worst_first(policy, metric)
    table = Table("scene", "mask", "pixels", *METRIC_NAMES, title=f"{name}, {len(ordered)} scenes")
    for scene in ordered[:MOST_SCENES]:
        for kind in result.policies:
            table.add_row(scene.scene, result.mask_name(kind), *_score_row(scene.regions[kind]))
    table.add_section()
    for kind in result.policies:
        table.add_row("mean of scenes", result.mask_name(kind), *_score_row(result.mean(kind)))
    for kind in result.policies:
        table.add_row("all pixels alike", result.mask_name(kind), *_score_row(result.pooled(kind)))
    Console(width=max(out.width, 100)).print(table) if not out.is_terminal else out.print(table)
    if len(ordered) > MOST_SCENES:
        say(f"the worst {MOST_SCENES} of {len(ordered)} scenes; --out writes them all")
    for scene in ordered:
        for warning in scene.warnings:
            warn(f"{scene.scene}: {warning}")


def _score_row(score: RegionScore) -> tuple[str, ...]:
    epe, *shares = (getattr(score, metric) for metric in METRICS)
    error = "-" if epe is None else f"{epe:.3f}"
    return str(score.n_valid), error, *("-" if share is None else f"{share:.2%}" for share in shares)
