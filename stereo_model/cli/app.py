"""`fsd-stereo`: train, evaluate, run, export and convert FoundationStereo models."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, ParamSpec, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

if TYPE_CHECKING:  # torch takes seconds to load, so each command imports what it needs
    from stereo_model.data.registry import StereoFiles
    from stereo_model.evaluation.evaluate import Evaluation, RegionScore
    from stereo_model.evaluation.metrics import Benchmark, MaskPolicy
    from stereo_model.export.parity import ParityReport
    from stereo_model.inference.infer import InferOptions
    from stereo_model.network.model import FoundationStereo
    from stereo_model.training.log import OnStep

P = ParamSpec("P")
R = TypeVar("R")

METRICS = ("epe", "bp05", "bp1", "bp2", "bp3", "d1")
METRIC_NAMES = ("EPE px", "BP-0.5", "BP-1", "BP-2", "BP-3", "D1")
MOST_SCENES = 40  # rows of a table; all are in result.json
SPEAK_EVERY_S = 30.0  # between lines of progress where there is no terminal

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help=__doc__,
    context_settings={"help_option_names": ["-h", "--help"]},
)
out = Console()
err = Console(stderr=True)


class OptionError(ValueError):
    """An option or argument is malformed."""


class Device(StrEnum):
    """Where a model runs."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


class Precision(StrEnum):
    """Of an exported model."""

    FP32 = "fp32"
    FP16 = "fp16"


class Format(StrEnum):
    """Of a checkpoint."""

    OURS = "ours"
    PUBLISHED = "published"


CheckpointArgument = Annotated[
    str,
    typer.Argument(
        metavar="CHECKPOINT",
        help="model.pt, a published .pth with its cfg.yaml beside it, or hf:OWNER/REPO/FILE.",
    ),
]
FieldOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--model",
        metavar="FIELD=VALUE",
        help="Replace a field that leaves the weights as they are: max_disparity, disparity_attention. "
        "Repeatable.",
    ),
]
Iterations = Annotated[
    int | None, typer.Option("--iterations", min=1, help="Refinement steps; default: the model's own.")
]
Hierarchical = Annotated[
    bool, typer.Option("--hierarchical", help="Start from an estimate at half size; for large images.")
]
DeviceOption = Annotated[Device, typer.Option("--device", help="auto takes a GPU if there is one.")]
Replace = Annotated[bool, typer.Option("--replace", help="Replace earlier results.")]


def clear_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Show errors that say what to do as one line: exit code 2 for bad input, 1 for work that failed.

    These are the package's own errors, of which those that derive from RuntimeError or ArithmeticError tell
    of failed work, and what the operating system says. Anything else is a bug and shows its traceback.
    """

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except KeyboardInterrupt as stop:
            err.print(str(stop) or "stopped", highlight=False, markup=False, soft_wrap=True)
            raise typer.Exit(130) from None
        except (ValueError, TypeError, OSError, ImportError, RuntimeError, ArithmeticError) as error:
            ours = type(error).__module__.partition(".")[0] == __name__.partition(".")[0]
            if not ours and not _from_the_system(error):
                raise
            _fail(error)

    return wrapped


def _from_the_system(error: Exception) -> bool:
    """Whether it is about files, disks or a full GPU, not about our code."""
    return isinstance(error, OSError) or type(error).__name__ == "OutOfMemoryError"


def _fail(error: Exception) -> NoReturn:
    text = " ".join(str(error).split())
    err.print("error:", text, style="red", soft_wrap=True, highlight=False, markup=False)
    failed = isinstance(error, (RuntimeError, ArithmeticError))
    raise typer.Exit(1 if failed else 2) from None


def _say(text: str) -> None:
    out.print(text, highlight=False, markup=False, soft_wrap=True)


# ---------------------------------------------------------------- what several commands need


def _load(
    checkpoint: str, fields: Sequence[str] | None = None, device: Device = Device.CPU
) -> FoundationStereo:
    """The model of a checkpoint, on its device."""
    from stereo_model import load_checkpoint, resolve_weights

    wanted = _device(device)
    path = resolve_weights(checkpoint) if checkpoint.startswith("hf:") else Path(checkpoint)
    return load_checkpoint(path, **_assignments(fields or ())).to(wanted)


def _device(device: Device) -> str:
    import torch

    from stereo_model.training.config import DeviceError

    if device is Device.AUTO:
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device is Device.CUDA and not torch.cuda.is_available():
        raise DeviceError("--device cuda: this machine has no usable GPU; leave the option out")
    return device.value


def _assignments(texts: Sequence[str]) -> dict[str, Any]:
    """FIELD=VALUE pairs; values are read as YAML, so that 3, 1e-4, true, null and [1, 2] mean themselves."""
    import yaml

    values = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise OptionError(f"expected FIELD=VALUE, got {text!r}")
        try:
            values[name] = _number(yaml.safe_load(value))
        except yaml.YAMLError:
            raise OptionError(f"{name}: not a value: {value!r}") from None
    return values


def _number(value: Any) -> Any:
    """YAML takes 1e-4 for a text; it wants 1.0e-4."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _size(text: str, option: str) -> tuple[int, int]:
    """(height, width) of WIDTHxHEIGHT, as all sizes are written on the command line."""
    width, by, height = text.lower().partition("x")
    if not (by and width.isdigit() and height.isdigit()):
        raise OptionError(f"{option}: expected WIDTHxHEIGHT, such as 640x480, got {text!r}")
    return int(height), int(width)


