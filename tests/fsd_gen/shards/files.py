"""Looking into shard files, and damaging them."""

import hashlib
from pathlib import Path

import h5py
import hdf5plugin  # noqa: F401  registers the Blosc2 filter
import numpy as np

from fsd_gen.shards.channels import REQUIRED
from fsd_gen.shards.reader import ShardReader
from fsd_gen.shards.sample import StereoSample

SIX = [channel.name for channel in REQUIRED]
REPO = Path(__file__).parents[3]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def assert_same_sample(a: StereoSample, b: StereoSample) -> None:
    for name, array in a.channels.items():
        other = b.channels[name]
        assert array.dtype == other.dtype, name
        np.testing.assert_array_equal(array, other, err_msg=name)
    assert a.spec == b.spec
    assert a.render == b.render


def stored_chunks(path: Path, row: int) -> list[tuple[int, bytes]]:
    with ShardReader(path) as reader:
        return [(mask, stored) for name in SIX for _, mask, stored in reader.raw_chunks(name, row)]


def chunk_place(path: Path, dataset: str, row: int) -> tuple[int, int]:
    """Offset and size in the file of the first chunk of a row."""
    with h5py.File(path) as file:
        tail = (0,) * (file[dataset].ndim - 1)
        info = file[dataset].id.get_chunk_info_by_coord((row, *tail))
        return info.byte_offset, info.size


def flip(path: Path, offset: int, size: int = 1) -> None:
    content = bytearray(path.read_bytes())
    content[offset + size // 2] ^= 0x20
    path.write_bytes(content)
