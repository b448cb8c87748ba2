"""Ctrl-C and SIGTERM as a request that a loop can honour at a moment of its choosing: after a step, after an
item, at the end of a file. The one signal handler of the project.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class StopRequest:
    """Whether this process was asked to stop; `signum` is by which signal, None if it was not."""

    signum: int | None = None

    def __bool__(self) -> bool:
        return self.signum is not None


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
