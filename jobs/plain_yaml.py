"""YAML from anywhere, read as plain values: no code, no endless nesting, no ten lines that mean billions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

MOST_VALUES = 200_000  # with every alias written out
MOST_CHARACTERS = 16 << 20


class PlainYamlError(ValueError):
    """A text that is not YAML of plain values; one line, without the place."""


def read_plain(text: str) -> Any:
    """The values that `text` holds. Raises PlainYamlError."""
    if len(text) > MOST_CHARACTERS:
        raise PlainYamlError(f"has {len(text)} characters, at most {MOST_CHARACTERS} are read")
    try:
        values = yaml.safe_load(text)
    except yaml.constructor.ConstructorError as error:
        what = " ".join(str(error.problem).split())
        raise PlainYamlError(f"not YAML of plain values ({what})") from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: dates and numbers that there are not
        raise PlainYamlError(f"not YAML ({' '.join(str(error).split())[:300]})") from None
    except RecursionError:
        raise PlainYamlError("is nested too deeply") from None
    refuse_explosion(values)
    return values


def refuse_explosion(values: Any) -> None:
    """Refuse what holds itself or stands for too many values, by aliases. Raises PlainYamlError."""
    counts: dict[int, int] = {}
    open_now: set[int] = set()
    todo = [(values, False)]
    while todo:
        value, done = todo.pop()
        children = list(_children(value))
        if done:
            open_now.discard(id(value))
            counts[id(value)] = 1 + sum(counts.get(id(child), 1) for child in children)
            if counts[id(value)] > MOST_VALUES:
                raise PlainYamlError(f"stands for more than {MOST_VALUES} values, by aliases of aliases")
        elif children and id(value) not in counts:
            if id(value) in open_now:
                raise PlainYamlError("holds itself by an alias")
            open_now.add(id(value))
            todo += [(value, True), *((child, False) for child in children)]


def _children(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list | tuple | set) else ()
