"""From scores to verdicts: KEEP, DROP, UNSCORABLE or UNJUDGED, each with its reason. Pure.

The first rule of the policy that has a verdict decides (`curation.judging.rules`). DROP and UNSCORABLE
reject a sample: its slot is drawn again. UNJUDGED (the scorer too weak, or not scored yet) says nothing of
the sample, neither that it is good nor that it is bad: it stays, and is not published unasked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum

from curation.config import Policy
from curation.judging.rules import BadRuleError, rule_module
from curation.judging.scores import Score, by_key, median_bp2
from fsd_gen.scene.slots import SlotKey


class Outcome(StrEnum):
    """What becomes of a sample."""

    KEEP = "keep"  # it is published
    DROP = "drop"  # BP-2 above the threshold: its slot is drawn again
    UNSCORABLE = "unscorable"  # too few pixels to judge by: its slot is drawn again
    UNJUDGED = "unjudged"  # no scorer good enough has seen it: it stays, and is not published unasked

    @property
    def rejects(self) -> bool:
        """Whether the sample goes, and its slot is drawn again."""
        return self in (Outcome.DROP, Outcome.UNSCORABLE)


class BrokenScorerError(RuntimeError):
    """A model predicts no finite numbers: it diverged, and nothing can be judged with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one round decided about one sample, and why."""

    key: SlotKey  # slot and attempt
    outcome: Outcome  # keep, drop, unscorable or unjudged
    reason: str  # in words
    bp2: float | None  # on the policy's mask, the number that was judged
    model_digest: str  # empty: no model scored it
    policy_digest: str  # of the policy that decided

    @classmethod
    def on(cls, score: Score, policy: Policy, outcome: Outcome, reason: str) -> Verdict:
        """The verdict on a scored sample."""
        return cls(
            key=score.key,
            outcome=outcome,
            reason=reason,
            bp2=score.on(policy.mask).bp2,
            model_digest=score.model_digest,
            policy_digest=policy.digest(),
        )


def not_scored(key: SlotKey, policy: Policy) -> Verdict:
    """The verdict on a sample that no model has scored yet."""
    return Verdict(
        key=key,
        outcome=Outcome.UNJUDGED,
        reason="not scored yet",
        bp2=None,
        model_digest="",
        policy_digest=policy.digest(),
    )


# ---------------------------------------------------------------- how strong the scorers are


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorerStrength:
    """How good a scorer is at the samples it never saw; decides whether it may judge."""

    model_digest: str
    fold: int
    n_scored: int
    median_bp2: float | None  # on the policy's mask; None: nothing could be scored
    weak: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreInRound(Score):
    """A score beside what its round knows of the model that gave it; what rules judge."""

    scorer: ScorerStrength


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


# ---------------------------------------------------------------- judging


Rule = Callable[[ScoreInRound, Policy], Verdict | None]


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
    rules = rules_of(policy)
    ordered = sorted(unique, key=lambda key: (key.slot, key.attempt))
    return tuple(
        first_verdict(in_round(unique[key], strengths[unique[key].model_digest]), policy, rules)
        for key in ordered
    )


def rules_of(policy: Policy) -> tuple[Rule, ...]:
    """The rules that the policy names, in its order. Raises UnknownRuleError and BadRuleError."""
    return tuple(_rule(name) for name in policy.rules)


def _rule(name: str) -> Rule:
    module = rule_module(name)
    found: Rule | None = getattr(module, "rule", None)
    if not callable(found):
        raise BadRuleError(f"{module.__file__}: expected a function rule(score, policy) -> Verdict | None")
    return found


def in_round(score: Score, scorer: ScorerStrength) -> ScoreInRound:
    """The score as rules see it."""
    values = {field.name: getattr(score, field.name) for field in fields(Score)}
    return ScoreInRound(**values, scorer=scorer)


def first_verdict(score: ScoreInRound, policy: Policy, rules: Iterable[Rule]) -> Verdict:
    """What the first rule says that has a verdict; UNJUDGED when none has."""
    for rule in rules:
        if (verdict := rule(score, policy)) is not None:
            return verdict
    return Verdict.on(score, policy, Outcome.UNJUDGED, "no rule of the policy has a verdict")
