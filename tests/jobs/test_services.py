"""The head of a joined cluster, heard of before Ray ends the process that asks."""

from __future__ import annotations

import socket

import pytest

from jobs.farm.services import HEAD_SILENT_S, Head
from jobs.task import FarmError


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_head_that_is_gone_for_a_while_is_waited_for_and_named_once_it_does_not_come_back():
    clock = Clock()
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        head = Head(f"127.0.0.1:{port}", clock)
        assert head.answers()
    clock.now = HEAD_SILENT_S - 1
    assert not head.answers()
    with socket.create_server(("127.0.0.1", port)):
        assert head.answers()
    clock.now += HEAD_SILENT_S - 1
    assert not head.answers()
    clock.now += 1
    wanted = rf"Ray's head at 127\.0\.0\.1:{port} has not answered for 40 s .* the same command again"
    with pytest.raises(FarmError, match=wanted):
        head.answers()


def test_a_head_is_found_at_an_address_of_ipv6_too():
    try:
        server = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError as error:
        pytest.skip(f"no IPv6 here: {error}")
    with server:
        assert Head(f"[::1]:{server.getsockname()[1]}", Clock()).answers()
