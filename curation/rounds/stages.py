"""One round of self-curation as a chain of stages, each done when its output file exists.

    train -> score -> verdicts -> regenerate -> report

(arXiv 2501.09898, section 3.5.) Nothing else is remembered: after a kill at any point the same call
goes on where it was, and the result is the same. The report's JSON is the last file of a round; a
round that has it is over and its successors count from then on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from curation.config import CurationConfig
from curation.judging.folds import FoldPlan
from curation.judging.tables import read_scores, read_verdicts, write_scores, write_verdicts
from curation.judging.verdicts import Verdict, judge
from curation.rounds.effort import measured
from curation.rounds.layout import RoundDir, completed_rounds
from curation.rounds.population import RunSample
from curation.rounds.scoring import forget_parts, score_by_plan
from curation.rounds.spending import Spending
from curation.rounds.start import start_round
from curation.rounds.state import RunState, read_run
from curation.rounds.world import OnProgress, StageProgress, TrainJob, World
from fsd_gen.production.requests import ShardRequest
from fsd_gen.scene.slots import SlotKey, stable_hash

WriteReport = Callable[[RunState, RoundDir, World], None]  # the round's report files, the JSON last
OnStage = Callable[[], None]  # called when a stage is done


def _nothing() -> None:
    pass


class RoundError(RuntimeError):
    """A round cannot go on; the message says what to do."""


def bring_to(
    run_dir: Path,
    rounds: int,
    config: CurationConfig,
    world: World,
    report: WriteReport,
    on_progress: OnProgress,
    on_stage: OnStage = _nothing,
) -> int:
    """Complete rounds until there are `rounds` of them; returns how many had to be worked on.

    `on_stage` is called whenever a stage is done, such as the training of one model.

    Raises RunError, FrozenRoundError, RoundError; LimitReached and FarmHalted by `world.budget`.
    """
    done = len(completed_rounds(run_dir))
    for number in range(done + 1, rounds + 1):
        run_round(run_dir, number, config, world, report, on_progress, on_stage)
    return max(0, rounds - done)


def run_round(
    run_dir: Path,
    number: int,
    config: CurationConfig,
    world: World,
    report: WriteReport,
    on_progress: OnProgress,
    on_stage: OnStage = _nothing,
) -> None:
    """Bring one round to its end, whatever of it is done already."""
    work = begin(read_run(run_dir), number, config, world, on_progress)
    on_stage()
    for model in work.plan.models:
        train_model(work, model)
        on_stage()
    for stage in (score_round, judge_round, regenerate, partial(report_round, report=report)):
        stage(work)
        on_stage()


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A started round: what it works on and with."""

    round_dir: RoundDir
    config: CurationConfig
    state: RunState  # when the round was taken up
    samples: tuple[RunSample, ...]  # that the round judges
    plan: FoldPlan
    world: World
    spending: Spending
    on_progress: OnProgress

    def tell(
        self, stage: str, done: int, total: int, unit: str, *, note: str = "", loss: float | None = None
    ) -> None:
        """Say how far a stage is."""
        self.on_progress(
            StageProgress(
                round=self.round_dir.number,
                stage=stage,
                done=done,
                total=total,
                unit=unit,
                note=note,
                loss=loss,
            )
        )


def begin(
    state: RunState, number: int, config: CurationConfig, world: World, on_progress: OnProgress
) -> Work:
    """Start the round, or take it up again with the same settings and samples."""
    round_dir = RoundDir(run_dir=state.run_dir, number=number)
    plan = start_round(state, round_dir, config)
    spending = Spending(state.run_dir, world.budget, world.claim(config))
    return Work(
        round_dir=round_dir,
        config=config,
        state=state,
        samples=state.population_before(number).samples,
        plan=plan,
        world=world,
        spending=spending,
        on_progress=spending.watching(on_progress),
    )


# ---------------------------------------------------------------- stages