class _Counter:
    """A bar on a terminal; elsewhere a line now and then."""

    def __init__(self, what: str, total: int, progress: Progress | None) -> None:
        self._what, self._total, self._done = what, total, 0
        self._progress, self._said = progress, time.monotonic()
        self._task = progress.add_task(what, total=total) if progress else None

    def step(self) -> None:
        """One more is done."""
        self._done += 1
        if self._progress is not None:
            self._progress.advance(self._task)
        elif time.monotonic() - self._said > SPEAK_EVERY_S:
            self._said = time.monotonic()
            err.print(f"{self._what}: {self._done}/{self._total}", highlight=False, markup=False)


@contextmanager
def _counter(what: str, total: int) -> Iterator[_Counter]:
    if not err.is_terminal:
        yield _Counter(what, total, None)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err) as progress:
        yield _Counter(what, total, progress)


# ---------------------------------------------------------------- train


@app.command(
    epilog="Example: fsd-stereo train cpu data.shards.root=runs/demo/shards training.steps=500 "
    "--out runs/first"
)
@clear_errors
def train(
    recipe: Annotated[str, typer.Argument(help="paper, finetune, cpu, cpu-refine, or a YAML file.")],
    values: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FIELD=VALUE]...", help="Replace single values, such as training.steps=500."),
    ] = None,
    out_dir: Annotated[Path, typer.Option("--out", help="Run folder; continued if it exists.")] = Path(
        "runs/stereo"
    ),
    workers: Annotated[int, typer.Option(min=1, help="Processes, or GPUs, that train together.")] = 1,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads; default: all.")] = None,
) -> None:
    """Train a model as RECIPE says, going on from whatever the run folder holds."""
    import torch

    from stereo_model.training.recipe import load_recipe, run_recipe
    from stereo_model.training.run_folder import saved_step

    chosen = load_recipe(recipe, **_assignments(values or ()))
    if threads is not None:
        torch.set_num_threads(threads)
    done = saved_step(out_dir) if out_dir.is_dir() else 0
    with _training_progress(chosen.training.steps, done) as on_step:
        path = run_recipe(chosen, out_dir, workers=workers, on_step=on_step)
    went = f"went on after step {done} to" if done else "trained to"
    _say(f"{went} step {chosen.training.steps}; the model is {path}")


@contextmanager
def _training_progress(total: int, done: int) -> Iterator[OnStep]:
    if err.is_terminal:
        from stereo_model.training.log import progress_line

        with progress_line(total, done=done, console=err) as on_step:
            yield on_step
        return
    said = -SPEAK_EVERY_S

    def speak(step: int, loss: float, rate: float) -> None:
        nonlocal said
        if time.monotonic() - said > SPEAK_EVERY_S or step == total:
            said = time.monotonic()
            err.print(f"step {step}/{total}: loss {loss:.3f}, rate {rate:.1e}", highlight=False)

    yield speak


