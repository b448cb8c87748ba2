"""What a shard may be made of, looked at before any of it is believed: declared sizes, links, places.

HDF5 can say much more than a shard needs to: data in other files, datasets put together from others, types
that run code of plugins, a petabyte in a hundred bytes. None of it is read; each is a flaw with its name.
Nothing here decodes data, and what it costs does not depend on what the file declares.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import h5py
from h5py import h5a, h5d, h5l, h5o, h5s, h5t

MOST_ROWS = 1_000_000
MOST_BYTES = 1 << 30  # of one column, or one chunk
MOST_OBJECTS = 1000
FLETCHER32, BLOSC2 = 3, 32026  # filters by their registered numbers
DEFLATE, SHUFFLE = 1, 2
KNOWN_FILTERS = frozenset({DEFLATE, SHUFFLE, FLETCHER32, BLOSC2})  # others come from who knows where
KINDS = (h5t.INTEGER, h5t.FLOAT, h5t.STRING)
LINKS = {h5l.TYPE_SOFT: "a soft link", h5l.TYPE_EXTERNAL: "a link to another file"}
Shape = tuple[int, ...]
Flaw = tuple[str | None, str]  # a dataset, or None for the file; what is wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """How a dataset of the format is stored."""

    chunk: Shape | None = None  # None: all of it is one chunk
    filters: Shape | None = (FLETCHER32,)  # None: those of a codec that this program does not have


def link_flaw(file: h5py.File, name: str) -> str | None:
    """Why the entry `name` of the root cannot be looked into, or None. Nothing is followed."""
    kind = file.id.links.get_info(name.encode()).type
    if kind != h5l.TYPE_HARD:
        found = LINKS.get(kind, f"a link of kind {kind}")
        return f"is {found}; a shard holds all of its data itself"
    found = type(h5o.open(file.id, name.encode())).__name__
    if found != "DatasetID":
        what = {"GroupID": "a group", "TypeID": "a named type"}.get(found, found)
        return f"is {what}; everything in a shard is a dataset"
    return None


def dataset_flaw(dataset: h5d.DatasetID) -> str | None:
    """Why a dataset of any name is not to be read, or None. Looks at its header alone."""
    stored = dataset.get_create_plist()
    if external := stored.get_external_count():
        return f"keeps its data in {external} other file(s); a shard holds all of its data itself"
    if stored.get_layout() == h5d.VIRTUAL:
        return "is put together from other datasets (a virtual one); a shard holds all of its data itself"
    if flaw := type_flaw(dataset.get_type()):
        return flaw
    if dataset.get_space().get_simple_extent_type() == h5s.NULL:
        return "has no shape"
    most = math.prod(_chunk(dataset) or ()) * dataset.get_type().get_size()
    return f"declares chunks of {most} bytes, at most {MOST_BYTES} are read" if most > MOST_BYTES else None


def type_flaw(kind: h5t.TypeID) -> str | None:
    """Why a value type is none of a shard's, or None."""
    if kind.committed():
        return "is of a named type; the types of a shard are their datasets' own"
    if kind.get_class() not in KINDS:
        return "is neither of integers, nor of floats, nor of texts"
    if isinstance(kind, h5t.TypeStringID) and kind.is_variable_str():
        return "has texts of variable length, which HDF5 keeps where no checksum reaches"
    return None


