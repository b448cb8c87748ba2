"""`fsd-curate`: train on what was rendered, drop what cannot be explained, draw it again, publish."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, ParamSpec, TypeVar

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from curation.config import CurationConfig, CurationConfigError, Policy, load_config
from curation.judging.scores import ERROR_BINS
from curation.judging.tables import TableError, read_scores, read_verdicts
from curation.judging.verdicts import BrokenScorerError, Outcome, WhatIf, sweep
from curation.publish.publish import PublishError, publish
from curation.report.pages import percent, write_round_report, write_run_report
from curation.report.summary import RoundReport
from curation.rounds.layout import RoundDir, completed_rounds, first_shards
from curation.rounds.population import Population, PopulationError
from curation.rounds.stages import (
    FrozenRoundError,
    RoundError,
    RunError,
    bring_to,
    population_before,
    started_config,
)
from curation.rounds.world import Event, OnEvent
from curation.workbench.workbench import DeviceError, RenderError, TrainingDataError, Workbench
from fsd_gen.production.render import RENDER_ERRORS
from jobs.farm.driver import ClusterUnreachableError, FarmCapacityError
from jobs.files import DiskFullError
from jobs.rundir import RunLock, RunLockedError
from jobs.task import FarmConfig, FarmInterrupted, WorkerStartError
from stereo_model import BackboneWeightsError, CheckpointError
from stereo_model import ConfigError as ModelConfigError
from stereo_model.data.sample import SampleError
from stereo_model.training.state import ResumeError
from stereo_model.training.trainer import NonFiniteLossError

P = ParamSpec("P")
R = TypeVar("R")

BAD_INPUT = (  # the user can put these right; exit code 2
    *RENDER_ERRORS,
    BackboneWeightsError,
    CheckpointError,
    ClusterUnreachableError,
    CurationConfigError,
    DeviceError,
    FarmCapacityError,
    FrozenRoundError,
    ModelConfigError,
    PopulationError,
    PublishError,
    ResumeError,
    RunError,
    RunLockedError,
    SampleError,
    TableError,
    TrainingDataError,
)
FAILED = (  # the work went wrong; exit code 1
    BrokenScorerError,
    DiskFullError,
    NonFiniteLossError,
    RenderError,
    RoundError,
    WorkerStartError,
)

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help=__doc__,
    context_settings={"help_option_names": ["-h", "--help"]},
)
out = Console()
err = Console(stderr=True)
Run = Annotated[Path, typer.Argument(help="Run directory of `fsd-gen render`.")]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="YAML; default: `curation:` of RUN/config.yaml.")
]


def clear_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Show expected errors as one clear line; an interruption says how to go on."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except (*BAD_INPUT, *FAILED) as error:
            err.print("error:", str(error), style="red", soft_wrap=True, highlight=False, markup=False)
            raise typer.Exit(2 if isinstance(error, BAD_INPUT) else 1) from None
        except (FarmInterrupted, KeyboardInterrupt):
            err.print("stopped; the same command goes on from here", highlight=False)
            raise typer.Exit(130) from None

    return wrapped


# ---------------------------------------------------------------- round


@app.command("round")
@clear_errors
def round_(
    run: Run,
    iterations: Annotated[int, typer.Option("--iter", min=1, help="How many rounds the run is to have.")] = 2,
    config: ConfigFile = None,
    in_sample: Annotated[
        bool, typer.Option("--in-sample", help="One model scores what it learned from.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Drop even on the word of a weak scorer.")] = False,
    workers: Annotated[int | None, typer.Option(min=0, help="Rendering processes; 0: this one.")] = None,
    address: Annotated[str | None, typer.Option(help='Ray cluster to join: "auto" or HOST:PORT.')] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="CPU threads for training; default: all.")
    ] = None,
) -> None:
    """Bring RUN to --iter complete curation rounds, going on wherever it stopped."""
    _existing(run)
    settings = _settings(run, config, in_sample=in_sample, force=force)
    tools = Workbench(farm=FarmConfig(workers=workers, address=address), threads=threads)
    with RunLock(run), _progress() as on_event:
        worked_on = bring_to(run, iterations, settings, tools, write_round_report, on_event)
        if worked_on:
            write_run_report(run, tools)
    if not worked_on:
        count = len(completed_rounds(run))
        out.print(
            f"nothing to do: {run} has {count} complete rounds, {iterations} were asked for",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )
    for here in completed_rounds(run)[-worked_on:] if worked_on else ():
        _say_round(here)


def _existing(run: Path) -> None:
    if not run.is_dir():
        raise RunError(f"{run}: no such directory; expected a run of `fsd-gen render`")


def _settings(run: Path, config: Path | None, *, in_sample: bool, force: bool) -> CurationConfig:
    settings = load_config(run, config)
    policy = settings.policy.model_copy(update={"force": True}) if force else settings.policy
    return settings.model_copy(update={"policy": policy, "in_sample": in_sample or settings.in_sample})


def _say_round(here: RoundDir) -> None:
    report = RoundReport.model_validate_json(here.report_json.read_text("utf-8"))
    forced = ", but it was forced" if report.config["policy"]["force"] else ""
    weak = f" [red](too weak to judge{forced})[/red]" if report.weak else ""
    out.print(
        f"round {report.round}: {report.samples} scored, {report.kept} kept, {report.dropped} dropped, "
        f"{report.unscorable} unscorable, {report.regenerated} drawn again; "
        f"median BP-2 ({report.mask}) {percent(report.median_bp2)}{weak}",
        highlight=False,
        soft_wrap=True,
    )
    out.print(f"  {here.report_html}", highlight=False, markup=False, soft_wrap=True)


@contextmanager
def _progress() -> Iterator[OnEvent]:
    """A bar per stage and model on a terminal; elsewhere a line when a stage begins and now and then."""
    if not err.is_terminal:
        yield _Lines()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[unit]}"),
        TextColumn("{task.fields[loss]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    bars: dict[str, TaskID] = {}
    with Progress(*columns, console=err) as progress:

        def on_event(event: Event) -> None:
            name = f"round {event.round}: {event.stage} {event.note}".rstrip()
            if name not in bars:
                bars[name] = progress.add_task(name, total=event.total, unit=event.unit, loss="")
            loss = "" if event.loss is None else f"loss {event.loss:.3f}"
            progress.update(bars[name], completed=event.done, total=event.total, loss=loss)

        yield on_event


class _Lines:
    """Progress for logs: a line for each new stage, then one every `EVERY_S` seconds."""

    EVERY_S = 30.0

    def __init__(self) -> None:
        self._stage, self._said = "", 0.0

    def __call__(self, event: Event) -> None:
        stage = f"round {event.round}: {event.stage} {event.note}".rstrip()
        now = time.monotonic()
        if stage == self._stage and now - self._said < self.EVERY_S:
            return
        self._stage, self._said = stage, now
        loss = "" if event.loss is None else f" loss={event.loss:.3f}"
        err.print(f"{stage}: {event.done}/{event.total} {event.unit}{loss}", highlight=False, soft_wrap=True)


# ---------------------------------------------------------------- status


@app.command()
@clear_errors
def status(run: Run) -> None:
    """What RUN holds, and how far its rounds are."""
    _existing(run)
    tools = Workbench()
    rounds = completed_rounds(run)
    if not first_shards(run):
        raise RunError(f"{run}: no finished shard in {run / 'shards'}; render the dataset first")
    table = Table("round", "scored", "kept", "dropped", "unscorable", "drawn again", "median BP-2")
    for here in rounds:
        table.add_row(*_status_row(here))
    if rounds:
        out.print(table)
    begun = RoundDir(run_dir=run, number=len(rounds) + 1)
    if begun.started.exists():
        out.print(f"round {begun.number} is not complete: {stage_of(begun)}", highlight=False, soft_wrap=True)
    _say_population(population_before(run, len(rounds) + 1, tools), rounds)


def _status_row(here: RoundDir) -> tuple[str, ...]:
    r = RoundReport.model_validate_json(here.report_json.read_text("utf-8"))
    counts = (r.samples, r.kept, r.dropped, r.unscorable, r.regenerated)
    return str(r.round), *map(str, counts), f"{percent(r.median_bp2)} ({r.mask})"


def _say_population(now: Population, rounds: tuple[RoundDir, ...]) -> None:
    slots = len(now.current) + now.quarantined
    text = f"{len(now.current)} of {slots} slots hold a sample, {now.quarantined} do not"
    if rounds:
        final = rounds[-1].final_verdicts
        if final.exists():
            gone = sum(v.outcome is not Outcome.KEEP for v in read_verdicts(final))
            text += f"; {gone} of the last successors failed the final scoring"
        else:
            text += "; publishing will score the last round's successors first"
    out.print(text, highlight=False, soft_wrap=True)


def stage_of(here: RoundDir) -> str:
    """What an unfinished round is at, from its files."""
    config = started_config(here)
    trained = sum(here.checkpoint(model).exists() for model in range(config.model_count))
    if trained < config.model_count:
        return f"training, {trained} of {config.model_count} models done"
    if not here.scores.exists():
        lines = sum(part.read_text("utf-8").count("\n") for part in sorted(here.parts.glob("fold-*.jsonl")))
        return f"scoring, {lines} samples done"
    if not here.verdicts.exists():
        return "judging"
    rejected = sum(verdict.outcome is not Outcome.KEEP for verdict in read_verdicts(here.verdicts))
    return f"drawing {rejected} slots again, {len(here.regenerated_shards())} shards done"


# ---------------------------------------------------------------- report, publish, sweep


@app.command()
@clear_errors
def report(
    run: Run,
    number: Annotated[
        int | None, typer.Option("--round", min=1, help="Only this round; default: all.")
    ] = None,
) -> None:
    """Write the reports of complete rounds, and the run's, again."""
    _existing(run)
    tools = Workbench()
    rounds = completed_rounds(run)
    if number is not None and number > len(rounds):
        raise RunError(f"{run}: round {number} is not complete; complete rounds: {len(rounds)}")
    with RunLock(run):
        for here in rounds if number is None else rounds[number - 1 : number]:
            write_round_report(run, here, tools)
            _say_round(here)
        write_run_report(run, tools)
    out.print(str(run / "rounds" / "report.html"), highlight=False, markup=False, soft_wrap=True)


