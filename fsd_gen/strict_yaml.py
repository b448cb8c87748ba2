"""YAML as configurations are written: one mapping, plain values, and no key twice."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import yaml

from fsd_gen.sections import ConfigError

MERGE = "tag:yaml.org,2002:merge"  # `<<`: may stand several times, and what it brings may be overridden


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


def read_mapping(text: str, source: str) -> dict[str, Any]:
    """The mapping that `text` holds; {} when there is nothing in it.

    Raises:
        ConfigError: not YAML, not a mapping, or a key twice; one line that begins with `source`.
    """
    try:
        values = yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        raise ConfigError(f"{source}: not valid YAML: {' '.join(str(error).split())}") from None
    except ConfigError as error:
        raise ConfigError(f"{source}: {error}") from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ConfigError(f"{source}: expected a mapping of sections, got {type(values).__name__}")
    return values
