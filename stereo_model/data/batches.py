"""Batches as a pure function of (data, configuration, step), in this process or prepared ahead by others.

A batch's samples stand at `step * batch_size ...` of the mixture's stream. How each is cut and varied depends
on seed, step and its place in the batch, so workers of a team load their places only, and processes that
prepare batches ahead cannot change what is trained on.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from stereo_model.data.augment.augment import (
    Variation,
    crop,
    draw_crop,
    draw_variation,
    refuse_small,
    vary,
)
from stereo_model.data.mixture import Mixture, Part, SampleStream
from stereo_model.data.sample import (
    PartialDataset,
    Sample,
    SampleError,
    StereoDataset,
    checked_sample,
    has_right_truth,
    without_hidden,
)
from stereo_model.data.streams import rng_for
from stereo_model.network.config import SIZE_MULTIPLE
from stereo_model.training.config import TrainConfig

PREFETCH = 2  # batches that each loading process prepares ahead

Name = Literal["left", "right", "disparity", "valid"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Samples stacked along the first axis, and where they came from."""

    places: tuple[int, ...]  # in the whole batch of the step
    parts: tuple[int, ...]  # numbers of the mixture's parts
    indices: tuple[int, ...]  # of the samples in their parts
    left_bchw: Tensor  # uint8
    right_bchw: Tensor  # uint8
    disparity_bhw: Tensor  # float32, pixels
    valid_bhw: Tensor  # bool

    def pieces(self, size: int) -> Iterator[Batch]:
        """The batch in pieces of `size` samples."""
        for start in range(0, len(self.places), size):
            piece = slice(start, start + size)
            yield Batch(**{name: getattr(self, name)[piece] for name in self.__slots__})


def load_batch(
    data: StereoDataset | Mixture, config: TrainConfig, step: int, *, places: range | None = None
) -> Batch:
    """The batch of one step, cut and varied, or some places of it. Raises SampleError for bad samples."""
    return StepBatches(Mixture.of(data), config, places or range(config.batch_size)).load(step)


class StepBatches(Dataset[Any]):
    """The places of every step's batch that one worker of a team trains on, by step."""

    def __init__(self, mixture: Mixture, config: TrainConfig, places: range) -> None:
        self._mixture = mixture
        self._stream = mixture.stream(config.seed)
        self._config = config
        self._places = places

    def load(self, step: int) -> Batch:
        """This worker's share of the batch of `step`."""
        return _stacked(_drawn(self._mixture, self._stream, self._config, step, self._places))

    def __getitem__(self, step: int) -> dict[str, Any] | ValueError | OSError:
        """What travels between processes: plain arrays (torch would need shared memory), or the error."""
        try:
            batch = self.load(step)
        except (ValueError, OSError) as error:  # raised again by the training process, in one line
            return error
        values = {name: getattr(batch, name) for name in Batch.__slots__}
        return {n: v.numpy() if isinstance(v, Tensor) else v for n, v in values.items()}


def batches(source: StepBatches, *, start: int, stop: int, loader_workers: int) -> Iterator[Batch]:
    """The batches of steps `start` .. `stop` - 1, prepared ahead by so many processes."""
    loader = DataLoader(
        source,
        batch_size=None,
        sampler=range(start, stop),
        num_workers=loader_workers,
        prefetch_factor=PREFETCH if loader_workers else None,
        collate_fn=_as_it_is,
        worker_init_fn=_leave_signals_to_the_trainer,
        generator=torch.Generator(),  # its own: the global one stays untouched
    )
    for packed in loader:
        if isinstance(packed, Exception):
            raise packed
        yield _unpacked(packed)


def _unpacked(packed: dict[str, Any]) -> Batch:
    """What StepBatches.__getitem__ packed."""
    values: dict[str, Any] = {
        name: torch.from_numpy(value) if isinstance(value, np.ndarray) else value
        for name, value in packed.items()
    }
    return Batch(**values)


