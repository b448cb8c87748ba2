"""What the loop needs from the world, as plain functions: training, predicting, rendering, reading shards.

`curation.workbench.workbench` makes the real ones; tests hand in small ones. The loop itself knows no
network, no renderer and no file format but its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from curation.config import CurationConfig
from curation.rounds.population import Drawn
from fsd_gen.scene.slots import SlotKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """How far a stage is; for progress displays and logs."""

    round: int
    stage: str  # "train", "score", "judge", "regenerate", "report"
    done: int
    total: int
    unit: str  # what `done` counts: "steps", "samples"
    note: str = ""  # for example "fold 1"
    loss: float | None = None


OnEvent = Callable[[Event], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainJob:
    """Train one model. Done when `checkpoint` exists; `curve` is written before it."""

    samples: tuple[Drawn, ...]  # and no other
    checkpoint: Path
    curve: Path  # JSON: [[step, loss], ...]
    start_from: Path | None  # weights to continue from; None starts anew
    steps: int
    seed: int
    config: CurationConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """One left disparity map beside what it should be, and the images. Pixels throughout."""

    key: SlotKey
    left_hwc: NDArray[np.uint8]
    right_hwc: NDArray[np.uint8]
    truth_hw: NDArray[np.float32]
    flags_hw: NDArray[np.uint8]
    predicted_hw: NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Redraw:
    """A shard to render: the first attempt to try for each slot."""

    path: Path
    draws: tuple[SlotKey, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardContents:
    """What a shard holds, without pixels."""

    drawn: tuple[Drawn, ...]
    quarantined: tuple[int, ...]  # slots for which no attempt passed its checks

    @property
    def slots(self) -> tuple[int, ...]:
        """All slots the shard is about."""
        return (*(sample.key.slot for sample in self.drawn), *self.quarantined)


class Tools(Protocol):
    """The world. Every method may be called again after a kill and must then go on or start over."""

    def read_shard(self, path: Path) -> ShardContents:
        """List a finished shard."""
        ...

    def train(self, job: TrainJob, on_step: Callable[[int, float], None]) -> None:
        """Train until `job.checkpoint` exists; calls `on_step(step, loss)` now and then."""
        ...

    def model_digest(self, checkpoint: Path) -> str:
        """SHA-256 of a model's configuration and weights."""
        ...

    def predict(
        self, checkpoint: Path, samples: Sequence[Drawn], config: CurationConfig
    ) -> Iterator[Prediction]:
        """Predictions of a trained model, in the order of `samples`."""
        ...

    def render(self, run_dir: Path, redraws: Sequence[Redraw], on_done: Callable[[int], None]) -> None:
        """Render the shards that do not exist yet; `on_done(samples)` says how many samples are finished."""
        ...
