"""Where Isaac Sim's Python is, and which GPU is ours."""

from __future__ import annotations

import logging
import os
import sys
from importlib.util import find_spec
from pathlib import Path

from fsd_gen.backends.plugin import BackendUnavailableError
from fsd_gen.rtx.interpreter import interpreter, not_found

log = logging.getLogger(__name__)

PYTHON = "FSD_ISAAC_PYTHON"
EULA = "OMNI_KIT_ACCEPT_EULA"
OF_THE_IMAGE = Path("/isaac-sim/python.sh")  # in NVIDIA's container images
VISIBLE = "CUDA_VISIBLE_DEVICES"


def find_python() -> Path | None:
    """What FSD_ISAAC_PYTHON names, else that of NVIDIA's image, else ours where it has isaacsim."""
    if os.environ.get(PYTHON):
        return interpreter(PYTHON, os.environ)
    if OF_THE_IMAGE.is_file():
        return OF_THE_IMAGE
    return Path(sys.executable) if find_spec("isaacsim") else None


def why_unavailable() -> str | None:
    """What is missing, in one line with its remedy; None if Isaac Sim seems to be here."""
    python = find_python()
    if python is None:
        return (
            f"{not_found(PYTHON, 'Isaac Sim', os.environ)}; set {PYTHON} to isaac-sim/python.sh, "
            "or to the python of a venv with isaacsim[all,extscache] (docs/omniverse.md)"
        )
    if python.suffix != ".sh" and not os.environ.get(EULA):
        return (
            f"isaacsim in {python} asks for the licence when it is imported; read NVIDIA's licence, and "
            f"where you agree, set {EULA}=YES"
        )
    return None


def gpu_index() -> int:
    """The GPU of this worker: the first of CUDA_VISIBLE_DEVICES, 0 where that says none.

    Kit counts GPUs as Vulkan does, which CUDA_VISIBLE_DEVICES does not hide: its process does not get it.

    Raises:
        BackendUnavailableError: it is named in a way that Kit does not take.
    """
    if os.environ.get(VISIBLE) == "":
        log.warning("this worker was given no GPU and takes GPU 0; give it one: --gpus-per-worker 1")
    first = os.environ.get(VISIBLE, "").split(",")[0].strip() or "0"
    if not first.isdecimal():
        raise BackendUnavailableError(
            f"{VISIBLE}={first}: Kit takes a GPU by its number alone; name it by number, or let the worker "
            "see one GPU only (docker --gpus device=N, NVIDIA_VISIBLE_DEVICES=N)"
        )
    return int(first)