# ---------------------------------------------------------------- evaluate


@app.command(
    epilog="Example: fsd-stereo evaluate model.pt --data middlebury:/data/MiddEval3,resolution=Q "
    "--data eth3d:/data/eth3d --out results/first"
)
@clear_errors
def evaluate(
    checkpoint: CheckpointArgument,
    data: Annotated[
        list[str],
        typer.Option(
            metavar="KIND:ROOT[,OPTION=VALUE]", help="A data set and its folder; repeatable. See `models`."
        ),
    ],
    mask: Annotated[
        list[str] | None,
        typer.Option(help="all | non_occluded | occluded; repeatable. Default: what the data set knows."),
    ] = None,
    benchmark: Annotated[
        str | None, typer.Option(help="Masks and limits by a benchmark's custom, such as kitti2015.")
    ] = None,
    max_disparity: Annotated[
        float | None, typer.Option(min=1, help="Leave out pixels whose truth is as large or larger.")
    ] = None,
    iterations: Iterations = None,
    hierarchical: Hierarchical = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many scenes of each data set.")] = None,
    out_dir: Annotated[
        Path | None, typer.Option("--out", help="Write KIND/report.html and KIND/result.json here.")
    ] = None,
    replace: Replace = False,
    fields: FieldOptions = None,
    device: DeviceOption = Device.AUTO,
) -> None:
    """Measure a model on data sets with ground truth: EPE, BP-0.5/1/2/3 and D1 under every mask."""
    from stereo_model.evaluation.evaluate import evaluate as measure
    from stereo_model.evaluation.report import Gallery, write_report
    from stereo_model.inference.results import require_free

    sets = _open_sets(data)
    folders = {name: out_dir / name for name in sets} if out_dir is not None else {}
    for folder in folders.values():
        require_free(folder, replace=replace)
    rules = _benchmark(benchmark)
    model = _load(checkpoint, fields, device)
    ceiling = max_disparity or (rules.max_disparity if rules is not None else None)
    for name, dataset in sets.items():
        policies = _policies(mask, rules, dataset)
        sorted_by = rules.headline if rules is not None else (policies[0], "bp2")
        if sorted_by[0] not in policies:
            sorted_by = (policies[0], sorted_by[1])
        gallery = Gallery(policy=sorted_by[0], metric=sorted_by[1], max_disparity=ceiling)
        scenes = range(min(len(dataset), limit or len(dataset)))
        with _counter(name, len(scenes)) as counter:
            result = measure(
                model,
                dataset,
                policies=policies,
                max_disparity=ceiling,
                iterations=iterations,
                hierarchical=hierarchical,
                indices=scenes,
                name=Path(checkpoint).name,
                on_scene=_both(gallery.add, counter.step),
            )
        _print_evaluation(name, result, *sorted_by)
        if name in folders:
            write_report(folders[name], result, gallery=gallery, benchmark=rules, replace=replace)
            _say(f"{folders[name] / 'report.html'}")


def _both(first: Callable[[Any], None], then: Callable[[], None]) -> Callable[[Any], None]:
    def call(given: Any) -> None:
        first(given)
        then()

    return call


def _open_sets(texts: Sequence[str]) -> dict[str, StereoFiles]:
    """Data sets by name: their kind, numbered where one comes twice."""
    from stereo_model.data.registry import open_dataset

    sets: dict[str, StereoFiles] = {}
    for text in texts:
        kind, colon, rest = text.partition(":")
        root, *options = rest.split(",")
        if not colon or not root:
            raise OptionError(f"--data: expected KIND:ROOT, such as folder:pairs, got {text!r}")
        twins = sum(name.partition("-")[0] == kind for name in sets)
        name = f"{kind}-{twins + 1}" if twins else kind
        sets[name] = open_dataset(kind, root, **_assignments(options))
    return sets


