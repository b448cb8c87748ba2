"""Readers for the data sets FoundationStereo is trained and evaluated on, and for the project's shards.

    from stereo_model.data.registry import open_dataset
    pairs = open_dataset("sceneflow", "/data/SceneFlow", passes=["finalpass"])
    pairs[0]["left"], pairs[0]["disparity"], pairs.scene(0)

All give `stereo_model.data.sample.Sample`: uint8 RGB, disparity in pixels of the left view, positive, and
where it is known. `valid` is where the data set has truth, occluded pixels included; `occluded`, where
there is one, separates them.
"""

from __future__ import annotations

import difflib
import inspect
import os
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from stereo_model.data.base import DataFolderError, DataOptionError, StereoFiles
from stereo_model.data.encodings import DataFileError
from stereo_model.data.readers.crestereo import CreStereo
from stereo_model.data.readers.fallingthings import FallingThings
from stereo_model.data.readers.folder import Folder
from stereo_model.data.readers.fsd import Fsd
from stereo_model.data.readers.instereo2k import InStereo2K
from stereo_model.data.readers.kitti import Kitti2012, Kitti2015
from stereo_model.data.readers.middlebury import Eth3d, Middlebury
from stereo_model.data.readers.sceneflow import Driving, FlyingThings3D, Monkaa, SceneFlow
from stereo_model.data.readers.shards import Shards
from stereo_model.data.readers.sintel import Sintel
from stereo_model.data.readers.vkitti2 import VirtualKitti2

__all__ = [
    "DATASETS",
    "DataFileError",
    "DataFolderError",
    "DataOptionError",
    "StereoFiles",
    "open_dataset",
]

DATASETS: Mapping[str, Callable[..., StereoFiles]] = MappingProxyType(
    {
        "fsd": Fsd,
        "flyingthings3d": FlyingThings3D,
        "monkaa": Monkaa,
        "driving": Driving,
        "sceneflow": SceneFlow,
        "sintel": Sintel,
        "crestereo": CreStereo,
        "fallingthings": FallingThings,
        "instereo2k": InStereo2K,
        "vkitti2": VirtualKitti2,
        "middlebury": Middlebury,
        "eth3d": Eth3d,
        "kitti2012": Kitti2012,
        "kitti2015": Kitti2015,
        "shards": Shards,
        "folder": Folder,
    }
)


def open_dataset(kind: str, root: str | os.PathLike[str], **options: Any) -> StereoFiles:
    """The data set of a kind of `DATASETS` in the folder `root`; `options` are its class's keyword arguments.

    Raises:
        DataOptionError: unknown kind or option, or an option's value is not possible.
        DataFolderError: the folder does not hold that data set, or a file of a pair is missing.
    """
    if kind not in DATASETS:
        near = difflib.get_close_matches(kind, DATASETS, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise DataOptionError(f"no data set {kind!r}; there are {', '.join(DATASETS)}{hint}")
    known = [name for name in inspect.signature(DATASETS[kind]).parameters if name != "root"]
    wrong = sorted(options.keys() - set(known))
    if wrong:
        takes = f"it takes {', '.join(known)}" if known else "it takes none"
        raise DataOptionError(f"data set {kind} has no option {', '.join(wrong)}; {takes}")
    return DATASETS[kind](root, **options)
