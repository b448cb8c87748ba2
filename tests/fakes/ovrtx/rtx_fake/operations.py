"""Operation and PendingFetch: what is enqueued is waited for, and what was rendered is fetched."""

from __future__ import annotations

import operator
import time
import warnings
from collections.abc import Callable
from typing import Any


def seconds(timeout_ns: Any) -> float:
    if timeout_ns is None:
        return 600.0
    if isinstance(timeout_ns, bool):
        raise TypeError("timeout_ns must be an integer or None, not bool")
    try:
        whole = operator.index(timeout_ns)
    except TypeError:
        raise TypeError(f"timeout_ns must be an integer or None, not {type(timeout_ns).__name__}") from None
    return 600.0 if whole < 0 else whole / 1e9


class Operation:
    def __init__(
        self, name: str, work: Callable[[], Any], *, fetched: bool = False, late: bool = False
    ) -> None:
        self._name, self._work, self._fetched, self._late = name, work, fetched, late
        self._result: Any = None

    @property
    def op_id(self) -> int:
        return id(self)

    def wait(self, timeout_ns: int | None = None) -> Any:
        limit_s = seconds(timeout_ns)
        if self._late:
            time.sleep(limit_s)
            return None
        if self._result is None:
            try:
                self._result = self._work()
            except RuntimeError as error:
                self._result = False
                raise RuntimeError(f"Operation '{self._name}' failed:\n  {error}") from None
        return PendingFetch(self._result) if self._fetched else True

    def query_status(self) -> Any:
        raise NotImplementedError("nothing here asks for the progress")

    def __del__(self) -> None:
        if self._result is None:
            warnings.warn(
                f"Operation '{self._name}' was garbage-collected without wait()",
                ResourceWarning,
                stacklevel=2,
            )
            if self._late:
                time.sleep(600)  # the real one blocks until the work is done


class PendingFetch:
    def __init__(self, result: Any) -> None:
        self._result = result

    def fetch(self, timeout_ns: int | None = None) -> Any:
        seconds(timeout_ns)
        return self._result
