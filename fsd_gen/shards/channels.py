"""Channels: the arrays of a shard. A further one is one `Channel` in `OPTIONAL`, and nothing else changes.

A channel is a dataset (N, H, W, *tail). Six are in every shard; an optional one is there where the config's
`channels` names it. A shard lists its optional ones in the root attribute `channels` as JSON, each with
type, shape of a pixel, codec and meaning, so that a program that does not know one of them still reads,
checks and copies it. A shard without that attribute has the six.

The six are stored as the shard's version says: since version 2 in tiles, before in bands of full width. What
they mean has not changed.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, TypeAdapter

from fsd_gen.scene.spec import SceneSpec
from fsd_gen.shards.codecs import BANDS, COLOUR, SMOOTH
from fsd_gen.shards.sample import QUANTUM, is_quantised

UNIT_TOLERANCE = 2e-3  # of a normal's length, stored in half precision


class UnknownChannelError(ValueError):
    """A channel was asked for that does not exist; the message lists those that do."""


class Shot(Protocol):
    """A pair as its maker knows it when it is stored. H, W are the rig's."""

    @property
    def spec(self) -> SceneSpec: ...
    @property
    def left_hwc(self) -> NDArray[np.uint8]: ...  # sRGB
    @property
    def right_hwc(self) -> NDArray[np.uint8]: ...
    @property
    def disparity_left_hw(self) -> NDArray[np.float32]: ...  # pixels, on the grid of 1/256
    @property
    def disparity_right_hw(self) -> NDArray[np.float32]: ...
    @property
    def flags_left_hw(self) -> NDArray[np.uint8]: ...  # bits of `Flag`
    @property
    def flags_right_hw(self) -> NDArray[np.uint8]: ...
    def normals_left(self) -> NDArray[np.float64]: ...  # (H, W, 3), unit or 0, camera frame
    def instances_left(self) -> NDArray[np.int64]: ...  # (H, W), as `instance_names` numbers the scene


def _not_computable(shot: Shot) -> NDArray[Any]:
    raise UnknownChannelError("a channel that this program only knows from a file cannot be computed")


def _no_flaw(array: NDArray[Any]) -> str | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One array of every sample: how it is stored, what it means, and how it comes about.

    Two channels are equal when they are stored alike.
    """

    name: str
    dtype: str  # of numpy, little-endian
    tail: tuple[int, ...] = ()  # shape of one pixel
    kind: Literal["image", "truth"] = field(default="truth", compare=False)
    about: str = field(compare=False)  # unit and meaning, for readers of the file
    codec: str = BANDS
    of: Callable[[Shot], NDArray[Any]] = field(default=_not_computable, compare=False)
    flaw: Callable[[NDArray[Any]], str | None] = field(default=_no_flaw, compare=False)  # of the values

    def shape(self, height: int, width: int) -> tuple[int, ...]:
        """Shape of one sample's array."""
        return (height, width, *self.tail)

    def misfit(self, array: NDArray[Any], height: int, width: int) -> str | None:
        """What makes `array` unfit for this channel, or None."""
        if array.dtype != self.dtype or array.shape != self.shape(height, width):
            expected = f"expected {np.dtype(self.dtype)} {self.shape(height, width)}"
            return f"is {array.dtype} {array.shape}, {expected}"
        return self.flaw(array)


def _off_the_grid(disparity_hw: NDArray[Any]) -> str | None:
    return None if is_quantised(disparity_hw) else f"has values that are not multiples of 1/{QUANTUM} px"


def _not_unit(normals_hw3: NDArray[Any]) -> str | None:
    length_hw = np.linalg.norm(normals_hw3.astype(np.float32), axis=2)
    unit_hw = np.abs(length_hw - 1) <= UNIT_TOLERANCE
    return None if (unit_hw | (length_hw == 0)).all() else "has normals whose length is neither 1 nor 0"


def _ids(shot: Shot) -> NDArray[np.uint16]:
    instances_hw = shot.instances_left()
    if instances_hw.max(initial=0) > np.iinfo(np.uint16).max:
        raise ValueError(f"{shot.spec.key.sample_id}: {instances_hw.max()} things, an id counts to 65535")
    return instances_hw.astype(np.uint16)


_DISPARITY = f"pixels, multiples of 1/{QUANTUM}; 0 = infinity, or no truth"

