"""UNJUDGED is what a weak scorer scored: one that is wrong about most things has no say in anything.

The policy's `force` lets it judge nevertheless.
"""

from __future__ import annotations

from curation.config import Policy
from curation.judging.verdicts import Outcome, ScoreInRound, Verdict


def rule(score: ScoreInRound, policy: Policy) -> Verdict | None:
    """Leave a sample unjudged when its scorer's median BP-2 is above the policy's limit."""
    scorer = score.scorer
    if not scorer.weak or policy.force:
        return None
    limit = f"{scorer.median_bp2:.1%} > {policy.weak_scorer_median:.0%}"
    reason = f"{score.measured(policy.mask)}, but the scorer is too weak to judge: its median is {limit}"
    return Verdict.on(score, policy, Outcome.UNJUDGED, reason)
