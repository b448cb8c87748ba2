"""Writing the curated dataset: all of it or nothing, no pixel decoded."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from curation.config import CurationConfig
from curation.judging.tables import write_verdicts
from curation.publish.card import attribution, dataset_card, histograms
from curation.publish.select import PublishError, Selection
from curation.rounds.population import RunSample
from fsd_gen.shards.format import ShardMeta
from fsd_gen.shards.gather import publish_rows
from fsd_gen.shards.index import manifest_digest, refresh_index
from fsd_gen.shards.reader import ShardReader
from jobs.files import sync_folder, write_json_atomic, write_text_atomic

MARK = "published.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What a curated dataset is made from."""

    name: str  # of the run
    rounds: int
    config: CurationConfig
    selection: Selection
    digest: str  # of the published samples
    per_shard: int

    def attributes(self) -> dict[str, str | int | float]:
        """Root attributes of every published shard."""
        return {
            "curation_rounds": self.rounds,
            "curation_config_digest": self.config.digest(),
            "curation_policy_digest": self.config.policy.digest(),
            "curation_population_digest": self.digest,
        }


def already_there(out: Path, digest: str) -> bool:
    """Whether `out` holds just these samples. Raises PublishError when it holds something else."""
    if not out.exists():
        return False
    mark = out / MARK
    if mark.is_file() and json.loads(mark.read_text("utf-8")).get("population_digest") == digest:
        return True
    what = "an older or other publication" if mark.is_file() else "something that is no publication"
    raise PublishError(f"{out}: holds {what}; remove it, or name another directory with --out")


def write(out: Path, publication: Publication) -> None:
    """Everything into a directory beside `out`, which then gets its name."""
    part = out.with_name(f".{out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    (part / "shards").mkdir(parents=True)
    selection = publication.selection
    shards = _write_shards(part, selection.samples, publication.per_shard, publication.attributes())
    manifest = manifest_digest(refresh_index(part).records)
    write_verdicts(part / "verdicts.parquet", selection.verdicts)
    metas = [_meta(path) for path in shards]
    write_text_atomic(part / "ATTRIBUTION.txt", attribution(metas))
    write_text_atomic(part / "histograms.svg", histograms(selection.samples))
    _write_card(part, publication, metas[0], manifest)
    _write_mark(part, publication, metas[0], manifest)
    os.replace(part, out)
    sync_folder(out.parent)


def _write_shards(
    part: Path, samples: Sequence[RunSample], per_shard: int, attributes: Mapping[str, str | int | float]
) -> list[Path]:
    shards = []
    for index, start in enumerate(range(0, len(samples), per_shard)):
        rows = [(sample.path, sample.row) for sample in samples[start : start + per_shard]]
        shards.append(publish_rows(rows, part / "shards" / f"{index:05d}.h5", attributes))
    return shards


def _meta(path: Path) -> ShardMeta:
    with ShardReader(path) as reader:
        return reader.meta


def _write_card(part: Path, publication: Publication, meta: ShardMeta, manifest: str) -> None:
    card = dataset_card(
        publication.name, publication.rounds, publication.config, publication.selection, meta, manifest
    )
    write_text_atomic(part / "README.md", card)


def _write_mark(part: Path, publication: Publication, meta: ShardMeta, manifest: str) -> None:
    selection, config = publication.selection, publication.config
    mark = {
        "population_digest": publication.digest,
        "manifest_digest": manifest,
        "rounds": publication.rounds,
        "samples": len(selection.samples),
        "unjudged": selection.unjudged,
        "unjudged_published": selection.unjudged_published,
        "config_digest": meta.config_digest,
        "curation_config_digest": config.digest(),
        "policy_digest": config.policy.digest(),
    }
    write_json_atomic(part / MARK, mark)
