"""One shard as a file: opened, and refused where it is none. Read with h5py and hdf5plugin alone."""

from __future__ import annotations

from pathlib import Path

import h5py
import hdf5plugin  # noqa: F401  registers the Blosc2 filter

from stereo_model.data.encodings import DataFileError, one_line

FORMAT = "fsd-gen stereo shard"
SCHEMA_VERSION = 1
# What damaged bytes raise: OSError for data, the others for metadata.
DAMAGE = (OSError, KeyError, RuntimeError, TypeError, ValueError, AttributeError, OverflowError, MemoryError)


def open_shard_file(path: Path) -> h5py.File:
    """The file, if it is a shard. Raises DataFileError."""
    try:
        file = h5py.File(path, "r")
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
    if found != FORMAT or file.attrs["schema_version"] != SCHEMA_VERSION:
        raise DataFileError(f"{path}: its format is {found!r:.60}, expected {FORMAT!r} {SCHEMA_VERSION}")
    rows, height, width = file["disparity_left"].shape
    expected = {"left": (rows, height, width, 3), "flags_left": (rows, height, width)}
    expected |= {"right": expected["left"], "slot": (rows,), "attempt": (rows,)}
    for name, shape in expected.items():
        if file[name].shape != shape:
            raise DataFileError(f"{path}: dataset {name} has shape {file[name].shape}, expected {shape}")
