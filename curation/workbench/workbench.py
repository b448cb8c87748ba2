"""The real tools of the loop: this project's shards, network, trainer and renderer.

The only module of `curation` that knows torch. Training and scoring read the same shards as any user's
trainer would; a model is trained on the listed samples and no other.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from curation.config import CurationConfig
from curation.rounds.population import Drawn
from curation.rounds.world import Prediction, Redraw, ShardContents, TrainJob
from fsd_gen.shards.dataset import StereoShards
from fsd_gen.shards.writer import ShardReader
from jobs.files import publish_file, write_json_atomic
from jobs.task import Event, EventKind, FarmConfig
from stereo_model import create_model, installed_lite0_weights, load_model, model_digest
from stereo_model.inference.predict import predict_disparity
from stereo_model.network.model import FoundationStereo
from stereo_model.training.config import TrainConfig
from stereo_model.training.log import LOG
from stereo_model.training.run_folder import MODEL
from stereo_model.training.trainer import Trainer

log = logging.getLogger(__name__)

CHECKPOINT_EVERY = 50  # steps that a kill may cost
WARMUP_SHARE = 0.05  # of the steps
AVERAGE = 0.995  # decay per step of the averaged weights, which do the scoring


class DeviceError(ValueError):
    """The device asked for is not there."""


class TrainingDataError(ValueError):
    """The samples that a model is to be trained on are not the ones that its round began with."""


class RenderError(RuntimeError):
    """Some shards could not be rendered; the message ends with the first failure."""


def read_shard(path: Path) -> ShardContents:
    """List a finished shard from its columns. Raises fsd_gen.shards.writer.ShardError when it is damaged."""
    with ShardReader(path) as reader:
        drawn = tuple(
            Drawn(
                key=record.key,
                stratum=record.stratum,
                content_id=record.content_id,
                path=path,
                row=record.row,
                baseline_m=record.baseline_m,
                focal_px=record.focal_px,
                disparity_px=record.disparity_p50,
                cpu_s=record.cpu_s,
            )
            for record in reader.records()
        )
        return ShardContents(drawn=drawn, quarantined=tuple(entry.slot for entry in reader.quarantined()))


def fold_dataset(samples: Sequence[Drawn]) -> StereoShards:
    """Exactly these samples, whole. Raises TrainingDataError when the shards no longer hold them."""
    wanted = {(sample.key, sample.content_id) for sample in samples}
    paths = sorted({sample.path for sample in samples})
    dataset = StereoShards(paths, crop=None, keep=lambda record: (record.key, record.content_id) in wanted)
    if len(dataset) != len(samples):
        raise TrainingDataError(
            f"{len(samples)} samples are to be trained on, the shards hold {len(dataset)}"
        )
    return dataset


def data_digest(samples: Sequence[Drawn]) -> str:
    """SHA-256 over the ids and contents of the samples, whatever their order, hexadecimal."""
    lines = sorted(f"{sample.key.sample_id} {sample.content_id}" for sample in samples)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def device_of(config: CurationConfig) -> str:
    """ "cpu" or "cuda". Raises DeviceError when a GPU is demanded and none is there."""
    there = torch.cuda.is_available()
    if config.device == "cuda" and not there:
        raise DeviceError("curation.device is cuda, but torch finds no CUDA device; set it to auto or cpu")
    return "cuda" if there and config.device != "cpu" else "cpu"


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
        return load_model(job.start_from)
    config = job.config
    weights = config.backbone_weights
    return create_model(
        config.model,
        seed=job.seed,
        backbone_weights=installed_lite0_weights() if weights == "imagenet" else weights,
        max_disparity=config.max_disparity,
    )


@dataclass(kw_only=True)
class Workbench:
    """`curation.rounds.world.Tools` with nothing pretended. Training and scoring run in this process."""

    farm: FarmConfig = field(default_factory=FarmConfig)  # where successors are rendered
    threads: int | None = None  # of training and scoring; None: all cores this process may use
    _contents: dict[Path, ShardContents] = field(default_factory=dict)  # a finished shard never changes

    _loaded: tuple[Path, FoundationStereo] | None = None

    def __post_init__(self) -> None:
        torch.set_num_threads(self.threads or len(os.sched_getaffinity(0)))

    def read_shard(self, path: Path) -> ShardContents:
        """List a finished shard."""
        if path not in self._contents:
            self._contents[path] = read_shard(path)
        return self._contents[path]

    def train(self, job: TrainJob, on_step: Callable[[int, float], None]) -> None:
        """Train in a folder beside the checkpoint, continuing what is there; then move the model out."""
        folder = job.checkpoint.with_suffix(".training")
        trainer = Trainer(
            starting_model(job),
            fold_dataset(job.samples),
            trainer_settings(job),
            folder,
            data_digest=data_digest(job.samples),
        )
        trainer.run(on_step=lambda step, loss, _rate: on_step(step, loss))
        log = [json.loads(line) for line in (folder / LOG).read_text("utf-8").splitlines()]
        write_json_atomic(job.curve, [[line["step"], line["loss"]] for line in log])
        os.replace(folder / MODEL, job.checkpoint.with_suffix(".moving"))
        publish_file(job.checkpoint.with_suffix(".moving"), job.checkpoint)
        shutil.rmtree(folder)

    def model_digest(self, checkpoint: Path) -> str:
        """SHA-256 of a model's size and weights."""
        model = self._load(checkpoint)
        return hashlib.sha256(f"{model.config.digest()} {model_digest(model)}".encode()).hexdigest()

    def _load(self, checkpoint: Path) -> FoundationStereo:
        """The model of a finished checkpoint, which never changes; the last one is kept."""
        if self._loaded is None or self._loaded[0] != checkpoint:
            self._loaded = checkpoint, load_model(checkpoint)
        return self._loaded[1]

    def predict(
        self, checkpoint: Path, samples: Sequence[Drawn], config: CurationConfig
    ) -> Iterator[Prediction]:
        """Predict sample by sample, at full size."""
        model = self._load(checkpoint).to(device_of(config))
        reader: ShardReader | None = None
        for drawn in samples:
            if reader is None or reader.path != drawn.path:
                reader = _turn_to(drawn.path, reader)
            yield _predict(model, reader, drawn, iterations=config.score_iterations)
        if reader is not None:
            reader.close()

    def render(self, run_dir: Path, redraws: Sequence[Redraw], on_done: Callable[[int], None]) -> None:
        """Render on the farm. Raises RenderError with the first failure, once all others are done."""
        from fsd_gen.production.render import (  # loads a renderer; only needed here
            ShardRequest,
            render_shards,
        )

        finished: dict[str, int] = {}  # samples by task

        def on_event(event: Event) -> None:
            if event.kind in (EventKind.ITEM, EventKind.RESUMED) and event.done is not None:
                finished[event.task_id] = event.done
                on_done(sum(finished.values()))
            elif event.message:
                log.info("render event=%s task=%s message=%s", event.kind, event.task_id, event.message)

        requests = [ShardRequest(path=redraw.path, draws=redraw.draws) for redraw in redraws]
        report = render_shards(run_dir, requests, farm=self.farm, on_event=on_event)
        if report.farm.failed:
            name, failure = next(iter(report.farm.failed.items()))
            last = failure.traceback.strip().splitlines()[-1]
            count = len(report.farm.failed)
            raise RenderError(f"{count} shards failed; {name} after {failure.attempts} tries: {last}")


def _turn_to(path: Path, previous: ShardReader | None) -> ShardReader:
    if previous is not None:
        previous.close()
    return ShardReader(path)


def _predict(model: FoundationStereo, reader: ShardReader, drawn: Drawn, *, iterations: int) -> Prediction:
    height, width = reader.shape
    view = reader.crop(drawn.row, 0, 0, height, width)
    left_chw, right_chw = (image.transpose(2, 0, 1) for image in (view.left_hwc, view.right_hwc))
    return Prediction(
        key=drawn.key,
        left_hwc=view.left_hwc,
        right_hwc=view.right_hwc,
        truth_hw=view.disparity_left_hw,
        flags_hw=view.flags_left_hw,
        predicted_hw=predict_disparity(model, left_chw, right_chw, iterations=iterations),
    )
