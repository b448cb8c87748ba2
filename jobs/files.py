"""Files and folders that are either absent or complete.

What is new is written beside its target under a hidden `.part` name, flushed to disk, and renamed onto the
target in one step; the folder entry is flushed too. A crash, a kill or a full disk at any moment leaves the
target as it was before. Only a filled folder that replaces another needs two steps: a crash between them
leaves the target absent and the older folder under a hidden `.old` name. Sizes are in bytes.
"""

from __future__ import annotations

import errno
import glob
import hashlib
import json
import os
import secrets
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

PART_SUFFIX = ".part"
ASIDE_SUFFIX = ".old"
DISK_FULL_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT})
FSYNC_UNSUPPORTED_ERRNOS = frozenset({errno.EINVAL, errno.ENOTSUP})
MIB = 1 << 20


class DiskFullError(OSError):
    """No room for a file; nothing was left at its final name.

    `filename` is the final path, `free_bytes` what the file system still offers, `needed_bytes` what the
    file wants, or None where that is unknown.
    """

    free_bytes: int
    needed_bytes: int | None

    @classmethod
    def at(cls, final: Path, needed_bytes: int | None) -> DiskFullError:
        """The error for `final`, measuring the free space of its file system now."""
        free = shutil.disk_usage(final if final.is_dir() else final.parent).free
        needed = "" if needed_bytes is None else f", {needed_bytes / MIB:.1f} MiB needed"
        error = cls(
            errno.ENOSPC,
            f"disk full: {free / MIB:.1f} MiB free{needed}; free some space and run the same command again, "
            "finished files are kept",
            str(final),
        )
        error.free_bytes, error.needed_bytes = free, needed_bytes
        return error


class OddFileError(OSError):
    """Something else than a file lies where one of ours is to be written."""


def open_own(path: Path, flags: int, mode: int = 0o666) -> int:
    """Open a file that is written in place, as `os.open`. Whoever may write beside it may have put a link
    there, to a file of ours that they may not write, or a pipe: raises OddFileError.
    """
    try:
        fd = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, mode)
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENXIO) or not os.path.lexists(path):
            raise
        raise _odd(path, "a symbolic link" if path.is_symlink() else "a pipe or a device") from None
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise _odd(path, "a pipe or a device")
    return fd


def open_to_append(path: Path) -> TextIO:
    """Open a text file of ours, made if it is not there, to write at its end. Raises OddFileError."""
    return open(open_own(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT), "a", encoding="utf-8")


def _odd(path: Path, what: str) -> OddFileError:
    return OddFileError(
        errno.EEXIST, f"is {what}; expected a file, which is written: move it away", str(path)
    )


def write_bytes_atomic(final: Path, content: bytes) -> None:
    """Make `final` hold exactly `content`. Raises DiskFullError, leaving an older `final` untouched."""
    with part_file(final, needed_bytes=len(content)) as part:
        part.write_bytes(content)


def write_text_atomic(final: Path, text: str) -> None:
    """Make `final` hold `text` in UTF-8, line ends as given. Raises DiskFullError."""
    write_bytes_atomic(final, text.encode())


def write_json_atomic(final: Path, value: Any) -> None:
    """Make `final` hold `value` as indented JSON with sorted keys; NaN and infinity raise ValueError."""
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    write_text_atomic(final, text + "\n")


@contextmanager
def part_file(final: Path, *, needed_bytes: int | None = None, replace: bool = True) -> Iterator[Path]:
    """Yield an empty file beside `final` to write into; publish it as `final` if the block succeeds.

    If the block raises, the part is removed and `final` stays as it was. Two writers of one `final` never
    share a part. Raises DiskFullError at once if `needed_bytes` exceeds the free space, and later for a full
    disk or an exhausted quota inside the block; FileExistsError at the end where there is a `final` that is
    not to be replaced.
    """
    if needed_bytes is not None and needed_bytes > shutil.disk_usage(final.parent).free:
        raise DiskFullError.at(final, needed_bytes)
    part = _hidden_beside(final, PART_SUFFIX)
    with _disk_full_named(final, needed_bytes):
        try:
            # Not mkstemp: its mode 0600 would survive the rename and lock other users out of the data.
            os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
            yield part
            publish_file(part, final, replace=replace)
        finally:
            with suppress(FileNotFoundError):
                part.unlink()


def publish_file(part: Path, final: Path, *, replace: bool = True) -> None:
    """Give the finished file `part` its name `final`: flush it, rename it, flush the folder.

    Both must lie in one folder (ValueError otherwise): only there is a rename one step. Raises DiskFullError
    if the flush finds no room, FileExistsError if there is a `final` and it is not to be replaced; then
    `part` keeps its name.
    """
    if part.parent.resolve() != final.parent.resolve():
        raise ValueError(f"a part is published within its own folder: {part} cannot become {final}")
    with _disk_full_named(final, part.stat().st_size):
        _fsync(part)
    if replace:
        os.replace(part, final)
    else:
        os.link(part, final)  # unlike a rename it fails where `final` exists
        part.unlink()
    sync_folder(final.parent)


