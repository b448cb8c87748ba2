"""Writing the curated dataset: all of it or nothing, no pixel decoded.

It is made in a hidden folder beside its name, shard by shard. A kill at any moment leaves what was published
before, and the finished shards, which the next call keeps if they are of the same publication. In a store
(`jobs.store.whole`) what was published before goes when the new one begins to come.
"""

from __future__ import annotations

import glob
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curation.config import CurationConfig
from curation.judging.tables import write_verdicts
from curation.publish.card import attribution, dataset_card, histograms
from curation.publish.select import Origins, PublishError, Selection
from curation.rounds.world import OnProgress, StageProgress
from fsd_gen.shards.entry import description
from fsd_gen.shards.format import ShardMeta
from fsd_gen.shards.gather import publish_rows
from fsd_gen.shards.index import manifest_digest, refresh_index
from fsd_gen.shards.reader import ShardReader
from jobs.files import (
    ASIDE_SUFFIX,
    PART_SUFFIX,
    publish_folder,
    remove_stale_parts,
    write_json_atomic,
    write_text_atomic,
)
from jobs.store.mirror import Mirror
from jobs.store.whole import end_put, put_whole

MARK = "published.json"
PLAN = "plan.json"  # of a publication in work


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What a curated dataset is made from."""

    name: str  # of the run
    rounds: int
    config: CurationConfig
    selection: Selection
    origins: Origins
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

    def identity(self) -> dict[str, Any]:
        """What a finished publication says of itself, the digests of its files left out."""
        return {
            "population_digest": self.digest,
            "rounds": self.rounds,
            "samples": len(self.selection.samples),
            "unjudged": self.selection.unjudged,
            "unjudged_published": self.selection.unjudged_published,
            "curation_config_digest": self.config.digest(),
            "policy_digest": self.config.policy.digest(),
        }

    def plan(self) -> dict[str, Any]:
        """What decides about the shards; two publications with one plan have the same ones."""
        return {"attributes": self.attributes(), "per_shard": self.per_shard}


def already_there(out: Path, digest: str, rounds: int, *, replace: bool = False) -> bool:
    """Whether `out` holds just these samples, as judged by so many rounds.

    Raises PublishError when it holds something else, unless that is a publication and `replace` is set.
    """
    _settle_aside(out)
    if not out.exists():
        return False
    found = _mark(out)
    if found is None and _is_awaited(out):
        return False
    if found is None:
        raise PublishError(
            f"{out}: holds something that is no publication; name another directory with --out"
        )
    if found.get("population_digest") == digest and found.get("rounds") == rounds:
        _end_put(out)
        return True
    if not replace:
        raise PublishError(
            f"{out}: holds an older or other publication ({_when(found, rounds)}); give --replace to put the "
            "new one in its place once it is whole, or name another directory with --out"
        )
    return False


def _is_awaited(out: Path) -> bool:
    """Whether `out` stands for a place in a store that is empty, or in which a publication is half put."""
    return Mirror.around(out) is not None and ((out / PLAN).exists() or not any(out.glob("[!.]*")))


def _end_put(out: Path) -> None:
    """A kill between a publication's mark and its last step leaves its plan in the store."""
    if (out / PLAN).exists() and (mirror := Mirror.around(out)) is not None:
        end_put(mirror.address, begun=PLAN)
        mirror.refresh()


def _when(found: Mapping[str, Any], rounds: int) -> str:
    then = found.get("rounds")
    return f"made after round {then}, now it is {rounds}" if then != rounds else "of other samples"


def write(out: Path, publication: Publication, on_progress: OnProgress) -> None:
    """Everything into a folder beside `out`, which then takes its place."""
    part = out.with_name(f".{out.name}{PART_SUFFIX}")
    if (part / PLAN).exists() or not _is(part, publication):
        _fill(part, publication, on_progress)
    if (mirror := Mirror.around(out)) is not None:
        _put(part, mirror, publication)
        return
    (part / PLAN).unlink(missing_ok=True)
    publish_folder(part, out)