def _benchmark(name: str | None) -> Benchmark | None:
    from stereo_model.evaluation.metrics import BENCHMARKS

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
        _say(f"the worst {MOST_SCENES} of {len(ordered)} scenes; --out writes them all")
    for scene in ordered:
        for warning in scene.warnings:
            err.print(f"{scene.scene}: {warning}", highlight=False, markup=False, soft_wrap=True)


def _score_row(score: RegionScore) -> tuple[str, ...]:
    epe, *shares = (getattr(score, metric) for metric in METRICS)
    error = "-" if epe is None else f"{epe:.3f}"
    return str(score.n_valid), error, *("-" if share is None else f"{share:.2%}" for share in shares)


# ---------------------------------------------------------------- infer


@app.command(
    epilog="Examples: fsd-stereo infer model.pt left.png right.png --out result --intrinsics calib.txt | "
    "fsd-stereo infer model.pt 'set/*/im0.png' 'set/*/im1.png' --out results"
)
@clear_errors
def infer(
    checkpoint: CheckpointArgument,
    left: Annotated[str, typer.Argument(help="Left image, a folder, or a quoted pattern with *.")],
    right: Annotated[str, typer.Argument(help="Right image, folder or pattern of the same form.")],
    out_dir: Annotated[Path, typer.Option("--out", help="Folder of the results.")],
    intrinsics: Annotated[
        str | None,
        typer.Option(help="Middlebury's calib.txt, or K and the baseline; a pattern for several pairs."),
    ] = None,
    baseline: Annotated[
        float | None, typer.Option(min=0, help="Metres; in place of the calibration's.")
    ] = None,
    formats: Annotated[str, typer.Option("--format", help="Of the disparity: pfm, png, npy.")] = (
        "pfm,png,npy"
    ),
    iterations: Iterations = None,
    hierarchical: Hierarchical = False,
    tile: Annotated[
        str | None, typer.Option(metavar="WIDTHxHEIGHT", help="Work in tiles; for very large images.")
    ] = None,
    overlap: Annotated[int, typer.Option(min=0, help="Of tiles, pixels.")] = 128,
    confidence: Annotated[
        bool, typer.Option("--confidence", help="Ask for the right view too: left-right consistency.")
    ] = False,
    min_confidence: Annotated[
        float, typer.Option(min=0, max=1, help="Leave out points of less; implies --confidence.")
    ] = 0.0,
    z_far: Annotated[float | None, typer.Option(min=0, help="Leave out points further away, metres.")] = None,
    cloud: Annotated[bool, typer.Option(help="Write cloud.ply where there is a calibration.")] = True,
    allow_swapped: Annotated[
        bool, typer.Option("--allow-swapped", help="Go on when the images look exchanged.")
    ] = False,
    replace: Replace = False,
    fields: FieldOptions = None,
    device: DeviceOption = Device.AUTO,
) -> None:
    """Disparity, colours, depth and a point cloud of one pair or many."""
    from stereo_model.inference.infer import InferOptions

    try:
        options = InferOptions(
            formats=tuple(part.strip() for part in formats.split(",")),
            iterations=iterations,
            hierarchical=hierarchical,
            tile_hw=None if tile is None else _size(tile, "--tile"),
            overlap=overlap,
            consistency=confidence or min_confidence > 0,
            cloud=cloud,
            z_range_m=(0.0, float("inf") if z_far is None else z_far),
            min_confidence=min_confidence,
            allow_swapped=allow_swapped,
        )
    except ValueError as error:
        raise OptionError(str(error)) from None
    pair = (left, right)
    load = functools.partial(_load, checkpoint, fields, device)
    if not any(_is_many(text) for text in pair):
        _infer_one(load, pair, intrinsics, baseline, out_dir, options, replace)
    elif baseline is None:
        _infer_many(load, pair, intrinsics, out_dir, options, replace)
    else:
        raise OptionError("--baseline is for a single pair; put it into the calibration files")


def _is_many(text: str) -> bool:
    return Path(text).is_dir() or (not Path(text).exists() and any(mark in text for mark in "*?"))


