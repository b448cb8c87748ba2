"""Shards of valid HDF5 that are none: each is a sound shard with one thing changed, checksums right."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from benchmarks.attack.hostile_content import BLOSC, PETA, Change, filters, replaced, types, values
from fsd_gen.shards.format import ShardMeta, attributes_of, meta_of, set_attribute
from fsd_gen.shards.seal import add_seal


def hostile(sound: Path, scratch: Path, *, every: int = 1) -> Iterator[tuple[str, bytes]]:
    """Each change, or one of so many, made to a copy of `sound` and sealed anew."""
    other = shutil.copy(sound, scratch / "other.h5")
    pipe = scratch / "pipe"
    if not pipe.exists():
        os.mkfifo(pipe)
    for name, change in islice(_changes(Path(other), pipe), 0, None, every):
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
    yield from types()
    yield from filters()
    yield from values()


# ---------------------------------------------------------------- what the root says


def _schemas() -> Iterator[tuple[str, Change]]:
    versions: tuple[str | int | float, ...] = (0, 2, 99, 1 << 40, -1, 1.5, "1", "latest")
    for value in versions:
        yield f"schema {value!r}", _attribute("schema_version", value)
    yield "schema missing", lambda file: file.attrs.__delitem__("schema_version")
    for text in ("", "another format", "fsd-gen stereo shard\0"):
        yield f"format {text!r}", _attribute("format", text)


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
    others: dict[str, str | int] = {"width": 0, "height": -1, "seed": 7, "licence": "", "colour_space": "<b>"}
    for name, other in others.items():
        yield f"attribute {name}: {other!r}, digest of before", _attribute(name, other)
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
        encoded = {"fletcher32": True, **BLOSC} if name.startswith("left") and "chunks" in arguments else {}
        yield name, replaced(name.split(",")[0], **({"dtype": "u1"} | encoded | arguments))
    yield "a million rows of nothing", _a_million_rows
    yield "5,000 datasets", _many_datasets
    yield "slot without a shape", replaced("slot", shape=None, dtype="<i8")
    yield "slot a single number", replaced("slot", shape=(), dtype="<i8")


def _many_datasets(file: h5py.File) -> None:
    for number in range(5000):
        file.create_dataset(f"d{number}", (1,), "u1")


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
    return replaced(name, shape=(2, 32, 32, 3), dtype="u1", external=[(target, 0, 6144)])


def _virtual(name: str, source: str) -> Change:
    def change(file: h5py.File) -> None:
        layout = h5py.VirtualLayout((2, 32, 32, 3), "u1")
        layout[:] = h5py.VirtualSource(source, name, (2, 32, 32, 3))
        if name in file:
            del file[name]
        file.create_virtual_dataset(name, layout)

    return change
