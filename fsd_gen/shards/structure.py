"""What a shard may be made of, looked at before any of it is believed: declared sizes, links, places.

HDF5 can say much more than a shard needs to: data in other files, datasets put together from others, types
that run code of plugins, a petabyte in a hundred bytes. None of it is read; each is a flaw with its name.
Nothing here decodes data, and what it costs does not depend on what the file declares.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import h5py
from h5py import h5a, h5d, h5g, h5l, h5o, h5s, h5t

from fsd_gen.shards.codecs import BLOSC2, FLETCHER32, HTJ2K, SHUFFLE

MOST_ROWS = 1_000_000
MOST_BYTES = 1 << 30  # of one column, or one chunk
MOST_OBJECTS = 1000
DEFLATE = 1
KNOWN_FILTERS = frozenset({DEFLATE, SHUFFLE, FLETCHER32, BLOSC2, HTJ2K})  # others come from who knows where
KINDS = (h5t.INTEGER, h5t.FLOAT, h5t.STRING)
LINKS = {h5l.TYPE_SOFT: "a soft link", h5l.TYPE_EXTERNAL: "a link to another file"}
Shape = tuple[int, ...]
Flaw = tuple[str | None, str]  # a dataset, or None for the file; what is wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """How a dataset of the format is stored."""

    chunk: Shape | None = None  # None: all of it is one chunk
    filters: Shape | None = (FLETCHER32,)  # None: those of a codec that this program does not have


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a dataset declares, each looked up once: opening a shard looks at forty of them."""

    dataset: h5d.DatasetID
    shape: Shape
    itemsize: int  # bytes of one value
    chunk: Shape | None  # None: not in chunks
    filters: Shape

    @property
    def declared_bytes(self) -> int:
        """Of all values."""
        return math.prod(self.shape) * self.itemsize


def header_at(file: h5py.File, name: str) -> Header | str:
    """The header of the dataset `name` of the root, or why it is not to be read. Nothing is followed."""
    kind = file.id.links.get_info(name.encode()).type
    if kind != h5l.TYPE_HARD:
        found = LINKS.get(kind, f"a link of kind {kind}")
        return f"is {found}; a shard holds all of its data itself"
    opened = h5o.open(file.id, name.encode())
    if isinstance(opened, h5d.DatasetID):
        return _header_of(opened)
    what = "a group" if isinstance(opened, h5g.GroupID) else "a named type"
    return f"is {what}; everything in a shard is a dataset"


def _header_of(dataset: h5d.DatasetID) -> Header | str:
    stored, kind, shape = dataset.get_create_plist(), dataset.get_type(), dataset.shape
    if external := stored.get_external_count():
        return f"keeps its data in {external} other file(s); a shard holds all of its data itself"
    layout = stored.get_layout()
    if layout == h5d.VIRTUAL:
        return "is put together from other datasets (a virtual one); a shard holds all of its data itself"
    if flaw := type_flaw(kind):
        return flaw
    if shape is None or (dataset.rank == 0 and dataset.get_space().get_simple_extent_type() == h5s.NULL):
        return "has no shape"
    chunk = tuple(stored.get_chunk()) if layout == h5d.CHUNKED else None
    itemsize = kind.get_size()
    if (most := math.prod(chunk or ()) * itemsize) > MOST_BYTES:
        return f"declares chunks of {most} bytes, at most {MOST_BYTES} are read"
    filters = tuple(stored.get_filter(index)[0] for index in range(stored.get_nfilters()))
    return Header(dataset=dataset, shape=tuple(shape), itemsize=itemsize, chunk=chunk, filters=filters)


def type_flaw(kind: h5t.TypeID) -> str | None:
    """Why a value type is none of a shard's, or None."""
    if kind.committed():
        return "is of a named type; the types of a shard are their datasets' own"
    if kind.get_class() not in KINDS:
        return "is neither of integers, nor of floats, nor of texts"
    if isinstance(kind, h5t.TypeStringID) and kind.is_variable_str():
        return "has texts of variable length, which HDF5 keeps where no checksum reaches"
    return None


def _storage_flaw(header: Header, file_bytes: int) -> str | None:
    """Why what a dataset declares cannot be what is stored, or None. Reads its whole table of chunks."""
    if strange := set(header.filters) - KNOWN_FILTERS:
        return f"has the filter {min(strange)}, which this program does not have"
    if header.chunk is None:
        declared, stored = header.declared_bytes, header.dataset.get_storage_size()
        return None if declared <= stored <= file_bytes else f"declares {declared} bytes, {stored} are stored"
    declared = math.prod(-(-size // step) for size, step in zip(header.shape, header.chunk, strict=True))
    if (found := header.dataset.get_num_chunks()) != declared:
        return f"declares {declared} chunks, {found} are stored"
    places: list[tuple[int, int]] = []
    masks: set[int] = set()
    header.dataset.chunk_iter(lambda info: _note(info, places, masks))
    after = [*(begin for begin, _ in sorted(places)[1:]), file_bytes]
    if any(begin + size > end for (begin, size), end in zip(sorted(places), after, strict=False)):
        return "has chunks that share their bytes, or lie outside of the file"
    checked = 1 << header.filters.index(FLETCHER32) if FLETCHER32 in header.filters else 0
    return "has chunks without their checksum" if any(mask & checked for mask in masks) else None


def _note(info: h5d.StoreInfo, places: list[tuple[int, int]], masks: set[int]) -> None:
    places.append((info.byte_offset, info.size))
    masks.add(info.filter_mask)


def layout_flaw(header: Header, expected: Expected) -> str | None:
    """Why a dataset of the format is not stored as the format says, or None."""
    if not math.prod(header.shape):
        return None
    if expected.filters is not None and header.filters != expected.filters:
        return f"has the filters {list(header.filters)}, expected {list(expected.filters)}"
    whole = expected.chunk or header.shape
    return None if header.chunk == whole else f"is stored in chunks of {header.chunk}, expected {whole}"


def column_flaw(header: Header) -> str | None:
    """Why a dataset with a value per row, which is read at once, is too large for that, or None."""
    if not header.shape or header.shape[0] > MOST_ROWS:
        return f"has shape {header.shape}, expected at most {MOST_ROWS} rows"
    if header.declared_bytes > MOST_BYTES:
        return f"declares {header.declared_bytes} bytes, at most {MOST_BYTES} are read"
    return None


def walk(file: h5py.File, file_bytes: int, known: Mapping[str, Expected]) -> Iterator[Flaw]:
    """Every flaw of every object: (dataset, what). Reads all links, headers, attributes and chunk tables."""
    yield from _attribute_flaws(file.id, None, file_bytes)
    if (count := len(file)) > MOST_OBJECTS:
        yield None, f"holds {count} objects, a shard has at most {MOST_OBJECTS}"
        return
    for name in file:
        header = header_at(file, name)
        if isinstance(header, str):
            yield name, header
            continue
        flaw = _storage_flaw(header, file_bytes)
        if flaw is None and name in known:
            flaw = layout_flaw(header, known[name])
        if flaw is not None:
            yield name, flaw
        yield from _attribute_flaws(header.dataset, name, file_bytes)


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
