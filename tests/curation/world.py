"""A small world for the curation loop: synthetic samples, and a scorer that needs no network.

`FakeWorld` predicts the truth plus a fixed error per sample, so that a test knows every BP-2 beforehand:
a "bad" sample is off by 10 px everywhere, a "good" one by 0.5 px. Its shards are real ones.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from curation.config import CurationConfig, Policy
from curation.rounds.population import RunSample
from curation.rounds.world import OnStep, Prediction, TrainJob
from fsd_gen.production.requests import ShardRequest
from fsd_gen.scene.slots import SlotKey, stable_hash
from fsd_gen.shards.flags import Flag
from fsd_gen.shards.format import ShardMeta
from fsd_gen.shards.sample import StereoSample
from fsd_gen.shards.writer import ShardWriter
from jobs.files import write_bytes_atomic, write_json_atomic
from jobs.status.book import Claim
from jobs.status.budget import Budget
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


def make_run(run_dir: Path, slots: int = 12, per_shard: int = 4, quarantined: Sequence[int] = ()) -> Path:
    """A run directory with its first draw."""
    for start in range(0, slots, per_shard):
        mine = range(start, min(start + per_shard, slots))
        gone = [slot for slot in mine if slot in quarantined]
        keys = [SlotKey(slot=slot) for slot in mine if slot not in gone]
        write_shard(run_dir / "shards" / f"{start // per_shard:05d}.h5", keys, gone)
    (run_dir / "config.yaml").write_text("curation: {crop: [32, 64]}\n")
    return run_dir


def write_shard(path: Path, keys: Sequence[SlotKey], quarantined: Sequence[int] = ()) -> None:
    """A finished shard with a row per key."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes_atomic(path, shard_bytes(tuple(keys), tuple(quarantined)))


@lru_cache(maxsize=256)
def shard_bytes(keys: tuple[SlotKey, ...], quarantined: tuple[int, ...]) -> bytes:
    """The same shard is the same bytes, and tests write few different ones many times."""
    with tempfile.TemporaryDirectory() as folder:
        writer = ShardWriter(Path(folder, "0.h5"), [*(key.slot for key in keys), *quarantined], META)
        for key in keys:
            writer.add(draw(key))
        for slot in quarantined:
            writer.quarantine(slot, [["dark"]])
        return writer.finish().read_bytes()


def forget_drawn() -> None:
    """For tests that change what a key draws."""
    draw.cache_clear()
    shard_bytes.cache_clear()


def planted_are_bad(key: SlotKey) -> str:
    """Planted scenes stay bad until their second new attempt."""
    return "bad" if stratum_of(key.slot) == "planted" and key.attempt < 2 else "good"


class Interrupted(Exception):
    """Stands for a kill."""


@dataclass(kw_only=True)
class FakeWorld:
    """The world without a network. `stop_at` names the call that is interrupted, the n-th of its kind."""

    fate: Callable[[SlotKey], str] = planted_are_bad
    unrenderable: frozenset[int] = frozenset()  # slots whose new attempts all fail their checks
    stop_at: tuple[str, int] | None = None
    budget: Budget = field(default_factory=Budget)
    calls: dict[str, int] = field(default_factory=dict)
    jobs: list[TrainJob] = field(default_factory=list)
    scored: list[SlotKey] = field(default_factory=list)

    def _count(self, name: str) -> None:
        self.calls[name] = self.calls.get(name, 0) + 1
        if self.stop_at == (name, self.calls[name]):
            raise Interrupted(f"{name} {self.calls[name]}")

    def device(self, config: CurationConfig) -> str:
        return "cpu"

    def claim(self, config: CurationConfig) -> Claim:
        return Claim(cpus=2.0)

    def train(self, job: TrainJob, on_step: OnStep) -> None:
        self._count("train")
        on_step(0, None)
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
        self, checkpoint: Path, samples: Sequence[RunSample], config: CurationConfig
    ) -> Iterator[Prediction]:
        salt = self.model_digest(checkpoint)
        for each in samples:
            self._count("predict")
            self.scored.append(each.key)
            sample = draw(each.key)
            noise = stable_hash(salt, each.key.slot, each.key.attempt) % 100 / 1000
            offset = {"bad": 10.0, "good": 0.5, "nan": np.nan}[self.fate(each.key)] + noise
            yield Prediction(
                key=each.key,
                left_hwc=sample.left_hwc,
                right_hwc=sample.right_hwc,
                truth_hw=sample.disparity_left_hw,
                flags_hw=sample.flags_left_hw,
                predicted_hw=(sample.disparity_left_hw + offset).astype(np.float32),
            )

    def render(self, run_dir: Path, requests: Sequence[ShardRequest], on_done: Callable[[int], None]) -> None:
        for request in requests:
            self._count("render")
            gone = [key.slot for key in request.keys if key.slot in self.unrenderable]
            write_shard(request.path, [key for key in request.keys if key.slot not in gone], gone)
            on_done(len(request.keys))


def forced(config: CurationConfig = CONFIG) -> CurationConfig:
    """The same settings with a policy that ignores weak scorers."""
    return config.model_copy(update={"policy": Policy(force=True)})