REQUIRED: tuple[Channel, ...] = (
    Channel(
        name="left",
        dtype="u1",
        tail=(3,),
        kind="image",
        about="left image, sRGB",
        codec=COLOUR,
        of=lambda s: s.left_hwc,
    ),
    Channel(
        name="right",
        dtype="u1",
        tail=(3,),
        kind="image",
        about="right image, sRGB",
        codec=COLOUR,
        of=lambda s: s.right_hwc,
    ),
    Channel(
        name="disparity_left",
        dtype="<f4",
        about=f"left pixel (v, u) matches right (v, u - d); {_DISPARITY}",
        codec=SMOOTH,
        of=lambda s: s.disparity_left_hw,
        flaw=_off_the_grid,
    ),
    Channel(
        name="disparity_right",
        dtype="<f4",
        about=f"right pixel (v, u) matches left (v, u + d); {_DISPARITY}",
        codec=SMOOTH,
        of=lambda s: s.disparity_right_hw,
        flaw=_off_the_grid,
    ),
    Channel(name="flags_left", dtype="u1", about="bits of `Flag`", of=lambda s: s.flags_left_hw),
    Channel(name="flags_right", dtype="u1", about="bits of `Flag`", of=lambda s: s.flags_right_hw),
)
OPTIONAL: tuple[Channel, ...] = (
    Channel(
        name="normals_left",
        dtype="<f2",
        tail=(3,),
        about="unit normal of the first surface's triangle in the left camera's frame (x right, y down, "
        "z forward), facing the camera; 0 where there is no surface or no truth",
        of=lambda s: s.normals_left().astype(np.float16),
        flaw=_not_unit,
    ),
    Channel(
        name="instance_left",
        dtype="<u2",
        about="what the first surface belongs to: 1, 2, ... are the placements, panels and lamps with a body "
        "of spec_json in this order; 0 is none of them, or no surface, or no truth",
        of=_ids,
    ),
)
KNOWN = {channel.name: channel for channel in (*REQUIRED, *OPTIONAL)}
SIX = tuple(channel.name for channel in REQUIRED)
FIRST = tuple(replace(channel, codec=BANDS) for channel in REQUIRED)  # the six in shards of version 1


def optional_channels(names: Iterable[str]) -> tuple[Channel, ...]:
    """The optional channels called `names`, each once, in the order in which shards have them.

    Raises:
        UnknownChannelError: there is no optional channel of a name.
    """
    wanted = set(names)
    for name in sorted(wanted - {channel.name for channel in OPTIONAL}):
        there = ", ".join(channel.name for channel in OPTIONAL)
        if name in KNOWN:
            raise UnknownChannelError(f"channel {name} is in every shard anyway; optional ones: {there}")
        close = difflib.get_close_matches(name, [channel.name for channel in OPTIONAL], n=1)
        hint = f" (did you mean {close[0]}?)" if close else ""
        raise UnknownChannelError(f"no channel is called {name!r}{hint}; optional ones: {there}")
    return tuple(channel for channel in OPTIONAL if channel.name in wanted)


def _canonical(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(channel.name for channel in optional_channels(names))


ChannelNames = Annotated[tuple[str, ...], AfterValidator(_canonical)]  # a field of a config


class _Stored(BaseModel):
    """An optional channel as a shard's schema has it."""

    model_config = ConfigDict(extra="ignore")  # a newer program may say more

    name: str
    dtype: str
    tail: tuple[int, ...]
    codec: str
    kind: Literal["image", "truth"]
    about: str


_SCHEMA = TypeAdapter(tuple[_Stored, ...])


def schema_json(channels: Iterable[Channel]) -> str:
    """The schema of the channels beyond the six; empty where there are none."""
    beyond = beyond_the_six(channels)
    names = ("name", "dtype", "tail", "codec", "kind", "about")
    values = [{name: getattr(channel, name) for name in names} for channel in beyond]
    return json.dumps(values, separators=(",", ":")) if beyond else ""


def beyond_the_six(channels: Iterable[Channel]) -> list[Channel]:
    """The channels that not every shard has."""
    return [channel for channel in channels if channel.name not in SIX]


def of_today(channels: Iterable[Channel]) -> tuple[Channel, ...]:
    """The same channels with the six stored as new shards have them."""
    return (*REQUIRED, *beyond_the_six(channels))


def channels_of_schema(text: str, six: tuple[Channel, ...] = REQUIRED) -> tuple[Channel, ...]:
    """All channels of a shard with this schema, whose six are stored as `six` says. One that this program
    does not know, or knows otherwise, is as the schema says.

    Raises:
        ValueError: not a schema.
    """
    stored = _SCHEMA.validate_json(text) if text else ()
    beyond = (Channel(**one.model_dump()) for one in stored)
    return (*six, *(KNOWN[one.name] if KNOWN.get(one.name) == one else one for one in beyond))
