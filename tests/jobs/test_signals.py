from __future__ import annotations

import os
import signal
import threading

import pytest

from jobs.signals import stop_requested

BOTH = (signal.SIGINT, signal.SIGTERM)


@pytest.mark.parametrize("signum", BOTH)
def test_the_first_signal_is_a_request_and_the_second_interrupts(signum):
    before = [signal.getsignal(one) for one in BOTH]
    with stop_requested() as request:
        assert not request and request.signum is None
        os.kill(os.getpid(), signum)
        assert request and request.signum == signum
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signum)
    assert [signal.getsignal(one) for one in BOTH] == before


def test_an_error_inside_the_block_puts_the_handlers_back():
    before = [signal.getsignal(one) for one in BOTH]
    with pytest.raises(KeyError), stop_requested():
        raise KeyError("crash")
    assert [signal.getsignal(one) for one in BOTH] == before


def test_in_another_thread_the_request_never_comes_and_handlers_stay():
    before = [signal.getsignal(one) for one in BOTH]
    seen: list[object] = []

    def work() -> None:
        with stop_requested() as request:
            seen.extend([bool(request), [signal.getsignal(one) for one in BOTH]])

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [False, before]


def test_the_first_signal_is_answered_at_once():
    answered = []
    with stop_requested(lambda: answered.append("yes")) as request:
        os.kill(os.getpid(), signal.SIGINT)
        assert request and answered == ["yes"]
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert answered == ["yes"]


def test_a_further_signal_passes_where_the_one_who_is_asked_says_so():
    answers = iter([True, False])
    with stop_requested(again=lambda: next(answers)):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
