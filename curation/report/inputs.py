"""Everything that a round's report is made of, read from the round's files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from curation.config import CurationConfig
from curation.judging.folds import FoldPlan
from curation.judging.scores import Score
from curation.judging.tables import read_scores, read_verdicts
from curation.judging.verdicts import Verdict
from curation.rounds.effort import effort_until
from curation.rounds.layout import RoundDir
from curation.rounds.population import Population, RunSample
from curation.rounds.start import population_digest, started_config, started_plan
from curation.rounds.state import RunState

CURVE_POINTS = 2000  # at most; more are not told apart on a page

Curve = tuple[tuple[int, float], ...]  # (step, loss)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundInputs:
    """All that a round's report is made of."""

    number: int
    config: CurationConfig
    population: Population  # when the round began
    population_digest: str
    plan: FoldPlan
    scores: tuple[Score, ...]
    verdicts: tuple[Verdict, ...]
    successors: tuple[RunSample, ...]
    curves: Mapping[int, Curve]  # by model
    render_cpu_s: float  # of everything drawn before the round
    drawn_pairs: int
    effort: Mapping[str, Mapping[str, float]]  # seconds per stage, earlier rounds included


def load_inputs(state: RunState, round_dir: RoundDir) -> RoundInputs:
    """The inputs of a round that has its verdicts and its successors."""
    population = state.population_before(round_dir.number)
    plan = started_plan(round_dir)
    drawn = state.drawn_before(round_dir.number)
    return RoundInputs(
        number=round_dir.number,
        config=started_config(round_dir),
        population=population,
        population_digest=population_digest(population),
        plan=plan,
        scores=read_scores(round_dir.scores),
        verdicts=read_verdicts(round_dir.verdicts),
        successors=state.successors(round_dir.number),
        curves={model: read_curve(round_dir.curve(model)) for model in plan.models},
        render_cpu_s=sum(sample.cpu_s for sample in drawn),
        drawn_pairs=len(drawn),
        effort=effort_until(round_dir),
    )


def read_curve(path: Path) -> Curve:
    """A training curve, thinned to CURVE_POINTS."""
    if not path.exists():
        return ()
    points = json.loads(path.read_text("utf-8"))
    stride = max(1, len(points) // CURVE_POINTS)
    return tuple((int(step), float(loss)) for step, loss in points[::stride])