def refuse_small_samples(mixture: Mixture, config: TrainConfig) -> None:
    """Raises SampleError for crops that do not fit, as far as sizes are known without reading."""
    for part in mixture.parts:
        if isinstance(part.dataset, PartialDataset):
            for index in range(len(part.dataset)):
                _refuse_small(part.dataset.size_hw(index), config, f"{part.name} sample {index}")


def samples_of_step(stream: SampleStream, batch_size: int, step: int) -> list[tuple[int, int]]:
    """(part, index) of every sample of a step's whole batch."""
    return [stream.at(position) for position in range(step * batch_size, (step + 1) * batch_size)]


def _drawn(
    mixture: Mixture, stream: SampleStream, config: TrainConfig, step: int, places: range
) -> list[tuple[int, int, int, Sample]]:
    """(place, part, index, prepared sample) for each place."""
    drawn = []
    for place in places:
        part, index = stream.at(step * config.batch_size + place)
        sample = _varied(mixture.parts[part], index, config, step, place)
        drawn.append((place, part, index, without_hidden(sample) if config.visible_only else sample))
    return drawn


def _varied(part: Part, index: int, config: TrainConfig, step: int, place: int) -> Sample:
    """A sample, cut and varied; of a data set that can read parts, only what the cut needs."""
    dataset, source = part.dataset, f"{part.name} sample {index}"
    rng = rng_for(config.seed, "crop" if config.augment is None else "augment", step, place)
    if not isinstance(dataset, PartialDataset):
        sample = checked_sample(dataset[index], source=source)
        rows_n, columns_n = sample["disparity"].shape
        _refuse_small((rows_n, columns_n), config, source)
        variation = _draw((rows_n, columns_n), config, rng, right_truth=has_right_truth(sample))
        return _apply(sample, variation, config, rng)
    height, width = dataset.size_hw(index)
    _refuse_small((height, width), config, source)
    variation = _draw((height, width), config, rng, right_truth=False)
    rows, columns = variation.rows(height), variation.columns(width)
    sample = checked_sample(dataset.part(index, rows, columns), source=source)
    return _apply(sample, variation.within(rows, columns, height), config, rng)


def _refuse_small(size_hw: tuple[int, int], config: TrainConfig, source: str) -> None:
    if config.crop_hw is not None and not config.enlarge:
        refuse_small(size_hw, config.crop_hw, source)


def _draw(
    size_hw: tuple[int, int], config: TrainConfig, rng: np.random.Generator, *, right_truth: bool
) -> Variation:
    if config.augment is not None:
        return draw_variation(
            size_hw,
            rng,
            config.augment,
            config.crop_hw,
            right_truth=right_truth,
            enlarge=config.enlarge,
        )
    if config.crop_hw is None:
        return Variation()
    return draw_crop(size_hw, config.crop_hw, rng, enlarge=config.enlarge)


def _apply(sample: Sample, variation: Variation, config: TrainConfig, rng: np.random.Generator) -> Sample:
    if config.augment is not None:
        return vary(sample, variation, rng, config.augment)
    return crop(sample, variation)


def _stacked(drawn: list[tuple[int, int, int, Sample]]) -> Batch:
    places, parts, indices, samples = zip(*drawn, strict=True)
    sizes = {sample["disparity"].shape for sample in samples}
    if len(sizes) > 1 or any(side % SIZE_MULTIPLE for side in next(iter(sizes))):
        raise SampleError(
            f"samples {list(indices)} are {sorted(sizes)}, expected one size, multiples of {SIZE_MULTIPLE}"
        )
    return Batch(
        places=places,
        parts=parts,
        indices=indices,
        left_bchw=_stack(samples, "left"),
        right_bchw=_stack(samples, "right"),
        disparity_bhw=_stack(samples, "disparity"),
        valid_bhw=_stack(samples, "valid"),
    )


def _stack(samples: tuple[Sample, ...], key: Name) -> Tensor:
    return torch.from_numpy(np.stack([sample[key] for sample in samples]))


def _as_it_is(value: Any) -> Any:
    return value


def _leave_signals_to_the_trainer(worker: int) -> None:
    """A Ctrl-C reaches every process of a terminal; the trainer decides what to finish first."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
