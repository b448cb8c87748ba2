"""Render backends by name: the folders of this package, and what other installed packages offer.

A backend is added without touching any list. Its light module defines `BACKEND: BackendPlugin`; it is

* a folder `fsd_gen/backends/NAME/`, whose `__init__.py` is that module, or
* a package of one's own with an entry point in its pyproject.toml:

      [project.entry-points."fsd_gen.backends"]
      NAME = "my_package.fsd:BACKEND"

What `BACKEND.create` returns has the methods of `fsd_gen.backends.base.Backend`.
"""

from __future__ import annotations

import difflib
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pkgutil import iter_modules
from typing import TYPE_CHECKING

import fsd_gen.backends
from fsd_gen.backends.plugin import BackendPlugin, BackendUnavailableError

if TYPE_CHECKING:
    from fsd_gen.backends.base import Backend

GROUP = "fsd_gen.backends"


def backend_names() -> tuple[str, ...]:
    """Every backend that is known here, able to run or not; nothing is imported."""
    return tuple(sorted({*_folders(), *(entry.name for entry in entry_points(group=GROUP))}))


def offered_backends() -> tuple[str, ...]:
    """The backends whose libraries are installed here."""
    return tuple(name for name in backend_names() if why_unavailable(name) is None)


def unknown_backend(name: str) -> str | None:
    """What is wrong with the name, in one line with the nearest known one; None if it is known."""
    names = backend_names()
    if name in names:
        return None
    close = difflib.get_close_matches(name, names, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return f"expected a backend known here ({', '.join(names)}), got {name!r}{hint}"


def why_unavailable(name: str) -> str | None:
    """Why a backend cannot run here, in one line; None if all that it needs is installed."""
    if problem := unknown_backend(name):
        return problem
    try:
        plugin = _plugin(name)
    except BackendUnavailableError as error:
        return str(error)
    if missing := plugin.missing():
        remedy = f"; {plugin.install}" if plugin.install else ""
        return f"backend {name!r} cannot run here: {', '.join(missing)} not installed{remedy}"
    if why := plugin.unavailable():
        return f"backend {name!r} cannot run here: {why}"
    return None


def refuse_unavailable(name: str) -> None:
    """Raises BackendUnavailableError when the backend cannot run here."""
    if problem := why_unavailable(name):
        raise BackendUnavailableError(problem)


def draws_mdl(name: str) -> bool:
    """Whether a backend draws MDL materials that nobody but RTX can read; one that is not known does not."""
    return name in backend_names() and _plugin(name).draws_mdl


def create_backend(name: str, *, threads: int | None = None) -> Backend:
    """The backend called `name`, with `threads` CPU threads (default: every CPU granted to this process).

    Raises BackendUnavailableError when it is unknown or cannot run here.
    """
    refuse_unavailable(name)
    return _plugin(name).create(threads)


def gpus_needed(name: str) -> float:
    """GPUs that a worker of this backend needs. Raises BackendUnavailableError when nobody knows it."""
    if problem := unknown_backend(name):
        raise BackendUnavailableError(problem)
    return _plugin(name).gpus


def _folders() -> tuple[str, ...]:
    return tuple(module.name for module in iter_modules(fsd_gen.backends.__path__) if module.ispkg)


def _plugin(name: str) -> BackendPlugin:
    entries = tuple(entry_points(group=GROUP, name=name))
    if len(entries) + (name in _folders()) > 1:
        offers = ", ".join(entry.value for entry in entries)
        raise BackendUnavailableError(f"backend {name!r} is offered more than once ({offers}); remove one")
    plugin = _load(name, entries[0]) if entries else vars(import_module(f"{GROUP}.{name}")).get("BACKEND")
    if not isinstance(plugin, BackendPlugin):
        raise BackendUnavailableError(
            f"backend {name!r}: expected a BackendPlugin, got {type(plugin).__name__}"
        )
    return plugin


def _load(name: str, entry: EntryPoint) -> object:
    try:
        return entry.load()
    except Exception as error:  # another's code runs here and may raise anything: it disables itself alone
        what = " ".join(str(error).split()) or type(error).__name__
        raise BackendUnavailableError(f"backend {name!r} cannot be loaded: {what}") from error
