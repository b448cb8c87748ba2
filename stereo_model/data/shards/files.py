"""One shard as a file: opened, and refused where it is none. Read with h5py and hdf5plugin alone."""

from __future__ import annotations

import errno
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import h5py
import hdf5plugin  # noqa: F401  registers the filters

from jobs.locks import LOCKS_UNSUPPORTED_ERRNOS
from jobs.store.base import StoreError
from jobs.store.cache import NOT_HAD, fetched_again, held, placeholder_at
from stereo_model.data.encodings import DataFileError, one_line

FORMAT = "fsd-gen stereo shard"
SCHEMA_VERSIONS = (1, 2)  # they differ in how chunks are cut and encoded, which HDF5 sees to
NO_LOCK_ERRNOS = LOCKS_UNSUPPORTED_ERRNOS | {errno.EAGAIN}  # none to be had, or another program has it
OPEN_WITHOUT_LOCK = "locking flag values don't match"  # it is open already in this process
MOST_LOST = 10  # times that a shard goes from the cache between its fetching and its opening
# What damaged bytes raise: OSError from h5py for data; the others for metadata, UTF-8, JSON and value types.
DAMAGE = (OSError, KeyError, RuntimeError, TypeError, ValueError, AttributeError, OverflowError, MemoryError)

R = TypeVar("R")


def open_hdf5(path: Path) -> h5py.File:
    """The HDF5 file at `path` for reading, on file systems without locks too. Raises OSError.

    A finished shard does not change and needs no lock. One is asked for all the same where it can be had:
    HDF5 wants all that open a file in one process to agree about it. The content of a shard in a store is
    fetched first. Raises StoreError where it cannot be.
    """
    for _ in range(MOST_LOST):
        held(path)
        try:
            return _opened_hdf5(path)
        except OSError:
            if placeholder_at(path) is None:
                raise
    raise StoreError(f"{path}: others need its room in the cache at once; set FSD_CACHE_GB higher")


def _opened_hdf5(path: Path) -> h5py.File:
    try:
        return h5py.File(path, "r")
    except OSError as error:
        if error.errno not in NO_LOCK_ERRNOS and OPEN_WITHOUT_LOCK not in str(error):
            raise
        return h5py.File(path, "r", locking=False)


def open_shard_file(path: Path) -> h5py.File:
    """The file, if it is a shard; a damaged copy of what a store has is fetched again, once.

    Raises DataFileError; one of NOT_HAD for one in a store that cannot be had.
    """
    return read_again(path, partial(_open_shard, path))


def read_again(path: Path, read: Callable[[], R]) -> R:
    """What `read` returns, called once more where it found this machine's copy of what a store has damaged.

    Raises DataFileError; one of NOT_HAD.
    """
    try:
        return read()
    except DataFileError:
        if not fetched_again(path):
            raise
        return read()


def _open_shard(path: Path) -> h5py.File:
    try:
        file = open_hdf5(path)
    except NOT_HAD:
        raise
    except DAMAGE as error:
        raise DataFileError(f"{path}: not a readable shard ({one_line(error)})") from error
    try:
        _refuse_others(file, path)
    except DataFileError:
        file.close()
        raise
    except DAMAGE as error:
        file.close()
        raise DataFileError(f"{path}: not a readable shard ({one_line(error)})") from error
    return file


def _refuse_others(file: h5py.File, path: Path) -> None:
    found = file.attrs["format"].decode() if "format" in file.attrs else "nothing"
    if found != FORMAT:
        raise DataFileError(f"{path}: its format is {found!r:.60}, expected {FORMAT!r}")
    if (version := file.attrs["schema_version"]) not in SCHEMA_VERSIONS:
        known = " and ".join(map(str, SCHEMA_VERSIONS))
        raise DataFileError(f"{path}: schema version {version}, this program reads {known}")
    rows, height, width = file["disparity_left"].shape
    expected = {"left": (rows, height, width, 3), "flags_left": (rows, height, width)}
    expected |= {"right": expected["left"], "slot": (rows,), "attempt": (rows,)}
    for name, shape in expected.items():
        if file[name].shape != shape:
            raise DataFileError(f"{path}: dataset {name} has shape {file[name].shape}, expected {shape}")
