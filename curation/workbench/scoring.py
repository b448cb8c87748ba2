"""Predicting stored samples at full size, each with its own truth: one by one on a CPU, in batches on a GPU.

On a CPU a batch is 7 to 12 % slower than its samples one by one, whose maps stay in the caches; what it gains
on a GPU has not been measured yet. A batch is always of the same size, the last one filled up, so that a
sample's score does not depend on which others are scored with it, as it would by rounding (some 1e-5 px): a
kill in between changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, islice

import numpy as np
from numpy.typing import NDArray

from curation.rounds.population import RunSample
from curation.rounds.world import Prediction
from fsd_gen.shards.reader import Crop, ShardReader
from stereo_model.inference.predict import predict_disparities
from stereo_model.network.model import FoundationStereo

LARGEST_BATCH = 8
BATCH_PIXELS = 1280 * 720  # of all left images of a batch: no more memory than one such sample takes


def batch_size(device: str, height: int, width: int) -> int:
    """How many samples of a size are predicted at a time."""
    return 1 if device == "cpu" else max(1, min(LARGEST_BATCH, BATCH_PIXELS // (height * width)))


def predictions(
    model: FoundationStereo, samples: Sequence[RunSample], *, iterations: int
) -> Iterator[Prediction]:
    """Predictions in the order of `samples`; consecutive samples of one shard open it once."""
    device = next(model.parameters()).device.type
    for path, of_shard in groupby(samples, key=lambda sample: sample.path):
        with ShardReader(path) as reader:
            size = batch_size(device, *reader.shape)
            while batch := list(islice(of_shard, size)):
                yield from _predict(model, reader, batch, size, iterations)


def _predict(
    model: FoundationStereo, reader: ShardReader, samples: Sequence[RunSample], size: int, iterations: int
) -> Iterator[Prediction]:
    views = [reader.crop(sample.row, 0, 0, *reader.shape) for sample in samples]
    left, right = (
        _filled([getattr(view, side) for view in views], size) for side in ("left_hwc", "right_hwc")
    )
    predicted_bhw = predict_disparities(model, left, right, iterations=iterations)
    for sample, view, predicted_hw in zip(samples, views, predicted_bhw, strict=False):
        yield _prediction(sample, view, predicted_hw)


def _filled(images: Sequence[NDArray[np.uint8]], size: int) -> NDArray[np.uint8]:
    """(size,3,H,W) of images (H,W,3); the last one stands in for those that are missing."""
    missing = [images[-1]] * (size - len(images))
    return np.stack([*images, *missing]).transpose(0, 3, 1, 2)


def _prediction(sample: RunSample, view: Crop, predicted_hw: NDArray[np.float32]) -> Prediction:
    return Prediction(
        key=sample.key,
        left_hwc=view.left_hwc,
        right_hwc=view.right_hwc,
        truth_hw=view.disparity_left_hw,
        flags_hw=view.flags_left_hw,
        predicted_hw=predicted_hw,
    )
