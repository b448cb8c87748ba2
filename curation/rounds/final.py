"""After the last round: its successors are judged, but nothing is drawn again."""

from __future__ import annotations

from curation.judging.tables import read_scores, read_verdicts, write_scores, write_verdicts
from curation.judging.verdicts import Verdict, judge, scorer_strengths
from curation.rounds.effort import measured
from curation.rounds.scoring import forget_parts, score_by_plan
from curation.rounds.start import started_config
from curation.rounds.state import RunState
from curation.rounds.world import OnProgress, World


def judge_successors(state: RunState, world: World, on_progress: OnProgress) -> tuple[Verdict, ...]:
    """Verdicts over what the last complete round drew, by that round's models, without drawing again.

    A successor lies in the slot that its scorer was held out from, so the scorer never saw it. The
    strength of each model is the one measured in the round. Done once; later calls read the table. Where
    the round drew nothing there is nothing to judge, and no model is needed.
    """
    round_dir = state.last_round()
    if round_dir.final_verdicts.exists():
        return read_verdicts(round_dir.final_verdicts)
    if not state.last_successors:
        return ()
    with measured(round_dir, "final score"):
        scores = score_by_plan(world, round_dir, state.last_successors, on_progress, final=True)
    write_scores(round_dir.final_scores, scores)
    policy = started_config(round_dir).policy
    strengths = scorer_strengths(read_scores(round_dir.scores), policy)
    verdicts = judge(scores, policy, strengths)
    write_verdicts(round_dir.final_verdicts, verdicts)
    forget_parts(round_dir)
    return verdicts
