"""Shards as a torch map-style dataset: random access, crop before decode, safe under fork and spawn.

The crop of item `index` is a pure function of (seed, epoch, index), so any number of workers gives the
same epoch, and a run resumed in the middle needs no state.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from fsd_gen.scene.slots import stable_hash
from fsd_gen.shards.find import Wanted, find_samples
from fsd_gen.shards.flags import Flag
from fsd_gen.shards.reader import Crop, ShardReader
from fsd_gen.shards.record import SampleRecord
from jobs.store.bases import as_urls

MAX_OPEN = 64  # shards kept open per process


class StereoItem(TypedDict):
    """One training item. H, W are the crop's size, or the image's without a crop."""

    left: torch.Tensor  # u8 (3, H, W), sRGB
    right: torch.Tensor  # u8 (3, H, W)
    disparity: torch.Tensor  # f32 (H, W), pixels of the left view; 0 where there is none
    valid: torch.Tensor  # bool (H, W); False only for NO_TRUTH: the sky is known to be at disparity 0
    flags: torch.Tensor  # u8 (H, W), bits of `Flag`
    channels: NotRequired[dict[str, torch.Tensor]]  # the optional ones asked for, (C, H, W) or (H, W)
    sample_id: str
    index: int


Transform = Callable[[StereoItem, np.random.Generator], StereoItem]


class StereoShards(Dataset[StereoItem]):
    """The samples of some shards.

    `source` is whatever `find_shards` takes: a run, a folder, a shard, a round, a list of samples, a pattern,
    or several. Shards that the index of their run lists are not opened before they are read from. `crop` is
    (height, width) in pixels; None gives whole images. `keep` chooses samples: by fields such as
    {"stratum": "flying", "baseline": (0.05, 0.3)} (`stereo_model.data.shards.keep`), as `fsd-stereo` does,
    or by a function of the record. `transform` gets each item and a random stream that depends on
    (seed, epoch, index) alone. `channels` names optional channels to read too; their
    shards are opened at once to see that they have them, and ids of 16 bits become int32.

    Raises:
        FileNotFoundError: no shard there.
        ShardError: a shard is damaged, or lacks one of the `channels`.
        ValueError: the crop is not two positive whole numbers or larger than the images, `keep` leaves
            nothing or cannot be.
    """

    def __init__(
        self,
        source: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
        *,
        crop: tuple[int, int] | None = (320, 736),
        seed: int = 0,
        transform: Transform | None = None,
        keep: Wanted = None,
        channels: str | Sequence[str] = (),
    ) -> None:
        self._crop = _whole_crop(crop)
        self._seed = seed
        self._transform = transform
        self._channels = (channels,) if isinstance(channels, str) else tuple(channels)
        # Shared memory: a new epoch reaches workers that are already running.
        self._epoch = torch.zeros((), dtype=torch.int64)
        self._epoch.share_memory_()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        self._readers: OrderedDict[Path, ShardReader] = OrderedDict()
        chosen = find_samples(source, keep)
        if not chosen:
            raise ValueError(f"no sample of {source} passes `keep` ({keep}), or all its shards are empty")
        self._where = [path for path, _ in chosen]
        self.records: tuple[SampleRecord, ...] = tuple(record for _, record in chosen)
        self._check_crop()
        self._check_channels()

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
        crop = self._reader(self._where[index]).crop(record.row, y, x, height, width, optional=self._channels)
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
            if self._crop[0] > record.height or self._crop[1] > record.width:
                size = (record.height, record.width)
                raise ValueError(
                    f"crop {self._crop} (height, width) does not fit into the {size} of "
                    f"{as_urls(str(path))}; take a smaller crop, or None for whole images"
                )

    def _check_channels(self) -> None:
        for path in dict.fromkeys(self._where) if self._channels else ():
            with ShardReader(path) as reader:
                reader.check_channels(self._channels)


def _whole_crop(crop: Any) -> tuple[int, int] | None:
    """A crop as somebody gives it, as (height, width). Raises ValueError."""
    if crop is None:
        return None
    sides = tuple(crop) if isinstance(crop, list | tuple) else ()
    whole = all(isinstance(side, int | np.integer) and not isinstance(side, bool) for side in sides)
    if len(sides) != 2 or not whole or min(sides) < 1:
        raise ValueError(
            f"crop {crop!r} should be two positive whole numbers, (height, width) in pixels, or None for "
            "whole images"
        )
    return int(sides[0]), int(sides[1])


def _item(crop: Crop, record: SampleRecord, index: int) -> StereoItem:
    flags = torch.from_numpy(crop.flags_left_hw)
    item: StereoItem = {
        "left": _tensor(crop.left_hwc),
        "right": _tensor(crop.right_hwc),
        "disparity": _tensor(crop.disparity_left_hw),
        "valid": torch.from_numpy((crop.flags_left_hw & Flag.NO_TRUTH.value) == 0),
        "flags": flags,
        "sample_id": record.sample_id,
        "index": index,
    }
    if crop.optional:
        item["channels"] = {name: _tensor(array) for name, array in crop.optional.items()}
    return item


def _tensor(array: NDArray[Any]) -> torch.Tensor:
    """(H, W) as it is, (H, W, C) as (C, H, W); torch can do little with uint16.

    numpy moves the axes: torch would start all of its threads for it, and each of them goes on spinning for
    longer than the crop takes to decode.
    """
    plain = array.astype(np.int32) if array.dtype == np.uint16 else array
    return torch.from_numpy(plain if array.ndim == 2 else np.ascontiguousarray(plain.transpose(2, 0, 1)))
