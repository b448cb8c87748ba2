"""What a network breaks is tried again, with growing pauses, and a word now and then."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from typing import TypeVar

from jobs.store.base import StoreUnavailableError

MOST_TRIES = 6  # of a request, within some 30 s of pauses
SILENT_S = 10.0  # between two words
_told_at: list[float] = []  # when the last one was
log = logging.getLogger(__name__)
T = TypeVar("T")


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
            tell(place, str(broken), number + 1, MOST_TRIES)
            pause(number)
    raise AssertionError("a loop of no tries")


def tried(
    request: Callable[[], T],
    errors: tuple[type[Exception], ...],
    passing: Callable[[Exception], str],
    where: str,
) -> T:
    """What a request gives; while it raises one of `errors` of which `passing` says why it passes, once more.

    Raises as the request does.
    """
    for number in range(MOST_TRIES):
        try:
            return request()
        except errors as error:
            why = passing(error)
            if not why or number + 1 == MOST_TRIES:
                raise
        tell(where, why, number + 1, MOST_TRIES)
        pause(number)
    raise AssertionError("a loop of no tries")


def tell(place: str, why: str, tried: int, most: int) -> None:
    """Say that a try has failed and another one follows, unless something of the kind was said just now."""
    now = time.monotonic()
    if tried < most and (not _told_at or now - _told_at[-1] >= SILENT_S):
        _told_at[:] = [now]
        log.warning("%s: no luck at try %d of %d (%s); trying again", place, tried, most, why)


def pause(number: int) -> None:
    """Wait after so many failures before this one."""
    time.sleep(random.uniform(0.5, 1) * min(8.0, 0.25 * 2**number))