def _put(part: Path, mirror: Mirror, publication: Publication) -> None:
    """Into a store, each shard with its description, so that the set is opened without fetching it."""
    for shard in sorted((part / "shards").glob("[!.]*.h5")):
        name, text = description(part, f"shards/{shard.name}")
        (part / name).parent.mkdir(parents=True, exist_ok=True)
        write_text_atomic(part / name, text)
    write_json_atomic(part / PLAN, publication.plan())
    put_whole(part, mirror.address, mark=MARK, begun=PLAN)
    shutil.rmtree(part)
    mirror.refresh()


def _fill(part: Path, publication: Publication, on_progress: OnProgress) -> None:
    """All files of the publication, the mark last."""
    _take_up(part, publication.plan())
    selection = publication.selection
    shards = _write_shards(part, publication, on_progress)
    manifest = manifest_digest(refresh_index(part).records)
    write_verdicts(part / "verdicts.parquet", selection.verdicts)
    metas = [_meta(path) for path in shards]
    write_text_atomic(part / "ATTRIBUTION.txt", attribution(metas))
    write_text_atomic(part / "histograms.svg", histograms(selection.samples))
    _write_card(part, publication, metas[0], manifest)
    _write_mark(part, publication, metas[0], manifest)


def _take_up(part: Path, plan: Mapping[str, Any]) -> None:
    """Leave of a part the shards that an interrupted call finished of the same plan, and nothing else."""
    same = _read(part / PLAN) == plan
    for path in part.iterdir() if part.exists() else ():
        if path.is_file():
            path.unlink()
        elif not (same and path.name == "shards"):
            shutil.rmtree(path)
    (part / "shards").mkdir(parents=True, exist_ok=True)
    remove_stale_parts(part / "shards")
    write_json_atomic(part / PLAN, plan)


def _settle_aside(out: Path) -> None:
    """Undo or finish what a kill left of a replacement: the older publication returns, or goes for good."""
    for aside in sorted(out.parent.glob(f".{glob.escape(out.name)}.*{ASIDE_SUFFIX}")):
        if out.exists():
            shutil.rmtree(aside)
        elif _mark(aside) is not None:
            os.rename(aside, out)


def _is(folder: Path, publication: Publication) -> bool:
    """Whether a folder holds the whole of a publication."""
    mark = _mark(folder)
    return mark is not None and mark.items() >= publication.identity().items()


def _mark(folder: Path) -> dict[str, Any] | None:
    return _read(folder / MARK)


def _read(path: Path) -> dict[str, Any] | None:
    """A JSON file of ours, which is whole if it is there."""
    content: dict[str, Any] | None = json.loads(path.read_text("utf-8")) if path.is_file() else None
    return content


def _write_shards(part: Path, publication: Publication, on_progress: OnProgress) -> list[Path]:
    samples, per_shard = publication.selection.samples, publication.per_shard
    starts, shards = range(0, len(samples), per_shard), list[Path]()
    for index, start in enumerate(starts):
        _tell(on_progress, publication.rounds, index, len(starts))
        rows = [(sample.path, sample.row) for sample in samples[start : start + per_shard]]
        path = part / "shards" / f"{index:05d}.h5"
        shards.append(path if path.exists() else publish_rows(rows, path, publication.attributes()))
    _tell(on_progress, publication.rounds, len(starts), len(starts))
    return shards


def _tell(on_progress: OnProgress, rounds: int, done: int, total: int) -> None:
    on_progress(StageProgress(round=rounds, stage="publish", done=done, total=total, unit="shards"))


def _meta(path: Path) -> ShardMeta:
    with ShardReader(path) as reader:
        return reader.meta


def _write_card(part: Path, publication: Publication, meta: ShardMeta, manifest: str) -> None:
    made = publication
    card = dataset_card(made.name, made.rounds, made.config, made.selection, made.origins, meta, manifest)
    write_text_atomic(part / "README.md", card)


def _write_mark(part: Path, publication: Publication, meta: ShardMeta, manifest: str) -> None:
    digests = {"manifest_digest": manifest, "config_digest": meta.config_digest}
    write_json_atomic(part / MARK, publication.identity() | digests)
