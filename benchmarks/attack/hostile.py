"""Shards of valid HDF5 that are none: each is a sound shard with one thing changed, checksums right."""

from __future__ import annotations

import json
import os
import shutil
import struct
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from h5py import h5p, h5s, h5t

from fsd_gen.shards.channels import ZSTD
from fsd_gen.shards.format import CODECS, COLUMNS, ShardMeta, attributes_of, meta_of, set_attribute
from fsd_gen.shards.seal import add_seal

Change = Callable[[h5py.File], None]
PETA = 1 << 50
BLOSC = CODECS[ZSTD]


def hostile(sound: Path, scratch: Path) -> Iterator[tuple[str, bytes]]:
    """Each change, made to a copy of `sound` and sealed anew."""
    other = shutil.copy(sound, scratch / "other.h5")
    pipe = scratch / "pipe"
    if not pipe.exists():
        os.mkfifo(pipe)
    for name, change in _changes(Path(other), pipe):
        target = scratch / "changed.h5"
        shutil.copy(sound, target)
        with h5py.File(target, "r+") as file:
            change(file)
        add_seal(target)
        yield name, target.read_bytes()


def _changes(other: Path, pipe: Path) -> Iterator[tuple[str, Change]]:
    yield from _schemas()
    yield from _attributes()
    yield from _sizes()
    yield from _links(other, pipe)
    yield from _types()
    yield from _filters()
    yield from _values()


# ---------------------------------------------------------------- what the root says


def _schemas() -> Iterator[tuple[str, Change]]:
    for value in (0, 2, 99, 1 << 40, -1, 1.5, "1", "latest"):
        yield f"schema {value!r}", _attribute("schema_version", value)
    yield "schema missing", lambda file: file.attrs.__delitem__("schema_version")
    for value in ("", "another format", "fsd-gen stereo shard\0"):
        yield f"format {value!r}", _attribute("format", value)


def _attribute(name: str, value: str | int | float) -> Change:
    return lambda file: set_attribute(file, name, value)


def _attributes() -> Iterator[tuple[str, Change]]:
    strange: dict[str, Any] = {
        "array": np.arange(5),
        "large array": np.zeros(8000),
        "float": 32.0,
        "vlen text": "32",
        "null": h5py.Empty("<i8"),
        "compound": np.zeros((), [("a", "<i4"), ("b", "<f8")]),
        "opaque": np.void(b"\1\2\3"),
        "bool": True,
    }
    for kind, value in strange.items():
        for name in ("width", "config_json"):
            yield f"attribute {name}: {kind}", _raw_attribute(name, value)
    yield "attribute width: reference", lambda file: _raw_attribute("width", file["slot"].ref)(file)
    yield "attribute of a dataset: vlen text", lambda file: file["left"].attrs.__setitem__("note", "vlen")
    yield "attribute of a dataset: reference", lambda file: file["left"].attrs.__setitem__("r", file.ref)
    yield "10,000 attributes", _many_attributes
    for name, value in {"width": 0, "height": -1, "seed": 7, "licence": "", "colour_space": "<b>"}.items():
        yield f"attribute {name}: {value!r}, digest of before", _attribute(name, value)
    for size in (0, -32, 33, 1 << 31, 1 << 62):
        yield f"width {size}, digest right", _meta(width=size)


def _raw_attribute(name: str, value: object) -> Change:
    def change(file: h5py.File) -> None:
        del file.attrs[name]
        file.attrs[name] = value

    return change


def _many_attributes(file: h5py.File) -> None:
    for number in range(10_000):
        file.attrs[f"a{number}"] = "vlen text"


def _meta(**values: Any) -> Change:
    """Other values with a digest that fits them, as a writer would have made it."""

    def change(file: h5py.File) -> None:
        meta: ShardMeta = replace(meta_of(file), **values)
        for name, value in attributes_of(meta).items():
            set_attribute(file, name, value)

    return change


# ---------------------------------------------------------------- declared sizes


