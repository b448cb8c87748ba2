"""Ways to stop speaking."""

from __future__ import annotations

import ctypes
import os
import signal
import time


def sleep() -> None:
    """As a driver does: other threads of Python go on."""
    time.sleep(600)


def hold_the_lock() -> None:
    """As a dead lock in Kit does: no thread of Python goes on."""
    ctypes.PyDLL(None).sleep(600)


def crash() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)
    time.sleep(5)
