"""What a round did, as numbers: its `RoundReport`, a pure function of scores, verdicts and samples.

Every BP-2 here is over the policy's mask, which the report names. Costs are CPU seconds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from scipy import stats

from curation.config import Policy
from curation.judging.scores import Score, by_key
from curation.judging.sweep import sweep
from curation.judging.verdicts import Outcome, Verdict, scorer_strengths
from curation.report.inputs import RoundInputs
from curation.report.round_report import (
    Cause,
    Cost,
    Distribution,
    Drift,
    PlantedRates,
    RoundReport,
    ScorerReport,
    StratumCount,
    WhatIfRow,
)
from curation.rounds.population import Population, RunSample

PLANTED = "planted"  # strata of unlearnable scenes that tests plant begin with this
BP2_EDGES = tuple(round(0.05 * i, 2) for i in range(21))
WHAT_IF = tuple(round(0.05 * i, 2) for i in range(6, 19))  # 30 % ... 90 %


def build_report(inputs: RoundInputs) -> RoundReport:
    """The report of a round."""
    policy, verdicts = inputs.config.policy, inputs.verdicts
    scorers = _scorers(inputs)
    before = distribution(v.bp2 for v in verdicts)
    return RoundReport(
        round=inputs.number,
        **_frozen(inputs),
        **_counts(inputs),
        weak=any(scorer.weak for scorer in scorers),
        median_bp2=before.median,
        before=before,
        after=distribution(v.bp2 for v in verdicts if v.outcome is Outcome.KEEP),
        strata=stratum_counts(inputs.population, verdicts),
        causes=causes(inputs.scores, verdicts),
        drift=drifts(inputs.population.samples, kept_samples(inputs.population, verdicts)),
        scorers=scorers,
        what_if=what_if(inputs.scores, policy),
        planted=planted_rates(inputs.population, verdicts),
        cost=_cost(inputs),
    )


def _frozen(inputs: RoundInputs) -> dict[str, Any]:
    """What the round started with."""
    config, policy = inputs.config, inputs.config.policy
    return {
        "config": config.model_dump(mode="json"),
        "config_digest": config.digest(),
        "policy_digest": policy.digest(),
        "population_digest": inputs.population_digest,
        "mask": policy.mask,
        "threshold": policy.threshold,
        "in_sample": config.in_sample,
    }


def _counts(inputs: RoundInputs) -> dict[str, Any]:
    rejected = sum(verdict.outcome.rejects for verdict in inputs.verdicts)
    return {
        "samples": len(inputs.verdicts),
        **outcome_counts(inputs.verdicts),
        "quarantined": inputs.population.quarantined,
        "regenerated": len(inputs.successors),
        "without_successor": rejected - len(inputs.successors),
    }


def outcome_counts(verdicts: Iterable[Verdict]) -> dict[str, Any]:
    """How many verdicts there are of each outcome, under the names that reports have for them."""
    counts = Counter(verdict.outcome for verdict in verdicts)
    return {
        "kept": counts[Outcome.KEEP],
        "dropped": counts[Outcome.DROP],
        "unscorable": counts[Outcome.UNSCORABLE],
        "unjudged": counts[Outcome.UNJUDGED],
    }


def what_if(scores: Sequence[Score], policy: Policy) -> tuple[WhatIfRow, ...]:
    """What the thresholds of WHAT_IF would drop."""
    return tuple(
        WhatIfRow(threshold=row.threshold, dropped=row.dropped, share=row.share)
        for row in sweep(scores, policy, WHAT_IF)
    )


def _scorers(inputs: RoundInputs) -> tuple[ScorerReport, ...]:
    strengths = scorer_strengths(inputs.scores, inputs.config.policy).values()
    return tuple(
        ScorerReport(
            fold=strength.fold,
            model_digest=strength.model_digest,
            trained_on=len(inputs.plan.train_slots(strength.fold)),
            scored=strength.n_scored,
            median_bp2=strength.median_bp2,
            weak=strength.weak,
            curve=inputs.curves.get(strength.fold, ()),
        )
        for strength in sorted(strengths, key=lambda strength: strength.fold)
    )


def _cost(inputs: RoundInputs) -> Cost:
    def seconds(kind: str, *stages: str) -> float:
        return round(sum(inputs.effort.get(stage, {}).get(kind, 0.0) for stage in stages), 3)

    train, score = seconds("cpu_s", "train"), seconds("cpu_s", "score")
    kept = sum(verdict.outcome is Outcome.KEEP for verdict in inputs.verdicts)
    return Cost(
        render_cpu_s=round(inputs.render_cpu_s, 3),
        train_cpu_s=train,
        score_cpu_s=score,
        drawn_pairs=inputs.drawn_pairs,
        kept_pairs=kept,
        wall_s=seconds("wall_s", "train", "score"),
        per_drawn_pair=inputs.render_cpu_s / inputs.drawn_pairs if inputs.drawn_pairs else None,
        per_kept_pair=(inputs.render_cpu_s + train + score) / kept if kept else None,
    )


def distribution(values: Iterable[float | None]) -> Distribution:
    """How the known values in [0, 1] are distributed."""
    known = np.array([value for value in values if value is not None], np.float64)
    counts, _ = np.histogram(known, bins=BP2_EDGES)
    return Distribution(
        n=len(known),
        median=float(np.median(known)) if len(known) else None,
        mean=float(np.mean(known)) if len(known) else None,
        counts=tuple(counts.tolist()),
    )


def kept_samples(population: Population, verdicts: Iterable[Verdict]) -> tuple[RunSample, ...]:
    """The samples that the round kept, by slot."""
    kept = (v.key.slot for v in verdicts if v.outcome is Outcome.KEEP)
    return tuple(population.current[slot] for slot in sorted(kept))


def stratum_counts(population: Population, verdicts: Sequence[Verdict]) -> tuple[StratumCount, ...]:
    """Verdicts per stratum, by name."""
    by_stratum: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        by_stratum.setdefault(population.current[verdict.key.slot].stratum, []).append(verdict)
    return tuple(_stratum_count(name, by_stratum[name]) for name in sorted(by_stratum))


def _stratum_count(name: str, verdicts: Sequence[Verdict]) -> StratumCount:
    return StratumCount(
        stratum=name,
        drawn=len(verdicts),
        **outcome_counts(verdicts),
        median_bp2=distribution(v.bp2 for v in verdicts).median,
    )


def causes(scores: Iterable[Score], verdicts: Iterable[Verdict]) -> tuple[Cause, ...]:
    """On what surfaces the errors of dropped and of kept samples lie."""
    scored = by_key(scores)
    groups: dict[Outcome, list[Score]] = {outcome: [] for outcome in Outcome}
    for verdict in verdicts:
        groups[verdict.outcome].append(scored[verdict.key])

    def mean(outcome: Outcome, field: str) -> float | None:
        values = [value for score in groups[outcome] if (value := getattr(score, field)) is not None]
        return float(np.mean(values)) if values else None

    names = {
        "transparent": "bad_transparent",
        "mirror-like": "bad_mirror",
        "unseen by the other eye": "bad_occluded",
    }
    return tuple(
        Cause(surface=name, dropped=mean(Outcome.DROP, field), kept=mean(Outcome.KEEP, field))
        for name, field in names.items()
    )


QUANTITIES: tuple[tuple[str, str, Callable[[RunSample], float | None]], ...] = (
    ("median disparity", "px", lambda sample: sample.disparity_px),
    ("baseline", "m", lambda sample: sample.baseline_m),
    ("focal length", "px", lambda sample: sample.focal_px),
)


def drifts(drawn: Sequence[RunSample], kept: Sequence[RunSample]) -> tuple[Drift, ...]:
    """Drift of what curation must not change."""

    def known(samples: Sequence[RunSample], of: Callable[[RunSample], float | None]) -> list[float]:
        return [value for sample in samples if (value := of(sample)) is not None]

    return tuple(_drift(name, unit, known(drawn, of), known(kept, of)) for name, unit, of in QUANTITIES)


def _drift(name: str, unit: str, drawn: Sequence[float], kept: Sequence[float]) -> Drift:
    if not (drawn and kept):
        median = float(np.median(drawn)) if drawn else None
        return Drift(quantity=name, unit=unit, drawn_median=median, kept_median=None, ks=None)
    return Drift(
        quantity=name,
        unit=unit,
        drawn_median=float(np.median(drawn)),
        kept_median=float(np.median(kept)),
        ks=float(stats.ks_2samp(drawn, kept).statistic),
    )


def planted_rates(population: Population, verdicts: Iterable[Verdict]) -> PlantedRates | None:
    """Rejections among planted scenes and among the others; None when nothing was planted."""
    counts: Counter[tuple[bool, bool]] = Counter()
    for verdict in verdicts:
        planted = population.current[verdict.key.slot].stratum.startswith(PLANTED)
        counts[planted, verdict.outcome.rejects] += 1
    if not (counts[True, True] or counts[True, False]):
        return None
    return PlantedRates(
        planted=counts[True, True] + counts[True, False],
        planted_rejected=counts[True, True],
        others=counts[False, True] + counts[False, False],
        others_rejected=counts[False, True],
    )
