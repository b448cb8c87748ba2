"""A run of `fsd-gen render` that was curated, as far as its files go: two shards, one round over."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from curation.config import Policy
from curation.judging.tables import write_verdicts
from curation.judging.verdicts import Outcome, Verdict
from fsd_gen.scene.slots import SlotKey
from fsd_gen.scene.spec import DomeSpec, Placement
from fsd_gen.shards.index import refresh_index
from fsd_gen.shards.writer import ShardWriter
from tests.fsd_gen.synthetic import make_meta, make_sample, make_shard

FIRST = {"00000.h5": [0, 1], "00001.h5": [2, 3]}  # slots of each shard; the second is of another stratum


def make_run(folder: Path) -> Path:
    """Slots 0 to 3 as they were drawn first."""
    make_shard(folder / "shards/00000.h5", slots=FIRST["00000.h5"])
    make_shard(folder / "shards/00001.h5", slots=FIRST["00001.h5"], stratum="indoor")
    return folder


def curate(folder: Path) -> Path:
    """Round 1 is over: slot 1 was dropped and drawn again, slot 3 could not be judged."""
    outcomes = {0: Outcome.KEEP, 1: Outcome.DROP, 2: Outcome.KEEP, 3: Outcome.UNJUDGED}
    place = folder / "rounds/1"
    make_shard(place / "regenerated/00000.h5", slots=[1], attempt=1)
    write_verdicts(place / "verdicts.parquet", [verdict(slot, 0, each) for slot, each in outcomes.items()])
    (place / "report.json").write_text("{}")
    refresh_index(folder, ("shards", "rounds/1/regenerated"))
    return folder


def make_scenes(path: Path, assets: dict[int, tuple[str, ...]]) -> Path:
    """A finished shard of samples whose scenes hold these assets, by slot."""
    writer = ShardWriter(path, list(assets), make_meta())
    for slot, names in assets.items():
        sample = make_sample(slot)
        things = tuple(Placement(name=name, asset=name, position=(0.0, 3.0, 0.0)) for name in names[1:])
        spec = sample.spec.model_copy(update={"placements": things, "dome": DomeSpec(hdri=names[0])})
        writer.add(replace(sample, spec=spec))
    return writer.finish()


def verdict(slot: int, attempt: int, outcome: Outcome) -> Verdict:
    return Verdict(
        key=SlotKey(slot=slot, attempt=attempt),
        outcome=outcome,
        reason="-",
        bp2=None,
        model_digest="",
        policy_digest=Policy().digest(),
    )
