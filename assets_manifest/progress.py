"""How a long task tells where it is."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, int], None]  # what is being done, steps done, steps in all


def silent(stage: str, done: int, total: int) -> None:
    """A Progress that says nothing."""
