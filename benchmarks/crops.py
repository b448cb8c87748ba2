"""How many random 320x736 training crops a core decodes per second, from real shards.

    python -m benchmarks.crops RUN_OR_FOLDER [--crops 200]

Side by side in one run, on the samples of all shards: our dataset (crop before decode) and whole-sample reads
with plain h5py, each from a shard of every version of the format; and the same samples stored the way most
projects do, gzip with one chunk per image. There should be eight pairs or more: HDF5 keeps 8 MiB of decoded
chunks of each array. `--rounds` measures in turns and takes the best of each way.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import h5py
import hdf5plugin  # noqa: F401  (registers the codecs)
import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from fsd_gen.shards.channels import beyond_the_six
from fsd_gen.shards.dataset import StereoShards
from fsd_gen.shards.find import find_shards
from fsd_gen.shards.format import VERSIONS, merge_meta
from fsd_gen.shards.reader import ShardReader
from fsd_gen.shards.sample import StereoSample
from fsd_gen.shards.writer import ShardWriter

MB = 1e6
GZIP = "gzip-4, one chunk per image"
Read = Callable[[int], object]  # a crop of the sample of this number
ARRAYS = ("left", "right", "disparity_left", "flags_left")


def main(
    source: Annotated[Path, typer.Argument()],
    crops: Annotated[int, typer.Option(min=10)] = 200,
    height: Annotated[int, typer.Option()] = 320,
    width: Annotated[int, typer.Option()] = 736,
    rounds: Annotated[int, typer.Option(min=1)] = 3,
) -> None:
    """Measure and print crops per second, and each way relative to the plain one."""
    shards = find_shards(source)
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        paths = {
            version: Path(folder) / f"version-{version}.h5" for version in sorted(VERSIONS, reverse=True)
        }
        for version, path in paths.items():
            encoding_s = version_copy(shards, path, version)
            print(f"version {version}: {path.stat().st_size / MB:.2f} MB and {encoding_s:.2f} CPU s in all")
        gzipped = Path(folder) / GZIP
        rows = gzip_copy(path, gzipped)
        ways: dict[str, Read] = {}
        for version, path in paths.items():
            ways[f"StereoShards, version {version}"] = item_reader(path, height, width)
            ways[f"plain h5py, whole sample, version {version}"] = whole_reader(
                path, rng, rows, height, width
            )
        ways[GZIP] = whole_reader(gzipped, rng, rows, height, width)
        measured = [{name: rate(read, crops) for name, read in ways.items()} for _ in range(rounds)]
        rates = {name: max(each[name] for each in measured) for name in ways}
    table = Table(
        "way", "crops/s", "ratio", title=f"random {height}x{width} crops of {rows} pairs, one process"
    )
    for name, value in rates.items():
        table.add_row(name, f"{value:.1f}", f"{value / rates[GZIP]:.1f}x")
    Console(width=100).print(table)


def version_copy(sources: Sequence[Path], target: Path, version: int) -> float:
    """The same samples as a shard of this version of the format; CPU seconds that it took to make."""
    readers = [ShardReader(source) for source in sources]
    meta = merge_meta([reader.meta for reader in readers], sources)
    meta = replace(meta, channels=(*VERSIONS[version], *beyond_the_six(meta.channels)))
    slots = [record.slot for reader in readers for record in reader.records()]
    writer = ShardWriter(target, slots, meta)
    adding_s = sum(cpu_s(partial(writer.add, sample)) for sample in samples_of(readers))
    return adding_s + cpu_s(writer.finish)


def samples_of(readers: Iterable[ShardReader]) -> Iterator[StereoSample]:
    """Every sample; one is held at a time."""
    for reader in readers:
        with reader:
            yield from map(reader.sample, range(len(reader)))


def cpu_s(work: Callable[[], object]) -> float:
    """CPU seconds of this process that it takes."""
    start = time.process_time()
    work()
    return time.process_time() - start


def item_reader(path: Path, height: int, width: int) -> Read:
    """Reads an item of our dataset."""
    dataset = StereoShards(path, crop=(height, width), seed=0)
    return lambda index: dataset[index % len(dataset)]


def gzip_copy(source: Path, target: Path) -> int:
    """The same arrays with gzip level 4 and one chunk per image."""
    with h5py.File(source) as old, h5py.File(target, "w") as new:
        for name in ARRAYS:
            data = old[name]
            new.create_dataset(name, data=data[...], chunks=(1, *data.shape[1:]), compression="gzip")
        return len(old["left"])


def whole_reader(path: Path, rng: np.random.Generator, rows: int, height: int, width: int) -> Read:
    """Reads a whole sample and crops in memory."""
    file = h5py.File(path)

    def read(index: int) -> object:
        full_h, full_w = file["left"].shape[1:3]
        y, x = rng.integers(full_h - height + 1), rng.integers(full_w - width + 1)
        return [file[name][index % rows][y : y + height, x : x + width] for name in ARRAYS]

    return read


def rate(read: Callable[[int], object], crops: int) -> float:
    """Crops per CPU second, after a warm-up."""
    for index in range(5):
        read(index)
    return crops / cpu_s(lambda: [read(index) for index in range(crops)])


if __name__ == "__main__":
    typer.run(main)