def train_model(work: Work, model: int) -> None:
    """Train the model of one fold on the samples of all others."""
    checkpoint = work.round_dir.checkpoint(model)
    if checkpoint.exists():
        return
    job = _train_job(work, model)
    checkpoint.parent.mkdir(parents=True, exist_ok=True)

    def on_step(step: int, loss: float | None) -> None:
        work.tell("train", step, job.steps, "steps", note=f"model {model}", loss=loss)

    on_step(0, None)
    with work.spending.measured(work.round_dir, "train"):
        work.world.train(job, on_step)
    if not checkpoint.exists():
        raise RoundError(f"{checkpoint}: training ended without writing it")


def _train_job(work: Work, model: int) -> TrainJob:
    slots, number = work.plan.train_slots(model), work.round_dir.number
    return TrainJob(
        samples=tuple(sample for sample in work.samples if sample.key.slot in slots),
        checkpoint=work.round_dir.checkpoint(model),
        curve=work.round_dir.curve(model),
        start_from=_start_from(work, model),
        steps=work.config.steps(number),
        seed=stable_hash(work.config.seed, "train", number, model) % 2**31,
        config=work.config,
    )


def _start_from(work: Work, model: int) -> Path | None:
    if work.round_dir.number == 1 or not work.config.continue_models:
        return None
    before = work.round_dir.before().checkpoint(model)
    if not before.exists():
        number = work.round_dir.number
        raise RoundError(f"{before}: missing, but round {number} continues it; set continue_models: false")
    return before


def score_round(work: Work) -> None:
    """Score every current sample by the model that never saw its slot."""
    if not work.round_dir.scores.exists():
        with work.spending.measured(work.round_dir, "score"):
            scores = score_by_plan(work.world, work.round_dir, work.samples, work.on_progress)
        write_scores(work.round_dir.scores, scores)
    forget_parts(work.round_dir)


def judge_round(work: Work) -> None:
    """Turn scores into verdicts."""
    round_dir = work.round_dir
    if not round_dir.verdicts.exists():
        write_verdicts(round_dir.verdicts, judge(read_scores(round_dir.scores), work.config.policy))


def regenerate(work: Work) -> None:
    """Draw every rejected slot again, as its next attempt."""
    round_dir = work.round_dir
    requests = plan_redraws(round_dir, read_verdicts(round_dir.verdicts), work.state.slots_per_shard)
    round_dir.regenerated.mkdir(exist_ok=True)
    todo = [request for request in requests if not request.path.exists()]
    if not todo:
        return
    total = sum(len(request.keys) for request in todo)

    def on_done(done: int) -> None:
        work.tell("regenerate", done, total, "samples")

    on_done(0)
    with measured(round_dir, "regenerate"):
        work.world.render(round_dir.run_dir, todo, on_done)
    if missing := [request.path for request in todo if not request.path.exists()]:
        raise RoundError(
            f"{len(missing)} shards were not rendered, {missing[0]} first; run the command again"
        )


def plan_redraws(
    round_dir: RoundDir, verdicts: Sequence[Verdict], slots_per_shard: int
) -> tuple[ShardRequest, ...]:
    """Shards of successors for everything that was rejected, by slot."""
    rejected = sorted((v.key for v in verdicts if v.outcome.rejects), key=lambda key: key.slot)
    keys = [SlotKey(slot=key.slot, attempt=key.attempt + 1) for key in rejected]
    chunks = [keys[i : i + slots_per_shard] for i in range(0, len(keys), slots_per_shard)]
    return tuple(
        ShardRequest(round_dir.regenerated / f"{index:05d}.h5", tuple(chunk))
        for index, chunk in enumerate(chunks)
    )


def report_round(work: Work, report: WriteReport) -> None:
    """Write the report; its JSON ends the round."""
    work.tell("report", 0, 1, "reports")
    with measured(work.round_dir, "report", work.spending.claim):  # seconds, at any price
        report(read_run(work.round_dir.run_dir), work.round_dir, work.world)
    if not work.round_dir.complete:
        raise RoundError(f"{work.round_dir.report_json}: the report was not written")
    work.tell("report", 1, 1, "reports")