@app.command("publish")
@clear_errors
def publish_(
    run: Run,
    out_dir: Annotated[Path | None, typer.Option("--out", help="Default: RUN/curated.")] = None,
    include_unscored: Annotated[
        bool, typer.Option("--include-unscored", help="Do not score the last successors; publish them all.")
    ] = False,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads for scoring; default: all.")] = None,
) -> None:
    """Write the kept samples as a dataset of their own."""
    _existing(run)
    target = out_dir or run / "curated"
    tools = Workbench(threads=threads)
    with RunLock(run), _progress() as on_event:
        done = publish(run, target, tools, on_event, include_unscored=include_unscored)
        write_run_report(run, tools)
    out.print(
        f"{done.samples} samples in {done.shards} shards under {done.path}"
        f"{'' if done.new else ' (there already)'}; "
        f"{done.rejected_successors} last successors left out, {done.unjudged} published unscored",
        highlight=False,
        soft_wrap=True,
    )


@app.command("sweep")
@clear_errors
def sweep_(
    run: Run,
    number: Annotated[
        int | None, typer.Option("--round", min=1, help="Default: the last one scored.")
    ] = None,
    low: Annotated[float, typer.Option("--from", min=0, max=1, help="Lowest threshold, share of 1.")] = 0.3,
    high: Annotated[float, typer.Option("--to", min=0, max=1, help="Highest threshold.")] = 0.9,
    step: Annotated[float, typer.Option(min=0.01, max=1, help="Between thresholds.")] = 0.1,
    tau: Annotated[
        float, typer.Option(help=f"Error above which a pixel is bad: one of {ERROR_BINS} px.")
    ] = 2.0,
    mask: Annotated[str | None, typer.Option(help="visible | all; default: the round's.")] = None,
) -> None:
    """What other thresholds would drop, from stored scores; nothing is trained or drawn."""
    _existing(run)
    here = _scored_round(run, number)
    policy = _swept_policy(started_config(here).policy, mask)
    if tau not in ERROR_BINS:
        known = ", ".join(f"{edge:g}" for edge in ERROR_BINS)
        raise CurationConfigError(f"--tau: expected one of {known} px, got {tau:g}")
    if low > high:
        raise CurationConfigError(f"--from {low:g} must not be above --to {high:g}")
    thresholds = [round(low + i * step, 6) for i in range(int((high - low) / step + 1e-9) + 1)]
    rows = sweep(read_scores(here.scores), policy, thresholds, tau=tau)
    title = f"round {here.number}: share of {policy.mask} pixels off by more than {tau:g} px"
    out.print(_sweep_table(rows, title))


def _scored_round(run: Path, number: int | None) -> RoundDir:
    candidates = [number] if number else range(len(completed_rounds(run)) + 1, 0, -1)
    for candidate in candidates:
        here = RoundDir(run_dir=run, number=candidate)
        if here.scores.exists():
            return here
    which = f"round {number}" if number else "a round"
    raise RunError(f"{run}: there are no scores of {which} yet; run `fsd-curate round {run}`")


def _swept_policy(policy: Policy, mask: str | None) -> Policy:
    if mask not in (None, "visible", "all"):
        raise CurationConfigError(f"--mask: expected visible or all, got {mask!r}")
    return policy.model_copy(update={"mask": mask or policy.mask})


def _sweep_table(rows: tuple[WhatIf, ...], title: str) -> Table:
    table = Table("dropped above", "samples", "of scorable", title=title)
    for row in rows:
        table.add_row(f"{row.threshold:.0%}", str(row.dropped), f"{percent(row.share)} of {row.scorable}")
    return table


if __name__ == "__main__":
    app()