@contextmanager
def part_folder(final: Path) -> Iterator[Path]:
    """Yield an empty folder beside `final` to fill; publish it as `final` if the block succeeds.

    If the block raises, the part is removed and `final` stays as it was. Raises NotADirectoryError at once
    where something else than a folder is at `final`, DiskFullError for a full disk inside the block.
    """
    _require_folder_or_nothing(final)
    part = _hidden_beside(final, PART_SUFFIX)
    with _disk_full_named(final, None):
        try:
            part.mkdir()
            yield part
            publish_folder(part, final)
        finally:
            shutil.rmtree(part, ignore_errors=True)


@contextmanager
def part_set(folder: Path, last: str) -> Iterator[Path]:
    """Yield an empty folder inside of `folder` to fill with files; they move up if the block succeeds.

    If the block raises, the part is removed and `folder` holds what it held. Older files of the same names go
    before the first new one comes, so that no crash leaves old beside new. The file called `last` goes first
    and comes last: where it is, all are. Raises DiskFullError for a full disk inside the block.
    """
    part = _hidden_beside(folder / "set", PART_SUFFIX)
    with _disk_full_named(folder, None):
        try:
            part.mkdir()
            yield part
            _sync_tree(part)
            names = sorted(os.listdir(part), key=lambda name: (name == last, name))
            for name in reversed(names):
                (folder / name).unlink(missing_ok=True)
            sync_folder(folder)
            for name in names:
                os.rename(part / name, folder / name)
            sync_folder(folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)


def publish_folder(part: Path, final: Path) -> None:
    """Give the finished folder `part` its name `final`: flush all of it, rename it, flush the entries.

    Both must lie on one file system (OSError otherwise). An older `final` steps aside first, returns if the
    rename fails, and is deleted afterwards: hold a lock where two processes may publish one `final`.
    Raises NotADirectoryError where something else than a folder is at `final`.
    """
    _require_folder_or_nothing(final)
    with _disk_full_named(final, None):
        _sync_tree(part)
    if final.is_dir() and any(final.iterdir()):
        _rename_over(part, final)
    else:
        os.rename(part, final)
    sync_folder(final.parent)
    sync_folder(part.parent)
    for old in final.parent.glob(f".{glob.escape(final.name)}.*{ASIDE_SUFFIX}"):
        shutil.rmtree(old, ignore_errors=True)


def sync_file(path: Path) -> None:
    """Flush a file's content to disk."""
    _fsync(path)


def sync_folder(folder: Path) -> None:
    """Flush the entries of `folder` to disk, where its file system can (some network ones cannot)."""
    try:
        _fsync(folder)
    except OSError as error:
        if error.errno not in FSYNC_UNSUPPORTED_ERRNOS:
            raise


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remove_stale_parts(folder: Path, names: Iterable[str] = ("*",)) -> list[Path]:
    """Delete the parts that killed writers left in `folder`; returns them. Call it holding the run's lock.

    `names` are patterns of the finished files that they were to become.
    """
    stale = sorted(part for name in names for part in folder.glob(f".{name}.*{PART_SUFFIX}"))
    for part in stale:
        if part.is_dir() and not part.is_symlink():
            shutil.rmtree(part)
        else:
            part.unlink(missing_ok=True)
    return stale


def _hidden_beside(final: Path, suffix: str) -> Path:
    return final.with_name(f".{final.name}.{secrets.token_hex(4)}{suffix}")


def _require_folder_or_nothing(final: Path) -> None:
    if final.is_symlink() or (final.exists() and not final.is_dir()):
        raise NotADirectoryError(
            errno.ENOTDIR, "not a folder, so no folder can take its place; choose another name", str(final)
        )


def _rename_over(part: Path, final: Path) -> None:
    aside = _hidden_beside(final, ASIDE_SUFFIX)
    os.rename(final, aside)
    try:
        os.rename(part, final)
    except OSError:
        os.rename(aside, final)
        raise


def _sync_tree(folder: Path) -> None:
    for parent, _, names in os.walk(folder):
        for name in names:
            if not os.path.islink(path := os.path.join(parent, name)):
                _fsync(Path(path))
        sync_folder(Path(parent))


@contextmanager
def _disk_full_named(final: Path, needed_bytes: int | None) -> Iterator[None]:
    """Turn the system's "no space left" into a DiskFullError about `final`."""
    try:
        yield
    except DiskFullError:
        raise
    except OSError as error:
        if error.errno not in DISK_FULL_ERRNOS:
            _name_final(error, final)
            raise
        raise DiskFullError.at(final, needed_bytes) from error


def _name_final(error: OSError, final: Path) -> None:
    """Let an error about a part of `final`, whose name nobody knows, be one about `final`."""
    name = error.filename
    if isinstance(name, str) and Path(name).parent == final.parent and name.endswith(PART_SUFFIX):
        error.filename = str(final)


def _fsync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
