"""One round of self-curation as a chain of stages, each done when its output file exists.

    train -> score -> verdicts -> regenerate -> report

(arXiv 2501.09898, section 3.5.) Nothing else is remembered: after a kill at any point the same call
goes on where it was, and the result is the same. The report's JSON is the last file of a round; a
round that has it is over and its successors count from then on.
"""

from __future__ import annotations

import hashlib
import json
import resource
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curation.config import CurationConfig, differences, parse_config
from curation.judging.folds import FoldPlan, assign_folds
from curation.judging.scores import Score
from curation.judging.tables import read_scores, read_verdicts, write_scores, write_verdicts
from curation.judging.verdicts import Outcome, Verdict, judge, scorer_strengths
from curation.rounds.layout import RoundDir, completed_rounds, first_shards, unfinished_shards
from curation.rounds.population import Drawn, Population, after_round, first_draw
from curation.rounds.world import Event, OnEvent, Redraw, Tools, TrainJob
from curation.workbench.scoring import score_samples
from fsd_gen.scene.slots import SlotKey, stable_hash
from jobs.files import write_json_atomic

SAME_FOR_CONTINUING = ("seed", "folds", "in_sample", "model", "max_disparity")


class RoundError(RuntimeError):
    """A round cannot go on; the message says what to do."""


class RunError(ValueError):
    """The directory is not a run that can be curated."""


class FrozenRoundError(ValueError):
    """A round has started with other settings or other samples."""


def bring_to(
    run_dir: Path,
    rounds: int,
    config: CurationConfig,
    tools: Tools,
    report: Callable[[Path, RoundDir, Tools], None],
    on_event: OnEvent,
) -> int:
    """Complete rounds until there are `rounds` of them; returns how many had to be worked on.

    `report` writes the round's report files, the JSON last. Raises RunError, FrozenRoundError, RoundError.
    """
    done = len(completed_rounds(run_dir))
    for number in range(done + 1, rounds + 1):
        run_round(run_dir, number, config, tools, report, on_event)
    return max(0, rounds - done)


