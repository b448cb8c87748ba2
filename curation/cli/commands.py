"""`fsd-curate`: train on what was rendered, drop what cannot be explained, draw it again, publish."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from curation.cli.console import say, say_error
from curation.cli.errors import clear_errors
from curation.config import CurationConfig, CurationConfigError, Policy, load_config
from curation.judging.scores import ERROR_BINS
from curation.publish.select import Unjudged
from curation.rounds.layout import RoundDir, completed_rounds
from fsd_gen.cost_options import MOST, CpuPrice, GpuPrice, Until, WorkerPrice, budget_of, prices_of
from jobs.commandline import (
    Address,
    CpusPerWorker,
    GpusPerWorker,
    MemoryPerWorker,
    Pools,
    Program,
    VersionOption,
    Workers,
)
from jobs.store.mirror import local_place
from jobs.store.urls import is_url, refuse_unknown

if TYPE_CHECKING:
    from curation.rounds.storing import Storing
    from curation.rounds.world import World
    from jobs.config import FarmConfig
    from jobs.status.budget import Budget

NEAR = 4  # folders between a file of a run and the run

# Commands load what they need when they run, so that --help is there at once.

app = typer.Typer(
    cls=Program,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help=__doc__,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def run_around(path: Path) -> Path:
    """The run that `path` is or lies in, which is said; else `path`. A published set stays itself."""
    from fsd_gen.production.survey import is_run

    path = local_place(path)
    if is_run(path) or not path.exists() or (path / "published.json").exists():
        return path
    run = next((place for place in path.absolute().parents[:NEAR] if is_run(place)), None)
    if run is None:
        return path
    say_error(f"{path} lies in the run {run}, which is taken")
    return run


Run = Annotated[
    Path,
    typer.Argument(
        help="Run directory of `fsd-gen render`, or a path in it.", callback=clear_errors(run_around)
    ),
]
MaxCost = Annotated[
    float | None,
    typer.Option(
        "--max-cost",
        min=0,
        max=MOST,
        help="Stop once all rounds of RUN have cost so much, earlier commands included; exit code 3.",
    ),
]
Threads = Annotated[int | None, typer.Option(min=1, max=1024, help="CPU threads for training and scoring.")]


@app.callback(help=__doc__)
def main(version: VersionOption = False) -> None:
    """Options of the program itself."""


def make_world(
    *, farm: FarmConfig | None = None, threads: int | None = None, budget: Budget | None = None
) -> World:
    """The real world: loads torch and the network."""
    from curation.workbench.workbench import Workbench
    from fsd_gen.production.farm import render_farm
    from jobs.status.budget import Budget

    return Workbench(farm=farm or render_farm(), threads=threads, budget=budget or Budget())


# ---------------------------------------------------------------- round


@app.command("round")
@clear_errors
def round_(
    run: Run,
    iterations: Annotated[
        int, typer.Option("--iter", min=1, max=1000, help="How many rounds the run is to have.")
    ] = 2,
    config: Annotated[
        Path | None, typer.Option("--config", help="YAML; default: `curation:` of RUN/config.yaml.")
    ] = None,
    in_sample: Annotated[
        bool, typer.Option("--in-sample", help="One model scores what it learned from.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Drop even on the word of a weak scorer.")] = False,
    workers: Workers = None,
    cpus_per_worker: CpusPerWorker = 1.0,
    gpus_per_worker: GpusPerWorker = None,
    memory_per_worker: MemoryPerWorker = 0.0,
    pool: Pools = None,
    address: Address = None,
    threads: Threads = None,
    cost_per_hour_cpu: CpuPrice = 0.0,
    cost_per_hour_gpu: GpuPrice = 0.0,
    worker_cost: WorkerPrice = 0.0,
    max_cost: MaxCost = None,
    until: Until = None,
) -> None:
    """Bring RUN to --iter complete curation rounds, going on wherever it stopped."""
    from fsd_gen.production.farm import render_farm

    budget = budget_of(prices_of(cost_per_hour_cpu, cost_per_hour_gpu, worker_cost), max_cost, until)
    farm = render_farm(
        workers=workers,
        address=address,
        cpus_per_worker=cpus_per_worker,
        gpus_per_worker=gpus_per_worker,
        memory_gib_per_worker=memory_per_worker,
        pools=pool or (),
    )
    settings = _settings(run, config, in_sample=in_sample, force=force)
    _bring(run, iterations, settings, make_world(farm=farm, threads=threads, budget=budget))


def _settings(run: Path, config: Path | None, *, in_sample: bool, force: bool) -> CurationConfig:
    from curation.rounds.state import read_run

    read_run(run)  # says what is not a run before it says what is wrong with its settings
    settings = load_config(run, config)
    policy = settings.policy.model_copy(update={"force": True}) if force else settings.policy
    return settings.model_copy(update={"policy": policy, "in_sample": in_sample or settings.in_sample})


def _bring(run: Path, rounds: int, settings: CurationConfig, world: World) -> None:
    from curation.cli.advice import Advice
    from curation.cli.answer import answered
    from curation.cli.progress import progress
    from curation.cli.words import say_round, say_stopping
    from curation.report.pages import run_report_is_stale, write_round_report, write_run_report
    from curation.rounds.spending import spent
    from curation.rounds.stages import bring_to
    from curation.rounds.state import read_run

    with _at_work(run) as (folder, storing), progress() as on_progress, answered(say_stopping):
        advice = storing.during(Advice(on_progress, folder, settings, world.device(settings)))
        worked_on = bring_to(folder, rounds, settings, world, write_round_report, advice, storing)
        if run_report_is_stale(state := read_run(folder)):
            write_run_report(state)
    complete = completed_rounds(folder)
    if not worked_on:
        say(f"nothing to do: {folder} has {len(complete)} complete rounds, {rounds} were asked for")
    if world.budget.prices:
        say(f"all rounds have cost {spent(folder, world.budget.prices):.2f} so far")
    for round_dir in complete[len(complete) - worked_on :]:
        say_round(round_dir)


@contextmanager
def _at_work(run: Path) -> Iterator[tuple[Path, Storing]]:
    """Hold the run's lock inside: the folder to work in, and what puts its files where they belong."""
    from curation.rounds.storing import MANNER, Storing
    from fsd_gen.production.places import place_at_work, place_of

    with place_at_work(place_of(run), MANNER) as place:
        yield place.folder, Storing(place)


