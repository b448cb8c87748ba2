"""The backend `ovrtx`: which process it starts."""

from __future__ import annotations

import os

from fsd_gen.backends.ovrtx.installed import find_python, gpu_of_worker, why_unavailable
from fsd_gen.backends.plugin import BackendUnavailableError
from fsd_gen.rtx.backend import RtxBackend
from fsd_gen.rtx.child.versions import ASSUME
from fsd_gen.rtx.childprocess import Launch
from fsd_gen.rtx.interpreter import child_environ, logs_folder
from fsd_gen.rtx.process import Limits

OVSTAGE = "FSD_OVRTX_OVSTAGE"  # environment: 1 lets ovstage hold the stages
ENVIRON = {  # of its process, where the user says nothing else
    "CUDA_DEVICE_ORDER": "PCI_BUS_ID",  # numbers as nvidia-smi has them
    "CUDA_DEVICE_MAX_CONNECTIONS": "1",  # ovrtx's advice against slow steps on Linux
    "OVRTX_SKIP_USD_CHECK": "1",  # the process imports no pxr, whatever is installed
    "VK_LOADER_DISABLE_DYNAMIC_LIBRARY_UNLOADING": "1",  # else libEGL may crash at the end
}


def create(threads: int | None) -> RtxBackend:
    """The backend; ovrtx chooses its CPU threads itself, so that `threads` has no say.

    Raises BackendUnavailableError.
    """
    del threads
    return RtxBackend(ovrtx_launch(), limits=Limits.of(os.environ))


def ovrtx_launch() -> Launch:
    """How its process is started. Raises BackendUnavailableError."""
    python = find_python()
    if python is None:
        raise BackendUnavailableError(f"backend 'ovrtx' cannot run here: {why_unavailable()}")
    gpu = gpu_of_worker(os.environ)
    return Launch(
        engine="ovrtx",
        python=(str(python),),
        config={
            "gpu": gpu or "0",
            "assume": os.environ.get(ASSUME["ovrtx"], ""),
            "ovstage": _switched(OVSTAGE),
        },
        environ={**ENVIRON, **child_environ(), **({"CUDA_VISIBLE_DEVICES": gpu} if gpu else {})},
        logs=logs_folder(),
    )


def _switched(variable: str) -> bool:
    said = os.environ.get(variable, "")
    if said not in ("", "0", "1"):
        raise BackendUnavailableError(f"{variable}={said}: expected 0 or 1")
    return said == "1"
