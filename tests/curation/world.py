"""A small world for the curation loop: synthetic samples, and a scorer that needs no network.

`FakeTools` predicts the truth plus a fixed error per sample, so that a test knows every BP-2 beforehand:
a "bad" sample is off by 10 px everywhere, a "good" one by 0.5 px. Its shards are lists of keys in JSON, for
the state machine does not care; `RealShards` has the same world in shards of the product's format.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from curation.config import CurationConfig, Policy
from curation.rounds.population import Drawn
from curation.rounds.world import Prediction, Redraw, ShardContents, TrainJob
from fsd_gen.scene.slots import SlotKey, stable_hash
from fsd_gen.shards.format import ShardMeta
from fsd_gen.shards.reader import ShardReader
from fsd_gen.shards.sample import Flag, StereoSample
from fsd_gen.shards.writer import ShardWriter
from jobs.files import write_json_atomic
from tests.fsd_gen.synthetic import make_sample

WIDTH, HEIGHT = 64, 40
META = ShardMeta(
    width=WIDTH,
    height=HEIGHT,
    config_json="{}",
    config_digest="c0ffee",
    seed=0,
    generator_version="0",
    renderer="analytic",
    renderer_version="1",
    licence="CC0-1.0",
    attribution="Textures: nobody",
)
STRATA = ("flying", "indoor")
CONFIG = CurationConfig(folds=2, steps_first=4, steps_next=2, crop=(32, 64), max_disparity=64)


def stratum_of(slot: int) -> str:
    """Every fourth slot is planted."""
    return "planted" if slot % 4 == 3 else STRATA[slot % 2]


@lru_cache(maxsize=256)
def draw(key: SlotKey) -> StereoSample:
    """The sample of a key. Slot 5 has no truth in its first attempt."""
    sample = make_sample(
        key.slot,
        attempt=key.attempt,
        width=WIDTH,
        height=HEIGHT,
        near_px=8 + key.slot % 5,
        far_px=2.0,
        stratum=stratum_of(key.slot),
    )
    if key != SlotKey(slot=5):
        return sample
    blind = np.full((HEIGHT, WIDTH), Flag.NO_TRUTH, np.uint8)
    nothing = np.zeros((HEIGHT, WIDTH), np.float32)
    return replace(
        sample,
        flags_left_hw=blind,
        flags_right_hw=blind,
        disparity_left_hw=nothing,
        disparity_right_hw=nothing,
    )


def make_run(
    run_dir: Path, slots: int = 12, per_shard: int = 4, quarantined: Sequence[int] = (), real: bool = False
) -> Path:
    """A run directory with its first draw."""
    write = write_real_shard if real else write_shard
    for start in range(0, slots, per_shard):
        mine = range(start, min(start + per_shard, slots))
        gone = [slot for slot in mine if slot in quarantined]
        draws = [SlotKey(slot=slot) for slot in mine if slot not in gone]
        write(run_dir / "shards" / f"{start // per_shard:05d}.h5", draws, gone)
    (run_dir / "config.yaml").write_text("curation: {}\n")
    return run_dir


def write_shard(path: Path, draws: Sequence[SlotKey], quarantined: Sequence[int] = ()) -> None:
    """A finished shard that only says what would be in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json_atomic(path, {"draws": [key.sample_id for key in draws], "quarantined": list(quarantined)})


def write_real_shard(path: Path, draws: Sequence[SlotKey], quarantined: Sequence[int] = ()) -> None:
    """A finished shard with a row per draw."""
    writer = ShardWriter(path, [*(key.slot for key in draws), *quarantined], META)
    for key in draws:
        if key.slot in writer.missing:
            writer.add(draw(key))
    for slot in quarantined:
        if slot in writer.missing:
            writer.quarantine(slot, [["dark"]])
    writer.finish()


def planted_are_bad(key: SlotKey) -> str:
    """Planted scenes stay bad until their second new attempt."""
    return "bad" if stratum_of(key.slot) == "planted" and key.attempt < 2 else "good"


class Interrupted(Exception):
    """Stands for a kill."""


