"""How a shard looks on disk: names, types, chunks and root attributes of one HDF5 file.

    left, right                       u8  (N, H, W, 3)  sRGB
    disparity_left, disparity_right   f32 (N, H, W)     pixels, multiples of 1/256
    flags_left, flags_right           u8  (N, H, W)     bits of `Flag`
    normals_left, ...                 optional channels, listed in the root attribute `channels`
    slot, attempt, stratum, ...       one column per field of `SampleRecord`, each (N,)
    left_to_world                     f64 (N, 4, 4)     left camera's pose; x right, y down, z forward; metres
    spec_json, render_json            UTF-8 (N,)        the whole scene; how it was rendered, its cost
    quarantined_slot, quarantined_reasons               slots without a row, reason codes of each attempt

Rows are in slot order. A chunk of an array is one tile of one sample, so a crop decodes only the tiles it
touches: images in 80x160, disparity in 80x320, flags and optional channels in 80 rows of the full width
(`fsd_gen.shards.codecs`). Shards of version 1 have all of them in such bands. Every dataset carries a
Fletcher32 checksum, and the metadata is of HDF5 1.10, all of it checksummed. Texts, in datasets and in
attributes, have a fixed length (the longest one's), because HDF5 keeps variable-length texts where no
checksum reaches: a flipped bit there goes unnoticed or never lets the library return. The same samples give
the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from functools import partial
from typing import Any, get_type_hints

import h5py
import numpy as np
from numpy.typing import NDArray

from fsd_gen.shards.channels import FIRST, REQUIRED, Channel, channels_of_schema, of_today, schema_json
from fsd_gen.shards.codecs import BANDS, CODECS
from fsd_gen.shards.flags import Flag
from fsd_gen.shards.record import SampleRecord
from fsd_gen.shards.sample import QUANTUM
from fsd_gen.shards.structure import Expected, attribute_flaw

FORMAT = "fsd-gen stereo shard"
VERSIONS = {1: FIRST, 2: REQUIRED}  # how each stores the six
LIBVER = ("v110", "v110")
POSES = "left_to_world"
TEXTS = ("spec_json", "render_json")
QUARANTINE = ("quarantined_slot", "quarantined_reasons")
_HINTS = get_type_hints(SampleRecord)
COLUMNS = {f.name: _HINTS[f.name] for f in fields(SampleRecord) if f.name not in ("shard", "row")}
LATER_COLUMNS = {  # that came after the first shards: absent where every row has the default
    f.name: f.default for f in fields(SampleRecord) if f.default is not MISSING
}
DESCRIPTION = {
    "codec": "images: HTJ2K (HDF5 filter 32033); disparity: byte shuffle, Blosc2 zstd level 5 with byte "
    "delta (filter 32026); flags: Blosc2 zstd level 3 with bit shuffle; all: Fletcher32",
    "units": "disparity, focal_px, cx_px, cy_px: pixels; baseline_m: metres; cpu_s, wall_s: seconds",
    "disparity": f"left pixel (v, u) matches right (v, u - d); multiples of 1/{QUANTUM} px; 0 = infinity",
    "flags": ", ".join(f"{flag.name}={flag.value}" for flag in Flag),
}
DESCRIPTIONS = {
    1: DESCRIPTION | {"codec": "Blosc2 zstd level 3 with bit shuffle (HDF5 filter 32026), Fletcher32"},
    2: DESCRIPTION,
}


class ShardError(ValueError):
    """A file that is not a sound shard, or a request that no sound shard can satisfy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardMeta:
    """What all samples of a shard have in common; kept in the root attributes."""

    width: int  # pixels
    height: int  # pixels
    config_json: str  # the configuration, as far as it decides samples
    config_digest: str  # SHA-256 of what it said; one run has one
    seed: int  # of all scenes
    generator_version: str  # of fsd-gen
    generator_commit: str = ""  # of its source; empty where unknown
    renderer: str  # backend that made the images
    renderer_version: str  # and its version
    licence: str  # terms that the samples are under
    attribution: str = ""  # who made what they show
    colour_space: str = "sRGB"  # of the images
    assets_json: str = ""  # the exact asset packs by name; empty in shards made before it was known
    channels: tuple[Channel, ...] = REQUIRED  # the six, then the optional ones

    def channel(self, name: str) -> Channel:
        """The stored channel of this name. Raises KeyError."""
        return {channel.name: channel for channel in self.channels}[name]


