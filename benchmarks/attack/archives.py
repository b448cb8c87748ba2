"""Archives that write elsewhere, take the place of others, or never end; and damaged ones."""

from __future__ import annotations

import io
import random
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from assets_manifest.downloads import ArchiveError, unpack_deb, untar, unzip
from benchmarks.attack.flips import foreign, truncated
from benchmarks.attack.trials import Trial

OUTSIDE = (
    "../evil",
    "a/../../evil",
    "/tmp/evil",
    "//server/evil",
    "..\\evil",
    "a\\..\\..\\evil",
    "C:/evil",
    "C:evil",
    "a/./../../evil",
    "..",
    ".",
)
Unpack = Callable[[Path, Path], object]


def zips(scratch: Path) -> Iterator[Trial]:
    """Bad zip archives (and wheels, which are such)."""
    for name, content in _zips():
        yield _trial(scratch, name, content, unzip)
    for name, content in foreign():
        if name not in ("zip", "npz"):
            yield _trial(scratch, f"a {name} as zip", content, unzip)
    for name, content in truncated(_zip({"a.txt": b"a" * 500, "b.txt": b"b" * 500}), 40, random.Random(0)):
        yield _trial(scratch, f"zip cut to {name}", content, unzip)


def tars(scratch: Path) -> Iterator[Trial]:
    """Bad tar archives, plain and compressed, and Debian packages with such inside."""
    for name, content in _tars():
        yield _trial(scratch, name, content, untar)
    for name, content in foreign():
        if name != "tar":
            yield _trial(scratch, f"a {name} as tar", content, untar)
            yield _trial(scratch, f"a {name} as Debian package", content, unpack_deb)
    sound = _tar([_member("a.txt", random.Random(1).randbytes(3000))], "w:gz")
    for name, content in truncated(sound, 40, random.Random(0)):
        yield _trial(scratch, f"tgz cut to {name}", content, untar)
    for name, tar in _tars():
        if name.startswith("plain"):
            yield _trial(scratch, f"{name}, in a Debian package", _deb(scratch, tar), unpack_deb)


def _trial(scratch: Path, name: str, content: bytes, unpack: Unpack) -> Trial:
    path = scratch / "inner" / "bad"
    path.parent.mkdir(exist_ok=True)
    return Trial(name=name, act=partial(_unpacked, path, content, unpack), refused=(ArchiveError,))


def _unpacked(path: Path, content: bytes, unpack: Unpack) -> None:
    """Unpack into a folder of its own, and see that nothing but that folder was touched."""
    path.write_bytes(content)
    try:
        unpack(path, path.parent / "out")
    finally:
        beside = {found.name for found in (*path.parent.iterdir(), *path.parent.parent.iterdir())}
        links = [found for found in path.parent.rglob("*") if found.is_symlink()]
        if links or beside - {"inner", "bad", "out"} or Path("/tmp/evil").exists():
            raise RuntimeError(f"it wrote {beside} {links}")


# ---------------------------------------------------------------- zip


def _zip(members: dict[str, bytes], how: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", how) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def _zips() -> Iterator[tuple[str, bytes]]:
    for name in OUTSIDE:
        yield f"zip with {name}", _zip({"good": b"1", name: b"2"})
    for kind in (stat.S_IFLNK,):
        link = zipfile.ZipInfo("link")
        link.external_attr = (kind | 0o777) << 16
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr(link, "/etc")
            archive.writestr("link/passwd", "x")
        yield "zip with a link", buffer.getvalue()
    yield "zip with a name twice", _zip({"a": b"1", "./a": b"2"})
    yield "zip with a file as a folder", _zip({"a": b"1", "a/b": b"2"})
    yield "zip of 120,000 files", _zip({f"f{n}": b"" for n in range(120_000)}, zipfile.ZIP_STORED)
    yield "zip with a name of 5,000 letters", _zip({"n" * 5000: b"1"})
    yield "zip with a wrong checksum", _patched(_zip({"a": b"1" * 99}, 0), b"1" * 99, b"1" * 98 + b"2")
    yield "zip of 5 GB, declared", _declared(5 << 30)
    yield "zip of 18 exabytes, declared", _declared((1 << 64) - 1)
    yield "zip that declares a byte and holds a GB", _lying()
    yield "zip of an unknown method", _method(99)
    yield "zip with a password", _encrypted()


def _patched(content: bytes, old: bytes, new: bytes) -> bytes:
    assert old in content
    return content.replace(old, new, 1)


def _declared(size: int) -> bytes:
    """A member of a few bytes whose entry says `size` (in a zip64 record)."""
    name, data = b"a", b"x"
    head = struct.pack("<IHHHHHIIIHH", 0x04034B50, 45, 0, 0, 0, 0, zlib.crc32(data), 1, 1, 1, 0) + name + data
    extra = struct.pack("<HHQ", 1, 8, size)
    entry = (
        struct.pack(
            "<IHHHHHHIIIHHHHHII",
            0x02014B50,
            45,
            45,
            0,
            0,
            0,
            0,
            zlib.crc32(data),
            1,
            0xFFFFFFFF,
            1,
            len(extra),
            0,
            0,
            0,
            0,
            0,
        )
        + name
        + extra
    )
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 1, 1, len(entry), len(head), 0)
    return head + entry + end


