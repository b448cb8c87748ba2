"""What a run holds beside its finished shards: the parts that are still being filled, and what was asked for.

shards/00003.h5.part/part.json             which slots the shard is to hold
shards/00003.h5.part/0000024-a0.h5         a stored sample: a complete shard of one row
shards/00003.h5.part/0000025.quarantined.json
wanted.yaml                                how many shards the last command asked for
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from fsd_gen.sections import ConfigError
from fsd_gen.shards.writer import PART_ID, QUARANTINE_SUFFIX, RENDERER, is_begun
from fsd_gen.strict_yaml import read_mapping, read_text
from jobs.files import write_text_atomic

PART = ".h5.part"
SAMPLES_OF_A_PART = "[0-9]*-a*.h5"
WANTED_NAME = "wanted.yaml"
ABOUT = "# How many shards the last `fsd-gen render` of this run was to make.\n"


class WantedError(ConfigError):
    """What a run says of how many shards it is to have cannot be read."""


class _Identity(TypedDict):
    slots: int | None
    config_digest: str | None
    renderer: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A shard that is not finished yet."""

    path: Path
    samples: tuple[Path, ...]  # a shard of one row each, by slot
    quarantined: int  # slots
    slots: int | None  # that it is to hold; None where it does not say
    config_digest: str | None  # of the configuration that it was begun with
    renderer: str | None = None  # that filled it so far; None where nobody did, or it does not say

    @property
    def shard(self) -> Path:
        """The name of the finished shard."""
        return self.path.with_suffix("")

    def problem(self, config_digest: str | None) -> str | None:
        """Why a run of this configuration cannot go on with it; None if it can."""
        if self.slots is None:
            return f"its {PART_ID} is missing or unreadable; move the part away and render again"
        if config_digest is not None and self.config_digest not in (None, config_digest):
            return (
                f"was begun with config {self.config_digest:.12}, the run is {config_digest:.12}; "
                "move it away and render again"
            )
        return None

    def __str__(self) -> str:
        whole = "?" if self.slots is None else self.slots
        left = f", {self.quarantined} slots quarantined" if self.quarantined else ""
        return f"{self.path.name} has {len(self.samples)} of {whole} samples{left}"


def parts_in(shards: Path) -> tuple[Part, ...]:
    """The unfinished shards in a folder of shards, by name."""
    found = sorted(path for path in shards.glob(f"*{PART}") if path.is_dir() and path.name[0] != ".")
    return tuple(map(_part, found))


def _part(path: Path) -> Part:
    return Part(
        path=path,
        samples=tuple(sorted(path.glob(SAMPLES_OF_A_PART))),
        quarantined=len(list(path.glob(f"[0-9]*{QUARANTINE_SUFFIX}"))),
        **_identity(path / PART_ID),
    )


def _identity(path: Path) -> _Identity:
    try:
        stored = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, ValueError, RecursionError):
        stored = {}
    known = stored if isinstance(stored, dict) else {}
    slots, digest, renderer = known.get("slots"), known.get("config_digest"), known.get(RENDERER)
    return {
        "slots": len(slots) if isinstance(slots, list) else None,
        "config_digest": digest if isinstance(digest, str) else None,
        "renderer": renderer if isinstance(renderer, str) and is_begun(path.parent) else None,
    }


def want_shards(run_dir: Path, shards: int) -> None:
    """Note that the run is to have so many shards, whatever stands there. Hold the run's lock."""
    try:
        known = wanted_shards(run_dir)
    except WantedError:
        known = None
    if known != shards:
        write_text_atomic(run_dir / WANTED_NAME, f"{ABOUT}shards: {shards}\n")


def wanted_shards(run_dir: Path) -> int | None:
    """How many shards the run is to have; None where nobody said so. Raises WantedError."""
    path = run_dir / WANTED_NAME
    again = f"`fsd-gen render --shards N` with the run's number of shards writes it again ({path.parent})"
    try:
        wanted = read_mapping(read_text(path), str(path)).get("shards")
    except FileNotFoundError:
        return None
    except ConfigError as error:
        raise WantedError(f"{error}; {again}") from None
    if isinstance(wanted, int) and not isinstance(wanted, bool) and wanted > 0:
        return wanted
    raise WantedError(f"{path}: expected `shards:` and their number, above 0, got {wanted!r}; {again}")
