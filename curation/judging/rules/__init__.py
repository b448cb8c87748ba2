"""The rules by which a scored sample is judged, one file each; a policy lists them in order.

A rule is a function `rule(score, policy) -> Verdict | None` in a module of this package: its verdict, or None
to leave the sample to the next rule. `score` is a `ScoreInRound`, so it also says how strong its scorer is.
Nothing is registered anywhere: `rules/weak_scorer.py` is found as "weak-scorer".
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from types import ModuleType


class UnknownRuleError(ValueError):
    """No file of this package is the rule of that name."""


class BadRuleError(TypeError):
    """A file of this package that holds no rule."""


def rule_names() -> tuple[str, ...]:
    """Names of all rules there are, sorted."""
    return tuple(sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__)))


def check_rule(name: str) -> None:
    """Raise UnknownRuleError, with a suggestion, unless there is a rule called `name`. Loads nothing."""
    known = rule_names()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise UnknownRuleError(f"unknown rule {name!r}; {hint}known: {', '.join(known)}")


def rule_module(name: str) -> ModuleType:
    """The module that holds the rule called `name`. Raises UnknownRuleError."""
    check_rule(name)
    return importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
