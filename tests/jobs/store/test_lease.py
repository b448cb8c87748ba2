"""The lock of a run in a store: one driver, whoever dies, whatever the clocks say."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

from jobs.locks import RunLockedError
from jobs.store import lease
from jobs.store.base import ConditionsUnsupportedError
from jobs.store.lease import LOCK_NAME, StoreLock
from jobs.store.urls import parse
from tests.clouds import SLOW_IN_OTHERS, Container
from tests.objects import tried_again_at_once


@pytest.fixture
def address(place):
    return parse(f"{place.url}/run")


def test_of_two_drivers_one_works_and_the_other_is_told_who_does(address):
    with (
        StoreLock(address),
        pytest.raises(RunLockedError, match=r"runs-\d+/run is in use by process \d+ on .* runs out in"),
    ):
        StoreLock(address).acquire()
    with StoreLock(address):
        pass


@SLOW_IN_OTHERS
def test_a_lock_is_renewed_while_its_driver_lives_and_free_when_it_died(place, address):
    with StoreLock(address, lease_s=1) as held:
        first = json.loads(place.read("run/.lock"))["serial"]
        time.sleep(2.2)
        held.check()
        assert json.loads(place.read("run/.lock"))["serial"] > first
        with pytest.raises(RunLockedError):
            StoreLock(address).acquire()
        held._stopped.set()  # as if it had died
        held._thread.join()
        time.sleep(2.2)
        with StoreLock(address):
            pass


def test_the_clock_of_a_machine_does_not_matter(address):
    code = (
        "import sys, time\nnow, monotonic = time.time, time.monotonic\n"
        "time.time, time.monotonic = lambda: now() + 1e6, lambda: monotonic() + 1e6\n"
        "from jobs.store.lease import StoreLock\nfrom jobs.store.urls import parse\n"
        "StoreLock(parse(sys.argv[1])).acquire()"
    )
    with StoreLock(address):
        other = subprocess.run([sys.executable, "-c", code, str(address)], capture_output=True, text=True)
    assert f"RunLockedError: {address} is in use by process" in other.stderr


@pytest.fixture
def quick(monkeypatch):
    tried_again_at_once(monkeypatch)


def test_who_lost_the_lock_is_told_and_does_not_release_the_others(place, address):
    told = []
    lock = StoreLock(address, lease_s=0.4, on_lost=lambda: told.append(True))
    lock.acquire()
    place.write(
        "run/.lock", b'{"lease_s": 100, "pid": 7, "host": "b", "since": "x", "user": "u", "command": "c"}'
    )
    deadline = time.monotonic() + 10
    while not told and time.monotonic() < deadline:
        time.sleep(0.02)
    with pytest.raises(RunLockedError, match="taken over by another driver"):
        lock.check()
    lock.release()
    assert json.loads(place.read("run/.lock"))["pid"] == 7
    with pytest.raises(RunLockedError, match="in use by process 7 on b"):
        StoreLock(address).acquire()


def test_a_lock_that_cannot_be_renewed_is_given_up_before_it_runs_out(place, address, quick):
    lock = StoreLock(address, lease_s=1)
    lock.acquire()
    began = time.monotonic()
    with place.way(lambda way: way.say(503, "SlowDown")):
        while not lock._lost and time.monotonic() < began + 10:
            time.sleep(0.02)
    with pytest.raises(RunLockedError, match="could not be renewed in time"):
        lock.check()
    lock.release()


def test_a_store_that_ignores_conditions_is_refused_and_nothing_is_left_there(place, address):
    def ignored(way) -> bool:
        place.ignore_conditions(way)
        return False

    if isinstance(place, Container):
        place.sign_nothing()
    with place.way(ignored), pytest.raises(ConditionsUnsupportedError, match="for ordinary ones"):
        StoreLock(address).acquire()
    assert place.names() == []


@pytest.mark.parametrize("says", [b"", b"[]", b"nonsense", b'{"lease_s": "x"}', b'{"lease_s": -1}'])
def test_a_lock_that_says_nothing_readable_holds_for_its_time(place, address, says, monkeypatch):
    place.write("run/.lock", says)
    with pytest.raises(RunLockedError, match="in use by another process"):
        StoreLock(address).acquire()
    monkeypatch.setattr(lease, "LEASE_S", -1)
    with StoreLock(address, lease_s=100):
        pass
    assert LOCK_NAME == ".lock"


@pytest.mark.parametrize("content", ["[" * 100_000, '{"a":' * 100_000, "7", "\\xff"])
def test_a_lock_that_says_nothing_runs_out_like_any_other(content, bucket):
    assert lease._parsed(content.encode()).lease_s == lease.LEASE_S
    bucket.write("run/.lock", content.encode())
    with pytest.raises(RunLockedError, match="run is in use by another process"):
        StoreLock(parse(f"{bucket.url}/run")).acquire()
