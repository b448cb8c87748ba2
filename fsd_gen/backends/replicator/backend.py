"""The backend `replicator`: which process it starts."""

from __future__ import annotations

import os

from fsd_gen.backends.plugin import BackendUnavailableError
from fsd_gen.backends.replicator.installed import VISIBLE, find_python, gpu_index, why_unavailable
from fsd_gen.rtx.backend import RtxBackend
from fsd_gen.rtx.child.versions import ASSUME
from fsd_gen.rtx.childprocess import Launch
from fsd_gen.rtx.interpreter import child_environ, logs_folder
from fsd_gen.rtx.process import Limits


def create(threads: int | None) -> RtxBackend:
    """The backend; Kit chooses its CPU threads itself, so that `threads` has no say.

    Raises BackendUnavailableError.
    """
    del threads
    return RtxBackend(replicator_launch(), limits=Limits.of(os.environ))


def replicator_launch() -> Launch:
    """How its process is started. Raises BackendUnavailableError."""
    python = find_python()
    if python is None:
        raise BackendUnavailableError(f"backend 'replicator' cannot run here: {why_unavailable()}")
    return Launch(
        engine="replicator",
        python=(str(python),),
        config={"gpu": gpu_index(), "assume": os.environ.get(ASSUME["replicator"], "")},
        environ=child_environ(without=(VISIBLE,)),
        logs=logs_folder(),
    )