def _lying() -> bytes:
    content = _zip({"a": bytes(1 << 30)})
    size = struct.pack("<I", 1 << 30)
    return content.replace(size, struct.pack("<I", 1))


def _method(number: int) -> bytes:
    content = bytearray(_zip({"a": b"1"}, zipfile.ZIP_STORED))
    struct.pack_into("<H", content, 8, number)
    struct.pack_into("<H", content, content.index(b"PK\x01\x02") + 10, number)
    return bytes(content)


def _encrypted() -> bytes:
    content = bytearray(_zip({"a": b"1"}, zipfile.ZIP_STORED))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


# ---------------------------------------------------------------- tar


def _member(
    name: str, data: bytes = b"", kind: bytes = tarfile.REGTYPE, link: str = ""
) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.size, member.type, member.linkname = len(data), kind, link
    return member, data


def _tar(members: list[tuple[tarfile.TarInfo, bytes]], mode: str = "w") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        for member, data in members:
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def _tars() -> Iterator[tuple[str, bytes]]:
    for name in OUTSIDE:
        yield f"plain tar with {name}", _tar([_member("good", b"1"), _member(name, b"2")])
    kinds = {
        "link to /etc": (tarfile.SYMTYPE, "/etc"),
        "link outside": (tarfile.SYMTYPE, "../../inner"),
        "hard link to /etc/passwd": (tarfile.LNKTYPE, "/etc/passwd"),
        "hard link outside": (tarfile.LNKTYPE, "../bad"),
        "pipe": (tarfile.FIFOTYPE, ""),
        "character device": (tarfile.CHRTYPE, ""),
        "block device": (tarfile.BLKTYPE, ""),
    }
    for name, (kind, link) in kinds.items():
        yield f"tar with a {name}", _tar([_member("a", kind=kind, link=link), _member("a/passwd", b"x")])
    yield "tar with a name twice", _tar([_member("a", b"1"), _member("a", b"2")])
    yield "plain tar with a file as a folder", _tar([_member("a", b"1"), _member("a/b", b"2")])
    yield "tar of 120,000 files", _tar([_member(f"f{n}") for n in range(120_000)], "w")
    yield "plain tar of 5 GB, declared", _tar_declared(5 << 30)
    yield "plain tar of 8 exabytes, declared", _tar_declared(1 << 63)
    yield "tgz of 6 GB of zeros", _tgz_of_zeros(6 << 30)
    yield "plain tar with a wrong checksum", b"x" + _tar([_member("a", b"1")])[1:]


def _tar_declared(size: int) -> bytes:
    member = tarfile.TarInfo("a")
    member.size = size
    return member.tobuf(tarfile.GNU_FORMAT) + bytes(10240)


def _tgz_of_zeros(size: int) -> bytes:
    """One member of `size` zeros; a gzip stream of a repeated piece, which costs nothing to make."""
    member = tarfile.TarInfo("zeros")
    member.size = size
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    head = packer.compress(member.tobuf()) + packer.flush(zlib.Z_FULL_FLUSH)
    piece = packer.compress(bytes(64 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return head + piece * (size // (64 << 20))


def _deb(scratch: Path, tar: bytes) -> bytes:
    """A Debian package whose files are those of `tar`."""
    control = _tar(
        [_member("control", b"Package: a\nVersion: 1\nArchitecture: all\nMaintainer: a\nDescription: a\n")]
    )
    packed = b"!<arch>\n"
    for name, data in (("debian-binary", b"2.0\n"), ("control.tar", control), ("data.tar", tar)):
        packed += (
            f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(data):<10}`\n".encode()
            + data
            + b"\n" * (len(data) % 2)
        )
    return packed
