"""Zero-shot accuracy on real pairs: this project's networks beside OpenCV's semi-global matching.

    python -m benchmarks.zero_shot SCENES model.pt [more.pt ..]            # evaluate checkpoints
    python -m benchmarks.zero_shot SCENES --train RUN --curve 40,80,160    # train on so many pairs each

SCENES is a folder of the data set kind `folder`: one sub-folder per scene with left, right, disp and
nocc.png. None of them is trained on. Every number is BP-2: the share of pixels off by more than 2 px,
over the pixels with known truth that both cameras see. `untrained` is the starting point of all trainings.

Needs OpenCV for the comparison: pip install opencv-python-headless
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from types import ModuleType
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from stereo_model import create_model, installed_lite0_weights, load_model, save_checkpoint
from stereo_model.data.base import StereoFiles
from stereo_model.data.registry import open_dataset
from stereo_model.data.sample import Sample
from stereo_model.evaluation.metrics import MaskPolicy, PixelFlags, bad_pixels, valid_mask
from stereo_model.inference.predict import predict_disparity
from stereo_model.network.model import FoundationStereo
from stereo_model.training.recipe import load_recipe
from stereo_model.training.trainer import Trainer

TAU = 2.0  # pixels
SGBM_STEP = 16  # its number of disparities is a multiple of this
SGBM = {
    "minDisparity": 0,
    "blockSize": 5,
    "P1": 600,
    "P2": 2400,
    "uniquenessRatio": 5,
    "speckleWindowSize": 100,
    "speckleRange": 2,
}  # and MODE_HH
SGBM_SCALE = 16.0  # of its fixed-point result
STAGES = {"initial": "cpu", "refinement": "cpu-refine"}  # recipes; the same for every number of pairs
INITIAL_SHARE = 0.7  # of the steps
MAX_DISPARITY = 96  # pixels, of the networks made here; covers the truth of small pictures and saves time

Estimator = Callable[[Sample], np.ndarray]  # -> disparity (H,W), pixels


class MissingOpenCVError(ImportError):
    """OpenCV is not installed."""


class SceneError(ValueError):
    """The scenes cannot be compared."""


class First(Sequence[Mapping[str, np.ndarray]]):
    """The first samples of a data set."""

    def __init__(self, data: StereoFiles, count: int) -> None:
        if count > len(data):
            raise SceneError(f"{data.root}: {count} training pairs asked for, there are {len(data)}")
        self._data = data
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int, /) -> Mapping[str, np.ndarray]:
        if not 0 <= index < self._count:
            raise IndexError(f"no sample {index}, there are {self._count}")
        return self._data[index]

    def digest(self) -> str:
        """Changes with the data set and the number of samples."""
        return f"{self._data.digest()} first {self._count}"


def main(
    scenes: Annotated[Path, typer.Argument(help="Folder of scenes.")],
    checkpoints: Annotated[list[Path] | None, typer.Argument(help="Models to evaluate.")] = None,
    preset: Annotated[str, typer.Option(help="Size of the untrained and the trained networks.")] = "tiny",
    train: Annotated[Path | None, typer.Option(help="Folder of shards to train on, for --curve.")] = None,
    curve: Annotated[str, typer.Option(help="Numbers of training pairs, separated by commas.")] = "",
    steps: Annotated[int, typer.Option(min=2, help="Of every training, both stages.")] = 220,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    disparities: Annotated[int, typer.Option(help="Of SGBM; 0: just enough for the truth.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Keep the trainings here; else they are deleted.")] = None,
) -> None:
    """Print BP-2 per scene and on average, of SGBM, of an untrained network and of trained ones."""
    if bool(curve) != (train is not None):
        raise typer.BadParameter("--curve and --train are given together or not at all")
    data = open_dataset("folder", scenes)
    shifts = disparities or enough_disparities(data)
    methods: dict[str, Estimator] = {
        f"SGBM, {shifts} disparities": lambda sample: semi_global(sample, shifts)
    }
    methods["untrained"] = network(starting_model(preset, seed))
    methods |= {path.stem: network(load_model(path)) for path in checkpoints or []}
    with tempfile.TemporaryDirectory() as scratch:
        for pairs in map(int, filter(None, curve.split(","))):
            shards = First(open_dataset("shards", train), pairs)
            folder = (out or Path(scratch)) / f"{preset}-{pairs}-{steps}-{seed}"
            methods[f"{pairs} pairs"] = network(trained(preset, shards, folder, steps=steps, seed=seed))
    show(data, methods)


def network(model: FoundationStereo) -> Estimator:
    """A model as an estimator."""
    return lambda sample: predict_disparity(model, sample["left"], sample["right"])


def semi_global(sample: Sample, disparities: int) -> np.ndarray:
    """OpenCV's StereoSGBM in its full mode, its holes filled from the background: (H,W) pixels."""
    cv2 = _opencv()
    matcher = cv2.StereoSGBM_create(numDisparities=disparities, mode=cv2.STEREO_SGBM_MODE_HH, **SGBM)
    left, right = (
        np.ascontiguousarray(sample[side].transpose(1, 2, 0)[..., ::-1]) for side in ("left", "right")
    )
    disparity_hw = matcher.compute(left, right).astype(np.float32) / SGBM_SCALE
    return fill_from_background(disparity_hw, disparity_hw >= 0)


