"""The real world of the loop: this project's network, trainer and renderer.

The only room of `curation` that knows torch. Training and scoring read the same shards as any user's
trainer would, and run in this process; rendering runs on a farm.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from curation.config import CurationConfig
from curation.rounds.population import RunSample
from curation.rounds.spending import spent
from curation.rounds.world import OnStep, Prediction, TrainJob
from curation.workbench import rendering, scoring, training
from curation.workbench.device import device_of
from fsd_gen.production.farm import render_farm
from fsd_gen.production.requests import ShardRequest
from jobs.config import FarmConfig
from jobs.status.book import Claim
from jobs.status.budget import Budget
from jobs.store.cache import held
from stereo_model import load_model, model_digest
from stereo_model.network.model import FoundationStereo


@dataclass(kw_only=True)
class Workbench:
    """`curation.rounds.world.World` with nothing pretended."""

    farm: FarmConfig = field(default_factory=render_farm)  # where successors are rendered
    threads: int | None = None  # of training and scoring; None: all cores this process may use
    budget: Budget = field(default_factory=Budget)  # of all rounds of a run together

    _loaded: tuple[Path, FoundationStereo] | None = None

    def __post_init__(self) -> None:
        torch.set_num_threads(self.threads or len(os.sched_getaffinity(0)))

    def device(self, config: CurationConfig) -> str:
        """Raises DeviceError when a GPU is demanded and none is there."""
        return device_of(config)

    def claim(self, config: CurationConfig) -> Claim:
        """The threads of training and scoring, and the GPU that does it."""
        return Claim(cpus=torch.get_num_threads(), gpus=float(self.device(config) == "cuda"))

    def train(self, job: TrainJob, on_step: OnStep) -> None:
        """Train until the job's checkpoint is there."""
        training.train(job, on_step)

    def model_digest(self, checkpoint: Path) -> str:
        """SHA-256 of a model's size and weights."""
        model = self._load(checkpoint)
        return hashlib.sha256(f"{model.config.digest()} {model_digest(model)}".encode()).hexdigest()

    def predict(
        self, checkpoint: Path, samples: Sequence[RunSample], config: CurationConfig
    ) -> Iterator[Prediction]:
        """Predict sample by sample, at full size."""
        model = self._load(checkpoint).to(device_of(config))
        yield from scoring.predictions(model, samples, iterations=config.score_iterations)

    def render(self, run_dir: Path, requests: Sequence[ShardRequest], on_done: Callable[[int], None]) -> None:
        """Render on the farm. Raises RenderError with the first failure, once all others are done;
        FarmHalted where a limit is reached.
        """
        left = replace(self.budget, spent=spent(run_dir, self.budget.prices))
        rendering.render(run_dir, requests, self.farm, on_done, left)

    def _load(self, checkpoint: Path) -> FoundationStereo:
        """The model of a finished checkpoint, which never changes; the last one is kept."""
        if self._loaded is None or self._loaded[0] != checkpoint:
            self._loaded = checkpoint, load_model(held(checkpoint))
        return self._loaded[1]
