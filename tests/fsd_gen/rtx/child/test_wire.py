"""Messages arrive whole, in time and with their files, or are refused by name."""

from __future__ import annotations

import os
import socket
import threading
from dataclasses import replace

import numpy as np
import pytest

from fsd_gen.rtx.child import arrays, wire
from fsd_gen.rtx.child.contract import View
from fsd_gen.rtx.child.wire import HEAD, MAGIC, PROTOCOL, Wire, WireClosedError, WireError, WireTimeoutError

VIEW = View(
    eye="left",
    colour_hwc=np.arange(24, dtype=np.float32).reshape(2, 4, 3),
    depth_hw=np.full((2, 4), np.inf, np.float32),
    ids_hw=np.arange(8, dtype=np.uint32).reshape(2, 4),
    labels={7: "/World/Stuhl ü"},
)


@pytest.fixture
def pair():
    ends = socket.socketpair()
    yield ends
    for end in ends:
        end.close()


def test_what_is_sent_is_received(pair):
    ours, theirs = map(Wire, pair)
    ours.send("render", {"job": {"spp": 4, "kind": "inner"}})
    ours.send("close")
    got = theirs.receive(1)
    assert (got.kind, got.body, got.files) == ("render", {"job": {"spp": 4, "kind": "inner"}}, ())
    assert theirs.receive(1).kind == "close"


def test_a_message_larger_than_the_sockets_buffer_arrives_whole(pair):
    ours, theirs = map(Wire, pair)
    labels = [[n, "/World/" + "x" * 100] for n in range(20_000)]
    sender = threading.Thread(target=ours.send, args=("views", {"labels": labels}))
    sender.start()
    assert theirs.receive(5).body["labels"] == labels
    sender.join()


def test_pictures_travel_in_memory_without_a_name(pair):
    ours, theirs = map(Wire, pair)
    before = set(os.listdir("/dev/shm"))
    told, memory = arrays.pack([VIEW, replace(VIEW, eye="right", depth_hw=None, labels={})])
    ours.send("views", {"views": told}, (memory,))
    os.close(memory)
    got = theirs.receive(1)
    left, right = arrays.unpack(got.body["views"], got.files[0])
    assert set(os.listdir("/dev/shm")) == before
    assert not os.get_inheritable(got.files[0])
    got.close_files()
    assert (left.eye, right.eye, left.labels) == ("left", "right", {7: "/World/Stuhl ü"})
    assert np.array_equal(left.colour_hwc, VIEW.colour_hwc) and left.colour_hwc.dtype == np.float32
    assert np.array_equal(left.ids_hw, VIEW.ids_hw) and left.ids_hw.dtype == np.uint32
    assert np.isinf(left.depth_hw).all() and right.depth_hw is None and right.normals_hwc is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shape": [2, 4, 4]}, "colour_hwc of shape"),
        ({"shape": [2, 4]}, "colour_hwc at"),
        ({"shape": [2, -4, 3]}, "colour_hwc of shape"),
        ({"shape": [20000, 4, 3]}, "bytes are missing"),
        ({"shape": [1 << 20, 1 << 20, 3]}, "colour_hwc of shape"),
        ({"start": 1 << 40}, "bytes are missing"),
        ({"start": "0"}, "colour_hwc at"),
    ],
)
def test_a_description_that_does_not_fit_its_memory_is_refused(change, message):
    told, memory = arrays.pack([VIEW])
    told[0]["arrays"]["colour_hwc"] |= change
    with pytest.raises(WireError, match=message):
        arrays.unpack(told, memory)
    os.close(memory)


@pytest.mark.parametrize("told", [None, {}, [None], [{}], [{"eye": "left", "arrays": {}, "labels": []}], [7]])
def test_what_describes_no_views_is_refused(told):
    memory = os.memfd_create("empty")
    with pytest.raises(WireError) if told != {} else pytest.raises(WireError, match="list of views"):
        arrays.unpack(told, memory)
    os.close(memory)


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        (b"Simulation App Starting", "begins with b'fsdw', got b'Simu'"),
        (HEAD.pack(MAGIC, PROTOCOL + 1, 2) + b"{}", f"expected protocol {PROTOCOL}, the other side speaks"),
        (HEAD.pack(MAGIC, PROTOCOL, 2**32 - 1), "at most"),
        (HEAD.pack(MAGIC, PROTOCOL, 2) + b"{]", "expected JSON"),
        (HEAD.pack(MAGIC, PROTOCOL, 2) + b"[]", "object with a kind"),
        (HEAD.pack(MAGIC, PROTOCOL, 2) + b"{}", "object with a kind"),
        (HEAD.pack(MAGIC, PROTOCOL, 2) + b"\xff\xff", "expected JSON"),
    ],
)
def test_what_is_no_message_is_refused_by_name(pair, sent, message):
    pair[0].sendall(sent)
    with pytest.raises(WireError, match=message):
        Wire(pair[1]).receive(1)


def test_an_end_in_the_middle_of_a_message_is_an_end(pair):
    pair[0].sendall(HEAD.pack(MAGIC, PROTOCOL, 100) + b"{")
    pair[0].close()
    with pytest.raises(WireClosedError):
        Wire(pair[1]).receive(1)


def test_silence_and_half_a_message_run_into_the_deadline(pair):
    theirs = Wire(pair[1])
    with pytest.raises(WireTimeoutError):
        theirs.receive(0.05)
    pair[0].sendall(b"fsdw")
    with pytest.raises(WireTimeoutError):
        theirs.receive(0.05)


def test_who_does_not_listen_is_named(pair, monkeypatch):
    monkeypatch.setattr(wire, "SEND_S", 0.05)
    with pytest.raises(WireTimeoutError, match="nobody took 'views' within 0 s"):
        Wire(pair[0]).send("views", {"labels": "x" * (1 << 22)})
    pair[1].close()
    with pytest.raises(WireClosedError, match="nobody is there to take 'close'"):
        Wire(pair[0]).send("close")


def test_files_of_a_refused_message_are_closed(pair):
    reader, writer = os.pipe()
    socket.send_fds(pair[0], [b"rubbish rubbish"], [writer])
    os.close(writer)
    with pytest.raises(WireError):
        Wire(pair[1]).receive(1)
    assert os.read(reader, 1) == b""  # nobody holds the other end any more
    os.close(reader)


def test_who_has_got_all_of_a_message_may_be_gone(pair):
    class Quick:
        """It takes the message, and ends before the sender comes to itself."""

        settimeout = staticmethod(lambda limit: None)

        def sendmsg(self, parts: list[bytes], ancillary: list[object]) -> int:
            pair[1].close()
            return sum(map(len, parts))

        def sendall(self, rest: bytes) -> None:
            pair[0].sendall(rest)  # even of nothing, this is a broken pipe

    Wire(Quick()).send("close")
