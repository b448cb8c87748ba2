"""The two folders of this machine where runs in stores are read and made: FSD_CACHE_DIR and FSD_SCRATCH."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jobs.files import DISK_FULL_ERRNOS, DiskFullError
from jobs.locks import LOCKS_UNSUPPORTED_ERRNOS
from jobs.system_errors import explain

CACHE_GB = 20.0
LOCKS = ".locks"
UNWRITABLE_ERRNOS = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
UNUSABLE_ERRNOS = UNWRITABLE_ERRNOS | {errno.ENOTDIR, errno.EEXIST, errno.ELOOP, errno.EIO, errno.ESTALE}
FILE = "file://"  # before a path that is not to be told as a URL of a store


class CacheSettingError(ValueError):
    """FSD_CACHE_GB, FSD_CACHE_DIR or FSD_SCRATCH are not what they should be."""


def cache_base() -> Path:
    """Where runs in stores are read: FSD_CACHE_DIR, else ~/.cache/fsd-gen/objects."""
    return Path(os.environ.get("FSD_CACHE_DIR") or "~/.cache/fsd-gen/objects").expanduser().absolute()


def scratch_base() -> Path:
    """Where runs in stores are made: FSD_SCRATCH, else a folder of this user among the temporary ones."""
    own = Path(tempfile.gettempdir()) / f"fsd-gen-{os.getuid()}"
    return (Path(os.environ["FSD_SCRATCH"]) if os.environ.get("FSD_SCRATCH") else own).absolute() / "objects"


def base_of(path: Path) -> Path | None:
    """The one of these two folders that `path` lies in; None for most paths."""
    found = path.absolute()
    return next((base for base in (cache_base(), scratch_base()) if found.is_relative_to(base)), None)


def as_urls(text: str) -> str:
    """A text about files of such folders as one about what they stand for; what follows file:// stays."""
    for base in (cache_base(), scratch_base()):
        if str(base) in text:
            inside = rf"(?<!{FILE}){re.escape(str(base))}/(s3|gs|az)-[0-9a-f]{{8}}/"
            text = re.sub(inside, r"\1://", text)
    return text


def cache_limit() -> int:
    """Bytes of content that may lie in each. Raises CacheSettingError."""
    text = os.environ.get("FSD_CACHE_GB", "") or str(CACHE_GB)
    try:
        limit = float(text)
    except ValueError:
        limit = -1
    if not 0 < limit < 1e9:
        raise CacheSettingError(f"FSD_CACHE_GB: expected a number of GB above 0, such as 50, got {text!r}")
    return int(limit * 1e9)


def _variable(base: Path) -> str:
    return "FSD_CACHE_DIR" if base == cache_base() else "FSD_SCRATCH"


@contextmanager
def in_base(base: Path, *, also: frozenset[int] = frozenset()) -> Iterator[None]:
    """What the system refuses inside is told of this folder and its variable, not of a URL.

    `also` are more errors of the system that can only come from the setting. Raises DiskFullError,
    CacheSettingError.
    """
    try:
        yield
    except OSError as error:
        name = _variable(base)
        if error.errno in DISK_FULL_ERRNOS:
            raise _full(error, base, name) from error
        if type(error).__module__ == "builtins" and error.errno in UNUSABLE_ERRNOS | also:
            raise CacheSettingError(
                f"{name}: {FILE}{explain(error, base)}; let {name} name a folder of a local disk that may be "
                "written"
            ) from error
        raise


def _full(error: OSError, base: Path, name: str) -> DiskFullError:
    found = error if isinstance(error, DiskFullError) else DiskFullError.at(base, None)
    said = str(found.strerror).partition(";")[0]
    named = DiskFullError(
        errno.ENOSPC, f"{name} ({base}): {said}; free some space there, or let {name} name another disk"
    )
    named.free_bytes, named.needed_bytes = found.free_bytes, found.needed_bytes
    return named


@contextmanager
def locked(base: Path, what: str) -> Iterator[None]:
    """One process and thread at a time; the others wait. Where nobody can write, nobody has to.

    Raises CacheSettingError.
    """
    fd = _lock_file(base, hashlib.sha256(what.encode()).hexdigest()[:16])
    try:
        if fd is not None:
            _wait_for(fd, base)
        yield
    finally:
        if fd is not None:
            os.close(fd)


def _lock_file(base: Path, name: str) -> int | None:
    """The open file; None in a folder that may only be read."""
    with in_base(base, also=frozenset({errno.ENOENT})):
        try:
            (base / LOCKS).mkdir(parents=True, exist_ok=True)
            return os.open(base / LOCKS / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            if error.errno in UNWRITABLE_ERRNOS and base.is_dir():
                return None
            raise


def _wait_for(fd: int, base: Path) -> None:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in LOCKS_UNSUPPORTED_ERRNOS:
            raise
        raise CacheSettingError(
            f"the file system of {base} offers no locks ({error.strerror}), which keep the processes that "
            "share it apart; let FSD_CACHE_DIR and FSD_SCRATCH name a local disk"
        ) from error
