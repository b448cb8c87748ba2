"""The numbers behind the page: from the columns of all samples, and from pixels and scenes of some of them.

Columns are read of every sample. Disparity maps, images and scenes are decoded of at most `MOST_DECODED`
samples, evenly spread over the dataset, because those of a large one would take hours; the page says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fsd_gen.production.survey import Shard, Survey
from fsd_gen.scene.spec import MaterialSpec, Panel, Placement, SceneSpec
from fsd_gen.shards.flags import Flag
from fsd_gen.shards.reader import ShardReader
from fsd_gen.shards.record import SampleRecord
from fsd_gen.styles.compose import stratum_of

MOST_DECODED = 400  # samples whose pixels and scenes are looked at
DISPARITY_EDGES = np.unique(np.append(np.geomspace(0.5, 1024, 67), 416.0))  # pixels
DEPTH_EDGES = np.geomspace(0.1, 1000, 81)  # metres
BURNT, BLACK = 252, 3  # 8-bit levels of all three channels
STRIDE = 2  # of the pixels that are counted

Array = NDArray[np.float64]


@dataclass(slots=True)
class StyleNumbers:
    """What is known of one style."""

    records: list[SampleRecord] = field(default_factory=list)
    quarantined: int = 0  # slots
    reasons: Counter[str] = field(default_factory=Counter)  # of the attempts at those
    disparity_px: Array = field(default_factory=lambda: np.zeros(len(DISPARITY_EDGES) + 1))  # pixels per bin
    depth_m: Array = field(default_factory=lambda: np.zeros(len(DEPTH_EDGES) + 1))
    decoded: int = 0
    levels: list[float] = field(default_factory=list)  # mean of each image, 8 bit
    burnt: list[float] = field(default_factory=list)  # share of each image's pixels
    black: list[float] = field(default_factory=list)
    hard: Counter[str] = field(default_factory=Counter)  # scenes that have one, by kind
    hard_things: Counter[str] = field(default_factory=Counter)  # things, by kind

    @property
    def draws(self) -> int:
        """Attempts that the stored samples took."""
        return sum(record.attempt + 1 for record in self.records)


@dataclass(slots=True)
class Numbers:
    """Everything that the page shows."""

    styles: dict[str, StyleNumbers] = field(default_factory=dict)
    assets: Counter[str] = field(default_factory=Counter)  # scenes that use each
    looks: Counter[str] = field(default_factory=Counter)  # surfaces by what covers them
    textures: Counter[str] = field(default_factory=Counter)  # surfaces that each covers
    scenes: int = 0  # that were decoded
    packs: set[str] = field(default_factory=set)  # that scenes drew from
    width: int = 0  # pixels, of the first shard

    def of(self, style: str) -> StyleNumbers:
        """The numbers of a style, which begin at nothing."""
        return self.styles.setdefault(style, StyleNumbers())


def gather_numbers(found: Survey) -> Numbers:
    """The numbers of everything that a survey found."""
    numbers = Numbers(width=found.shards[0].meta.width if found.shards else 0)
    for shard in found.shards:
        for record in shard.records:
            numbers.of(record.stratum).records.append(record)
        _count_quarantined(found, shard, numbers)
    chosen = _chosen(found.shards)
    for shard, rows in chosen:
        with ShardReader(shard.path, ranged=True) as reader:
            for row in rows:
                _add_sample(numbers, reader, shard.records[row], row)
    return numbers


def _chosen(shards: Sequence[Shard]) -> Iterable[tuple[Shard, list[int]]]:
    total = sum(len(shard.records) for shard in shards)
    wanted = set(np.linspace(0, total - 1, min(total, MOST_DECODED)).astype(int).tolist()) if total else set()
    start = 0
    for shard in shards:
        rows = [row for row in range(len(shard.records)) if start + row in wanted]
        start += len(shard.records)
        if rows:
            yield shard, rows


def _count_quarantined(found: Survey, shard: Shard, numbers: Numbers) -> None:
    for entry in shard.quarantined:
        known = found.run is not None
        style = numbers.of(stratum_of(found.run.config, entry.slot) if found.run and known else "unknown")
        style.quarantined += 1
        style.reasons.update(code for codes in entry.reasons for code in dict.fromkeys(codes))


def _add_sample(numbers: Numbers, reader: ShardReader, record: SampleRecord, row: int) -> None:
    style = numbers.of(record.stratum)
    style.decoded += 1
    flags_hw = reader.array("flags_left", row)[::STRIDE, ::STRIDE]
    disparity_hw = reader.array("disparity_left", row)[::STRIDE, ::STRIDE]
    valid_n = disparity_hw[(flags_hw & (Flag.SKY | Flag.NO_TRUTH).value) == 0]
    valid_n = valid_n[valid_n > 0].astype(np.float64)
    style.disparity_px += _counted(valid_n, DISPARITY_EDGES)
    style.depth_m += _counted(record.focal_px * record.baseline_m / valid_n, DEPTH_EDGES)
    image_hwc = reader.array("left", row)[::STRIDE, ::STRIDE]
    style.levels.append(float(image_hwc.mean()))
    style.burnt.append(float((image_hwc >= BURNT).all(axis=2).mean()))
    style.black.append(float((image_hwc <= BLACK).all(axis=2).mean()))
    _add_scene(numbers, style, reader.spec(row))


def _counted(values_n: Array, edges: Array) -> Array:
    """Values per bin, with those below the first edge and above the last one: (len(edges) + 1,)."""
    return np.bincount(np.searchsorted(edges, values_n, side="right"), minlength=len(edges) + 1).astype(float)


def _add_scene(numbers: Numbers, style: StyleNumbers, spec: SceneSpec) -> None:
    numbers.scenes += 1
    assets = spec.asset_ids()
    numbers.packs.update(asset.split("/")[0] for asset in assets)
    numbers.assets.update(set(map(made_by, assets)))  # each once, however many a maker made
    things: tuple[Placement | Panel, ...] = (*spec.placements, *spec.panels)
    kinds = [thing.hard for thing in things if thing.hard]
    style.hard_things.update(kinds)
    style.hard.update(set(kinds))
    for placement in spec.placements:
        if not placement.material and not placement.looks:
            numbers.looks["the asset's own"] += 1
    for coat in _coats(spec):
        numbers.looks[_look(coat)] += 1
        if coat.texture:
            numbers.textures[made_by(coat.texture)] += 1


def made_by(asset: str) -> str:
    """What the page calls an asset: of what is made without end, the maker and its sort alone."""
    return "/".join(asset.split("/")[:2]) if asset.startswith("made/") else asset


def _coats(spec: SceneSpec) -> Iterable[MaterialSpec]:
    for placement in spec.placements:
        if placement.material:
            yield placement.material
        for look in placement.looks:
            yield look.material
    for panel in spec.panels:
        yield panel.material


def _look(coat: MaterialSpec) -> str:
    if coat.opacity < 1:
        return "glass"
    if coat.metallic > 0.5:
        return "mirror" if coat.roughness < 0.15 else "metal"
    return "texture" if coat.texture else "paint"