def _storage_flaw(dataset: h5d.DatasetID, file_bytes: int) -> str | None:
    """Why what a dataset declares cannot be what is stored, or None. Reads its whole table of chunks."""
    chunk, shape = _chunk(dataset), dataset.shape
    if strange := set(_filters(dataset)) - KNOWN_FILTERS:
        return f"has the filter {min(strange)}, which this program does not have"
    if chunk is None:
        whole, stored = math.prod(shape) * dataset.get_type().get_size(), dataset.get_storage_size()
        return None if whole <= stored <= file_bytes else f"declares {whole} bytes, {stored} are stored"
    declared = math.prod(-(-size // step) for size, step in zip(shape, chunk, strict=True))
    if (found := dataset.get_num_chunks()) != declared:
        return f"declares {declared} chunks, {found} are stored"
    places: list[tuple[int, int]] = []
    masks: set[int] = set()
    dataset.chunk_iter(lambda info: _note(info, places, masks))
    if any(
        begin + size > after for (begin, size), (after, _) in pairwise([*sorted(places), (file_bytes, 0)])
    ):
        return "has chunks that share their bytes, or lie outside of the file"
    checked = 1 << _filters(dataset).index(FLETCHER32) if FLETCHER32 in _filters(dataset) else 0
    return "has chunks without their checksum" if any(mask & checked for mask in masks) else None


def _note(info: h5d.StoreInfo, places: list[tuple[int, int]], masks: set[int]) -> None:
    places.append((info.byte_offset, info.size))
    masks.add(info.filter_mask)


def layout_flaw(dataset: h5d.DatasetID, expected: Expected) -> str | None:
    """Why a dataset of the format is not stored as the format says, or None."""
    if not math.prod(dataset.shape):
        return None
    if expected.filters is not None and (found := _filters(dataset)) != expected.filters:
        return f"has the filters {list(found)}, expected {list(expected.filters)}"
    chunk, whole = _chunk(dataset), expected.chunk or dataset.shape
    return None if chunk == whole else f"is stored in chunks of {chunk}, expected {whole}"


def column_flaw(dataset: h5d.DatasetID) -> str | None:
    """Why a dataset with a value per row, which is read at once, is too large for that, or None."""
    if not dataset.shape or dataset.shape[0] > MOST_ROWS:
        return f"has shape {dataset.shape}, expected at most {MOST_ROWS} rows"
    declared = math.prod(dataset.shape) * dataset.get_type().get_size()
    return f"declares {declared} bytes, at most {MOST_BYTES} are read" if declared > MOST_BYTES else None


def walk(file: h5py.File, file_bytes: int, known: Mapping[str, Expected]) -> Iterator[Flaw]:
    """Every flaw of every object: (dataset, what). Reads all links, headers, attributes and chunk tables."""
    yield from _attribute_flaws(file.id, None, file_bytes)
    if (count := len(file)) > MOST_OBJECTS:
        yield None, f"holds {count} objects, a shard has at most {MOST_OBJECTS}"
        return
    for name in file:
        if flaw := link_flaw(file, name):
            yield name, flaw
            continue
        dataset = h5o.open(file.id, name.encode())
        flaw = dataset_flaw(dataset) or _storage_flaw(dataset, file_bytes)
        if flaw is None and name in known:
            flaw = layout_flaw(dataset, known[name])
        if flaw is not None:
            yield name, flaw
        yield from _attribute_flaws(dataset, name, file_bytes)


def _attribute_flaws(
    holder: h5py.h5g.GroupID | h5d.DatasetID, name: str | None, file_bytes: int
) -> Iterator[Flaw]:
    if (count := h5a.get_num_attrs(holder)) > MOST_OBJECTS:
        yield name, f"has {count} attributes, at most {MOST_OBJECTS} are read"
        return
    for index in range(count):
        attribute = h5a.open(holder, index=index)
        if flaw := attribute_flaw(attribute, file_bytes):
            yield name, f"attribute {attribute.name.decode(errors='replace')} {flaw}"


def attribute_flaw(attribute: h5a.AttrID, file_bytes: int) -> str | None:
    """Why an attribute is none of a shard's, or None."""
    if flaw := type_flaw(attribute.get_type()):
        return flaw
    if attribute.get_space().get_simple_extent_type() == h5s.NULL:
        return "has no value"
    if (size := attribute.get_storage_size()) > file_bytes:
        return f"declares {size} bytes, the whole file has {file_bytes}"
    return None


def _filters(dataset: h5d.DatasetID) -> Shape:
    stored = dataset.get_create_plist()
    return tuple(stored.get_filter(index)[0] for index in range(stored.get_nfilters()))


def _chunk(dataset: h5d.DatasetID) -> Shape | None:
    stored = dataset.get_create_plist()
    return tuple(stored.get_chunk()) if stored.get_layout() == h5d.CHUNKED else None
