"""What a network breaks is tried again, with growing pauses."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from jobs.store.base import StoreUnavailableError

MOST_TRIES = 6  # of a request, within some 30 s of pauses


class BrokenError(Exception):
    """What was fetched is not what the store keeps."""


def until_whole(fetch: Callable[[], None], place: str) -> None:
    """Call `fetch` until it raises no BrokenError. Raises StoreUnavailableError where it always does."""
    for number in range(MOST_TRIES):
        try:
            return fetch()
        except BrokenError as broken:
            if number + 1 == MOST_TRIES:
                raise StoreUnavailableError(
                    f"{place}: its content came broken {MOST_TRIES} times ({broken}); see the network, and "
                    "run the same command again"
                ) from None
            pause(number)
    raise AssertionError("a loop of no tries")


def pause(number: int) -> None:
    """Wait after so many failures before this one."""
    time.sleep(random.uniform(0.5, 1) * min(8.0, 0.25 * 2**number))
