"""What pydantic complains of in the words of our messages, not in names of Python."""

from __future__ import annotations

import re
from collections.abc import Callable

from pydantic import ValidationError
from pydantic_core import ErrorDetails

Place = tuple[int | str, ...]  # names of fields and numbers of entries, from the top

EXPECTED = {  # by pydantic's name for the mistake
    "dict_type": "expected a section of settings",
    "model_type": "expected a section of settings",
    "model_attributes_type": "expected a section of settings",
    "tuple_type": "expected a list",
    "list_type": "expected a list",
    "string_type": "expected a text",
    "bool_type": "expected true or false",
    "bool_parsing": "expected true or false",
    "int_type": "expected an integer",
    "int_parsing": "expected an integer",
    "int_from_float": "expected an integer",
    "float_type": "expected a number",
    "float_parsing": "expected a number",
    "json_invalid": "expected JSON",
    "json_type": "expected JSON",
}
MOST_SAID = 10  # complaints in one line; more are counted
PATTERN = re.compile(r"String should match pattern '(.*)'")
NUMBER = re.compile(r"\w+ should have at (least|most) (\d+ items?) after validation, not (\d+)")


def in_words(kind: str, message: str) -> str:
    """A complaint of pydantic, or of one of our own checks inside it."""
    plain = message.removeprefix("Value error, ").removeprefix("Input ")
    plain = NUMBER.sub(r"expected at \1 \2, got \3", PATTERN.sub(r"expected a text of the form \1", plain))
    return EXPECTED.get(kind) or plain


def complaints(
    error: ValidationError, unknown: Callable[[str, Place], str] = lambda name, section: "", top: str = ""
) -> str:
    """All that is wrong, in one line: `field: what was expected, got value`, joined by semicolons.

    `unknown` says how the complaint about an unknown field goes on, by its name and its section; `top` what
    the whole is called.
    """
    found = error.errors(include_url=False)
    said = [_complaint(item, unknown, top) for item in found[:MOST_SAID]]
    return "; ".join([*said, *([f"and {len(found) - len(said)} more"] if len(found) > len(said) else [])])


def _complaint(item: ErrorDetails, unknown: Callable[[str, Place], str], top: str) -> str:
    kind, place = item["type"], item["loc"]
    dotted = ".".join(str(part) for part in place) or top
    where = f"{dotted}: " if dotted else ""
    if kind == "extra_forbidden":
        return f"{where}unknown field{unknown(str(place[-1]), place[:-1])}"
    if kind == "missing":
        return f"{where}is missing"
    if kind == "value_error":  # one of our own checks, which says what it got
        return where + in_words(kind, item["msg"])
    what = in_words(kind, item["msg"])
    if ", got " in what:
        return where + what
    got = "nothing" if item["input"] is None else f"{item['input']!r:.80}"
    return f"{where}{what}, got {got}"
