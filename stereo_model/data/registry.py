"""Readers for the data sets FoundationStereo is trained and evaluated on, and for the project's shards.

    from stereo_model import open_dataset
    pairs = open_dataset("sceneflow", "/data/SceneFlow", passes=["finalpass"])
    pairs[0]["left"], pairs[0]["disparity"], pairs.scene(0)

All give `stereo_model.data.sample.Sample`: uint8 RGB, disparity in pixels of the left view, positive, and
where it is known. `valid` is where the data set has truth, occluded pixels included; `occluded`, where
there is one, separates them.

A reader is a class in a module of `stereo_model.data.readers` that derives from StereoFiles and has a `kind`
of its own; nothing else lists it.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import os
import pkgutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from types import MappingProxyType, ModuleType
from typing import Any

from jobs.store.mirror import refuse_url
from stereo_model.data import readers
from stereo_model.data.base import DataOptionError, StereoFiles


@cache
def dataset_kinds() -> Mapping[str, type[StereoFiles]]:
    """The class of every kind of data set. Raises TypeError where two readers claim one kind."""
    kinds: dict[str, type[StereoFiles]] = {}
    for found in pkgutil.iter_modules(readers.__path__, f"{readers.__name__}."):
        for reader in _readers_in(importlib.import_module(found.name)):
            if reader.kind in kinds:
                raise TypeError(f"{kinds[reader.kind]} and {reader} are both the reader of {reader.kind!r}")
            kinds[reader.kind] = reader
    return MappingProxyType(kinds)


Root = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


def open_dataset(kind: str, root: Root, **options: Any) -> StereoFiles:
    """The data set of a kind of `dataset_kinds` in the folder `root`; `options` are its class's arguments.

    Where the kind can be opened from several places at once, as "shards" can, `root` may be a list.

    Raises:
        DataOptionError: unknown kind or option, or an option's value is not possible.
        DataFolderError: the folder does not hold that data set, or a file of a pair is missing.
    """
    kinds = dataset_kinds()
    if kind not in kinds:
        near = difflib.get_close_matches(kind, kinds, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise DataOptionError(f"no data set {kind!r}; there are {', '.join(kinds)}{hint}")
    known = [name for name in inspect.signature(kinds[kind]).parameters if name != "root"]
    wrong = sorted(options.keys() - set(known))
    if wrong:
        takes = f"it takes {', '.join(known)}" if known else "it takes none"
        raise DataOptionError(f"data set {kind} has no option {', '.join(wrong)}; {takes}")
    return _opened(kinds[kind], kind, root, options)


def _opened(reader: type[StereoFiles], kind: str, root: Root, options: Mapping[str, Any]) -> StereoFiles:
    make: Callable[..., StereoFiles] = reader
    for place in () if kind == "shards" else (root,) if isinstance(root, str | os.PathLike) else root:
        refuse_url(place, f"data set {kind}")
    if isinstance(root, str | os.PathLike) or reader.several:
        return make(root, **options)
    if len(root) == 1:
        return make(root[0], **options)
    raise DataOptionError(f"data set {kind} is opened from one folder, got {len(root)}; open each by itself")


def _readers_in(module: ModuleType) -> Iterator[type[StereoFiles]]:
    """The readers that a module defines itself: classes with a kind of their own."""
    for value in vars(module).values():
        own = isinstance(value, type) and value.__module__ == module.__name__
        if own and issubclass(value, StereoFiles) and "kind" in vars(value):
            yield value
