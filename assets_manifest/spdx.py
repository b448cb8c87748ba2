"""Licences as SPDX writes them: an identifier, or an expression of several such as `CC-BY-4.0 OR MIT`.

OR leaves the choice, so what one of its sides does not ask for is not asked for; AND asks for all of both.
`packaging` knows the identifiers and the grammar, but gives no tree of an expression to ask that of.
"""

from __future__ import annotations

import re

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

EXPRESSION = re.compile(r"[A-Za-z0-9(][A-Za-z0-9.+\-() ]{1,200}")
ASKS_FOR_AUTHOR = "CC-BY"  # how the identifiers of licences begin that ask for credit


class LicenceError(ValueError):
    """SPDX knows no such licence; `unknown` is the identifier that it does not know, else the whole."""

    def __init__(self, licence: str, unknown: str) -> None:
        super().__init__(f"{licence!r:.60} is no licence, {unknown!r:.60} is unknown")
        self.unknown = unknown


def canonical(licence: str) -> str:
    """The identifier or expression in the letters that SPDX gives it.

    Raises:
        LicenceError: it is none, or one of its members is unknown.
    """
    try:
        if EXPRESSION.fullmatch(licence):
            return canonicalize_license_expression(licence)
    except InvalidLicenseExpression:
        pass
    raise LicenceError(licence, next((each for each in members(licence) if not _is_known(each)), licence))


def members(licence: str) -> tuple[str, ...]:
    """The identifiers in a licence, each once, in their order; not the exceptions that follow WITH."""
    words = re.split(r"[\s()]+", re.sub(r"\sWITH\s+[^\s()]+", "", licence, flags=re.IGNORECASE))
    return tuple(dict.fromkeys(word for word in words if word and word.upper() not in ("AND", "OR")))


def asks_for_author(licence: str) -> bool:
    """Whether none of the choices that a canonical licence leaves does without its author's name."""
    return _any_of(re.findall(r"[()]|[^\s()]+", licence))


def _any_of(tokens: list[str]) -> bool:
    asks = _all_of(tokens)
    while tokens[:1] == ["OR"]:
        del tokens[0]
        asks = _all_of(tokens) and asks
    return asks


def _all_of(tokens: list[str]) -> bool:
    asks = _one(tokens)
    while tokens[:1] == ["AND"]:
        del tokens[0]
        asks = _one(tokens) or asks
    return asks


def _one(tokens: list[str]) -> bool:
    first = tokens.pop(0)
    if first == "(":
        asks = _any_of(tokens)
        del tokens[0]  # its closing bracket
        return asks
    if tokens[:1] == ["WITH"]:
        del tokens[:2]
    return first.startswith(ASKS_FOR_AUTHOR)


def _is_known(identifier: str) -> bool:
    try:
        return bool(canonicalize_license_expression(identifier))
    except InvalidLicenseExpression:
        return False
