"""Get pinned archives through the package tools of the machine (apt, pip, npm) and open them safely.

No root is needed. Every archive is checked against a pinned SHA-256 before anything is read from it, and
nothing in an archive can be written outside the folder it is opened in.
"""

from __future__ import annotations

import lzma
import shutil
import stat
import struct
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, Literal

from jobs.contents import contents
from jobs.files import DISK_FULL_ERRNOS, MIB, file_sha256
from jobs.system_errors import explain, from_the_system

Tool = Literal["apt", "pip", "npm"]
PROGRAMS: dict[Tool, tuple[str, ...]] = {"apt": ("apt-get", "dpkg-deb"), "pip": (), "npm": ("npm",)}
MAX_UNPACKED_BYTES = 4 << 30
MAX_MEMBERS = 100_000
ARCHIVE_DAMAGE: tuple[type[Exception], ...] = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError),
    *(NotImplementedError, RuntimeError, struct.error, ValueError),  # encrypted, unknown, absurd
)
TIMEOUT_S = 1800
LONGEST_NAME = 255  # bytes that file systems take


class DownloadError(RuntimeError):
    """An archive could not be had, or is not the pinned one."""


class MissingToolError(DownloadError):
    """The machine lacks the package tool that an archive comes through."""


class ArchiveError(ValueError):
    """An archive holds something that must not be unpacked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """One pinned package archive."""

    tool: Tool
    package: str
    version: str
    pattern: str  # of the file name that the tool leaves
    sha256: str
    options: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        return f"{self.package} {self.version}"


def has_tool(tool: Tool) -> bool:
    """Whether archives that come through `tool` can be downloaded on this machine."""
    return all(shutil.which(program) for program in PROGRAMS[tool])


def download(archive: Archive, folder: Path, *, any_version: bool = False) -> Path:
    """The archive's file in `folder`, downloaded unless it is there already.

    With `any_version` it may be another version that apt has, where the pinned one cannot be had, or other
    bytes of the same one: whoever asks for that compares what is in it.

    Raises DownloadError when the tool is missing, fails, or brings something else than the pinned file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for found in sorted(folder.glob(archive.pattern)):
        if file_sha256(found) == archive.sha256:
            return found
        found.unlink()
    if archive.tool == "apt":
        _apt(archive, folder, any_version)
    else:
        {"pip": _pip, "npm": _npm}[archive.tool](archive, folder)
    files = sorted(folder.glob(archive.pattern))
    if len(files) != 1:
        raise DownloadError(
            f"{archive.label}: expected one file {archive.pattern} in {folder}, got {len(files)}"
        )
    if not any_version and (digest := file_sha256(files[0])) != archive.sha256:
        files[0].unlink()
        raise DownloadError(f"{archive.label}: sha256 {digest}, expected {archive.sha256}; not used")
    return files[0]