def _infer_one(
    load: Callable[[], FoundationStereo],
    pair: tuple[str, str],
    intrinsics: str | None,
    baseline: float | None,
    out_dir: Path,
    options: InferOptions,
    replace: bool,
) -> None:
    from stereo_model.inference.cloud import read_calibration
    from stereo_model.inference.infer import infer_pair
    from stereo_model.inference.results import require_free

    require_free(out_dir, replace=replace)
    calibration = None if intrinsics is None else read_calibration(intrinsics, baseline_m=baseline)
    facts = infer_pair(load(), *pair, out_dir, options=options, calibration=calibration, replace=replace)
    for warning in facts["warnings"]:
        err.print("warning:", warning, highlight=False, markup=False, soft_wrap=True)
    low, median, high = (facts["disparity_px"][key] for key in ("min", "median", "max"))
    _say(
        f"{out_dir}: {', '.join(facts['files'])}; disparity {low:.1f} to {high:.1f} px, median {median:.1f}, "
        f"in {facts['seconds']:.1f} s"
    )


def _infer_many(
    load: Callable[[], FoundationStereo],
    patterns: tuple[str, str],
    intrinsics: str | None,
    out_dir: Path,
    options: InferOptions,
    replace: bool,
) -> None:
    from stereo_model.inference.infer import find_pairs, infer_pairs

    left, right = (f"{text.rstrip('/')}/*" if Path(text).is_dir() else text for text in patterns)
    pairs = find_pairs(left, right, calibration_pattern=intrinsics)
    with _counter("pairs", len(pairs)) as counter:
        report = infer_pairs(
            load(), pairs, out_dir, options=options, replace=replace, on_pair=lambda *_: counter.step()
        )
    for name, error in report.failed.items():
        err.print(f"{name}: {error}", highlight=False, markup=False, soft_wrap=True)
    _say(
        f"{len(report.done)} pairs done, {len(report.skipped)} were there already, "
        f"{len(report.failed)} failed; under {out_dir}"
    )
    if report.failed:
        raise typer.Exit(1)


# ---------------------------------------------------------------- export, convert


@app.command(epilog="Example: fsd-stereo export model.pt model.onnx --iterations 16 --precision fp16")
@clear_errors
def export(
    checkpoint: CheckpointArgument,
    target: Annotated[Path, typer.Argument(help="Name of the file, ending in .onnx.")],
    size: Annotated[
        str | None,
        typer.Option(metavar="WIDTHxHEIGHT", help="The only size it shall take; default: any."),
    ] = None,
    iterations: Iterations = None,
    precision: Annotated[Precision, typer.Option(help="Of the convolutions.")] = Precision.FP32,
    check: Annotated[bool, typer.Option(help="Compare with the model, in onnxruntime on the CPU.")] = True,
    fields: FieldOptions = None,
) -> None:
    """Write a model as ONNX, with a fixed number of iterations, and check that it says the same."""
    from stereo_model.export.onnx import TRACED_HW, export_onnx
    from stereo_model.export.parity import check_parity

    height, width = TRACED_HW if size is None else _size(size, "--size")
    model = _load(checkpoint, fields)
    with err.status("exporting"):
        info = export_onnx(
            model,
            target,
            height=height,
            width=width,
            iterations=iterations,
            precision=precision.value,
            dynamic=size is None,
        )
    _say(
        f"{target}: {target.stat().st_size / 1e6:.1f} MB, {info.iterations} iterations, {info.precision}, "
        f"opset {info.opset}, size {info.size}"
    )
    if check:
        with err.status("comparing with the model"):
            report = check_parity(model, target)
        _say_parity(report)


def _say_parity(report: ParityReport) -> None:
    for case in report.cases:
        _say(
            f"at {case.width}x{case.height}: differs from the model by {case.mean:.2g} px on average, "
            f"{case.worst:.2g} px at most"
        )
    if not report.passed:
        err.print(
            f"error: differs by more than {report.tolerance:g} px on average",
            style="red",
            highlight=False,
            soft_wrap=True,
        )
        raise typer.Exit(1)


