"""Changes to a shard's content, checksums right: types, filters, values, texts and Blosc2 frames."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any

import h5py
import numpy as np
from h5py import h5d, h5p, h5s, h5t

from fsd_gen.shards.codecs import BANDS, CODECS
from fsd_gen.shards.format import COLUMNS, LATER_COLUMNS

Change = Callable[[h5py.File], None]
PETA = 1 << 50
BLOSC = CODECS[BANDS].arguments


def replaced(name: str, **arguments: Any) -> Change:
    """Another dataset in the place of `name`."""

    def change(file: h5py.File) -> None:
        if name in file:
            del file[name]
        file.create_dataset(name, **arguments)

    return change


# ---------------------------------------------------------------- types and filters


def types() -> Iterator[tuple[str, Change]]:
    """Value types that no shard has."""
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
            yield f"{name}: {kind}", replaced(name, shape=(2,), dtype=dtype)


def _named_type(file: h5py.File) -> None:
    file["t"] = np.dtype("<i8")
    replaced("slot", data=[4, 6], dtype=file["t"])(file)


def filters() -> Iterator[tuple[str, Change]]:
    """Other filters than a shard's, or none."""
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
        replaced(name, data=values, chunks=chunks, **arguments)(file)

    return change


def _unknown_filter(file: h5py.File) -> None:
    settings = h5p.create(h5p.DATASET_CREATE)
    settings.set_chunk((2,))
    settings.set_filter(31_999, 1, (1, 2, 3))  # optional, so that HDF5 creates what it cannot read
    h5d.create(file.id, b"extra", h5t.NATIVE_INT32, h5s.create_simple((2,)), settings)


def _unchecked_chunk(file: h5py.File) -> None:
    _, stored = file["left"].id.read_direct_chunk((0, 0, 0, 0))
    file["left"].id.write_direct_chunk((0, 0, 0, 0), stored[:-4], 0b10)


# ---------------------------------------------------------------- values


def values() -> Iterator[tuple[str, Change]]:
    """Values, texts and frames that contradict the rest, or are none."""
    numbers: dict[str, Any] = {"slot": -5, "attempt": 1 << 60, "width": 1 << 40, "row": 3}
    for name, value in numbers.items():
        if name in COLUMNS:
            yield f"{name} {value}", _put(name, value)
    always = {name: kind for name, kind in COLUMNS.items() if name not in LATER_COLUMNS}
    floats = [name for name, kind in always.items() if kind is not int and kind is not str]
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
    """Channels that are no schema; the digest is of before, and that is what is refused."""
    return lambda file: file.attrs.create("channels", text[:60_000], dtype=_utf8(min(60_000, len(text))))


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