def _sizes() -> Iterator[tuple[str, Change]]:
    huge: dict[str, dict[str, Any]] = {
        "left, petabytes in chunks": {"shape": (2, 1 << 20, 1 << 20, 3 << 8), "chunks": (1, 80, 1 << 10, 3)},
        "left, petabytes at a stretch": {"shape": (2, 1 << 20, 1 << 20, 3 << 8)},
        "left, without chunks stored": {"shape": (2, 32, 32, 3), "chunks": (1, 32, 32, 3)},
        "left, chunks of 3 GB": {"shape": (2, 32000, 32000, 3), "chunks": (1, 32000, 32000, 3)},
        "left, chunks of a pixel": {"shape": (2, 32, 32, 3), "chunks": (1, 1, 1, 1)},
        "slot, a thousand million million": {"shape": (10**15,), "chunks": (1000,), "dtype": "<i8"},
        "slot, a million": {"shape": (1_000_000,), "chunks": (1_000_000,), "dtype": "<i8"},
        "stratum, texts of 2 GB": {"shape": (2,), "chunks": (1,), "dtype": f"S{(1 << 31) - 9}"},
        "unknown, petabytes": {"shape": (PETA,), "chunks": (1 << 20,)},
        "unknown, petabytes at a stretch": {"shape": (PETA,)},
    }
    for name, arguments in huge.items():
        yield name, _replaced(name.split(",")[0], **({"dtype": "u1"} | arguments))
    yield "a million rows of nothing", _a_million_rows
    yield "5,000 datasets", _many_datasets
    yield "slot without a shape", _replaced("slot", shape=None, dtype="<i8")
    yield "slot a single number", _replaced("slot", shape=(), dtype="<i8")


def _many_datasets(file: h5py.File) -> None:
    for number in range(5000):
        file.create_dataset(f"d{number}", (1,), "u1")


def _replaced(name: str, **arguments: Any) -> Change:
    def change(file: h5py.File) -> None:
        if name in file:
            del file[name]
        file.create_dataset(name, **arguments)

    return change


def _a_million_rows(file: h5py.File) -> None:
    for name in list(file):
        old = file[name]
        shape, dtype, chunks = (1_000_000, *old.shape[1:]), old.dtype, old.chunks
        del file[name]
        file.create_dataset(name, shape, dtype, chunks=(1, *chunks[1:]), fletcher32=True)


# ---------------------------------------------------------------- data elsewhere


def _links(other: Path, pipe: Path) -> Iterator[tuple[str, Change]]:
    links: dict[str, Any] = {
        "soft link": h5py.SoftLink("/right"),
        "soft link to itself": h5py.SoftLink("/left"),
        "soft link to nowhere": h5py.SoftLink("/nowhere"),
        "link to another shard": h5py.ExternalLink(other, "/left"),
        "link to a pipe": h5py.ExternalLink(pipe, "/left"),
        "link to a device": h5py.ExternalLink("/dev/zero", "/left"),
        "link to /etc/passwd": h5py.ExternalLink("/etc/passwd", "/left"),
    }
    for kind, link in links.items():
        for name in ("left", "slot", "extra"):
            yield f"{name}: {kind}", _linked(name, link)
    yield "left is right", lambda file: _linked("left", file["right"])(file)
    yield "left is a group", lambda file: _linked("left", file.create_group("g"))(file)
    yield "a group that holds the root", lambda file: file.create_group("g").__setitem__("up", file["/"])
    yield "groups 2,000 deep", lambda file: file.create_group("/".join("g" * 2000)) and None
    for name in ("left", "extra"):
        for target in (str(other), str(pipe), "/dev/zero"):
            yield f"{name}: data in {Path(target).name}", _external(name, target)
        yield f"{name}: virtual, of another shard", _virtual(name, str(other))
        yield f"{name}: virtual, of itself", _virtual(name, ".")


def _linked(name: str, target: Any) -> Change:
    def change(file: h5py.File) -> None:
        if name in file:
            del file[name]
        file[name] = target

    return change