def fill_from_background(disparity_hw: np.ndarray, known_hw: np.ndarray) -> np.ndarray:
    """Give unknown pixels the smaller of the nearest known disparities of their row; 0 in an unknown row."""
    width = disparity_hw.shape[1]
    columns = np.arange(width)
    before = np.maximum.accumulate(np.where(known_hw, columns, -1), axis=1)
    after = np.minimum.accumulate(np.where(known_hw, columns, width)[:, ::-1], axis=1)[:, ::-1]
    sided = np.pad(disparity_hw, ((0, 0), (1, 1)), constant_values=np.inf)  # column -1 is at 0
    near = np.minimum(
        np.take_along_axis(sided, before + 1, axis=1), np.take_along_axis(sided, after + 1, axis=1)
    )
    return np.where(known_hw, disparity_hw, np.where(np.isfinite(near), near, 0.0)).astype(np.float32)


def enough_disparities(data: StereoFiles) -> int:
    """The smallest multiple of 16 above every true disparity."""
    largest = max(float(sample["disparity"][sample["valid"]].max()) for sample in _samples(data))
    return SGBM_STEP * (int(largest) // SGBM_STEP + 1)


def bp2(estimate_hw: np.ndarray, sample: Sample) -> float:
    """BP-2 over the pixels seen by both cameras. Raises SceneError if there is no such pixel."""
    truth = np.where(sample["valid"], sample["disparity"], np.nan)
    hidden = sample["occluded"]  # out of frame included
    flags = PixelFlags(occluded_hw=hidden, out_of_frame_hw=hidden)
    share = bad_pixels(estimate_hw, truth, valid_mask(MaskPolicy.NON_OCCLUDED, truth, flags), tau=TAU)
    if share is None:
        raise SceneError("no pixel with known truth is seen by both cameras")
    return share


def starting_model(preset: str, seed: int) -> FoundationStereo:
    """The network before training, with ImageNet features."""
    return create_model(
        preset, seed=seed, backbone_weights=installed_lite0_weights(), max_disparity=MAX_DISPARITY
    )


def trained(preset: str, data: First, folder: Path, *, steps: int, seed: int) -> FoundationStereo:
    """A network trained in two stages: the initial disparity, then its refinement."""
    model = starting_model(preset, seed)
    for name, recipe in STAGES.items():
        share = INITIAL_SHARE if name == "initial" else 1 - INITIAL_SHARE
        changes = {"steps": max(1, round(share * steps)), "seed": seed, "loader_workers": 0}
        config = load_recipe(recipe).training.model_copy(update=changes)
        start = time.process_time()
        model = Trainer(model, data, config, folder / name, data_digest=data.digest()).run()
        print(
            f"{len(data)} pairs, {name}: {config.steps} steps, {time.process_time() - start:.0f} CPU s",
            flush=True,
        )
        model.requires_grad_(True)
    save_checkpoint(model, folder / "model.pt")
    return model


def show(data: StereoFiles, methods: Mapping[str, Estimator]) -> None:
    """Print a table, one row per scene and one for the mean of the scenes."""
    scores = {
        name: [bp2(estimate(sample), sample) for sample in _samples(data)]
        for name, estimate in methods.items()
    }
    title = "BP-2, percent of the pixels with known truth that both cameras see"
    table = Table("scene", *(f"{name}" for name in methods), title=title)
    for place in range(len(data)):
        table.add_row(data.scene(place), *(f"{100 * column[place]:.2f}" for column in scores.values()))
    table.add_section()
    table.add_row(
        f"mean of {len(data)} scenes", *(f"{100 * fmean(column):.2f}" for column in scores.values())
    )
    Console(width=130).print(table)


def _samples(data: StereoFiles) -> Iterator[Sample]:
    for index in range(len(data)):
        sample = data[index]
        if "occluded" not in sample:
            raise SceneError(
                f"{data.root}: {data.scene(index)} has no nocc.png; visible pixels are not known"
            )
        yield sample


def _opencv() -> ModuleType:
    try:
        import cv2
    except ModuleNotFoundError as error:
        raise MissingOpenCVError("the comparison needs OpenCV: pip install opencv-python-headless") from error
    return cv2


if __name__ == "__main__":
    typer.run(main)
