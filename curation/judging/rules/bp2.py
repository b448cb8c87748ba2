"""KEEP or DROP by BP-2, the share of pixels off by more than 2 px (arXiv 2501.09898, section 3.5)."""

from __future__ import annotations

from curation.config import Policy
from curation.judging.scores import Score
from curation.judging.verdicts import Outcome, Verdict

NAMED_SHARE = 0.25  # of the bad pixels; a kind of surface that holds so many is named as a cause


def rule(score: Score, policy: Policy) -> Verdict | None:
    """Drop a sample above the policy's threshold, keep it at or below. Without a BP-2 there is no verdict."""
    bp2 = score.on(policy.mask).bp2
    if bp2 is None:
        return None
    measured, limit = score.measured(policy.mask), f"{policy.threshold:.0%}"
    if bp2 <= policy.threshold:
        return Verdict.on(score, policy, Outcome.KEEP, f"{measured} <= {limit}")
    return Verdict.on(score, policy, Outcome.DROP, f"{measured} > {limit}{_cause(score)}")


def _cause(score: Score) -> str:
    """The special surfaces that hold most of the bad pixels, if they do."""
    causes = (("transparent", score.bad_transparent), ("mirror-like", score.bad_mirror))
    named = [
        f"{share:.0%} of the bad pixels are {name}"
        for name, share in causes
        if share and share >= NAMED_SHARE
    ]
    return f"; {', '.join(named)}" if named else ""
