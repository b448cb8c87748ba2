"""YAML as configurations are written: one mapping, plain values, and no key twice."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from fsd_gen.sections import ConfigError

MERGE = "tag:yaml.org,2002:merge"  # `<<`: may stand several times, and what it brings may be overridden
DEEPEST = 50  # levels of nesting; a configuration has five
LARGEST_INT = 2**63 - 1  # what HDF5, Parquet and NumPy hold


class _Loader(yaml.SafeLoader):
    """Plain values only; a key that is given twice is an error, where YAML would keep the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: dict[Any, int] = {}
        for key_node, _ in node.value:
            if key_node.tag == MERGE:
                continue
            key, line = self.construct_object(key_node, deep=True), key_node.start_mark.line + 1
            if not isinstance(key, Hashable):
                raise ConfigError(f"line {line}: a key must be plain text, got {key!r}")
            if key in seen:
                raise ConfigError(
                    f"{key!r} is given twice, in lines {seen[key]} and {line}; keep one of them"
                )
            seen[key] = line
        return super().construct_mapping(node, deep)

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        line = node.start_mark.line + 1
        try:
            value: int = super().construct_yaml_int(node)
        except ValueError:  # more digits than Python converts, or none
            raise ConfigError(f"line {line}: not an integer that can be read: {node.value[:30]}") from None
        if abs(value) > LARGEST_INT:
            raise ConfigError(f"line {line}: an integer is too large; expected at most 2**63 - 1")
        return value


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)


def read_text(path: Path) -> str:
    """What the file at `path` says.

    Raises:
        ConfigError: not a text in UTF-8.
    """
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
        values = yaml.load(text, _Loader)
        _refuse_endless(values)
    except yaml.YAMLError as error:
        raise ConfigError(f"{source}: not valid YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise ConfigError(f"{source}: is nested too deeply; expected at most {DEEPEST} levels") from None
    except ConfigError as error:
        raise ConfigError(f"{source}: {error}") from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ConfigError(f"{source}: expected a mapping of sections, got {type(values).__name__}")
    return values


def _refuse_endless(values: Any) -> None:
    """Refuse what is nested too deeply, or holds itself by an alias."""
    level, depth = [values], 0
    while level := _distinct(child for value in level for child in _children(value)):
        depth += 1
        if depth > DEEPEST:
            raise ConfigError(f"is nested too deeply, or holds itself; expected at most {DEEPEST} levels")


def _distinct(values: Iterable[Any]) -> list[Any]:
    """Each value once: aliases of aliases would be as many as 2 to the number of levels."""
    return list({id(value): value for value in values}.values())


def _children(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list | tuple) else ()
