"""How many random 320x736 training crops a core decodes per second, from real shards.

    python -m benchmarks.crops RUN_OR_FOLDER [--crops 200]

Side by side in one run: our dataset (crop before decode), whole-sample reads with plain h5py, and the
same samples stored the way most projects do, gzip with one chunk per image.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import h5py
import hdf5plugin  # noqa: F401  (registers the codec)
import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from fsd_gen.shards.dataset import StereoShards
from fsd_gen.shards.find import find_shards

ARRAYS = ("left", "right", "disparity_left", "flags_left")


def main(
    source: Annotated[Path, typer.Argument()],
    crops: Annotated[int, typer.Option(min=10)] = 200,
    height: Annotated[int, typer.Option()] = 320,
    width: Annotated[int, typer.Option()] = 736,
) -> None:
    """Measure and print crops per second, and each way relative to the plain one."""
    shards = find_shards(source)
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        gzipped = Path(folder) / "gzip.h5"
        rows = gzip_copy(shards[0], gzipped)
        dataset = StereoShards([shards[0]], crop=(height, width), seed=0)
        ways = {
            "StereoShards (ours)": lambda i: dataset[i % len(dataset)],
            "plain h5py, whole sample": whole_reader(shards[0], rng, rows, height, width),
            "gzip-4, one chunk per image": whole_reader(gzipped, rng, rows, height, width),
        }
        rates = {name: rate(read, crops) for name, read in ways.items()}
    table = Table("way", "crops/s", "ratio", title=f"random {height}x{width} crops, one process")
    for name, value in rates.items():
        table.add_row(name, f"{value:.1f}", f"{value / rates['gzip-4, one chunk per image']:.1f}x")
    Console(width=100).print(table)


def gzip_copy(source: Path, target: Path) -> int:
    """The same arrays with gzip level 4 and one chunk per image."""
    with h5py.File(source) as old, h5py.File(target, "w") as new:
        for name in ARRAYS:
            data = old[name]
            new.create_dataset(name, data=data[...], chunks=(1, *data.shape[1:]), compression="gzip")
        return len(old["left"])


def whole_reader(
    path: Path, rng: np.random.Generator, rows: int, height: int, width: int
) -> Callable[[int], list[NDArray[Any]]]:
    """Reads a whole sample and crops in memory."""
    file = h5py.File(path)

    def read(index: int) -> list[NDArray[Any]]:
        full_h, full_w = file["left"].shape[1:3]
        y, x = rng.integers(full_h - height + 1), rng.integers(full_w - width + 1)
        return [file[name][index % rows][y : y + height, x : x + width] for name in ARRAYS]

    return read


def rate(read: Callable[[int], object], crops: int) -> float:
    """Crops per CPU second, after a warm-up."""
    for index in range(5):
        read(index)
    start = time.process_time()
    for index in range(crops):
        read(index)
    return crops / (time.process_time() - start)


if __name__ == "__main__":
    typer.run(main)