def _external(name: str, target: str) -> Change:
    return _replaced(name, shape=(2, 32, 32, 3), dtype="u1", external=[(target, 0, 6144)])


def _virtual(name: str, source: str) -> Change:
    def change(file: h5py.File) -> None:
        layout = h5py.VirtualLayout((2, 32, 32, 3), "u1")
        layout[:] = h5py.VirtualSource(source, name, (2, 32, 32, 3))
        if name in file:
            del file[name]
        file.create_virtual_dataset(name, layout)

    return change


# ---------------------------------------------------------------- types and filters


def _types() -> Iterator[tuple[str, Change]]:
    yield "a named type", lambda file: file.__setitem__("t", np.dtype("<i8"))
    yield "slot of a named type", _named_type
    kinds: dict[str, Any] = {
        "vlen text": h5py.string_dtype(),
        "vlen numbers": h5py.vlen_dtype("<i4"),
        "references": h5py.ref_dtype,
        "region references": h5py.regionref_dtype,
        "compounds": np.dtype([("a", "<i8"), ("b", "S8")]),
        "compounds of vlen texts": np.dtype([("a", h5py.string_dtype())]),
        "enums": h5py.enum_dtype({"a": 0, "b": 1}),
        "arrays": np.dtype("(3,)<i8"),
        "opaque": np.dtype("V16"),
        "complex": np.dtype("<c16"),
        "booleans": np.dtype("?"),
        "big-endian": np.dtype(">i8"),
        "half floats": np.dtype("<f2"),
    }
    for kind, dtype in kinds.items():
        for name in ("slot", "stratum", "extra") if kind not in ("big-endian", "half floats") else ("slot",):
            yield f"{name}: {kind}", _replaced(name, shape=(2,), dtype=dtype)


def _named_type(file: h5py.File) -> None:
    file["t"] = np.dtype("<i8")
    _replaced("slot", data=[4, 6], dtype=file["t"])(file)


def _filters() -> Iterator[tuple[str, Change]]:
    plain: dict[str, dict[str, Any]] = {
        "no checksum": {},
        "deflate": {"compression": "gzip", "fletcher32": True},
        "LZF": {"compression": "lzf", "fletcher32": True},
        "scale and offset": {"scaleoffset": 0, "fletcher32": False},
        "shuffle": {"shuffle": True, "fletcher32": True},
    }
    for name in ("left", "slot"):
        for kind, arguments in plain.items():
            yield f"{name}: {kind}", _encoded_anew(name, arguments)
    yield "extra: an unknown filter", _unknown_filter
    yield "left: an unchecked chunk", _unchecked_chunk


def _encoded_anew(name: str, arguments: dict[str, Any]) -> Change:
    def change(file: h5py.File) -> None:
        values, chunks = file[name][:], file[name].chunks
        _replaced(name, data=values, chunks=chunks, **arguments)(file)

    return change


def _unknown_filter(file: h5py.File) -> None:
    settings = h5p.create(h5p.DATASET_CREATE)
    settings.set_chunk((2,))
    settings.set_filter(31_999, 1, (1, 2, 3))  # optional, so that HDF5 creates what it cannot read
    h5py.h5d.create(file.id, b"extra", h5t.NATIVE_INT32, h5s.create_simple((2,)), settings)


def _unchecked_chunk(file: h5py.File) -> None:
    _, stored = file["left"].id.read_direct_chunk((0, 0, 0, 0))
    file["left"].id.write_direct_chunk((0, 0, 0, 0), stored[:-4], 0b10)


# ---------------------------------------------------------------- values


