"""`fsd-stereo evaluate`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stereo_model.cli.evaluation import print_evaluation
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
from stereo_model.cli.terminal import Counter, counter, say, waiting, warn

if TYPE_CHECKING:
    from stereo_model.data.base import StereoFiles
    from stereo_model.evaluation.benchmarks import Benchmark
    from stereo_model.evaluation.evaluate import SceneResult
    from stereo_model.evaluation.evaluation import Evaluation
    from stereo_model.evaluation.metrics import MaskPolicy
    from stereo_model.evaluation.pictures import Gallery
    from stereo_model.network.model import FoundationStereo

EXAMPLE = (
    "Example: fsd-stereo evaluate model.pt --data middlebury:/data/MiddEval3,resolution=Q "
    "--data eth3d:/data/eth3d --out results/first"
)
MOST_SKIPPED = 20  # scenes

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
    float | None, typer.Option(min=1, max=65536, help="Leave out pixels whose truth is as large or larger.")
]
Limit = Annotated[
    int | None, typer.Option(min=1, max=1_000_000, help="Only so many scenes of each data set.")
]
PerScene = Annotated[bool, typer.Option("--per-scene", help="Print every scene, the worst first.")]
AllowMissing = Annotated[
    bool, typer.Option("--allow-missing", help="Skip and list scenes of which a file is missing.")
]
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
    per_scene: PerScene = False,
    allow_missing: AllowMissing = False,
    out_dir: Out = None,
    replace: Replace = False,
    fields: FieldOptions = None,
    device: DeviceOption = Device.AUTO,
) -> None:
    """Measure a model on data sets with ground truth: EPE, BP-0.5/1/2/3 and D1 under every mask."""
    with waiting("opening the data"):
        sets = _open_sets(data, allow_missing=allow_missing)
    folders = _free_folders(sets, out_dir, replace=replace)
    rules = _benchmark(benchmark)
    policies = {name: _policies(mask, rules, name, dataset) for name, dataset in sets.items()}
    with waiting("loading the model"):
        model = load(checkpoint, fields, device)
    how = _How(name=Path(checkpoint).name, iterations=iterations, hierarchical=hierarchical, limit=limit)
    for name, dataset in sets.items():
        gallery = _gallery(policies[name], rules, max_disparity)
        result = _measured(model, name, dataset, policies[name], gallery, how)
        print_evaluation(name, result, gallery.policy, gallery.metric, per_scene=per_scene)
        if name in folders:
            _write(folders[name], result, gallery, rules, replace=replace)


@dataclass(frozen=True, slots=True, kw_only=True)
class _How:
    """What holds for every data set."""

    name: str  # of the model
    iterations: int | None
    hierarchical: bool
    limit: int | None  # scenes


def _measured(
    model: FoundationStereo,
    name: str,
    dataset: StereoFiles,
    policies: Sequence[MaskPolicy],
    gallery: Gallery,
    how: _How,
) -> Evaluation:
    """The evaluation of one data set, with its progress shown and its worst scenes drawn."""
    from stereo_model.evaluation.evaluate import evaluate as measure

    scenes = range(min(len(dataset), how.limit or len(dataset)))
    with counter(name, len(scenes)) as count:
        return measure(
            model,
            dataset,
            policies=policies,
            max_disparity=gallery.max_disparity,
            iterations=how.iterations,
            hierarchical=how.hierarchical,
            indices=scenes,
            name=how.name,
            on_scene=_drawn_and_counted(gallery, count),
        )


def _write(
    folder: Path, result: Evaluation, gallery: Gallery, rules: Benchmark | None, *, replace: bool
) -> None:
    from stereo_model.evaluation.report import write_report

    write_report(folder, result, gallery=gallery, benchmark=rules, replace=replace)
    say(f"{folder / 'report.html'}")


def _open_sets(texts: Sequence[str], *, allow_missing: bool) -> dict[str, StereoFiles]:
    """Data sets by name: their kind, numbered where one comes twice. What they leave out is listed."""
    from stereo_model.data.registry import open_dataset

    sets: dict[str, StereoFiles] = {}
    for text in texts:
        kind, roots, options = data_source(text)
        twins = sum(name.partition("-")[0] == kind for name in sets)
        name = f"{kind}-{twins + 1}" if twins else kind
        wanted = options | {"allow_missing": True} if allow_missing else options
        sets[name] = open_dataset(kind, roots, **wanted)
        _list_skipped(name, sets[name].skipped)
    return sets


def _list_skipped(name: str, lines: Sequence[str]) -> None:
    for line in lines[:MOST_SKIPPED]:
        warn(f"skipped: {name}: {line}")
    if len(lines) > MOST_SKIPPED:
        warn(f"skipped: {name}: and {len(lines) - MOST_SKIPPED} more")


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


def _gallery(policies: Sequence[MaskPolicy], rules: Benchmark | None, max_disparity: float | None) -> Gallery:
    """An empty gallery, sorted by the headline of the benchmark, or else by BP-2 of the first mask."""
    from stereo_model.evaluation.pictures import Gallery

    policy, metric = (policies[0], "bp2") if rules is None else rules.headline
    ceiling = max_disparity or (rules.max_disparity if rules is not None else None)
    return Gallery(policy=policy if policy in policies else policies[0], metric=metric, max_disparity=ceiling)


def _benchmark(name: str | None) -> Benchmark | None:
    from stereo_model.evaluation.benchmarks import BENCHMARKS

    if name is not None and name not in BENCHMARKS:
        raise OptionError(f"--benchmark: expected one of {', '.join(BENCHMARKS)}, got {name!r}")
    return None if name is None else BENCHMARKS[name]


def _policies(
    masks: Sequence[str] | None, rules: Benchmark | None, name: str, dataset: StereoFiles
) -> tuple[MaskPolicy, ...]:
    """The masks asked for, by name or by a benchmark, or else those that the data set knows."""
    from stereo_model.evaluation.evaluate import known_policies
    from stereo_model.evaluation.metrics import MaskPolicy

    known = (MaskPolicy.ALL,) if dataset.unmasked else known_policies(dataset[0])
    if not masks and rules is None:
        return known
    wanted = rules.policies if rules is not None and not masks else _named_masks(masks or ())
    lacking = [policy.value for policy in wanted if policy not in known]
    if lacking:
        reason = dataset.unmasked or "the data set does not tell which pixels those are"
        possible = " ".join(f"--mask {policy.value}" for policy in known)
        raise OptionError(f"{name}, {dataset.root}: no mask {lacking[0]}: {reason}; give {possible}")
    return wanted


def _named_masks(masks: Sequence[str]) -> tuple[MaskPolicy, ...]:
    from stereo_model.evaluation.metrics import MaskPolicy

    known = [policy.value for policy in MaskPolicy]
    wrong = [mask for mask in masks if mask.replace("-", "_") not in known]
    if wrong:
        raise OptionError(f"--mask: expected one of {', '.join(known)}, got {wrong[0]!r}")
    return tuple(MaskPolicy(mask.replace("-", "_")) for mask in masks)
