"""An answer to Ctrl-C at once, whatever the main thread is computing.

Python runs a signal handler between two instructions of the main thread, so a long step of torch would answer
when it is over. The interpreter also writes the signal's number into a file descriptor, at once; a thread
reads it.
"""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

STOPS = frozenset({signal.SIGINT, signal.SIGTERM})


@contextmanager
def answered(answer: Callable[[], None]) -> Iterator[None]:
    """Call `answer`, from a thread of its own, when the first signal to stop comes inside the block.

    What the signal does is left to whoever handles it. Outside the main thread, where Python delivers no
    signals, nothing is called.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    reading, writing = socket.socketpair()
    writing.setblocking(False)
    listener = threading.Thread(target=_listen, args=(reading, answer), daemon=True)
    listener.start()
    before = signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        writing.close()
        listener.join()
        reading.close()


def _listen(reading: socket.socket, answer: Callable[[], None]) -> None:
    said = False
    while numbers := reading.recv(64):
        if not said and STOPS & set(numbers):
            said = True
            answer()
