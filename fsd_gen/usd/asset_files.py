"""The files that a stage names: plain ones, and those inside packages, `scene.usdz[textures/oak.png]`.

What lies in a package is opened through USD's resolver (Ar), however deep packages are nested.
"""

from __future__ import annotations

import errno
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from fsd_gen.usd.errors import AssetFileError
from fsd_gen.usd.openusd import Ar

MAX_PACKED_BYTES = 2**31  # of one file inside a package, which is held in memory


def is_remote(written: str) -> bool:
    """Whether a path, as a stage says it, leads to a server: omniverse://, https://."""
    return "://" in written


def is_asset(path: Path) -> bool:
    """Whether there is such a file, also inside a package."""
    return _packed(path) is not None if _in_package(path) else is_plain_file(path)


def is_plain_file(path: Path) -> bool:
    """Whether there is such a file; there is none of a name that no file can have. Raises OSError."""
    try:
        return "\0" not in str(path) and path.is_file()
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return False
        raise


def open_asset(path: Path) -> BinaryIO:
    """The file's bytes, from their beginning.

    Raises:
        OSError: there is no such file, or it cannot be read.
        AssetFileError: a file inside a package is too large to be held in memory.
    """
    if not _in_package(path):
        return path.open("rb")
    asset = _packed(path)
    if asset is None:
        raise FileNotFoundError(f"no such file in the package: {path}")
    if asset.GetSize() > MAX_PACKED_BYTES:
        raise AssetFileError(
            f"{path}: expected at most {MAX_PACKED_BYTES / 2**30:.0f} GiB inside a package, "
            f"got {asset.GetSize() / 2**30:.1f} GiB; unpack it"
        )
    return io.BytesIO(bytes(asset.GetBuffer()))


@contextmanager
def as_file(path: Path) -> Iterator[Path]:
    """A plain file with the same bytes and suffix, for libraries that want one; gone after the block."""
    if not _in_package(path):
        yield path
        return
    with TemporaryDirectory(prefix="fsd-asset-") as folder:
        copy = Path(folder) / f"asset{Path(Ar.SplitPackageRelativePathInner(str(path))[1]).suffix}"
        with open_asset(path) as packed:
            copy.write_bytes(packed.read())
        yield copy


def changed_ns(path: Path) -> int:
    """When the file, or the package around it, was last changed. Raises AssetFileError."""
    outer = Ar.SplitPackageRelativePathOuter(str(path))[0] if _in_package(path) else path
    try:
        return Path(outer).stat().st_mtime_ns
    except OSError as error:
        raise AssetFileError(f"{path}: cannot be read: {error.strerror}") from error


def _in_package(path: Path) -> bool:
    return bool(Ar.IsPackageRelativePath(str(path)))


def _packed(path: Path) -> Ar.Ar_PyAsset | None:
    return Ar.GetResolver().OpenAsset(Ar.ResolvedPath(str(path)))