_META_HINTS = get_type_hints(ShardMeta)
LATER = {
    "assets_json",
    "channels",
}  # attributes that came after the first shards: absent where there is nothing to say
SAME_WITHIN_A_SHARD = (
    "width",
    "height",
    "config_json",
    "config_digest",
    "seed",
    "colour_space",
    "assets_json",
    "channels",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """A slot that no attempt could fill."""

    slot: int
    reasons: tuple[tuple[str, ...], ...]  # reason codes of attempt 0, 1, ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RowText:
    """The part of a row that is copied as values; its arrays are written or copied beside it."""

    record: SampleRecord
    left_to_world_44: NDArray[np.float64]
    spec_json: str
    render_json: str


def merge_meta(metas: Sequence[ShardMeta], where: Sequence[object]) -> ShardMeta:
    """One meta for a file that gathers samples of several; versions, licences and attributions add up.

    Where they store the same channels in different ways, the file stores them as new ones do.

    Raises:
        ShardError: two of them differ in size, configuration, seed, colour space or channels; `where` names
            them.
    """
    for meta, place in zip(metas, where, strict=True):
        for name in SAME_WITHIN_A_SHARD:
            if _content(meta, name) != _content(metas[0], name):
                raise ShardError(
                    f"{place}: {name} is {shown(meta, name)}, but {where[0]} has {shown(metas[0], name)}; "
                    "samples of different datasets cannot share a shard"
                )
    gathered = (f.name for f in fields(ShardMeta) if f.name not in SAME_WITHIN_A_SHARD)
    joined: dict[str, Any] = {name: _joined(getattr(meta, name) for meta in metas) for name in gathered}
    channels = metas[0].channels
    if any(meta.channels != channels for meta in metas):
        channels = of_today(channels)
    return replace(metas[0], channels=channels, **joined)


def _content(meta: ShardMeta, name: str) -> object:
    return of_today(meta.channels) if name == "channels" else getattr(meta, name)


def shown(meta: ShardMeta, name: str) -> str:
    """What `meta` says about `name`, short enough for a message."""
    value = getattr(meta, name)
    return repr([channel.name for channel in value] if name == "channels" else value)[:80]


def _joined(texts: Iterable[str]) -> str:
    return "\n".join(sorted({line for text in texts for line in text.split("\n") if line}))


def chunk_shape(channel: Channel, meta: ShardMeta) -> tuple[int, ...]:
    """Shape of one chunk of a channel."""
    codec = CODECS.get(channel.codec, CODECS[BANDS])  # one that this program does not have: in bands as ever
    return (1, *codec.tile(meta.height, meta.width), *channel.tail)


def stored_as(meta: ShardMeta) -> dict[str, Expected]:
    """How each dataset of a shard is stored, by name."""
    channels = {
        channel.name: Expected(
            chunk=chunk_shape(channel, meta),
            filters=CODECS[channel.codec].filters if channel.codec in CODECS else None,
        )
        for channel in meta.channels
    }
    columns = {name: Expected() for name in (*COLUMNS, POSES, *QUARANTINE)}
    text = Expected(chunk=(1,), filters=CODECS[BANDS].filters)
    return {**channels, **columns, **dict.fromkeys(TEXTS, text)}


def write_skeleton(
    file: h5py.File, meta: ShardMeta, rows: Sequence[RowText], quarantined: Sequence[Quarantined]
) -> None:
    """Everything but the content of the channels, which are created for `len(rows)` samples.

    Raises:
        ShardError: a channel has a codec that this program does not have.
    """
    for name, value in attributes_of(meta).items():
        set_attribute(file, name, value)
    for channel in meta.channels:
        _create_array(file, channel, meta, len(rows))
    for name, kind in COLUMNS.items():
        values = [getattr(row.record, name) for row in rows]
        if name not in LATER_COLUMNS or any(value != LATER_COLUMNS[name] for value in values):
            _write_column(file, name, _column(values, kind))
    poses = [row.left_to_world_44 for row in rows]
    _write_column(file, POSES, np.array(poses, "<f8").reshape(-1, 4, 4))
    for name in TEXTS:
        _write_column(file, name, _texts([getattr(row, name) for row in rows]), one_by_one=True)
    reasons = [json.dumps(entry.reasons, separators=(",", ":")) for entry in quarantined]
    _write_column(file, QUARANTINE[0], np.array([entry.slot for entry in quarantined], "<i8"))
    _write_column(file, QUARANTINE[1], _texts(reasons))


def _create_array(file: h5py.File, channel: Channel, meta: ShardMeta, rows: int) -> None:
    if channel.codec not in CODECS:
        raise ShardError(f"channel {channel.name} has the codec {channel.codec!r}; known: {list(CODECS)}")
    shape = (rows, *channel.shape(meta.height, meta.width))
    chunked: dict[str, Any] = {}
    if rows:
        chunked = {"chunks": chunk_shape(channel, meta), "fletcher32": True}
        chunked |= CODECS[channel.codec].arguments
    file.create_dataset(channel.name, shape, channel.dtype, track_times=False, fillvalue=0, **chunked)


def version_of(meta: ShardMeta) -> int:
    """The version of the format that stores the six as `meta` says. Raises ShardError."""
    six = meta.channels[: len(REQUIRED)]
    for version, stored in VERSIONS.items():
        if six == stored:
            return version
    raise ShardError(f"no version of the format stores {', '.join(f'{c.name} as {c.codec}' for c in six)}")


def attributes_of(meta: ShardMeta) -> dict[str, str | int]:
    """Root attributes, in a fixed order. Raises ShardError, see `version_of`."""
    version = version_of(meta)
    own = {
        f.name: schema_json(meta.channels) if f.name == "channels" else getattr(meta, f.name)
        for f in fields(ShardMeta)
    }
    own = {name: value for name, value in own.items() if name not in LATER or value}
    return {
        "format": FORMAT,
        "schema_version": version,
        **DESCRIPTIONS[version],
        **own,
        "meta_digest": _meta_digest(own),
    }


def _meta_digest(own: Mapping[str, str | int]) -> str:
    return hashlib.sha256(json.dumps(own, sort_keys=True).encode()).hexdigest()


def set_attribute(file: h5py.File, name: str, value: str | int | float) -> None:
    """Set a root attribute; text becomes UTF-8 of fixed length."""
    if isinstance(value, str):
        stored = _texts([value])[0]
        file.attrs.create(name, stored, dtype=h5py.string_dtype("utf-8", max(1, len(stored))))
    else:
        file.attrs.create(name, value)


def get_attribute(file: h5py.File, name: str) -> str | int | float | None:
    """A root attribute, or None. Text of variable length is refused unread: see the top of this module."""
    if name not in file.attrs:
        return None
    stored = file.attrs.get_id(name)
    flaw = attribute_flaw(stored, file.id.get_filesize())
    if flaw or stored.shape != ():
        found = flaw or f"has shape {stored.shape}"
        raise TypeError(f"attribute {name} is neither a number nor text of fixed length: it {found}")
    value = file.attrs[name]
    plain: str | int | float = value.decode() if isinstance(value, bytes) else value.item()
    return plain


def meta_of(file: h5py.File) -> ShardMeta:
    """The meta in the root attributes. Raises as `meta_from`."""
    return meta_from(partial(get_attribute, file))


def meta_from(get: Callable[[str], Any]) -> ShardMeta:
    """The meta whose root attributes `get` gives by name, None where there is none.

    Raises:
        TypeError, ValueError: an attribute is missing, of another type, or not what was written.
    """
    stored: dict[str, Any] = {}
    for name, kind in _META_HINTS.items():
        value, expected = get(name), str if name == "channels" else kind
        if value is None and name in LATER:
            continue
        if not isinstance(value, expected):
            raise TypeError(f"attribute {name} should be of type {expected.__name__}, is {value!r:.60}")
        stored[name] = value
    if get("meta_digest") != _meta_digest(stored):
        raise ValueError("the root attributes are not those that were written")
    six = VERSIONS[known_version(get("schema_version"))]
    return ShardMeta(**stored | {"channels": channels_of_schema(stored.get("channels", ""), six)})


def known_version(stored: object) -> int:
    """A shard's version, if this program reads it. Raises ValueError."""
    if isinstance(stored, int) and stored in VERSIONS:
        return stored
    known = " and ".join(map(str, VERSIONS))
    raise ValueError(
        f"schema version {stored!r:.40}, this program reads {known}; a newer shard needs a newer fsd-gen"
    )


def _column(values: list[Any], kind: Any) -> NDArray[Any]:
    if kind is str:
        return _texts(values)
    if kind is int:
        return np.array(values, "<i8")
    return np.array([np.nan if value is None else value for value in values], "<f8")


def _texts(values: list[str]) -> NDArray[np.bytes_]:
    encoded = [value.encode() for value in values]
    return np.array(encoded, h5py.string_dtype("utf-8", max([1, *map(len, encoded)])))


def _write_column(file: h5py.File, name: str, values: NDArray[Any], *, one_by_one: bool = False) -> None:
    chunks = (1 if one_by_one else len(values), *values.shape[1:])
    codec = CODECS[BANDS].arguments if one_by_one else {}
    chunked = {"chunks": chunks, "fletcher32": True, **codec} if len(values) else {}
    file.create_dataset(name, data=values, track_times=False, **chunked)
