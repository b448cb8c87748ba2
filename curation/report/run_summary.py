"""What all rounds did to a run, as numbers: `RunReport`, a pure function of the run's state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from curation.judging.verdicts import Outcome, Verdict
from curation.report.round_report import Drift, Part, RoundReport
from curation.report.summary import drifts
from curation.rounds.population import current_verdicts
from curation.rounds.start import started_config
from curation.rounds.state import RunState


class RunReport(Part):
    """All complete rounds of a run, and what lies there now."""

    version: int = 2
    rounds: tuple[RoundReport, ...]
    slots: int
    current: int  # slots with a sample now
    quarantined: int
    unjudged: int  # current samples that no scorer judged: too weak, or successors not scored yet
    not_scored: int  # of those, successors of the last round that no model has scored
    successors_kept: int | None  # of the last round, by the final scoring pass; None: not run
    successors_rejected: int | None
    drift: tuple[Drift, ...]  # current samples against the first draw
    strata: dict[str, tuple[int, int]]  # stratum -> samples in the first draw, and now


def build_run_report(state: RunState, rounds: tuple[RoundReport, ...]) -> RunReport:
    """All rounds, and how the samples of now differ from the first draw."""
    first, now, final = state.first, state.now, state.final
    unjudged = unjudged_now(state)
    was, now_is = (Counter(population.strata().values()) for population in (first, now))
    return RunReport(
        rounds=rounds,
        slots=len(first.current) + len(first.missing),
        current=len(now.current),
        quarantined=now.quarantined,
        unjudged=len(unjudged),
        not_scored=sum(not verdict.model_digest for verdict in unjudged),
        successors_kept=_count(final, lambda outcome: outcome is Outcome.KEEP),
        successors_rejected=_count(final, lambda outcome: outcome.rejects),
        drift=drifts(first.samples, now.samples),
        strata={name: (was[name], now_is[name]) for name in sorted(was | now_is)},
    )


def _count(verdicts: Sequence[Verdict] | None, counted: Callable[[Outcome], bool]) -> int | None:
    return None if verdicts is None else sum(counted(verdict.outcome) for verdict in verdicts)


def unjudged_now(state: RunState) -> tuple[Verdict, ...]:
    """Verdicts on the current samples that no scorer judged; those not scored name no model."""
    if not state.rounds:
        return ()
    last = state.rounds[-1]
    judged = current_verdicts(
        state.now, (*state.verdicts[last.number], *(state.final or ())), started_config(last).policy
    )
    return tuple(verdict for verdict in judged if verdict.outcome is Outcome.UNJUDGED)
