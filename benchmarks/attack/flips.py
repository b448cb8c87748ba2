"""Shards that were sound once: bits flipped, cut short, overwritten; and files that never were shards."""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import h5py
import numpy as np
from PIL import Image

from benchmarks.attack.trials import Outcome, Result
from fsd_gen.shards.apart import Finding, verify_apart
from fsd_gen.shards.reader import ShardReader
from fsd_gen.shards.seal import SEAL_BYTES

METADATA_BYTES = 6000  # at either end of a small shard lies most of its metadata
Named = tuple[str, bytes]


def flipped(sound: bytes, count: int, rng: random.Random) -> Iterator[Named]:
    """`sound` with one bit flipped: a third each anywhere, near its start, and near its end."""
    for number in range(count):
        content = bytearray(sound)
        place = rng.randrange(len(sound) if number % 3 == 0 else min(METADATA_BYTES, len(sound)))
        place = len(sound) - 1 - place if number % 3 == 2 else place
        content[place] ^= 1 << (bit := rng.randrange(8))
        yield f"bit {bit} of byte {place}", bytes(content)


def truncated(sound: bytes, count: int, rng: random.Random) -> Iterator[Named]:
    """`sound` cut at `count` lengths, the first and last few bytes among them."""
    edges = [0, 1, 7, 8, 48, len(sound) - SEAL_BYTES, len(sound) - 2, len(sound) - 1]
    inner = sorted(rng.sample(range(49, len(sound) - SEAL_BYTES), max(0, count - len(edges))))
    for length in [*edges, *inner][:count]:
        yield f"{length} of {len(sound)} bytes", sound[:length]


def overwritten(sound: bytes, count: int, rng: random.Random) -> Iterator[Named]:
    """`sound` with a run of zeros, of noise or of its own bytes from elsewhere; and with more at its end."""
    yield "a byte more", sound + b"\0"
    yield "a block more", sound + bytes(4096)
    yield "twice", sound + sound
    for number in range(count - 3):
        content, size = bytearray(sound), rng.choice([4, 64, 512, 4096])
        start = rng.randrange(len(sound) - size)
        other = rng.randrange(len(sound) - size)
        patch = (bytes(size), rng.randbytes(size), sound[other : other + size])[number % 3]
        content[start : start + size] = patch
        if content != sound:
            yield f"{('zeros', 'noise', 'moved')[number % 3]}, {size} bytes at {start}", bytes(content)


def foreign() -> Iterator[Named]:
    """Files that are no shards, under a shard's name."""
    array, buffer = np.arange(12), io.BytesIO()
    np.savez(buffer, array=array)
    yield "empty", b""
    yield "text", b"not a shard\n"
    yield "page", b"<!DOCTYPE html><html><title>404 Not Found</title></html>"
    yield "LFS pointer", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n"
    yield "npz", buffer.getvalue()
    yield "png", _png()
    yield "zip", _zip()
    yield "tar", _tar()
    yield "gzip", gzip.compress(b"x" * 100, mtime=0)
    yield "safetensors", b"\x02\0\0\0\0\0\0\0{}"
    yield "sqlite", b"SQLite format 3\0" + bytes(100)
    yield "hdf5, empty", _hdf5(lambda file: None)
    yield "hdf5 of BlenderProc", _hdf5(_blenderproc)
    yield "hdf5 of Keras", _hdf5(_keras)
    yield "hdf5 signature alone", b"\x89HDF\r\n\x1a\n"
    yield "hdf5 signature and noise", b"\x89HDF\r\n\x1a\n" + random.Random(0).randbytes(4096)


def verified(shards: Iterable[Named], scratch: Path, sound: Path | None) -> Iterator[Result]:
    """What `verify` says of each of the files; one that passes is read and compared with `sound`."""
    names: list[str] = []

    def files() -> Iterator[Path]:
        for name, content in shards:
            names.append(name)
            path = scratch / "00000.h5"
            path.write_bytes(content)
            yield path

    for finding in verify_apart(files()):
        yield _result(names[-1], finding, sound)


def verified_places(folder: Path) -> Iterator[Result]:
    """What `verify` says of what stands where a shard should be and is no file, or blocks who opens it."""
    folder.mkdir()
    (folder / "folder.h5").mkdir()
    os.mkfifo(folder / "pipe.h5")
    (folder / "link to itself.h5").symlink_to("link to itself.h5")
    (folder / "link to nowhere.h5").symlink_to("nowhere.h5")
    (folder / "device.h5").symlink_to("/dev/zero")
    for finding in verify_apart(sorted(folder.iterdir())):
        yield _result(finding.path.stem, finding, None)


def _result(name: str, finding: Finding, sound: Path | None) -> Result:
    said = finding.problems[0].what if finding.problems else ""
    return Result(
        name=name,
        outcome=_outcome(finding, said, sound),
        said=said,
        seconds=finding.seconds,
        peak_bytes=finding.peak_bytes,
    )


def _outcome(finding: Finding, said: str, sound: Path | None) -> Outcome:
    if finding.problems:  # a traceback in the other process, or several lines, are not clear
        return "crashed" if "exit code" in said or "\n" in said else "detected"
    return "harmless" if sound is not None and same_content(finding.path, sound) else "missed"


def same_content(one: Path, other: Path) -> bool:
    """Whether everything that can be read of two shards is equal."""
    with ShardReader(one) as a, ShardReader(other) as b:
        same = (a.meta, a.records(""), a.quarantined()) == (b.meta, b.records(""), b.quarantined())
        return same and all(_same_row(a, b, row) for row in range(len(a)))


def _same_row(a: ShardReader, b: ShardReader, row: int) -> bool:
    one, other = a.sample(row), b.sample(row)
    texts = (one.spec, one.render) == (other.spec, other.render)
    return texts and all(np.array_equal(x, other.channels[name]) for name, x in one.channels.items())


def _png() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "PNG")
    return buffer.getvalue()


def _zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.txt", "a")
    return buffer.getvalue()


def _tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.txt"))
    return buffer.getvalue()


def _hdf5(fill: Callable[[h5py.File], None]) -> bytes:
    with h5py.File("memory", "w", driver="core", backing_store=False) as file:
        fill(file)
        file.flush()
        image: bytes = file.id.get_file_image()
        return image


def _blenderproc(file: h5py.File) -> None:
    file["colors"], file["depth"] = np.zeros((2, 8, 8, 3), np.uint8), np.ones((8, 8), np.float32)


def _keras(file: h5py.File) -> None:
    file.attrs["model_config"] = json.dumps({"class_name": "Sequential"})
    file.create_group("model_weights/dense")["kernel:0"] = np.zeros((3, 3))
