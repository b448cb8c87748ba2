"""A run directory of the generator: what it is frozen to, its shards, and what they are made with.

    config.yaml           what the configuration says, in the version it was begun with; `curation` too
    config.sha256         digest of all of it that decides samples
    config.resolved.yaml  every value with its default, to read, and to notice a default that changed
    assets.yaml           the exact asset packs (see `fsd_gen.production.assets`)
    shards/00000.h5 ...   the first draw of every slot

What a run and its shards are called is read from the frozen text and never computed anew, so a run of an
older version goes on under its old name.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from assets_manifest.library import AssetLibrary
from fsd_gen.config import EXPLICIT_ONLY, Config, ConfigError, thaw
from fsd_gen.production.assets import RunAssetsError, assets_json, bind_assets, check_assets
from fsd_gen.production.binding import RESOLVED_NAME, SHARDS, holds_samples, sweep, unbind, unbind_assets
from fsd_gen.shards.channels import REQUIRED, optional_channels
from fsd_gen.shards.format import ShardMeta
from fsd_gen.strict_yaml import read_mapping, read_text
from fsd_gen.versions import ConfigIdentity
from jobs.files import write_text_atomic
from jobs.rundir import (
    CONFIG_NAME,
    DIGEST_NAME,
    DigestError,
    RunConfigMismatchError,
    config_differences,
    freeze_config,
    mismatch,
    read_digest,
    refuse_mismatch,
)

LICENCE = "Images and truth: CC-BY-4.0; assets: see attribution"
ABOUT_RESOLVED = "# Every setting of this run with its default. Frozen; the run is made from config.yaml.\n"


class EditedRunError(ConfigError):
    """The frozen configuration of a run was changed."""


@dataclass(frozen=True, slots=True)
class Run:
    """Where a dataset is made."""

    folder: Path
    config: Config
    known_as: ConfigIdentity  # what its shards say of the configuration

    @classmethod
    def start(cls, folder: Path, config: Config) -> Run:
        """Bind `folder` to `config`, or find it bound to the same one. Hold the run's lock.

        A folder without any stored sample is bound anew.

        Raises:
            RunConfigMismatchError: the folder belongs to another configuration; says what differs.
            ConfigError: what is frozen there cannot be read, or is no run's.
        """
        sweep(folder)
        _restore(folder, config)
        if (folder / DIGEST_NAME).exists() and (run := cls._bound(folder, config)):
            return run
        folder.mkdir(parents=True, exist_ok=True)
        _refuse_own_file(folder / CONFIG_NAME)
        if not holds_samples(folder):  # a start that was killed halfway, or nothing at all
            unbind(folder)
        refuse_mismatch(folder, config.to_yaml(), config.digest())
        resolved = yaml.safe_dump(config.resolved(), sort_keys=False)
        write_text_atomic(folder / RESOLVED_NAME, ABOUT_RESOLVED + resolved)
        freeze_config(folder, config.to_yaml(), config.digest())
        return cls(folder, config, config.identity())

    @classmethod
    def _bound(cls, folder: Path, config: Config) -> Run | None:
        """The run of `config` in a bound folder; None after a mistaken command without any sample."""
        try:
            run = cls.open(folder)
            _refuse_another(run, config)
        except (ConfigError, RunConfigMismatchError):
            if holds_samples(folder):
                raise
            unbind(folder)
            return None
        return run

    @classmethod
    def open(cls, folder: Path) -> Run:
        """An existing run, of this version or an older one.

        Raises:
            ConfigError: there is no run in `folder`, or its frozen files were changed.
        """
        path = folder / CONFIG_NAME
        if not path.is_file() and cls.is_at(folder):
            raise ConfigError(
                f"{path}: is missing from a run that was begun; `fsd-gen render --out {folder}` with the "
                f"configuration of then writes it again ({RESOLVED_NAME} holds every value of it)"
            )
        if not path.is_file():
            raise ConfigError(
                f"{folder}: no run here ({CONFIG_NAME} is missing); `fsd-gen render --out {folder}`"
            )
        config, known_as = thaw(read_text(path), str(path))
        _refuse_edited(folder, config, known_as)
        _refuse_changed_defaults(folder, config)
        return cls(folder, config, known_as)

    @staticmethod
    def is_at(folder: Path) -> bool:
        """Whether `folder` is bound to a configuration."""
        return (folder / DIGEST_NAME).is_file()

    @property
    def shards(self) -> Path:
        """Folder of the first draw of every slot."""
        return self.folder / SHARDS

    def shard_path(self, index: int) -> Path:
        """File of shard number `index`."""
        return self.shards / f"{index:05d}.h5"

    def slots_of_shard(self, index: int) -> range:
        """The slots that shard number `index` holds."""
        count = self.config.samples_per_shard
        return range(index * count, (index + 1) * count)

    def bind_assets(self, library: AssetLibrary) -> None:
        """Freeze the packs of `library` into the run, or find the same ones frozen. Hold the run's lock.

        A run without any stored sample is bound anew.

        Raises:
            RunAssetsError: the run was begun with other packs.
        """
        try:
            bind_assets(self.folder, library)
        except RunAssetsError:
            if holds_samples(self.folder):
                raise
            unbind_assets(self.folder)
            bind_assets(self.folder, library)

    def shard_meta(self, library: AssetLibrary) -> ShardMeta:
        """Root attributes of this run's shards; renderer, licence and attribution come with the samples.

        Raises:
            RunAssetsError: `library` is not the one that the run is bound to.
        """
        check_assets(self.folder, library)
        return ShardMeta(
            width=self.config.image.width,
            height=self.config.image.height,
            config_json=self.known_as.json,
            config_digest=self.known_as.digest,
            seed=self.config.seed,
            generator_version=version("fsd-gen"),
            generator_commit=_commit(),
            renderer="",
            renderer_version="",
            licence=LICENCE,
            channels=(*REQUIRED, *optional_channels(self.config.channels)),
            assets_json=assets_json(self.folder) if self.known_as.names_assets else "",
        )


def _restore(folder: Path, config: Config) -> None:
    """Write the configuration of a begun run again where it went missing and `config` is the one of then."""
    digest, path = folder / DIGEST_NAME, folder / CONFIG_NAME
    if digest.is_file() and not path.exists() and _digest(folder) == config.digest():
        write_text_atomic(path, config.to_yaml())


def _digest(folder: Path) -> str:
    """What the run is bound to. Raises ConfigError for a damaged digest."""
    try:
        return read_digest(folder)
    except DigestError as error:
        raise ConfigError(str(error)) from None


def _refuse_own_file(path: Path) -> None:
    """A run keeps its configuration under this name, and overwrites no file that is not its own."""
    if path.exists() and not read_text(path).startswith(EXPLICIT_ONLY):
        raise ConfigError(
            f"{path}: is there already and was not written by a run, which keeps its own configuration under "
            "this name; move it out of the run's folder, and name it with --config"
        )


def _refuse_edited(folder: Path, config: Config, known_as: ConfigIdentity) -> None:
    path = folder / DIGEST_NAME
    if not path.is_file() or (frozen := _digest(folder)) == known_as.digest:
        return
    found = "; ".join(_edits(folder, config)) or f"its digest is {known_as.digest[:12]}, was {frozen[:12]}"
    raise EditedRunError(
        f"{folder / CONFIG_NAME}: was changed after the run was begun: {found}. Undo that, or start another "
        "run directory; only its section `curation` may be edited"
    )


def _edits(folder: Path, config: Config) -> list[str]:
    """What an edited config.yaml says now, and what it said when the run was begun."""
    path = folder / RESOLVED_NAME
    if not path.is_file():
        return []
    frozen = read_mapping(read_text(path), str(path))
    return [
        f"{each.key} is {each.new} there, the run was begun with {each.old}"
        for each in config_differences(frozen, _those_of(frozen, config.resolved()))
    ]


def _refuse_changed_defaults(folder: Path, config: Config) -> None:
    """A default that is not what it was would change the samples still to come without a word."""
    path = folder / RESOLVED_NAME
    if not path.is_file():
        return
    frozen = read_mapping(read_text(path), str(path))
    if lines := config_differences(frozen, _those_of(frozen, config.resolved())):
        raise ConfigError(
            f"{path}: defaults have changed since this run was begun ({'; '.join(map(str, lines))}); "
            "go on with the program that began it"
        )


def _those_of(frozen: Any, today: Any) -> Any:
    """Today's settings without those that did not exist when `frozen` was written."""
    if not (isinstance(frozen, Mapping) and isinstance(today, Mapping)):
        return today
    return {name: _those_of(value, today[name]) for name, value in frozen.items() if name in today}


def _refuse_another(run: Run, config: Config) -> None:
    """Two configurations are the same run if they decide the same samples, however they are spelled."""
    found = config_differences(run.config.resolved(), config.resolved())
    if config.curation and config.curation != run.config.curation:
        found += config_differences({"curation": run.config.curation}, {"curation": config.curation})
    if found:
        raise mismatch(run.folder, found)


def _commit() -> str:
    """Commit of the checkout this package runs from, "" when it was installed from elsewhere."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return ""
    command = ["git", "-C", str(root), "rev-parse", "HEAD"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""
