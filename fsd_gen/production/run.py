"""A run directory of the generator: its frozen config, its shards, and what they are made with."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from fsd_gen.config import Config, ConfigError, load_config
from fsd_gen.shards.channels import REQUIRED, optional_channels
from fsd_gen.shards.format import ShardMeta
from jobs.rundir import CONFIG_NAME, freeze_config

LICENCE = "Images and truth: CC-BY-4.0; assets: see attribution"


@dataclass(frozen=True, slots=True)
class Run:
    """Where a dataset is made."""

    folder: Path
    config: Config

    @classmethod
    def start(cls, folder: Path, config: Config) -> Run:
        """Bind `folder` to `config`, or find it bound to the same one. Hold the run's lock.

        Raises:
            RunConfigMismatchError: the folder belongs to another configuration; says what differs.
        """
        freeze_config(folder, config.to_yaml(), config.digest())
        return cls(folder, config)

    @classmethod
    def open(cls, folder: Path) -> Run:
        """An existing run.

        Raises:
            ConfigError: there is no run in `folder`.
        """
        path = folder / CONFIG_NAME
        if not path.is_file():
            raise ConfigError(
                f"{folder}: no run here ({CONFIG_NAME} is missing); `fsd-gen render --out {folder}`"
            )
        return cls(folder, load_config(str(path)))

    @property
    def shards(self) -> Path:
        """Folder of the first draw of every slot."""
        return self.folder / "shards"

    def shard_path(self, index: int) -> Path:
        """File of shard number `index`."""
        return self.shards / f"{index:05d}.h5"

    def slots_of_shard(self, index: int) -> range:
        """The slots that shard number `index` holds."""
        count = self.config.samples_per_shard
        return range(index * count, (index + 1) * count)

    def shard_meta(self) -> ShardMeta:
        """Root attributes of this run's shards; renderer, licence and attribution come with the samples."""
        return ShardMeta(
            width=self.config.image.width,
            height=self.config.image.height,
            config_json=self.config.model_dump_json(exclude={"curation"}),
            config_digest=self.config.digest(),
            seed=self.config.seed,
            generator_version=version("fsd-gen"),
            generator_commit=_commit(),
            renderer="",
            renderer_version="",
            licence=LICENCE,
            channels=(*REQUIRED, *optional_channels(self.config.channels)),
        )


def _commit() -> str:
    """Commit of the checkout this package runs from, "" when it was installed from elsewhere."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return ""
    command = ["git", "-C", str(root), "rev-parse", "HEAD"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""
