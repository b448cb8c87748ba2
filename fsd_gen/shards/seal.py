"""The seal of a finished shard: a SHA-256 over all of its HDF5, in the last bytes of the file.

HDF5 keeps to the end that its superblock names and does not read what follows, so any program reads a sealed
shard, and a copy of the file has its seal with it. A program that opens a shard for writing cuts the seal
off: an unsealed shard is either of before seals or was changed since, and is walked all the same.
"""

from __future__ import annotations

import hashlib
import os
import re
import struct
from pathlib import Path
from typing import IO

from jobs.files import MIB
from jobs.store.cache import held

BEGIN = b"\nfsd-gen sha256 "
SEAL = re.compile(re.escape(BEGIN) + rb"([0-9a-f]{64})\n")
SEAL_BYTES = len(BEGIN) + 65
SIGNATURE = b"\x89HDF\r\n\x1a\n"
END_OF_HDF5 = struct.Struct("<8xB19xQ")  # version and end of a superblock of HDF5 1.8 and later


def sealed(hdf5: bytes) -> bytes:
    """The bytes of a finished HDF5 file with their seal."""
    return hdf5 + _seal(hashlib.sha256(hdf5).hexdigest())


def add_seal(path: Path) -> None:
    """Seal the finished HDF5 file at `path`. Raises OSError, such as for a full disk."""
    with path.open("r+b") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0, os.SEEK_END)
        file.write(_seal(digest))


def is_sealed(path: Path) -> bool:
    """Whether there is a seal at the end of the file, right or wrong."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - SEAL_BYTES))
        return SEAL.fullmatch(file.read()) is not None


def seal_flaw(path: Path) -> str | None:
    """Why the bytes of the file cannot be those that were finished, or None. Unsealed ones may be."""
    size = held(path).stat().st_size
    with path.open("rb") as file:
        version, end = _superblock(file.read(END_OF_HDF5.size))
        if version < 2:
            return f"its superblock is of version {version}: its metadata has no checksums, as shards have"
        if size == end:
            return None
        file.seek(end)
        found = SEAL.fullmatch(file.read(SEAL_BYTES + 1))
        if found is None:
            return f"{size - end} bytes follow the end of its HDF5, and they are no seal"
        file.seek(0)
        digest = _digest_of_first(file, end)
    if digest != found[1].decode():
        return "its bytes are not those that were finished: their SHA-256 is not the one of its seal"
    return None


def _seal(digest: str) -> bytes:
    return BEGIN + digest.encode() + b"\n"


def _digest_of_first(file: IO[bytes], count: int) -> str:
    digest = hashlib.sha256()
    while piece := file.read(min(count, MIB)):
        digest.update(piece)
        count -= len(piece)
    return digest.hexdigest()


def _superblock(head: bytes) -> tuple[int, int]:
    if len(head) < END_OF_HDF5.size or not head.startswith(SIGNATURE):
        return -1, 0
    version, end = END_OF_HDF5.unpack(head)
    return version, end
