"""Ways to stop speaking."""

from __future__ import annotations

import ctypes
import os
import signal
import time

from kit_fake.state import KIT


def sleep() -> None:
    """As a driver does: other threads of Python go on."""
    time.sleep(600)


def hold_the_lock() -> None:
    """As a dead lock in Kit does: no thread of Python goes on."""
    ctypes.PyDLL(None).sleep(600)


def crash() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)
    time.sleep(5)


def fail_in_step(last_words: str, error: Exception) -> None:
    """In the way that the faults of this scene ask for; `error` is how this renderer says it."""
    if KIT.in_scene("hang_in_step"):
        sleep()
    if KIT.in_scene("hang_in_step_with_the_lock"):
        hold_the_lock()
    if KIT.in_scene("crash_in_step"):
        print(last_words, flush=True)
        crash()
    if KIT.in_scene("exit_in_step"):
        os._exit(0)
    if KIT.in_scene("raise_in_step"):
        raise error
