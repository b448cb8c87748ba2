"""What a worker's memory is: its own and its descendants', but for those that have another keeper."""

from __future__ import annotations

import subprocess
import sys

import pytest

from jobs.memory import resident_mb

HOLD = "block = bytearray(b'x') * (150 << 20); print('held', flush=True); input()"


@pytest.mark.parametrize(("own_session", "counted"), [(False, True), (True, False)])
def test_descendants_count_unless_they_lead_a_session(own_session, counted):
    before = resident_mb()
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=own_session,
    )
    assert child.stdout.readline() == b"held\n"
    grown = resident_mb() - before
    child.communicate(b"\n")
    assert (grown >= 150) == counted
