"""A rule is one file: found by its name, listed by a policy, refused with a suggestion when unknown."""

from __future__ import annotations

import sys

import pytest

from curation.config import CurationConfigError, Policy, parse_config
from curation.judging import rules
from curation.judging.rules import BadRuleError, UnknownRuleError, check_rule, rule_module, rule_names
from curation.judging.rules.bp2 import rule as bp2
from curation.judging.rules.unscorable import rule as unscorable
from curation.judging.rules.weak_scorer import rule as weak_scorer
from curation.judging.verdicts import Outcome, ScorerStrength, in_round, judge
from tests.curation.judging.test_verdicts import GOOD, POLICY, make_score, mask_score

MIRRORS = """
from curation.judging.verdicts import Outcome, Verdict


def rule(score, policy):
    if score.bad_mirror > 0.5:
        return Verdict.on(score, policy, Outcome.DROP, "mirrors")
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """One more folder that rules may lie in."""
    monkeypatch.setattr(rules, "__path__", [*rules.__path__, str(tmp_path)])
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("curation.judging.rules.test_")]:
        del sys.modules[name]


def test_every_file_is_a_rule():
    assert rule_names() == ("bp2", "unscorable", "weak-scorer")
    assert all(callable(rule_module(name).rule) for name in rule_names())


def test_adding_a_rule_is_one_new_file(folder):
    (folder / "test_mirrors.py").write_text(MIRRORS)
    policy = Policy(rules=("unscorable", "weak-scorer", "test-mirrors", "bp2"))
    clear, mirrors, *_ = judge([make_score(0, 0.1), make_score(1, 0.1, bad_mirror=0.6), *GOOD], policy)
    assert (clear.outcome, mirrors.outcome, mirrors.reason) == (Outcome.KEEP, Outcome.DROP, "mirrors")


def test_a_file_without_a_rule_is_named(folder):
    (folder / "test_empty.py").write_text("")
    with pytest.raises(BadRuleError, match=r"test_empty.py: expected a function rule\(score, policy\)"):
        judge(GOOD, Policy(rules=("test-empty",)))


@pytest.mark.parametrize("name", ["weak-scorers", "weak_scorer", "Weak-Scorer"])
def test_an_unknown_rule_is_refused_with_the_name_that_was_meant(name):
    with pytest.raises(UnknownRuleError, match="did you mean 'weak-scorer'.* known: bp2, unscorable"):
        check_rule(name)


@pytest.mark.parametrize(
    ("listed", "complaint"),
    [(["bp3"], "did you mean 'bp2'"), (["bp2", "bp2"], "'bp2' is listed twice"), ([], "at least 1 item")],
)
def test_a_policy_with_bad_rules_is_refused(listed, complaint):
    with pytest.raises(CurationConfigError, match=f"policy.rules: .*{complaint}"):
        parse_config({"policy": {"rules": listed}}, source="x.yaml")


def strength(*, weak: bool) -> ScorerStrength:
    return ScorerStrength(model_digest="m", fold=0, n_scored=4, median_bp2=0.5, weak=weak)


def test_bp2_keeps_or_drops_and_has_no_verdict_without_a_number():
    assert bp2(make_score(0, 0.6), POLICY).outcome is Outcome.KEEP
    assert bp2(make_score(0, 0.61), POLICY).outcome is Outcome.DROP
    assert bp2(make_score(0, None), POLICY) is None


def test_unscorable_speaks_of_what_cannot_be_measured_alone():
    assert unscorable(make_score(0, 0.99), POLICY) is None
    assert unscorable(make_score(0, None), POLICY).outcome is Outcome.UNSCORABLE
    assert unscorable(make_score(0, 0.0, visible=mask_score(0.0, 1)), POLICY).outcome is Outcome.UNSCORABLE


def test_weak_scorer_leaves_unjudged_unless_forced():
    weak, strong = (in_round(make_score(0, 0.1), strength(weak=weak)) for weak in (True, False))
    assert weak_scorer(weak, POLICY).outcome is Outcome.UNJUDGED
    assert weak_scorer(strong, POLICY) is None
    assert weak_scorer(weak, Policy(force=True)) is None