# ---------------------------------------------------------------- status, report


@app.command()
@clear_errors
def status(run: Run) -> None:
    """What RUN holds, and how far its rounds are."""
    from curation.rounds.state import read_run

    state = read_run(run)
    from curation.cli.words import say_status  # takes seconds; what is no run is said before

    say_status(state)


@app.command()
@clear_errors
def report(
    run: Run,
    number: Annotated[
        int | None, typer.Option("--round", min=1, max=1000, help="Only this round; default: all.")
    ] = None,
) -> None:
    """Write the reports of complete rounds, and the run's, again."""
    from curation.rounds.state import RunError, read_run

    state = read_run(run)
    rounds = state.rounds
    if number is not None and number > len(rounds):
        raise RunError(f"{run}: round {number} is not complete; complete rounds: {len(rounds)}")
    state.last_round()
    from curation.cli.words import say_round
    from curation.report.pages import write_round_report, write_run_report

    world = make_world()
    with _at_work(run) as (folder, _):
        state = read_run(folder)
        for round_dir in state.rounds if number is None else state.rounds[number - 1 : number]:
            write_round_report(state, round_dir, world)
            say_round(round_dir)
        write_run_report(state)
    say(str(folder / "rounds" / "report.html"))


# ---------------------------------------------------------------- publish


