"""What the loop needs from the world, as plain functions: training, predicting, rendering.

`curation.workbench` makes the real ones; tests hand in small ones. The loop itself knows no network and no
renderer. What lies in the shards it reads from the run's index (`curation.rounds.state`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from curation.config import CurationConfig
from curation.rounds.population import RunSample
from fsd_gen.production.requests import ShardRequest
from fsd_gen.scene.slots import SlotKey
from jobs.status.book import Claim
from jobs.status.budget import Budget


@dataclass(frozen=True, slots=True, kw_only=True)
class StageProgress:
    """How far a stage is; for progress displays and logs."""

    round: int
    stage: str  # "train", "score", "regenerate", "report", "final score", "publish"
    done: int
    total: int
    unit: str  # what `done` counts: "steps", "samples", "reports"
    note: str = ""  # for example "model 1"
    loss: float | None = None  # of a step; None where a stage only begins or goes on from `done`


OnProgress = Callable[[StageProgress], None]
OnStep = Callable[[int, float | None], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainJob:
    """Train one model. Done when `checkpoint` exists; `curve` is written before it."""

    samples: tuple[RunSample, ...]  # and no other
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


class World(Protocol):
    """The world. Every method may be called again after a kill and must then go on or start over."""

    @property
    def budget(self) -> Budget:
        """What all rounds of a run may cost, and until when they may go on."""
        ...

    def claim(self, config: CurationConfig) -> Claim:
        """What this process claims as a worker, where it trains and scores by itself."""
        ...

    def device(self, config: CurationConfig) -> str:
        """Where it computes: "cpu" or "cuda"."""
        ...

    def train(self, job: TrainJob, on_step: OnStep) -> None:
        """Train until `job.checkpoint` exists; calls `on_step(step, loss)` after every step.

        Before the first one it calls `on_step(steps done, None)`, once everything is loaded.
        """
        ...

    def model_digest(self, checkpoint: Path) -> str:
        """SHA-256 of a model's configuration and weights."""
        ...

    def predict(
        self, checkpoint: Path, samples: Sequence[RunSample], config: CurationConfig
    ) -> Iterator[Prediction]:
        """Predictions of a trained model, in the order of `samples`."""
        ...

    def render(self, run_dir: Path, requests: Sequence[ShardRequest], on_done: Callable[[int], None]) -> None:
        """Render the shards that do not exist yet; `on_done(samples)` says how many samples are finished."""
        ...
