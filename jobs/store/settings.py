"""Settings of stores from the environment: each that cannot be used is one line that names its variable."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable
from urllib.parse import SplitResult, urlsplit

from jobs.store.base import UnknownStoreError

HTTP = "http(s)://HOST[:PORT]"


def whole_number(variable: str, default: int) -> int:
    """A number of 1 or more. Raises UnknownStoreError."""
    text = os.environ.get(variable) or str(default)
    if not text.strip().isdecimal() or int(text) < 1:
        raise UnknownStoreError(
            f"{variable}: expected a whole number of 1 or more, such as 6, got {text!r:.40}"
        )
    return int(text)


def endpoint_parts(endpoint: str, variable: str) -> SplitResult:
    """An endpoint in its parts. Raises UnknownStoreError, which does not repeat it: it may hold a secret."""
    try:
        parts = urlsplit(endpoint)
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets that are no address, a port that is no number
        known = False
    if not known:
        raise UnknownStoreError(f"{variable} names no host; expected {HTTP}, without user and password")
    return parts


def masking(pattern: re.Pattern[str], mask: str) -> Callable[[logging.LogRecord], bool]:
    """A filter of logs that lets every record pass, with `mask` in place of what `pattern` finds."""

    def masked(record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(pattern.sub(mask, x) if isinstance(x, str) else x for x in record.args)
        return True

    return masked
