"""Render backends by name. A backend's libraries are only imported when it is asked for."""

from __future__ import annotations

from fsd_gen.backends.base import Backend, BackendUnavailableError

BUILT = ("mitsuba",)
PLANNED = ("ovrtx", "replicator")


def create_backend(name: str, *, threads: int | None = None) -> Backend:
    """The backend called `name`, with `threads` CPU threads (default: every CPU granted to this process).

    Raises BackendUnavailableError when it is unknown, not built yet, or cannot run here.
    """
    if name in PLANNED:
        raise BackendUnavailableError(f"backend {name!r} is not built yet; use one of {', '.join(BUILT)}")
    if name not in BUILT:
        raise BackendUnavailableError(f"unknown backend {name!r}; known are {', '.join((*BUILT, *PLANNED))}")
    from fsd_gen.backends.mitsuba.backend import MitsubaBackend

    return MitsubaBackend(threads=threads)
