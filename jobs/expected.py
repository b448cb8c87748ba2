"""What pydantic complains of in the words of our messages, not in names of Python."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

T = TypeVar("T")
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
LARGEST_INT = 2**63 - 1
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
    found = own_complaints(error)
    said = [_complaint(item, unknown, top) for item in found[:MOST_SAID]]
    return "; ".join([*said, *([f"and {len(found) - len(said)} more"] if len(found) > len(said) else [])])


def own_complaints(error: ValidationError) -> list[ErrorDetails]:
    """All but those of a list that only seems too short, as an entry of it is wrong, which is said too."""
    found = error.errors(include_url=False)
    places = {item["loc"][:depth] for item in found for depth in range(len(item["loc"]))}
    return [item for item in found if item["type"] != "too_short" or item["loc"] not in places]


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


def with_whole_numbers(validate: Callable[[Any], T], values: Any) -> T:
    """What `validate` makes of values in which a text such as 1e3 may stand for a whole number.

    YAML takes 1e3 for a text; pydantic reads it where any number may stand, but not where a whole one must.
    Raises what `validate` does.
    """
    try:
        return validate(values)
    except ValidationError as error:
        for item in error.errors(include_url=False):
            number = _whole(item["input"]) if item["type"] == "int_parsing" else None
            values = values if number is None else _replaced(values, item["loc"], item["input"], number)
    return validate(values)


def _whole(text: object) -> int | None:
    """The whole number that a text with an exponent is."""
    try:
        number = float(text) if isinstance(text, str) else math.nan
    except ValueError:
        return None
    return int(number) if abs(number) <= LARGEST_INT and number.is_integer() else None


def _replaced(values: Any, place: Place, old: object, new: int) -> Any:
    """A copy of the values with `new` at a place where `old` is; the same values where it is not there."""
    if isinstance(values, str):  # one number for a range: the complaint is of one of its ends
        return new if values == old else values
    if isinstance(values, Mapping) and place and place[0] in values:
        return {**values, place[0]: _replaced(values[place[0]], place[1:], old, new)}
    if isinstance(values, list | tuple) and place and place[0] in range(len(values)):
        return [_replaced(one, place[1:], old, new) if k == place[0] else one for k, one in enumerate(values)]
    return values
