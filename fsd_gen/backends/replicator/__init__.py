"""Path tracing by RTX through `omni.replicator.core` in Isaac Sim, in a process of Isaac Sim's own Python."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsd_gen.backends.plugin import BackendPlugin
from fsd_gen.backends.replicator.installed import why_unavailable
from jobs.extras import install

if TYPE_CHECKING:
    from fsd_gen.backends.base import Backend


def _create(threads: int | None) -> Backend:
    from fsd_gen.backends.replicator.backend import create

    return create(threads)


BACKEND = BackendPlugin(
    create=_create,
    libraries=("pxr", "embreex"),
    install=install("render"),
    gpus=1,
    unavailable=why_unavailable,
    draws_mdl=True,
)
