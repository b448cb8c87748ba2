"""What other thresholds would drop, from stored scores: nothing is trained, predicted or drawn. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from curation.config import Policy
from curation.judging.scores import Score, bad_share
from curation.judging.verdicts import Outcome, Rule, ScorerStrength, first_verdict, in_round, rules_of


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """How many samples would go under another threshold or tolerance."""

    threshold: float  # share of bad pixels above which a sample is dropped
    tau: float  # pixels; an error above this is bad
    dropped: int
    scorable: int

    @property
    def share(self) -> float | None:
        """Dropped samples among the scorable."""
        return self.dropped / self.scorable if self.scorable else None


def sweep(
    scores: Sequence[Score], policy: Policy, thresholds: Iterable[float], *, tau: float = 2.0
) -> tuple[WhatIf, ...]:
    """What other thresholds would drop, from the stored histograms. Weak scorers count like strong ones."""
    rules = rules_of(policy)
    known = (bad_share(s.on(policy.mask), tau) for s in scores if _scorable(s, policy, rules))
    shares = [share for share in known if share is not None]
    return tuple(
        WhatIf(threshold=t, tau=tau, dropped=sum(share > t for share in shares), scorable=len(shares))
        for t in thresholds
    )


def _scorable(score: Score, policy: Policy, rules: Sequence[Rule]) -> bool:
    strong = ScorerStrength(model_digest="", fold=0, n_scored=1, median_bp2=None, weak=False)
    return first_verdict(in_round(score, strong), policy, rules).outcome is not Outcome.UNSCORABLE
