"""How a backend presents itself before any of its libraries is imported."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fsd_gen.backends.base import Backend


class BackendUnavailableError(RuntimeError):
    """This backend cannot run here: unknown, or something it needs is missing. No scene is to blame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendPlugin:
    """What the registry needs to know; the module that holds one imports nothing heavy."""

    create: Callable[
        [int | None], Backend
    ]  # given the CPU threads (None: all granted ones); imports the rest
    libraries: tuple[str, ...] = ()  # top-level modules that it cannot do without; only looked for
    install: str = ""  # the command that installs them
    draws_mdl: bool = False  # MDL materials of the stage file, which are not all in its plain values
    gpus: float = 0  # that a worker of it needs
    unavailable: Callable[[], str | None] = lambda: None  # what else is missing, in one line with the remedy

    def missing(self) -> tuple[str, ...]:
        """Those of its libraries that are not installed here."""
        return tuple(library for library in self.libraries if find_spec(library) is None)
