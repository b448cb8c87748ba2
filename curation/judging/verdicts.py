"""From scores to verdicts: KEEP, DROP or UNSCORABLE, each with its reason. Pure.

UNSCORABLE (too few pixels with truth, or no finite prediction) is never KEEP: a sample without an
error is not a perfect sample. It is drawn again like a dropped one. A scorer that is wrong about most
things has no say: when the median BP-2 of what it scored is above the policy's limit, it drops
nothing unless forced.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from curation.config import Policy
from curation.judging.scores import Score, bad_share, by_key, median_bp2
from fsd_gen.scene.slots import SlotKey


class Outcome(StrEnum):
    """What becomes of a sample."""

    KEEP = "keep"
    DROP = "drop"
    UNSCORABLE = "unscorable"


class BrokenScorerError(RuntimeError):
    """A model predicts no finite numbers: it diverged, and nothing can be judged with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one round decided about one sample, and why."""

    key: SlotKey
    outcome: Outcome
    reason: str
    bp2: float | None  # on the policy's mask, the number that was judged
    model_digest: str
    policy_digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorerStrength:
    """How good a scorer is at the samples it never saw; decides whether it may judge."""

    model_digest: str
    fold: int
    n_scored: int
    median_bp2: float | None  # on the policy's mask; None: nothing could be scored
    weak: bool


def scorer_strengths(scores: Iterable[Score], policy: Policy) -> dict[str, ScorerStrength]:
    """Strength of each model, by its digest. Raises BrokenScorerError when one predicts mostly nonsense."""
    by_model: defaultdict[str, list[Score]] = defaultdict(list)
    for score in scores:
        by_model[score.model_digest].append(score)
    return {digest: _strength(group, policy) for digest, group in sorted(by_model.items())}


def _strength(scores: Sequence[Score], policy: Policy) -> ScorerStrength:
    broken = sum(not score.finite for score in scores)
    if 2 * broken > len(scores):
        raise BrokenScorerError(
            f"model {scores[0].model_digest[:12]} of fold {scores[0].fold} predicts no finite disparity for "
            f"{broken} of {len(scores)} samples; train it again with a lower learning rate"
        )
    median = median_bp2(scores, policy.mask)
    return ScorerStrength(
        model_digest=scores[0].model_digest,
        fold=scores[0].fold,
        n_scored=len(scores),
        median_bp2=median,
        weak=median is not None and median > policy.weak_scorer_median,
    )


def judge(
    scores: Iterable[Score], policy: Policy, strengths: Mapping[str, ScorerStrength] | None = None
) -> tuple[Verdict, ...]:
    """Exactly one verdict per scored sample, by slot.

    `strengths` is how strong each model was found to be elsewhere; by default it is measured on `scores`.
    Raises ValueError when a sample is scored twice, or by a model without a known strength.
    """
    unique = by_key(scores)
    strengths = scorer_strengths(unique.values(), policy) if strengths is None else strengths
    unknown = {score.model_digest for score in unique.values()} - strengths.keys()
    if unknown:
        raise ValueError(f"scores of models whose strength is not known: {', '.join(sorted(unknown))}")
    ordered = sorted(unique, key=lambda key: (key.slot, key.attempt))
    return tuple(_judge_one(unique[key], policy, strengths[unique[key].model_digest]) for key in ordered)


def _judge_one(score: Score, policy: Policy, scorer: ScorerStrength) -> Verdict:
    outcome, reason = _decide(score, policy, scorer)
    return Verdict(
        key=score.key,
        outcome=outcome,
        reason=reason,
        bp2=score.on(policy.mask).bp2,
        model_digest=score.model_digest,
        policy_digest=policy.digest(),
    )


def _decide(score: Score, policy: Policy, scorer: ScorerStrength) -> tuple[Outcome, str]:
    mask = policy.mask
    on = score.on(mask)
    share = on.n_valid / score.n_pixels
    if not score.finite:
        return Outcome.UNSCORABLE, "the prediction is not finite"
    if on.bp2 is None or share < policy.min_valid_share:
        return Outcome.UNSCORABLE, _too_few_pixels(score, share, policy)
    measured = f"BP-2 ({mask}) {on.bp2:.1%}"
    if on.bp2 <= policy.threshold:
        return Outcome.KEEP, f"{measured} <= {policy.threshold:.0%}"
    if scorer.weak and not policy.force:
        limit = f"{scorer.median_bp2:.1%} > {policy.weak_scorer_median:.0%}"
        return Outcome.KEEP, f"{measured}, but the scorer is too weak to judge: its median is {limit}"
    return Outcome.DROP, f"{measured} > {policy.threshold:.0%}{_cause(score)}"


def _too_few_pixels(score: Score, share: float, policy: Policy) -> str:
    text = (
        f"only {share:.1%} of the pixels can be scored ({policy.mask}), {policy.min_valid_share:.1%} must be"
    )
    beyond = score.n_beyond / score.n_pixels
    return f"{text}; {beyond:.1%} lie beyond the scorer's range" if beyond > 0.01 else text


def _cause(score: Score) -> str:
    """The special surfaces that hold most of the bad pixels, if they do."""
    causes = (("transparent", score.bad_transparent), ("mirror-like", score.bad_mirror))
    named = [f"{share:.0%} of the bad pixels are {name}" for name, share in causes if share and share >= 0.25]
    return f"; {', '.join(named)}" if named else ""


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
    shares = [bad_share(s.on(policy.mask), tau) for s in scores if _scorable(s, policy)]
    return tuple(
        WhatIf(threshold=t, tau=tau, dropped=sum(share > t for share in shares), scorable=len(shares))
        for t in thresholds
    )


def _scorable(score: Score, policy: Policy) -> bool:
    strong = ScorerStrength(model_digest="", fold=0, n_scored=1, median_bp2=None, weak=False)
    return _decide(score, policy, strong)[0] is not Outcome.UNSCORABLE
