"""Path tracing by RTX through ovrtx, Omniverse RTX as a library, in a process of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsd_gen.backends.ovrtx.installed import why_unavailable
from fsd_gen.backends.plugin import BackendPlugin
from jobs.extras import install

if TYPE_CHECKING:
    from fsd_gen.backends.base import Backend


def _create(threads: int | None) -> Backend:
    from fsd_gen.backends.ovrtx.backend import create

    return create(threads)


BACKEND = BackendPlugin(
    create=_create,
    libraries=("pxr", "embreex"),
    install=install("render"),
    gpus=1,
    unavailable=why_unavailable,
    draws_mdl=True,
)
