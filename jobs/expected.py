"""What pydantic complains of in the words of our messages, not in names of Python."""

from __future__ import annotations

EXPECTED = {  # by pydantic's name for the mistake
    "dict_type": "expected a section of settings",
    "model_type": "expected a section of settings",
    "tuple_type": "expected a list",
    "string_type": "expected a text",
    "bool_type": "expected true or false",
    "bool_parsing": "expected true or false",
    "int_type": "expected an integer",
    "int_parsing": "expected an integer",
    "int_from_float": "expected an integer",
    "float_type": "expected a number",
    "float_parsing": "expected a number",
}


def in_words(kind: str, message: str) -> str:
    """A complaint of pydantic, or of one of our own checks inside it."""
    return EXPECTED.get(kind) or message.removeprefix("Value error, ").removeprefix("Input ")