def _values() -> Iterator[tuple[str, Change]]:
    numbers: dict[str, Any] = {"slot": -5, "attempt": 1 << 60, "width": 1 << 40, "row": 3}
    for name, value in numbers.items():
        if name in COLUMNS:
            yield f"{name} {value}", _put(name, value)
    floats = [name for name, kind in COLUMNS.items() if kind is not int and kind is not str]
    for name in floats:
        yield f"{name} NaN", _put(name, np.nan)
        yield f"{name} off", _put(name, 0.123)
    for name in ("stratum", "backend", "spec_digest", "truth_digest"):
        yield f"{name} not UTF-8", _put(name, b"\xff\xfe")
        yield f"{name} another", _put(name, b"x")
    yield "a pose of NaN", lambda file: file["left_to_world"].__setitem__(0, np.nan)
    yield "another pose", lambda file: file["left_to_world"].__setitem__((0, 0, 3), 9.0)
    for kind, text in _texts().items():
        yield f"spec_json {kind}", _text("spec_json", text)
        yield f"render_json {kind}", _text("render_json", text)
        yield f"reasons {kind}", _text("quarantined_reasons", text)
        yield f"channels {kind}", _meta_channels(text)
    for kind, body in _frames().items():
        yield f"left: a frame {kind}", _frame(body)


def _put(name: str, value: object) -> Change:
    return lambda file: file[name].__setitem__(0, value)


def _texts() -> dict[str, bytes]:
    return {
        "not JSON": b"{",
        "a list": b"[]",
        "deeper than any": b"[" * 100_000,
        "a number of 100,000 digits": b'{"seed":' + b"9" * 100_000 + b"}",
        "not UTF-8": b"\xc3\x28",
        "NaN": b'{"seed": NaN}',
    }


def _text(name: str, text: bytes) -> Change:
    def change(file: h5py.File) -> None:
        count, chunks = len(file[name]), file[name].chunks
        del file[name]
        data = np.array([text] * count, _utf8(len(text)))
        file.create_dataset(
            name, data=data, chunks=chunks, fletcher32=True, **(BLOSC if chunks == (1,) else {})
        )

    return change


def _utf8(size: int) -> np.dtype[Any]:
    dtype: np.dtype[Any] = h5py.string_dtype("utf-8", size)
    return dtype


def _meta_channels(text: bytes) -> Change:
    def change(file: h5py.File) -> None:
        file.attrs.create("channels", text[:60_000], dtype=_utf8(min(60_000, len(text))))
        names = [f.name for f in fields(ShardMeta) if f.name in file.attrs]
        assert "channels" in names and json  # the digest is of before: that is refused first

    return change


def _frames() -> dict[str, Callable[[bytearray], bytes]]:
    def put(place: int, kind: str, value: int) -> Callable[[bytearray], bytes]:
        def change(body: bytearray) -> bytes:
            struct.pack_into(kind, body, place, value)
            return bytes(body)

        return change

    return {
        "of petabytes": put(0x1E, ">q", PETA),
        "of negative size": put(0x1E, ">q", -5),
        "twice as large": put(0x1E, ">q", 6144),
        "longer than stored": put(0x10, ">Q", PETA),
        "with a header of 2 GB": put(0x0B, ">I", 0x7FFFFFFF),
        "with values of a MB": put(0x30, ">i", 1 << 20),
        "without a byte": lambda body: b"",
        "cut": lambda body: bytes(body[:40]),
        "of zeros": lambda body: bytes(len(body)),
    }


def _frame(change: Callable[[bytearray], bytes]) -> Change:
    def changed(file: h5py.File) -> None:
        place = (0, 0, 0, 0)
        _, stored = file["left"].id.read_direct_chunk(place)
        body = change(bytearray(stored[:-4]))
        file["left"].id.write_direct_chunk(place, body + struct.pack("<I", fletcher32(body)), 0)

    return changed


def fletcher32(data: bytes) -> int:
    """The checksum that HDF5 keeps behind each chunk."""
    one = two = 0
    for place in range(0, len(data) - 1, 2):
        one = (one + (data[place] << 8 | data[place + 1])) % 65535
        two = (two + one) % 65535
    if len(data) % 2:
        one = (one + (data[-1] << 8)) % 65535
        two = (two + one) % 65535
    return two << 16 | one
