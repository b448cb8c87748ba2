"""ovrtx's labels, read back as the things that they stand for."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from fsd_gen.rtx.child.buffers import Refusal
from fsd_gen.rtx.child.engines.ovrtx_labels import labels_of
from fsd_gen.rtx.things import paths_of_labels


def id_map(*labels: tuple[int, str]) -> bytes:
    entries, texts, start = b"", b"", 24 * len(labels)
    for number, text in labels:
        entries += struct.pack("<6I", number, 9, 9, 9, len(text.encode()), start + len(texts))
        texts += text.encode()
    return entries + texts + struct.pack("<I", len(labels))


@pytest.mark.parametrize("kind", ["u1", "u4"])
def test_labels_are_read_by_the_first_word_of_their_id(kind):
    told = id_map((7, "class:fsdthing12\0"), (2, "class:fsdthing0;kind:ünï"))
    told = told[:-4] + b"\0" * (-len(told) % 4) + told[-4:]
    labels = labels_of(np.frombuffer(told, kind))
    assert labels == {7: "class:fsdthing12", 2: "class:fsdthing0;kind:ünï"}


def test_a_frame_without_labels_has_none():
    assert labels_of(np.zeros(0, np.uint8)) == labels_of(np.frombuffer(id_map(), np.uint8)) == {}


@pytest.mark.parametrize(
    ("told", "what"),
    [
        (id_map((7, "class:a"))[:-8] + struct.pack("<I", 40), "31 bytes cannot hold 40 labels"),
        (b"\xff\xff", "2 bytes cannot hold 65535 labels"),
        (id_map((7, "abc"))[:-7] + struct.pack("<I", 1), "a label at 24 of 3 bytes lies beyond 28 bytes"),
    ],
)
def test_a_map_that_is_none_is_refused(told, what):
    found = labels_of(np.frombuffer(told, np.uint8))
    assert isinstance(found, Refusal) and found.message == what


def test_labels_name_things_where_they_name_one():
    things = ("/World/Objects/Box", "/World/Objects/Chair")
    labels = {
        2: "class:fsdthing1",
        3: "class:fsdthing0; kind:box",
        4: "class:chair",
        5: "class:fsdthing0,fsdthing1",
        6: "class:fsdthing2",
        7: "class:fsdthing0,fsdthing0",
    }
    assert paths_of_labels(labels, things) == {2: things[1], 3: things[0], 7: things[0]}
