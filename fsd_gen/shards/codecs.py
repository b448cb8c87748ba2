"""Codecs: how the chunks of a channel are cut and encoded, by the name that a shard's schema has for it.

All of them are undone by the filters of hdf5plugin 7.1 and later, so plain h5py reads what they made, and all
of them are lossless. A chunk is one tile of one sample. A random 320x736 crop of 1280x720 decodes 1.5 times
its pixels from tiles of 80x160, and 2.2 times from bands of 80 rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

SHUFFLE, FLETCHER32, BLOSC2, HTJ2K = 2, 3, 32026, 32033  # filters of HDF5 by their registered numbers
BANDS = "blosc2-zstd3-bitshuffle"
COLOUR = "htj2k"
SMOOTH = "shuffle-blosc2-zstd5-bytedelta"
BYTEDELTA = 35  # Blosc2's number of the filter, which hdf5plugin's class has no name for
ZSTD_OF_BLOSC2 = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """A tile, and the filters that it passes through."""

    rows: int = 80  # of a tile
    columns: int | None = None  # None: the full width
    filters: tuple[int, ...]  # by their registered numbers, with the checksum, in the order of encoding
    encoder: Callable[[], Mapping[str, Any]]  # see `arguments`; configurations are read without hdf5plugin

    def tile(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of one chunk of an image of this size."""
        return min(self.rows, height), min(self.columns or width, width)

    @property
    def arguments(self) -> Mapping[str, Any]:
        """Of h5py's `create_dataset`, without the checksum."""
        return self.encoder()


def _bands() -> Mapping[str, Any]:
    import hdf5plugin

    bands: Mapping[str, Any] = hdf5plugin.Blosc2(cname="zstd", clevel=3, filters=hdf5plugin.Blosc2.BITSHUFFLE)
    return bands


def _colour() -> Mapping[str, Any]:
    import hdf5plugin

    colour: Mapping[str, Any] = hdf5plugin.Htj2k()
    return colour


def _smooth() -> Mapping[str, Any]:
    return {
        "shuffle": True,
        "compression": BLOSC2,
        "compression_opts": (0, 0, 0, 0, 5, BYTEDELTA, ZSTD_OF_BLOSC2),
    }


CODECS: Mapping[str, Codec] = {
    BANDS: Codec(filters=(BLOSC2, FLETCHER32), encoder=_bands),
    # High-throughput JPEG 2000, reversible: a quarter less than the above for a denoised render. It has no
    # settings, so its bytes do not depend on any.
    COLOUR: Codec(columns=160, filters=(HTJ2K, FLETCHER32), encoder=_colour),
    # Byte planes, each byte as the difference from its left neighbour: half of the first for disparity.
    SMOOTH: Codec(columns=320, filters=(SHUFFLE, BLOSC2, FLETCHER32), encoder=_smooth),
}
