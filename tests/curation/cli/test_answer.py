"""Ctrl-C is answered at once, also while the main thread computes without a break."""

from __future__ import annotations

import hashlib
import os
import signal
import threading
import time

import pytest

from curation.cli.answer import answered
from jobs.signals import stop_requested


def long_computation() -> None:
    """About a second in C, in which Python runs no signal handler."""
    hashlib.pbkdf2_hmac("sha256", b"", b"", 5_000_000)


def test_the_answer_comes_while_the_computation_goes_on():
    heard = []
    timer = threading.Timer(0.1, lambda: os.kill(os.getpid(), signal.SIGINT))
    with answered(lambda: heard.append(time.monotonic())), stop_requested() as stop:
        timer.start()
        began = time.monotonic()
        long_computation()
        ended = time.monotonic()
    assert stop and len(heard) == 1
    assert ended - began > 0.4, "too fast to prove anything"
    assert heard[0] < ended and heard[0] - began < 1.1


def test_it_answers_once_and_leaves_what_a_signal_does_to_others():
    heard = []
    with pytest.raises(KeyboardInterrupt), answered(lambda: heard.append(1)), stop_requested():
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(1)
    assert heard == [1]


def test_afterwards_all_is_as_before():
    before = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(before)
    threads = threading.active_count()
    with answered(lambda: pytest.fail("nobody asked")):
        pass
    assert signal.set_wakeup_fd(before) == before and threading.active_count() == threads


def test_other_threads_get_no_signals():
    ran = []

    def work() -> None:
        with answered(lambda: None):
            ran.append(1)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert ran == [1]
