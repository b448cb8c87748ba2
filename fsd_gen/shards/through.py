"""HDF5 files that are read through an object of Python.

What HDF5 still has open at the end of the process it closes then: too late for Python, which that object
needs, so the process would end in a segmentation fault and not with its exit code. An error that somebody
keeps is enough, for its frames keep the file.
"""

from __future__ import annotations

import atexit
import io
import traceback
from functools import cache

import h5py
from h5py import h5f, h5fd


def open_through(source: io.RawIOBase) -> h5py.File:
    """Open the HDF5 file that `source` reads. Raises what it raises, and OSError where it is no HDF5."""
    _close_at_exit()
    try:
        return h5py.File(source, "r")
    except BaseException as error:
        traceback.clear_frames(error.__traceback__)  # one has the list of properties, and that the file
        raise


def close_all_through() -> None:
    """Close every HDF5 file that is read through an object, with what is open of it."""
    for file in h5f.get_obj_ids(h5f.OBJ_ALL, h5f.OBJ_FILE):
        if file.get_access_plist().get_driver() == h5fd.fileobj_driver:
            h5py.File(file).close()


@cache
def _close_at_exit() -> None:
    atexit.register(close_all_through)