@app.command(epilog="Example: fsd-stereo convert 23-51-11/model_best_bp2.pth foundation.pt --to ours")
@clear_errors
def convert(
    source: Annotated[Path, typer.Argument(help="Checkpoint of either format.")],
    target: Annotated[Path, typer.Argument(help="File to write.")],
    to: Annotated[
        Format, typer.Option(help="published also writes a cfg.yaml beside the file.")
    ] = Format.OURS,
    replace: Annotated[bool, typer.Option("--replace", help="Replace an existing file.")] = False,
) -> None:
    """Turn a published checkpoint into ours, or ours into a published one."""
    from stereo_model import convert as write

    if target.exists() and not replace:
        raise OptionError(f"{target}: exists; choose another name or give --replace")
    write(source, target, to=to.value)
    _say(f"{target}: {target.stat().st_size / 1e6:.1f} MB, format {to.value}")


# ---------------------------------------------------------------- info, models


@app.command()
@clear_errors
def info(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A checkpoint of either format, or an .onnx.")],
    all_fields: Annotated[bool, typer.Option("--all", help="Every field of the configuration.")] = False,
) -> None:
    """What a checkpoint or an exported file holds."""
    if file.endswith(".onnx"):
        from stereo_model.export.onnx import read_export_info

        exported = read_export_info(file)
        _print_facts({name: getattr(exported, name) for name in exported.__slots__})
        return
    model = _load(file)
    facts = _facts(model) | _training_facts(file)
    _print_facts(facts | (model.config.model_dump() if all_fields else {}))


def _training_facts(file: str) -> dict[str, Any]:
    """How far the training was whose state the file holds."""
    from stereo_model.weights.files import read_file

    payload = read_file(file) if Path(file).is_file() else {}
    training = payload.get("training") if isinstance(payload, dict) else None
    return {"training": f"after step {training['step']}; can be continued"} if training else {}


def _facts(model: FoundationStereo) -> dict[str, Any]:
    from stereo_model import model_digest

    config = model.config
    total, learned = _parameters(model)
    return {
        "like preset": _preset_like(model) or "none",
        "parameters": f"{total / 1e6:.2f} M, of which {learned / 1e6:.2f} M learn",
        "backbone": config.backbone,
        "prior": config.prior or "none",
        "max_disparity": f"{config.max_disparity} px",
        "iterations": config.iterations,
        "disparity_attention": config.disparity_attention,
        "config digest": config.digest(),
        "weights digest": model_digest(model),
    }


def _parameters(model: FoundationStereo) -> tuple[int, int]:
    weights = list(model.parameters())
    return sum(w.numel() for w in weights), sum(w.numel() for w in weights if w.requires_grad)


def _preset_like(model: FoundationStereo) -> str | None:
    """The preset with this architecture, whatever the search range and the default iterations."""
    from stereo_model import PRESETS, model_config

    free = ("max_disparity", "iterations", "disparity_attention")
    own = model.config.model_dump(exclude=set(free))
    return next((name for name in PRESETS if model_config(name).model_dump(exclude=set(free)) == own), None)


def _print_facts(facts: dict[str, Any]) -> None:
    width = max(len(name) for name in facts)
    for name, value in facts.items():
        _say(f"{name:<{width}}  {value}")


@app.command()
@clear_errors
def models() -> None:
    """The sizes of the network, the training recipes, the data sets and the benchmarks known by name."""
    import torch

    from stereo_model import PRESETS, model_config
    from stereo_model.data.registry import DATASETS
    from stereo_model.evaluation.metrics import BENCHMARKS
    from stereo_model.network.model import FoundationStereo
    from stereo_model.training.recipe import preset_names

    table = Table("model", "parameters", "learn", "prior", "max disparity", "iterations")
    for name in PRESETS:
        config = model_config(name)
        with torch.device("meta"):  # shapes without numbers
            total, learned = _parameters(FoundationStereo(config))
        sizes = (f"{total / 1e6:.1f} M", f"{learned / 1e6:.1f} M")
        table.add_row(
            name, *sizes, config.prior or "none", f"{config.max_disparity} px", str(config.iterations)
        )
    out.print(table)
    _say(f"recipes: {', '.join(preset_names())}")
    _say(f"data sets: {', '.join(DATASETS)}")
    _say(f"benchmarks: {', '.join(BENCHMARKS)}")


if __name__ == "__main__":
    app()