@dataclass(kw_only=True)
class FakeTools:
    """The world without a network. `stop_at` names the call that is interrupted, the n-th of its kind."""

    fate: Callable[[SlotKey], str] = planted_are_bad
    unrenderable: frozenset[int] = frozenset()  # slots whose new attempts all fail their checks
    stop_at: tuple[str, int] | None = None
    calls: dict[str, int] = field(default_factory=dict)
    jobs: list[TrainJob] = field(default_factory=list)
    scored: list[SlotKey] = field(default_factory=list)

    def _count(self, name: str) -> None:
        self.calls[name] = self.calls.get(name, 0) + 1
        if self.stop_at == (name, self.calls[name]):
            raise Interrupted(f"{name} {self.calls[name]}")

    def read_shard(self, path: Path) -> ShardContents:
        listed = json.loads(path.read_text())
        drawn = [
            Drawn(
                key=key,
                stratum=stratum_of(key.slot),
                content_id=f"content of {key.sample_id}",
                path=path,
                row=row,
                baseline_m=0.1 + 0.01 * key.slot,
                focal_px=50.0,
                disparity_px=5.0 + key.slot,
                cpu_s=0.25,
            )
            for row, key in enumerate(map(SlotKey.parse, listed["draws"]))
        ]
        return ShardContents(drawn=tuple(drawn), quarantined=tuple(listed["quarantined"]))

    def write_shard(self, path: Path, draws: Sequence[SlotKey], quarantined: Sequence[int]) -> None:
        write_shard(path, draws, quarantined)

    def sample(self, drawn: Drawn) -> StereoSample:
        return draw(drawn.key)

    def train(self, job: TrainJob, on_step: Callable[[int, float], None]) -> None:
        self._count("train")
        self.jobs.append(job)
        seen = {sample.key.slot for sample in job.samples}
        if job.start_from:
            seen |= set(json.loads(job.start_from.read_text())["seen"])
        for step in range(1, job.steps + 1):
            on_step(step, 1.0 / step)
            self._count("step")
        write_json_atomic(job.curve, [[step, 1.0 / step] for step in range(1, job.steps + 1)])
        self._count("checkpoint")
        write_json_atomic(job.checkpoint, {"seen": sorted(seen), "seed": job.seed, "steps": job.steps})

    def model_digest(self, checkpoint: Path) -> str:
        return hashlib.sha256(checkpoint.read_bytes()).hexdigest()

    def predict(
        self, checkpoint: Path, samples: Sequence[Drawn], config: CurationConfig
    ) -> Iterator[Prediction]:
        salt = self.model_digest(checkpoint)
        for drawn in samples:
            self._count("predict")
            self.scored.append(drawn.key)
            sample = self.sample(drawn)
            noise = stable_hash(salt, drawn.key.slot, drawn.key.attempt) % 100 / 1000
            offset = {"bad": 10.0, "good": 0.5, "nan": np.nan}[self.fate(drawn.key)] + noise
            yield Prediction(
                key=drawn.key,
                left_hwc=sample.left_hwc,
                right_hwc=sample.right_hwc,
                truth_hw=sample.disparity_left_hw,
                flags_hw=sample.flags_left_hw,
                predicted_hw=(sample.disparity_left_hw + offset).astype(np.float32),
            )

    def render(self, run_dir: Path, redraws: Sequence[Redraw], on_done: Callable[[int], None]) -> None:
        for redraw in redraws:
            self._count("render")
            gone = [key.slot for key in redraw.draws if key.slot in self.unrenderable]
            self.write_shard(redraw.path, [key for key in redraw.draws if key.slot not in gone], gone)
            on_done(len(redraw.draws))


@dataclass(kw_only=True)
class RealShards(FakeTools):
    """The same world in real shards."""

    def read_shard(self, path: Path) -> ShardContents:
        from curation.workbench.workbench import read_shard  # loads torch, which most tests do without

        return read_shard(path)

    def write_shard(self, path: Path, draws: Sequence[SlotKey], quarantined: Sequence[int]) -> None:
        write_real_shard(path, draws, quarantined)

    def sample(self, drawn: Drawn) -> StereoSample:
        with ShardReader(drawn.path) as reader:
            return reader.sample(drawn.row)


def forced(config: CurationConfig = CONFIG) -> CurationConfig:
    """The same settings with a policy that ignores weak scorers."""
    return config.model_copy(update={"policy": Policy(force=True)})