def run_round(
    run_dir: Path,
    number: int,
    config: CurationConfig,
    tools: Tools,
    report: Callable[[Path, RoundDir, Tools], None],
    on_event: OnEvent,
) -> None:
    """Bring one round to its end, whatever of it is done already."""
    here = RoundDir(run_dir=run_dir, number=number)
    work = begin(here, config, tools, on_event)
    for model in work.plan.models:
        train_model(work, model)
    score_round(work)
    judge_round(work)
    regenerate(work)
    on_event(Event(round=number, stage="report", done=0, total=1, unit="reports"))
    with _measured(here, "report"):
        report(run_dir, here, tools)
    if not here.complete:
        raise RoundError(f"{here.report_json}: the report was not written")
    on_event(Event(round=number, stage="report", done=1, total=1, unit="reports"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A started round: what it works on and with."""

    here: RoundDir
    config: CurationConfig
    population: Population
    plan: FoldPlan
    tools: Tools
    on_event: OnEvent

    @property
    def samples(self) -> tuple[Drawn, ...]:
        """The samples that the round judges."""
        return self.population.samples


# ---------------------------------------------------------------- beginning


def population_before(run_dir: Path, number: int, tools: Tools) -> Population:
    """The samples that count when round `number` begins: the first draw and rounds 1 .. number - 1."""
    contents = [tools.read_shard(path) for path in first_shards(run_dir)]
    population = first_draw(
        (drawn for shard in contents for drawn in shard.drawn), (slot for c in contents for slot in c.slots)
    )
    for earlier in range(1, number):
        here = RoundDir(run_dir=run_dir, number=earlier)
        population = after_round(population, read_verdicts(here.verdicts), successors(here, tools))
    return population


def successors(here: RoundDir, tools: Tools) -> tuple[Drawn, ...]:
    """What a round has drawn in place of what it rejected."""
    return tuple(drawn for path in here.regenerated_shards() for drawn in tools.read_shard(path).drawn)


def begin(here: RoundDir, config: CurationConfig, tools: Tools, on_event: OnEvent) -> Work:
    """Start the round, or take it up again with the same settings and samples."""
    _check_run(here.run_dir)
    population = population_before(here.run_dir, here.number, tools)
    if here.started.exists():
        _check_unchanged(here, config, population)
    else:
        _check_continues(here, config)
    plan = _plan(here, config, population)
    if not here.started.exists():
        here.path.mkdir(parents=True, exist_ok=True)
        write_json_atomic(here.folds, {str(slot): fold for slot, fold in plan.fold_of.items()})
        write_json_atomic(here.started, _beginning(here, config, population))
    return Work(here=here, config=config, population=population, plan=plan, tools=tools, on_event=on_event)


def _check_run(run_dir: Path) -> None:
    if not first_shards(run_dir):
        raise RunError(f"{run_dir}: no finished shard in {run_dir / 'shards'}; render the dataset first")
    if unfinished := unfinished_shards(run_dir):
        raise RunError(
            f"{run_dir}: {len(unfinished)} shards are not finished ({unfinished[0].name} ...); "
            "let the rendering finish before curating"
        )


def _beginning(here: RoundDir, config: CurationConfig, population: Population) -> dict[str, Any]:
    return {
        "round": here.number,
        "config": config.model_dump(mode="json"),
        "config_digest": config.digest(),
        "samples": len(population.samples),
        "population_digest": population_digest(population),
    }


def population_digest(population: Population) -> str:
    """SHA-256 over the ids and contents of the current samples, hexadecimal."""
    lines = "\n".join(f"{drawn.key.sample_id} {drawn.content_id}" for drawn in population.samples)
    return hashlib.sha256(lines.encode()).hexdigest()


def started_config(here: RoundDir) -> CurationConfig:
    """The settings that a started round is frozen to."""
    return parse_config(json.loads(here.started.read_text("utf-8"))["config"], source=str(here.started))


def _check_unchanged(here: RoundDir, config: CurationConfig, population: Population) -> None:
    if changed := differences(started_config(here), config):
        raise FrozenRoundError(
            f"round {here.number} has started with other settings ({'; '.join(changed)}); "
            f"restore them, or remove {here.path} to start the round over"
        )
    begun_with = json.loads(here.started.read_text("utf-8"))["population_digest"]
    if begun_with != population_digest(population):
        raise FrozenRoundError(
            f"the samples changed since round {here.number} started; "
            f"remove {here.path} to start the round over"
        )


def _check_continues(here: RoundDir, config: CurationConfig) -> None:
    """A model that goes on learning must be held out from the same slots as before."""
    if here.number == 1 or not config.continue_models:
        return
    before = started_config(RoundDir(run_dir=here.run_dir, number=here.number - 1))
    changed = [name for name in SAME_FOR_CONTINUING if getattr(before, name) != getattr(config, name)]
    if changed:
        raise FrozenRoundError(
            f"round {here.number} continues the models of round {here.number - 1}, so {', '.join(changed)} "
            "must stay the same; restore them, or set continue_models: false"
        )


def _plan(here: RoundDir, config: CurationConfig, population: Population) -> FoldPlan:
    fold_of = assign_folds(
        population.strata(), seed=config.seed, folds=config.folds, known=_known_folds(here, config)
    )
    plan = FoldPlan(fold_of=fold_of, in_sample=config.in_sample)
    for model in plan.models:
        if not plan.train_slots(model):
            raise RunError(
                f"{len(fold_of)} samples are too few: nothing is left to train model {model} on; "
                "render more, or use --in-sample"
            )
    return plan


def _known_folds(here: RoundDir, config: CurationConfig) -> dict[int, int]:
    """The folds of this round if it has started, else those of the round before if they still hold."""
    source = here if here.started.exists() else RoundDir(run_dir=here.run_dir, number=here.number - 1)
    if not source.started.exists():
        return {}
    before = started_config(source)
    if (before.seed, before.folds) != (config.seed, config.folds):
        return {}
    return {int(slot): fold for slot, fold in json.loads(source.folds.read_text("utf-8")).items()}


# ---------------------------------------------------------------- stages


def train_model(work: Work, model: int) -> None:
    """Train the model of one fold on the samples of all others."""
    checkpoint = work.here.checkpoint(model)
    if checkpoint.exists():
        return
    slots = work.plan.train_slots(model)
    steps = work.config.steps(work.here.number)
    job = TrainJob(
        samples=tuple(sample for sample in work.samples if sample.key.slot in slots),
        checkpoint=checkpoint,
        curve=work.here.curve(model),
        start_from=_start_from(work, model),
        steps=steps,
        seed=stable_hash(work.config.seed, "train", work.here.number, model) % 2**31,
        config=work.config,
    )
    checkpoint.parent.mkdir(parents=True, exist_ok=True)

    def on_step(step: int, loss: float) -> None:
        work.on_event(
            Event(
                round=work.here.number,
                stage="train",
                done=step,
                total=steps,
                unit="steps",
                note=f"model {model}",
                loss=loss,
            )
        )

    with _measured(work.here, "train"):
        work.tools.train(job, on_step)
    if not checkpoint.exists():
        raise RoundError(f"{checkpoint}: training ended without writing it")


def _start_from(work: Work, model: int) -> Path | None:
    if work.here.number == 1 or not work.config.continue_models:
        return None
    before = RoundDir(run_dir=work.here.run_dir, number=work.here.number - 1).checkpoint(model)
    if not before.exists():
        number = work.here.number
        raise RoundError(f"{before}: missing, but round {number} continues it; set continue_models: false")
    return before


def score_round(work: Work) -> None:
    """Score every current sample by the model that never saw its slot."""
    if not work.here.scores.exists():
        with _measured(work.here, "score"):
            scores = _score(work.here, work.samples, work.plan, work.config, work.tools, work.on_event)
        write_scores(work.here.scores, scores)
    _forget_parts(work.here)


def _forget_parts(here: RoundDir) -> None:
    """The part files are of no use once their table is written."""
    shutil.rmtree(here.parts, ignore_errors=True)


def _score(
    here: RoundDir,
    samples: Sequence[Drawn],
    plan: FoldPlan,
    config: CurationConfig,
    tools: Tools,
    on_event: OnEvent,
    *,
    final: bool = False,
) -> list[Score]:
    scores: list[Score] = []
    for model in plan.models:
        slots = plan.score_slots(model)
        mine = [sample for sample in samples if sample.key.slot in slots]
        if not mine:
            continue  # the model is not needed

        def on_sample(done: int, model: int = model, total: int = len(mine)) -> None:
            note = f"by model {model}"
            stage = "final score" if final else "score"
            on_event(Event(round=here.number, stage=stage, done=done, total=total, unit="samples", note=note))

        part = here.part(model, final=final)
        scores += score_samples(
            tools, here.checkpoint(model), mine, fold=model, config=config, part=part, on_sample=on_sample
        )
    return scores


def judge_round(work: Work) -> None:
    """Turn scores into verdicts."""
    if not work.here.verdicts.exists():
        write_verdicts(work.here.verdicts, judge(read_scores(work.here.scores), work.config.policy))


def regenerate(work: Work) -> None:
    """Draw every rejected slot again, as its next attempt."""
    redraws = plan_redraws(work.here, read_verdicts(work.here.verdicts), _slots_per_shard(work))
    work.here.regenerated.mkdir(exist_ok=True)
    todo = [redraw for redraw in redraws if not redraw.path.exists()]
    if not todo:
        return

    total = sum(len(redraw.draws) for redraw in todo)

    def on_done(done: int) -> None:
        number = work.here.number
        work.on_event(Event(round=number, stage="regenerate", done=done, total=total, unit="samples"))

    on_done(0)
    with _measured(work.here, "regenerate"):
        work.tools.render(work.here.run_dir, todo, on_done)
    if missing := [redraw.path for redraw in todo if not redraw.path.exists()]:
        raise RoundError(
            f"{len(missing)} shards were not rendered, {missing[0]} first; run the command again"
        )


def plan_redraws(here: RoundDir, verdicts: Sequence[Verdict], slots_per_shard: int) -> tuple[Redraw, ...]:
    """Shards of successors for everything that was not kept, by slot."""
    rejected = sorted((v.key for v in verdicts if v.outcome is not Outcome.KEEP), key=lambda key: key.slot)
    draws = [SlotKey(slot=key.slot, attempt=key.attempt + 1) for key in rejected]
    chunks = [draws[i : i + slots_per_shard] for i in range(0, len(draws), slots_per_shard)]
    return tuple(
        Redraw(path=here.regenerated / f"{index:05d}.h5", draws=tuple(chunk))
        for index, chunk in enumerate(chunks)
    )


def _slots_per_shard(work: Work) -> int:
    return max(len(work.tools.read_shard(path).slots) for path in first_shards(work.here.run_dir))


# ---------------------------------------------------------------- after the last round


def judge_successors(run_dir: Path, tools: Tools, on_event: OnEvent) -> tuple[Verdict, ...]:
    """Verdicts over what the last complete round drew, by that round's models, without drawing again.

    A successor lies in the slot that its scorer was held out from, so the scorer never saw it. The
    strength of each model is the one measured in the round. Done once; later calls read the table.
    """
    rounds = completed_rounds(run_dir)
    if not rounds:
        raise RunError(f"{run_dir}: no round is complete; run `fsd-curate round --iter 1 {run_dir}` first")
    here = rounds[-1]
    if here.final_verdicts.exists():
        return read_verdicts(here.final_verdicts)
    config = started_config(here)
    samples = successors(here, tools)
    fold_of = {int(slot): fold for slot, fold in json.loads(here.folds.read_text("utf-8")).items()}
    plan = FoldPlan(fold_of=fold_of, in_sample=config.in_sample)
    with _measured(here, "final score"):
        scores = _score(here, samples, plan, config, tools, on_event, final=True)
    write_scores(here.final_scores, scores)
    strengths = scorer_strengths(read_scores(here.scores), config.policy)
    write_verdicts(here.final_verdicts, judge(scores, config.policy, strengths))
    _forget_parts(here)
    return read_verdicts(here.final_verdicts)


# ---------------------------------------------------------------- effort


@contextmanager
def _measured(here: RoundDir, stage: str) -> Iterator[None]:
    """Append the seconds spent inside to the round's ledger, also when it ends in an exception."""
    wall, cpu = time.monotonic(), _cpu_s()
    try:
        yield
    finally:
        here.effort.parent.mkdir(parents=True, exist_ok=True)
        seconds = {"cpu_s": _cpu_s() - cpu, "wall_s": time.monotonic() - wall}
        line = {"stage": stage} | {kind: round(value, 3) for kind, value in seconds.items()}
        with here.effort.open("a", encoding="utf-8") as ledger:
            ledger.write("\n" + json.dumps(line))  # a line torn by a crash stays alone


def _cpu_s() -> float:
    """CPU seconds of this process and its finished children."""
    uses = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(use.ru_utime + use.ru_stime for use in uses)


def effort(here: RoundDir) -> dict[str, dict[str, float]]:
    """Seconds per stage: {"train": {"cpu_s": ..., "wall_s": ...}, ...}; a kill loses the stage in work."""
    total: dict[str, dict[str, float]] = {}
    text = here.effort.read_text("utf-8") if here.effort.exists() else ""
    for line in (json.loads(line) for line in text.splitlines() if line.endswith("}")):
        sums = total.setdefault(line["stage"], {"cpu_s": 0.0, "wall_s": 0.0})
        for name in sums:
            sums[name] = round(sums[name] + line[name], 3)
    return total
