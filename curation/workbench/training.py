"""Training the model of one fold, with this project's own trainer on this project's own shards.

A model is trained on the listed samples and no other, whole; the trainer crops.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curation.rounds.population import RunSample
from curation.rounds.spending import LimitReached
from curation.rounds.world import OnStep, TrainJob
from curation.workbench.device import device_of
from fsd_gen.shards.dataset import StereoShards
from fsd_gen.shards.record import SampleRecord
from jobs.files import publish_file, write_json_atomic
from jobs.store.cache import held
from stereo_model import create_model, installed_lite0_weights, load_model
from stereo_model.network.model import FoundationStereo
from stereo_model.training.config import TrainConfig
from stereo_model.training.log import LOG
from stereo_model.training.run_folder import MODEL
from stereo_model.training.trainer import Trainer

CHECKPOINT_EVERY = 50  # steps that a kill may cost
WARMUP_SHARE = 0.05  # of the steps
AVERAGE = 0.995  # decay per step of the averaged weights, which do the scoring


class TrainingDataError(ValueError):
    """The samples that a model is to be trained on are not the ones that its round began with."""


@dataclass(frozen=True, slots=True)
class FoldDataset:
    """Samples of some shards as the trainer takes them."""

    shards: StereoShards

    def __len__(self) -> int:
        return len(self.shards)

    def __getitem__(self, index: int, /) -> dict[str, NDArray[Any]]:
        item = self.shards[index]
        tensors = (item["left"], item["right"], item["disparity"], item["valid"])
        names = ("left", "right", "disparity", "valid")
        return {name: np.asarray(tensor) for name, tensor in zip(names, tensors, strict=True)}

    @property
    def records(self) -> tuple[SampleRecord, ...]:
        """What is known of each sample."""
        return self.shards.records


def train(job: TrainJob, on_step: OnStep) -> None:
    """Train in a folder beside the checkpoint, continuing what is there; then move the model out."""
    folder = job.checkpoint.with_suffix(".training")
    for state in folder.glob("*.pt"):
        held(state)
    trainer = Trainer(
        starting_model(job),
        fold_dataset(job.samples),
        trainer_settings(job),
        folder,
        data_digest=data_digest(job.samples),
    )
    on_step(trainer.step, None)

    def stepped(step: int, loss: float, _rate: float) -> None:
        try:
            on_step(step, loss)
        except LimitReached:
            trainer.save()  # so that no step is done, and paid, again
            raise

    trainer.run(on_step=stepped)
    log = [json.loads(line) for line in (folder / LOG).read_text("utf-8").splitlines()]
    write_json_atomic(job.curve, [[line["step"], line["loss"]] for line in log])
    os.replace(folder / MODEL, job.checkpoint.with_suffix(".moving"))
    publish_file(job.checkpoint.with_suffix(".moving"), job.checkpoint)
    shutil.rmtree(folder)


def fold_dataset(samples: Sequence[RunSample]) -> FoldDataset:
    """Exactly these samples, whole. Raises TrainingDataError when the shards no longer hold them."""
    wanted = {(sample.key, sample.content_id) for sample in samples}
    paths = sorted({sample.path for sample in samples})
    shards = StereoShards(paths, crop=None, keep=lambda record: (record.key, record.content_id) in wanted)
    if len(shards) != len(samples):
        raise TrainingDataError(f"{len(samples)} samples are to be trained on, the shards hold {len(shards)}")
    return FoldDataset(shards)


def data_digest(samples: Sequence[RunSample]) -> str:
    """SHA-256 over the ids and contents of the samples, whatever their order, hexadecimal."""
    lines = sorted(f"{sample.key.sample_id} {sample.content_id}" for sample in samples)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def trainer_settings(job: TrainJob) -> TrainConfig:
    """The trainer's settings for a job."""
    config = job.config
    return TrainConfig(
        steps=job.steps,
        batch_size=config.batch,
        crop_hw=config.crop,
        learning_rate=config.lr,
        iterations=config.train_iterations,
        warmup_steps=round(WARMUP_SHARE * job.steps),
        schedule="cosine",
        average=AVERAGE,
        freeze_backbone=config.freeze_backbone,
        seed=job.seed,
        checkpoint_every=CHECKPOINT_EVERY,
        device=device_of(config),
    )


def starting_model(job: TrainJob) -> FoundationStereo:
    """The weights to train on from: another model's, or fresh ones drawn from the job's seed."""
    if job.start_from is not None:
        return load_model(held(job.start_from))
    config = job.config
    weights = config.backbone_weights
    return create_model(
        config.model,
        seed=job.seed,
        backbone_weights=installed_lite0_weights() if weights == "imagenet" else weights,
        max_disparity=config.max_disparity,
    )