def _pip(archive: Archive, folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    command += ["--disable-pip-version-check", *archive.options, "--dest", str(folder)]
    _run([*command, f"{archive.package}=={archive.version}"], archive, folder)


def _npm(archive: Archive, folder: Path) -> None:
    if not has_tool("npm"):
        raise MissingToolError(
            f"{archive.label}: there is no `npm` on this machine; install Node.js to get it"
        )
    _run(["npm", "pack", "--silent", f"{archive.package}@{archive.version}"], archive, folder)


def _apt(archive: Archive, folder: Path, any_version: bool) -> None:
    if not has_tool("apt"):
        raise MissingToolError(
            f"{archive.label}: there is no `apt-get` on this machine, and the package comes from Debian or "
            "Ubuntu only; use the builtin pack (`fsd-gen assets fetch builtin`), which needs nothing"
        )
    wanted = f"{archive.package}={archive.version}"
    try:
        _run(["apt-get", "download", "-qq", wanted], archive, folder)
    except DownloadError:
        private = _private_apt(folder / "apt")
        _run(["apt-get", *private, "-qq", "update"], archive, folder)
        try:
            _run(["apt-get", *private, "-qq", "download", wanted], archive, folder)
        except DownloadError:
            if not any_version:
                raise
            _run(["apt-get", *private, "-qq", "download", archive.package], archive, folder)


def _private_apt(folder: Path) -> list[str]:
    """Options that keep apt's package lists in `folder`, where no root is needed."""
    for name in ("state/lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    options = {
        "Dir::State": folder / "state",
        "Dir::Cache": folder / "cache",
        "Dir::State::status": "/var/lib/dpkg/status",
    }
    return [word for key, value in options.items() for word in ("-o", f"{key}={value}")]


def _run(command: list[str], archive: Archive, folder: Path) -> None:
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise DownloadError(f"{archive.label}: {command[0]} took over {TIMEOUT_S} s; try again") from error
    if done.returncode != 0:
        reason = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no message"]
        raise DownloadError(f"{archive.label}: `{' '.join(command)}` failed: {reason[0]}")


def unpack_deb(archive: Path, folder: Path) -> None:
    """Lay out a Debian package's files under `folder`; its links, which are to other packages, are left out.

    As strict as `untar`.
    """
    command = ["dpkg-deb", "--fsys-tarfile", str(archive)]
    with tempfile.NamedTemporaryFile(dir=archive.parent, suffix=".tar") as tar:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as unpacking:
            assert unpacking.stdout is not None and unpacking.stderr is not None
            try:
                _copy_bounded(archive, unpacking.stdout, tar)
            except ArchiveError:
                unpacking.kill()  # else it waits for somebody to read the rest
                raise
            said = unpacking.stderr.read().decode(errors="replace").strip()
        if unpacking.returncode != 0:
            raise ArchiveError(f"{archive.name} cannot be unpacked: {said}; it is {contents(archive)}")
        _untar(archive, Path(tar.name), folder, lambda member: member.isfile())


def _copy_bounded(archive: Path, source: IO[bytes], target: IO[bytes]) -> None:
    copied = 0
    while piece := source.read(MIB):
        _check_size(archive, copied := copied + len(piece))
        target.write(piece)
    target.flush()


def package_version(archive: Path) -> str:
    """The version that a Debian package says it is."""
    command = ["dpkg-deb", "-f", str(archive), "Version"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ArchiveError(f"{archive.name} is no Debian package: {done.stderr.strip()}")
    return done.stdout.strip()


def unzip(archive: Path, folder: Path, wanted: Callable[[str], bool] = lambda name: True) -> list[Path]:
    """Unpack the wanted members of a zip (or wheel) under `folder`; the files written, in archive order.

    Raises ArchiveError on a damaged archive, and on a member that is a link, leads outside `folder`, has the
    name of another, or makes it more than may be unpacked, before anything is written.
    """
    with _reading(archive), zipfile.ZipFile(archive) as source:
        members = [member for member in source.infolist() if not member.is_dir() and wanted(member.filename)]
        links = [member.filename for member in members if stat.S_ISLNK(member.external_attr >> 16)]
        targets = _safe_targets(archive, folder, [member.filename for member in members], links)
        _check_size(archive, sum(member.file_size for member in members))
        for member, target in zip(members, targets, strict=True):
            with source.open(member) as data:
                _write(data, target)
    return targets


def untar(archive: Path, folder: Path, wanted: Callable[[str], bool] = lambda name: True) -> list[Path]:
    """Unpack the wanted files of a tar under `folder`; as strict as `unzip`."""
    return _untar(archive, archive, folder, lambda member: not member.isdir() and wanted(member.name))


def _untar(archive: Path, tar: Path, folder: Path, wanted: Callable[[tarfile.TarInfo], bool]) -> list[Path]:
    """Unpack the file `tar`, which messages call `archive`."""
    with _reading(archive), tarfile.open(tar) as source:
        members = [member for member in _bounded(archive, source) if wanted(member)]
        odd = [member.name for member in members if not member.isfile() or member.issparse()]
        targets = _safe_targets(archive, folder, [member.name for member in members], odd)
        for member, target in zip(members, targets, strict=True):
            data = source.extractfile(member)
            if data is None:
                raise ArchiveError(f"{archive.name}: {member.name!r} holds no data")
            with data:
                _write(data, target)
    return targets


def _bounded(archive: Path, source: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """The members, as long as they are neither too many nor too large: to go on to the next one reads one."""
    size = 0
    for count, member in enumerate(source, 1):
        _check_count(archive, count)
        _check_size(archive, size := size + member.size)
        yield member
    while rest := source.fileobj.read(MIB) if source.fileobj else b"":  # a checksum may come last
        _check_size(archive, size := size + len(rest))


def _write(data: IO[bytes], target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with open(target, "wb") as file:
        shutil.copyfileobj(data, file)


@contextmanager
def _reading(archive: Path) -> Iterator[None]:
    """Turn what the readers of archives say of damage into one error."""
    try:
        yield
    except ArchiveError:
        raise
    except OSError as error:
        if error.errno in DISK_FULL_ERRNOS:
            raise
        said = explain(error) if from_the_system(error) else " ".join(str(error).split())
        raise ArchiveError(f"{archive.name} cannot be unpacked: {said[:300]}") from error
    except ARCHIVE_DAMAGE as error:
        said = " ".join(str(error).split()) or type(error).__name__
        found = contents(archive)
        raise ArchiveError(f"{archive.name} is no sound archive ({said[:200]}); it is {found}") from error


def matching(*patterns: str) -> Callable[[str], bool]:
    """A predicate: does an archive member's name match one of the shell patterns?"""
    return lambda name: any(fnmatch(name, pattern) for pattern in patterns)


def _safe_targets(archive: Path, folder: Path, names: Sequence[str], links: list[str]) -> list[Path]:
    if links:
        raise ArchiveError(f"{archive.name}: {links[0]!r} is not a plain file; refusing the archive")
    _check_count(archive, len(names))
    root = folder.resolve()
    targets: dict[Path, None] = {}
    for name in names:
        path, folded = PurePosixPath(name), PureWindowsPath(name)
        target = (root / path).resolve()
        outside = path.is_absolute() or folded.drive or ".." in path.parts or "\\" in name
        if outside or target == root or not target.is_relative_to(root):
            raise ArchiveError(f"{archive.name}: {name!r} leads out of {root}; refusing the archive")
        if any(len(part.encode("utf-8", "replace")) > LONGEST_NAME for part in path.parts):
            raise ArchiveError(f"{archive.name}: {name[:40]!r}... is too long a name; refusing the archive")
        if target in targets:
            raise ArchiveError(f"{archive.name}: {name!r} stands in it twice; refusing the archive")
        targets[target] = None
    return list(targets)


def _check_count(archive: Path, count: int) -> None:
    if count > MAX_MEMBERS:
        raise ArchiveError(f"{archive.name} has more than {MAX_MEMBERS} files; refusing it")


def _check_size(archive: Path, size: int) -> None:
    if size > MAX_UNPACKED_BYTES:
        raise ArchiveError(
            f"{archive.name} unpacks to {size} bytes, more than {MAX_UNPACKED_BYTES}; refusing it"
        )
