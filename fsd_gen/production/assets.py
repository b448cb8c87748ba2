"""The asset library that a run is made from, frozen: every shard is to show the same things.

`assets.yaml` is written when the first shard of a run is asked for. A pack that lacked some of its sources
when it was opened is marked as partial there and in every shard, so that it never passes for the whole one.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import yaml

from assets_manifest.library import AssetLibrary, PackIdentity, open_library
from fsd_gen.config import Config
from fsd_gen.sections import ConfigError
from fsd_gen.strict_yaml import read_mapping, read_text
from fsd_gen.styles.choice import check_choice, may_come
from jobs.files import write_text_atomic

REMOTE_TAG, FILES_ALONE = "omniverse", "mitsuba"
ASSETS_NAME = "assets.yaml"
ABOUT = "# The asset packs of every sample of this run, as they were when its first shard was begun.\n"


class RunAssetsError(ConfigError):
    """The asset packs here are not those that a run was begun with."""


def open_chosen(config: Config, renderers: Collection[str] = ()) -> AssetLibrary:
    """The config's packs, checked against what else the config says of assets, and `renderers`, if not its.

    Raises:
        ConfigError: a weight for a tag that no asset has, no object left, assets that stay on an Omniverse
            server while the renderer opens files alone, or nothing of a kind that a style needs.
    """
    library = open_library(config.assets.packs)
    check_choice(library, config.assets)
    remote = [asset.id for asset in library if REMOTE_TAG in asset.tags]
    if remote and FILES_ALONE in (renderers or [config.render.backend]):
        raise ConfigError(
            f"assets.packs: {len(remote)} assets stay at omniverse:// URLs, the first is {remote[0]}; the "
            f"backend {FILES_ALONE} opens files alone: use a backend for Omniverse, or leave out the pack "
            f"{remote[0].partition('/')[0]}"
        )
    _check_needs(library, config)
    return library


def _check_needs(library: AssetLibrary, config: Config) -> None:
    """Raises ConfigError where a style cannot make any scene of what may be drawn."""
    drawn = [asset for asset in library if may_come(asset, config.assets)]
    lacking: dict[str, list[str]] = {}  # what -> styles
    for name, style in config.styles.items():
        for need in style.needs() if style.weight > 0 else ():
            if not any(map(need.is_met_by, drawn)):
                lacking.setdefault(need.what, []).append(name)
    if lacking:
        said = ", ".join(f"no {what} for {' and '.join(styles)}" for what, styles in lacking.items())
        chosen = "assets.objects_from keeps its objects out" if not config.assets.objects_from else ""
        chosen = chosen or "objects still come from assets.objects_from alone"
        raise ConfigError(
            f"assets.packs: {list(config.assets.packs)} hold {said}; add the pack builtin, which has every "
            f"kind ({chosen})"
        )


def bind_assets(run_dir: Path, library: AssetLibrary) -> None:
    """Freeze the packs of `library` into the run, or find them frozen there. Hold the run's lock.

    Raises:
        RunAssetsError: the run was begun with other packs; says which, and what to do.
    """
    if (run_dir / ASSETS_NAME).exists():
        check_assets(run_dir, library)
        return
    frozen = {pack.name: _entry(pack) for pack in library.identities()}
    text = ABOUT + yaml.safe_dump(frozen, sort_keys=False, allow_unicode=True)
    write_text_atomic(run_dir / ASSETS_NAME, text)


def check_assets(run_dir: Path, library: AssetLibrary) -> None:
    """Compare the packs of `library` with those frozen in the run.

    Raises:
        RunAssetsError: one differs, or the run has frozen none yet.
    """
    frozen = _frozen(run_dir)
    here = {pack.name: pack for pack in library.identities()}
    problems = [_difference(name, frozen.get(name), here.get(name)) for name in sorted(frozen | here.keys())]
    if found := [problem for problem in problems if problem]:
        raise RunAssetsError(
            f"{run_dir}: this run was begun with other assets ({ASSETS_NAME}): {'; '.join(found)}. "
            "Bring those packs back (FSD_ASSETS_DIR may name another folder of packs), or start another run"
        )


def frozen_digests(run_dir: Path) -> dict[str, str]:
    """Digest by name of the packs that a run is bound to. Raises RunAssetsError where it is bound to none."""
    return {name: str(entry["digest"]) for name, entry in _frozen(run_dir).items()}


def assets_json(run_dir: Path) -> str:
    """What the run's shards say of its packs: canonical JSON, version and digest by name."""
    packs = {
        name: {key: value for key, value in entry.items() if key != "notes"}
        for name, entry in _frozen(run_dir).items()
    }
    return json.dumps(packs, sort_keys=True, separators=(",", ":"))


def partial_packs(stored: str) -> tuple[str, ...]:
    """Names of the packs that lacked some of their sources, from a shard's `assets_json` ("" names none)."""
    return tuple(name for name, pack in json.loads(stored or "{}").items() if pack.get("partial"))


def _entry(pack: PackIdentity) -> dict[str, Any]:
    whole: dict[str, Any] = {"version": pack.version, "digest": pack.digest}
    return whole | ({"partial": True, "notes": list(pack.notes)} if pack.partial else {})


def _frozen(run_dir: Path) -> dict[str, dict[str, Any]]:
    path = run_dir / ASSETS_NAME
    if not path.is_file():
        raise RunAssetsError(f"{path}: missing; `fsd-gen render --out {run_dir}` writes it")
    text = read_text(path)
    packs = read_mapping(text, str(path))
    if not packs and not _says_so(text):
        raise RunAssetsError(
            f"{path}: is damaged: it names no pack and does not say that there is none; put it back from a "
            f"copy, or remove it, and `fsd-gen render --out {run_dir}` writes it again"
        )
    for name, entry in packs.items():
        if not (isinstance(entry, Mapping) and {"version", "digest"} <= entry.keys()):
            raise RunAssetsError(f"{path}: {name}: expected its version and digest, got {entry!r}")
    return packs


def _says_so(text: str) -> bool:
    """Whether a mapping without an entry is written there, and not just nothing."""
    return any(line.strip() and not line.startswith("#") for line in text.splitlines())


def _difference(name: str, frozen: Mapping[str, Any] | None, here: PackIdentity | None) -> str | None:
    """What is wrong with one pack, and how to put it right."""
    if frozen is None or here is None:
        return f"{name} is {'not among them' if frozen is None else 'missing here'}"
    if frozen["digest"] == here.digest:
        return None
    if here.partial and not frozen.get("partial"):
        return f"{name} is partial here; complete it with `fsd-gen assets fetch {name}`"
    return (
        f"{name} was version {frozen['version']} ({str(frozen['digest'])[:12]}), "
        f"is version {here.version} ({here.digest[:12]})"
    )
