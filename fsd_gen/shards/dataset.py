"""Shards as a torch map-style dataset: random access, crop before decode, safe under fork and spawn.

The crop of item `index` is a pure function of (seed, epoch, index), so any number of workers gives the
same epoch, and a run resumed in the middle needs no state.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypedDict

import numpy as np
import torch
from torch.utils.data import Dataset

from fsd_gen.scene.slots import stable_hash
from fsd_gen.shards.find import find_shards
from fsd_gen.shards.index import records_of
from fsd_gen.shards.reader import Crop, ShardReader
from fsd_gen.shards.record import SampleRecord
from fsd_gen.shards.sample import Flag

MAX_OPEN = 64  # shards kept open per process


class StereoItem(TypedDict):
    """One training item. H, W are the crop's size, or the image's without a crop."""

    left: torch.Tensor  # u8 (3, H, W), sRGB
    right: torch.Tensor  # u8 (3, H, W)
    disparity: torch.Tensor  # f32 (H, W), pixels of the left view; 0 where there is none
    valid: torch.Tensor  # bool (H, W); False only for NO_TRUTH: the sky is known to be at disparity 0
    flags: torch.Tensor  # u8 (H, W), bits of `Flag`
    sample_id: str
    index: int


Transform = Callable[[StereoItem, np.random.Generator], StereoItem]


class StereoShards(Dataset[StereoItem]):
    """The samples of some shards.

    `source` is whatever `find_shards` takes: a run, a folder, a shard, a pattern, or several. Shards that the
    index of their run lists are not opened before they are read from. `crop` is (height, width) in pixels;
    None gives whole images. `keep` chooses samples by their record. `transform` gets each item and a random
    stream that depends on (seed, epoch, index) alone.

    Raises:
        FileNotFoundError: no shard there.
        ShardError: a shard is damaged.
        ValueError: the crop is larger than the images, or `keep` leaves nothing.
    """

    def __init__(
        self,
        source: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
        *,
        crop: tuple[int, int] | None = (320, 736),
        seed: int = 0,
        transform: Transform | None = None,
        keep: Callable[[SampleRecord], bool] | None = None,
    ) -> None:
        self._paths = find_shards(source)
        self._crop = crop
        self._seed = seed
        self._transform = transform
        # Shared memory: a new epoch reaches workers that are already running.
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()
        self._readers: OrderedDict[Path, ShardReader] = OrderedDict()
        listed = records_of(self._paths)
        chosen = [(path, record) for path, record in listed if keep is None or keep(record)]
        if not chosen:
            raise ValueError(f"no sample in {len(self._paths)} shards passes `keep`, or all shards are empty")
        self._where = [path for path, _ in chosen]
        self.records: tuple[SampleRecord, ...] = tuple(record for _, record in chosen)
        self._check_crop()

    def __len__(self) -> int:
        return len(self.records)

    def set_epoch(self, epoch: int) -> None:
        """Draw other crops from now on, in running workers too."""
        self._epoch.fill_(epoch)

    def __getitem__(self, index: int) -> StereoItem:
        if not 0 <= index < len(self):
            raise IndexError(f"no item {index}, there are {len(self)}")
        record = self.records[index]
        rng_key = stable_hash(self._seed, int(self._epoch), index, "item")
        rng = np.random.Generator(np.random.Philox(key=rng_key))
        y, x, height, width = self._window(record, rng)
        crop = self._reader(self._where[index]).crop(record.row, y, x, height, width)
        item = _item(crop, record, index)
        return self._transform(item, rng) if self._transform else item

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__ | {"_readers": OrderedDict()}

    def _window(self, record: SampleRecord, rng: np.random.Generator) -> tuple[int, int, int, int]:
        height, width = self._crop or (record.height, record.width)
        y = int(rng.integers(record.height - height + 1))
        x = int(rng.integers(record.width - width + 1))
        return y, x, height, width

    def _reader(self, path: Path) -> ShardReader:
        reader = self._readers.pop(path, None) or ShardReader(path)
        self._readers[path] = reader
        if len(self._readers) > MAX_OPEN:
            self._readers.popitem(last=False)[1].close()
        return reader

    def _check_crop(self) -> None:
        if self._crop is None:
            return
        for path, record in zip(self._where, self.records, strict=True):
            if self._crop[0] > record.height or self._crop[1] > record.width or min(self._crop) < 1:
                size = (record.height, record.width)
                raise ValueError(f"crop {self._crop} (height, width) does not fit into the {size} of {path}")


def _item(crop: Crop, record: SampleRecord, index: int) -> StereoItem:
    flags = torch.from_numpy(crop.flags_left_hw)
    return {
        "left": torch.from_numpy(crop.left_hwc).permute(2, 0, 1).contiguous(),
        "right": torch.from_numpy(crop.right_hwc).permute(2, 0, 1).contiguous(),
        "disparity": torch.from_numpy(crop.disparity_left_hw),
        "valid": (flags & Flag.NO_TRUTH.value) == 0,
        "flags": flags,
        "sample_id": record.sample_id,
        "index": index,
    }
