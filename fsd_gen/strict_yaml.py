"""YAML as configurations are written: one mapping, plain values, and no key twice."""

from __future__ import annotations

import re
import stat
from collections.abc import Hashable, Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from fsd_gen.sections import ConfigError

MERGE = "tag:yaml.org,2002:merge"  # `<<`: what it brings may be overridden
DEEPEST = 50  # levels of nesting; a configuration has five
MOST_VALUES = 100_000  # with every alias written out; a configuration has a hundred
LARGEST_INT = 2**63 - 1  # what HDF5, Parquet and NumPy hold
LARGEST_FILE = 4 << 20  # bytes
OTHER_BASE = re.compile(r"[-+]?(0[0-9_]+|.*:.*)")  # YAML 1.1 reads 010 as 8 and 1:30 as 90


class _Loader(yaml.SafeLoader):
    """Plain values only; a key that is given twice is an error, where YAML would keep the last one."""

    def compose_mapping_node(self, anchor: dict[Any, yaml.Node]) -> yaml.MappingNode:
        # Here and not where values are made: there, merges may have changed the node already.
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        seen: dict[Any, int] = {}
        for key_node, _ in node.value:
            key, line = self._key(key_node), key_node.start_mark.line + 1
            if key in seen:
                raise ConfigError(
                    f"{key!r} is given twice, in lines {seen[key]} and {line}; keep one of them"
                    + (", such as <<: [*one, *other]" if key_node.tag == MERGE else "")
                )
            seen[key] = line
        return node

    def _key(self, node: yaml.Node) -> Hashable:
        if not isinstance(node, yaml.ScalarNode):
            raise ConfigError(f"line {node.start_mark.line + 1}: a key must be plain text")
        key: Hashable = "<<" if node.tag == MERGE else self.construct_object(node, deep=True)
        return key

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        line = node.start_mark.line + 1
        self._refuse_other_base(node)
        try:
            value: int = super().construct_yaml_int(node)
        except ValueError:  # more digits than Python converts, or none
            raise ConfigError(f"line {line}: not an integer that can be read: {node.value[:30]}") from None
        if abs(value) > LARGEST_INT:
            raise ConfigError(f"line {line}: an integer is too large; expected at most 2**63 - 1")
        return value

    def construct_yaml_float(self, node: yaml.ScalarNode) -> float:
        if ":" in node.value:
            self._refuse_other_base(node)
        value: float = super().construct_yaml_float(node)
        return value

    def as_text(self, node: yaml.ScalarNode) -> str:
        """What looks like a date is the text that it is."""
        return str(node.value)

    def refuse_tag(self, node: yaml.Node) -> None:
        """Refuse a value that is neither text, number, truth value, list nor mapping."""
        what = node.tag.rpartition(":")[2]
        raise ConfigError(f"line {node.start_mark.line + 1}: expected plain values, got !!{what}")

    def _refuse_other_base(self, node: yaml.ScalarNode) -> None:
        if OTHER_BASE.fullmatch(node.value):
            raise ConfigError(
                f"line {node.start_mark.line + 1}: YAML reads {node.value[:30]} in base 8 or 60; "
                "expected a decimal number, or quotes around a text"
            )


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)
_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.construct_yaml_float)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _Loader.as_text)
for _tag in ("binary", "omap", "pairs", "set"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_tag}", _Loader.refuse_tag)


def read_text(path: Path) -> str:
    """What the file at `path` says.

    Raises:
        ConfigError: no file, not a text in UTF-8, or far too long for one of ours.
    """
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):  # a pipe would be waited for
        raise ConfigError(f"{path}: is no ordinary file; expected a text file, move it away")
    if (size := found.st_size) > LARGEST_FILE:
        raise ConfigError(f"{path}: is no configuration: {size} bytes, expected at most {LARGEST_FILE}")
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not a text file; expected UTF-8, byte {error.start} is none") from None


def read_mapping(text: str, source: str) -> dict[str, Any]:
    """The mapping that `text` holds; {} when there is nothing in it.

    Raises:
        ConfigError: not YAML, not a mapping, or a key twice; one line that begins with `source`.
    """
    try:
        values = yaml.load(text.removeprefix("\ufeff"), _Loader)
        _refuse_endless(values)
    except yaml.YAMLError as error:
        raise ConfigError(f"{source}: not valid YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise ConfigError(f"{source}: is nested too deeply; expected at most {DEEPEST} levels") from None
    except ValueError as error:  # ours, and dates that are none
        raise ConfigError(f"{source}: {error}") from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ConfigError(f"{source}: expected a mapping of sections, got {type(values).__name__}")
    return values


def _refuse_endless(values: Any) -> None:
    """Refuse what is nested too deeply, holds itself by an alias, or unfolds to too much."""
    level, depth, levels = [values], 0, [[values]]
    while level := _distinct(child for value in level for child in _children(value)):
        depth += 1
        levels.append(level)
        if depth > DEEPEST:
            raise ConfigError(f"is nested too deeply, or holds itself; expected at most {DEEPEST} levels")
    sizes: dict[int, int] = {}
    for value in (value for each in reversed(levels) for value in each):  # what holds others comes later
        sizes[id(value)] = 1 + sum(sizes[id(child)] for child in _children(value))
    if sizes[id(values)] > MOST_VALUES:
        raise ConfigError(f"unfolds to more than {MOST_VALUES} values; write fewer aliases (*name)")


def _distinct(values: Iterable[Any]) -> list[Any]:
    """Each value once: aliases of aliases would be as many as 2 to the number of levels."""
    return list({id(value): value for value in values}.values())


def _children(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list | tuple) else ()
