"""Predicting stored samples at full size, one by one, each with its own truth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from curation.rounds.population import RunSample
from curation.rounds.world import Prediction
from fsd_gen.shards.reader import ShardReader
from stereo_model.inference.predict import predict_disparity
from stereo_model.network.model import FoundationStereo


def predictions(
    model: FoundationStereo, samples: Sequence[RunSample], *, iterations: int
) -> Iterator[Prediction]:
    """Predictions in the order of `samples`; consecutive samples of one shard open it once."""
    reader: ShardReader | None = None
    for sample in samples:
        if reader is None or reader.path != sample.path:
            reader = _turn_to(sample.path, reader)
        yield _predict(model, reader, sample, iterations=iterations)
    if reader is not None:
        reader.close()


def _turn_to(path: Path, previous: ShardReader | None) -> ShardReader:
    if previous is not None:
        previous.close()
    return ShardReader(path)


def _predict(
    model: FoundationStereo, reader: ShardReader, sample: RunSample, *, iterations: int
) -> Prediction:
    height, width = reader.shape
    view = reader.crop(sample.row, 0, 0, height, width)
    left_chw, right_chw = (image.transpose(2, 0, 1) for image in (view.left_hwc, view.right_hwc))
    return Prediction(
        key=sample.key,
        left_hwc=view.left_hwc,
        right_hwc=view.right_hwc,
        truth_hw=view.disparity_left_hw,
        flags_hw=view.flags_left_hw,
        predicted_hw=predict_disparity(model, left_chw, right_chw, iterations=iterations),
    )
