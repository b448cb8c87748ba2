"""One run directory: one configuration for ever.

It is frozen as `config.yaml` and `config.sha256`; the digest is written last and is what counts. One driver
works there at a time: see `jobs.locks`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from jobs.files import write_text_atomic

CONFIG_NAME = "config.yaml"
DIGEST_NAME = "config.sha256"
DIGEST = re.compile(r"[0-9a-f]{64}")
LONGEST_DIGEST_FILE = 4096  # bytes that are read of it
ABSENT = "(absent)"


class RunConfigMismatchError(ValueError):
    """The run directory belongs to another configuration."""


class DigestError(ValueError):
    """What a run directory is bound to cannot be read."""


def read_digest(run_dir: Path) -> str:
    """The digest that `run_dir` is bound to. Raises DigestError for a damaged one, FileNotFoundError."""
    path = run_dir / DIGEST_NAME
    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise DigestError(
            f"{path}: is no ordinary file; move it away, and the command that made the run writes it"
        )
    with path.open("rb") as file:
        text = file.read(LONGEST_DIGEST_FILE).decode("ascii", "replace").strip()
    if not DIGEST.fullmatch(text):
        raise DigestError(
            f"{path}: is damaged: expected a digest of 64 hexadecimal digits, got {text[:80]!r}; remove it, "
            "and the command that made the run writes it again"
        )
    return text


def freeze_config(run_dir: Path, text: str, digest: str) -> bool:
    """Bind `run_dir` to the configuration `text` (YAML) with its `digest`; True if that was new.

    A later call with the same digest changes nothing. One with another digest raises RunConfigMismatchError
    listing each key that differs. Call it holding the RunLock.
    """
    refuse_mismatch(run_dir, text, digest)
    if (run_dir / DIGEST_NAME).exists():
        return False
    write_text_atomic(run_dir / CONFIG_NAME, text)
    write_text_atomic(run_dir / DIGEST_NAME, digest + "\n")
    return True


def refuse_mismatch(run_dir: Path, text: str, digest: str) -> None:
    """What `freeze_config` refuses, without writing: raises RunConfigMismatchError, DigestError."""
    config_path, digest_path = run_dir / CONFIG_NAME, run_dir / DIGEST_NAME
    if digest_path.exists():
        if read_digest(run_dir) != digest:
            raise _mismatch(run_dir, text)
    elif config_path.exists() and config_path.read_text() != text:
        raise _mismatch(run_dir, text)


@dataclass(frozen=True, slots=True)
class Difference:
    """A key of which two configurations say different things."""

    key: str  # dotted
    old: str  # printed value, or ABSENT
    new: str

    def __str__(self) -> str:
        return f"{self.key}: {self.old} -> {self.new}"


def config_differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Difference]:
    """What differs between two configurations, sorted by key."""
    before, after = _leaves(old), _leaves(new)
    return [
        Difference(key, before.get(key, ABSENT), after.get(key, ABSENT))
        for key in sorted(before.keys() | after.keys())
        if before.get(key, ABSENT) != after.get(key, ABSENT)
    ]


def _leaves(value: Any, path: str = "") -> dict[str, str]:
    """Dotted key -> printed value; empty mappings and lists are leaves, so that they can differ."""
    if isinstance(value, Mapping) and value:
        children = [(f"{path}.{key}" if path else str(key), child) for key, child in value.items()]
    elif isinstance(value, list) and value:
        children = [(f"{path}[{index}]", child) for index, child in enumerate(value)]
    else:
        return {path: repr(value)}
    return {key: leaf for child_path, child in children for key, leaf in _leaves(child, child_path).items()}


def _mismatch(run_dir: Path, text: str) -> RunConfigMismatchError:
    config_path = run_dir / CONFIG_NAME
    frozen = yaml.safe_load(config_path.read_text()) if config_path.exists() else {}
    return mismatch(run_dir, config_differences(frozen or {}, yaml.safe_load(text) or {}))


def mismatch(run_dir: Path, found: Sequence[Difference]) -> RunConfigMismatchError:
    """The error about a folder of another configuration: each key, the folder's value and the given one."""
    what = "; ".join(f"{each.key} is {each.old} in the folder, {each.new} in yours" for each in found)
    return RunConfigMismatchError(
        f"{run_dir} was begun with another configuration ({run_dir / CONFIG_NAME}): "
        f"{what or 'no key differs, but the defaults or the version behind it do'}. "
        f"Go on with the folder's (--config {run_dir / CONFIG_NAME}; only `curation` may be edited there), "
        "or name another folder"
    )