@app.command("publish")
@clear_errors
def publish_(
    run: Run,
    out_dir: Annotated[Path | None, typer.Option("--out", help="Default: RUN/curated.")] = None,
    unjudged: Annotated[
        Unjudged | None,
        typer.Option(help="What becomes of samples that no scorer judged; none is scored first then."),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Put it in the place of an older one, once it is whole.")
    ] = False,
    threads: Threads = None,
) -> None:
    """Write the kept samples as a dataset of their own; the last successors are scored first."""
    from curation.rounds.state import read_run

    refuse_unknown(out_dir or "")
    read_run(run).last_round()
    from curation.cli.answer import answered
    from curation.cli.progress import progress
    from curation.cli.words import say_published, say_stopping
    from curation.publish.publish import publish
    from curation.report.pages import write_run_report

    world = make_world(threads=threads)
    with (
        _at_work(run) as (folder, storing),
        _published_at(out_dir, folder) as out,
        progress() as on_progress,
        answered(say_stopping),
    ):
        tell = storing.during(on_progress)
        done = publish(folder, out, world, tell, unjudged=unjudged, replace=replace, on_stage=storing)
        write_run_report(read_run(folder))
    say_published(done)


@contextmanager
def _published_at(out_dir: Path | None, folder: Path) -> Iterator[Path]:
    """The folder of this machine to publish at; of a URL the one that stands for it, its lock held inside."""
    from fsd_gen.production.places import at_work_in

    if out_dir is None or not is_url(out_dir):
        yield out_dir or folder / "curated"
        return
    with at_work_in(out_dir) as out:
        yield out


# ---------------------------------------------------------------- sweep


@app.command("sweep")
@clear_errors
def sweep_(
    run: Run,
    number: Annotated[
        int | None, typer.Option("--round", min=1, max=1000, help="Default: the last one scored.")
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
    from curation.judging.sweep import sweep
    from curation.judging.tables import read_scores
    from curation.rounds.start import started_config

    round_dir = _scored_round(run, number)
    policy = _swept_policy(started_config(round_dir).policy, mask)
    thresholds = _thresholds(low, high, step, tau)
    scores = read_scores(round_dir.scores)
    from curation.cli.words import say_sweep  # takes seconds; what is wrong with the options is said before

    say_sweep(round_dir, sweep(scores, policy, thresholds, tau=tau), scores, mask=policy.mask)


def _scored_round(run: Path, number: int | None) -> RoundDir:
    from curation.rounds.state import RunError

    if not run.is_dir():
        raise RunError(f"{run}: no such directory; expected a run of `fsd-gen render`")
    candidates = [number] if number else range(len(completed_rounds(run)) + 1, 0, -1)
    for candidate in candidates:
        if _is_scored(run, candidate):
            return RoundDir(run_dir=run, number=candidate)
    scored = [str(each) for each in range(1, len(completed_rounds(run)) + 2) if _is_scored(run, each)]
    if scored:
        raise RunError(f"{run}: no scores of round {number}; there are those of rounds {', '.join(scored)}")
    raise RunError(f"{run}: no round is scored yet; run `fsd-curate round {run}`")


def _is_scored(run: Path, number: int) -> bool:
    return RoundDir(run_dir=run, number=number).scores.exists()


def _swept_policy(policy: Policy, mask: str | None) -> Policy:
    if mask not in (None, "visible", "all"):
        raise CurationConfigError(f"--mask: expected visible or all, got {mask!r}")
    return policy.model_copy(update={"mask": mask or policy.mask})


def _thresholds(low: float, high: float, step: float, tau: float) -> list[float]:
    if tau not in ERROR_BINS:
        known = ", ".join(f"{edge:g}" for edge in ERROR_BINS)
        raise CurationConfigError(f"--tau: expected one of {known} px, got {tau:g}")
    if low > high:
        raise CurationConfigError(f"--from {low:g} must not be above --to {high:g}")
    return [round(low + i * step, 6) for i in range(int((high - low) / step + 1e-9) + 1)]
