"""Ctrl-C and SIGTERM: what a program answers from its first moment to its last. All signal handlers of the
project are here.

    starting up   Ctrl-C ends the program at once: nothing is begun       stopped_at_once
    a command     Ctrl-C interrupts it, but never inside an import        interruptible
    a long loop   a request, honoured after a step, an item, a file       stop_requested
    a worker      SIGTERM at work is a notice, honoured after an item     Notice
    its hands     the worker is asked, and ends them                      never_stopped
    libraries     their answers to SIGTERM last as long as their start    sigterm_kept
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn

STOPPED = 128 + signal.SIGINT  # exit code
PATIENCE_S = 1.0  # with an import, once the program is to stop


class StopRequest:
    """Whether this process was asked to stop; `signum` is by which signal, None if it was not.

    `halt` may say that it is to stop for another reason, which is then `why`; it is asked until it does.
    """

    signum: int | None = None
    why: str = ""

    def __init__(self) -> None:
        self.halt: Callable[[], str] = str

    def __bool__(self) -> bool:
        if self.signum is None and not self.why:
            self.why = self.halt()
        return self.signum is not None or bool(self.why)


@contextmanager
def stop_requested(
    answer: Callable[[], None] | None = None, again: Callable[[], bool] | None = None
) -> Iterator[StopRequest]:
    """Collect the first SIGINT or SIGTERM inside the block; a second one raises KeyboardInterrupt.

    `answer` is called when the first one comes, so that whoever sent it hears at once what happens next.
    `again` is called when a further one comes: where it says True, that one is let pass as well.

    Outside the main thread, where Python delivers no signals, the request simply never comes.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return

    def collect(signum: int, frame: FrameType | None) -> None:
        if request.signum is not None:
            if again is not None and again():
                return
            raise KeyboardInterrupt
        request.signum = signum
        if answer is not None:
            answer()

    previous = {signum: signal.signal(signum, collect) for signum in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield request
    finally:
        for signum, handler in previous.items():
            signal.signal(signum, handler)


class Notice:
    """SIGTERM, as a machine that is about to be taken away sends it to every process. Make it once.

    Inside `at_work` it is only noted, in `given`; at other times it does what it did before.
    """

    def __init__(self) -> None:
        self.given = False
        self._at_work = False
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGTERM, self._note)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Something is in work that can stop by itself."""
        self._at_work = True
        try:
            yield
        finally:
            self._at_work = False

    def _note(self, signum: int, frame: FrameType | None) -> None:
        if self._at_work:
            self.given = True
        elif callable(self._before):
            self._before(signum, frame)
        elif self._before is not signal.SIG_IGN:
            signal.signal(signum, signal.SIG_DFL)
            os.kill(os.getpid(), signum)


@contextmanager
def sigterm_kept() -> Iterator[None]:
    """Whoever answers SIGTERM does so after the block again, in which a library puts its own answer.

    Where that came to bear inside, as SystemExit with the signal's number, the signal goes to whom it was
    for; if that one lets the process live, KeyboardInterrupt is raised.
    """
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    except SystemExit as end:
        if end.code != signal.SIGTERM:
            raise
        _put_back(before)
        os.kill(os.getpid(), signal.SIGTERM)
        raise KeyboardInterrupt from None
    finally:
        _put_back(before)


def _put_back(handler: Any) -> None:
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, handler)


def never_stopped() -> None:
    """From now on neither SIGINT nor SIGTERM does anything: another process ends this one."""
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, signal.SIG_IGN)


def stopped_at_once() -> None:
    """From now on SIGINT ends the process with a word and the exit code of an interruption.

    For programs that start: an exception from a half-imported library would be a riddle, or be swallowed. A
    process that was told to ignore SIGINT, as shells tell those in the background, goes on ignoring it.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _stop_at_once)
        atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)  # the last thing: the work is done


def _stop_at_once(signum: int = signal.SIGINT, frame: FrameType | None = None) -> NoReturn:
    os.write(2, b"stopped\n")
    os._exit(STOPPED)


@contextmanager
def interruptible() -> Iterator[None]:
    """SIGINT raises KeyboardInterrupt inside the block; inside an import, as soon as that is over.

    Some libraries drop an exception that meets them while they are loaded, and every import that is cut short
    leaves a module that lacks half its names. An import that takes longer than PATIENCE_S is not waited for,
    nor after a second SIGINT: the process ends, as it would when killed.
    """
    ours = (_stop_at_once, signal.default_int_handler)
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGINT) not in ours
    ):
        yield
        return
    previous = signal.signal(signal.SIGINT, _Interruption())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


class _Interruption:
    """A handler that raises KeyboardInterrupt where that does no harm."""

    _end: threading.Timer | None = None  # of the patience with an import

    def __call__(self, signum: int, frame: FrameType | None) -> None:
        if self._end is not None:
            _stop_at_once()
        importer = _importer(frame)
        if importer is None:
            raise KeyboardInterrupt
        self._end = threading.Timer(PATIENCE_S, _stop_at_once)
        self._end.daemon = True
        self._end.start()
        importer.f_trace = self._raise  # called at the importer's next line, or where it returns
        sys.settrace(_trace_nothing)

    def _raise(self, frame: FrameType, event: str, argument: Any) -> NoReturn:
        sys.settrace(None)
        if self._end is not None:
            self._end.cancel()
            self._end = None
        raise KeyboardInterrupt


def _trace_nothing(frame: FrameType, event: str, argument: Any) -> None:
    """What makes Python look at the `f_trace` of frames."""


def _importer(frame: FrameType | None) -> FrameType | None:
    """The outermost frame that waits for an import, of those that lead to `frame`; None outside imports."""
    importer = None
    while frame is not None and frame.f_back is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            importer = frame.f_back
        frame = frame.f_back
    return importer
