from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from jobs.signals import interruptible, sigterm_kept, stop_requested

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


def put_in(signum: int, frame: object) -> None:
    """A library's answer, such as Ray's."""
    sys.exit(signum)


def test_a_librarys_answer_to_sigterm_ends_with_its_start():
    before = signal.getsignal(signal.SIGTERM)
    with sigterm_kept():
        signal.signal(signal.SIGTERM, put_in)
    assert signal.getsignal(signal.SIGTERM) == before
    with pytest.raises(SystemExit), sigterm_kept():
        raise SystemExit(2)


def test_sigterm_that_met_a_librarys_answer_reaches_ours():
    with stop_requested() as request:
        with pytest.raises(KeyboardInterrupt), sigterm_kept():
            signal.signal(signal.SIGTERM, put_in)
            os.kill(os.getpid(), signal.SIGTERM)
        assert request.signum == signal.SIGTERM
    code = "import os, signal, sys\nfrom jobs.signals import sigterm_kept\nwith sigterm_kept():\n"
    code += "    signal.signal(signal.SIGTERM, lambda signum, frame: sys.exit(signum))\n"
    code += "    os.kill(os.getpid(), signal.SIGTERM)\n"
    assert subprocess.run([sys.executable, "-c", code]).returncode == -signal.SIGTERM


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


DEAF = """
import os, signal
try:
    os.kill(os.getpid(), signal.SIGINT)
    {again}
except BaseException:  # as the loaders of some libraries do
    pass
whole = True
"""


def test_an_import_is_not_interrupted_but_followed_by_the_interruption(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "deaf_to_signals.py").write_text(DEAF.format(again=""))
    before, went_on = signal.getsignal(signal.SIGINT), False
    with pytest.raises(KeyboardInterrupt), interruptible():
        import deaf_to_signals  # noqa: F401

        went_on = True
    assert sys.modules["deaf_to_signals"].whole and not went_on
    assert signal.getsignal(signal.SIGINT) == before and sys.gettrace() is None


def test_outside_imports_the_interruption_comes_at_once():
    with pytest.raises(KeyboardInterrupt), interruptible():
        os.kill(os.getpid(), signal.SIGINT)
        pytest.fail("went on")


def test_a_second_signal_in_an_import_ends_the_process(tmp_path):
    (tmp_path / "deaf.py").write_text(DEAF.format(again="os.kill(os.getpid(), signal.SIGINT)"))
    code = "from jobs.signals import interruptible\nwith interruptible():\n    import deaf\n"
    path = os.pathsep.join((str(tmp_path), *sys.path))
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, env={"PYTHONPATH": path})
    assert (ended.returncode, ended.stderr) == (130, b"stopped\n")


def test_a_process_that_ignores_signals_goes_on_ignoring_them():
    code = (
        "import os, signal\nfrom jobs.signals import interruptible, stopped_at_once\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\nstopped_at_once()\n"
        "with interruptible():\n    os.kill(os.getpid(), signal.SIGINT)\nprint('whole')"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, env={"PYTHONPATH": os.getcwd()})
    assert (ended.returncode, ended.stdout) == (0, b"whole\n")
