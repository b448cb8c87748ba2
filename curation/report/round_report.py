"""What a round's report says: `RoundReport`, the machine-readable twin of its page, and its parts."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from curation.config import ScoringMask
from curation.report.inputs import Curve


class Part(BaseModel):
    """Base of all parts of a report: frozen, and strict about unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class StratumCount(Part):
    """Verdicts in one stratum."""

    stratum: str
    drawn: int
    kept: int
    dropped: int
    unscorable: int
    unjudged: int = 0  # reports of before this outcome lack it
    median_bp2: float | None


class Distribution(Part):
    """BP-2 of some samples: counts per bin of BP2_EDGES (the first is closed), and its centre."""

    n: int
    median: float | None
    mean: float | None
    counts: tuple[int, ...]


class Drift(Part):
    """How far the kept samples moved from the drawn ones. KS: largest gap of the two cumulative shares."""

    quantity: str
    unit: str
    drawn_median: float | None
    kept_median: float | None
    ks: float | None  # 0: alike, 1: apart


class ScorerReport(Part):
    """One model of the round."""

    fold: int
    model_digest: str
    trained_on: int  # samples
    scored: int
    median_bp2: float | None
    weak: bool
    curve: Curve


class WhatIfRow(Part):
    """What another threshold would drop."""

    threshold: float
    dropped: int
    share: float | None


class PlantedRates(Part):
    """Drop rates of planted, unlearnable scenes against all others."""

    planted: int
    planted_rejected: int
    others: int
    others_rejected: int


class Cause(Part):
    """Mean share of the bad pixels (ALL) that lie on a kind of surface."""

    surface: str
    dropped: float | None
    kept: float | None


class Cost(Part):
    """What it took until this round's verdicts, earlier rounds included. Seconds.

    Draws that failed the generator's own checks are not in any shard, and not in these numbers.
    """

    render_cpu_s: float  # of all samples drawn for it, rejected ones included
    train_cpu_s: float
    score_cpu_s: float
    drawn_pairs: int
    kept_pairs: int
    wall_s: float  # training and scoring
    per_drawn_pair: float | None  # rendering alone
    per_kept_pair: float | None  # everything


class RoundReport(Part):
    """The machine-readable twin of a round's page."""

    version: int = 2  # 1 had no unjudged samples: what a weak scorer scored was kept
    round: int
    config: dict[str, Any]
    config_digest: str
    policy_digest: str
    population_digest: str
    mask: ScoringMask  # pixels that every BP-2 of the report is over
    threshold: float
    in_sample: bool
    samples: int
    kept: int
    dropped: int
    unscorable: int
    unjudged: int = 0
    quarantined: int  # slots without a sample when the round began
    regenerated: int  # successors drawn
    without_successor: int  # rejected slots for which no attempt passed its checks
    weak: bool  # some scorer was too weak to judge
    median_bp2: float | None
    before: Distribution  # all samples
    after: Distribution  # the kept ones
    strata: tuple[StratumCount, ...]
    causes: tuple[Cause, ...]
    drift: tuple[Drift, ...]
    scorers: tuple[ScorerReport, ...]
    what_if: tuple[WhatIfRow, ...]
    planted: PlantedRates | None
    cost: Cost
