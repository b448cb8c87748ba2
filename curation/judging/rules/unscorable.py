"""UNSCORABLE is what cannot be measured: a sample without an error is not a perfect sample."""

from __future__ import annotations

from curation.config import Policy
from curation.judging.scores import Score
from curation.judging.verdicts import Outcome, Verdict


def rule(score: Score, policy: Policy) -> Verdict | None:
    """Reject a sample with too few pixels to score, or without a finite prediction."""
    if not score.finite:
        return Verdict.on(score, policy, Outcome.UNSCORABLE, "the prediction is not finite")
    on = score.on(policy.mask)
    share = on.n_valid / score.n_pixels
    if on.bp2 is None or share < policy.min_valid_share:
        return Verdict.on(score, policy, Outcome.UNSCORABLE, _too_few_pixels(score, share, policy))
    return None


def _too_few_pixels(score: Score, share: float, policy: Policy) -> str:
    text = (
        f"only {share:.1%} of the pixels can be scored ({policy.mask}), {policy.min_valid_share:.1%} must be"
    )
    beyond = score.n_beyond / score.n_pixels
    return f"{text}; {beyond:.1%} lie beyond the scorer's range" if beyond > 0.01 else text
