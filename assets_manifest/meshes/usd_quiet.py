"""OpenUSD without words of its own on the terminal: what is wrong is asked for, and said once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from jobs.extras import extra

with extra("render"):
    from pxr import UsdUtils


@contextmanager
def quiet() -> Iterator[None]:
    """Keep OpenUSD's warnings to ourselves within the block; its errors are raised as ever."""
    delegate = UsdUtils.CoalescingDiagnosticDelegate()
    try:
        yield
    finally:
        del delegate  # from here on warnings go to stderr again
