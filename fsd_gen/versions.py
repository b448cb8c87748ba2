"""Versions of the configuration format, and what a configuration of each is called in its samples.

A run keeps the text of its configuration for ever, in the version it was begun with. `upgrade` turns the
values of any version into today's; `identity` says what the run's shards say of it, computed from the frozen
values as they stand, so that no later program can call an old run by another name.

Version 2 freezes what was given and nothing else: a new field with a default changes no digest. What was not
given has the default of that version, so **a default never changes within a version**: whoever changes one
makes version 3, whose `upgrade_v2` writes the old default out. Version 1 froze every field.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic_core import to_json

from fsd_gen.sections import ConfigError

VERSION: Final = 2
DECIDES_NOTHING = "curation"  # the section that no sample depends on
ROOM = ("room_m", "ceiling_m")  # what version 1's section `indoor` said of other styles too
FURNITURE = ("furniture", "on_support", "retexture")
RENAMED_IN_RIG = {"max_disparity": "max_disparity_share"}


@dataclass(frozen=True, slots=True)
class ConfigIdentity:
    """What shards say of the configuration they were made with."""

    version: int
    json: str
    digest: str  # SHA-256, hexadecimal

    @property
    def names_assets(self) -> bool:
        """Whether shards also name the asset packs. Those of version 1 do not, and must stay alike."""
        return self.version > 1


def identity(values: Mapping[str, Any]) -> ConfigIdentity:
    """The identity of frozen values, of whatever version they are.

    Raises:
        ConfigError: a version that this program does not know.
    """
    deciding = {name: value for name, value in values.items() if name != DECIDES_NOTHING}
    canonical = json.dumps(deciding, sort_keys=True, separators=(",", ":"))
    match values.get("version"):
        case 1:  # the digest was of another spelling than the text beside it
            spaced = json.dumps(deciding, sort_keys=True)
            return ConfigIdentity(1, to_json(deciding).decode(), _sha256(spaced))
        case 2:
            return ConfigIdentity(2, canonical, _sha256(canonical))
    raise ConfigError(f"version {values.get('version')!r} of the configuration is unknown; {_ours()}")


def upgrade(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same configuration in today's version.

    Raises:
        ConfigError: a version that this program does not know.
    """
    match values.get("version"):
        case 1:
            return upgrade_v1(values)
        case 2:
            return dict(values)
    raise ConfigError(f"version {values.get('version')!r} of the configuration is unknown; {_ours()}")


def upgrade_v1(values: Mapping[str, Any]) -> dict[str, Any]:
    """Version 1 had the weights in `strata`, settings in `flying` and `indoor`, and `rig.max_disparity`."""
    moved = ("strata", "flying", "indoor", "rig")
    kept = {name: value for name, value in values.items() if name not in moved}
    indoor = _section(values, "indoor")
    settings = {
        "flying": _section(values, "flying"),
        "indoor": indoor,
        "planted-blank": _some(indoor, *ROOM),
        "planted-mirror": _some(indoor, *ROOM, *FURNITURE),
    }
    weights = _section(values, "strata") or {"flying": 0.5, "indoor": 0.5}
    styles = {name: {"weight": weight, **settings.get(name, {})} for name, weight in weights.items()}
    rig = {RENAMED_IN_RIG.get(name, name): value for name, value in _section(values, "rig").items()}
    return {**kept, "version": 2, "styles": styles} | ({"rig": rig} if rig else {})


def _section(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = values.get(name)
    return section if isinstance(section, Mapping) else {}


def _some(section: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: section[name] for name in names if name in section}


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _ours() -> str:
    return f"this program knows versions 1 to {VERSION}"
