"""Where a Python with ovrtx is, and which GPU is ours."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from fsd_gen.backends.plugin import BackendUnavailableError
from fsd_gen.rtx.interpreter import interpreter, not_found

PYTHON = "FSD_OVRTX_PYTHON"
VISIBLE = "CUDA_VISIBLE_DEVICES"


def find_python() -> Path | None:
    """What FSD_OVRTX_PYTHON names, else ours where it has ovrtx."""
    if os.environ.get(PYTHON):
        return interpreter(PYTHON, os.environ)
    return Path(sys.executable) if find_spec("ovrtx") else None


def why_unavailable() -> str | None:
    """What is missing, in one line with its remedy; None if ovrtx seems to be here."""
    if find_python() is not None:
        return None
    return (
        f"{not_found(PYTHON, 'ovrtx', os.environ)}; `pip install ovrtx`, here or in a venv "
        f"whose python {PYTHON} names (docs/omniverse.md; NVIDIA's licence)"
    )


def gpu_of_worker(environ: Mapping[str, str]) -> str:
    """The first GPU that CUDA_VISIBLE_DEVICES shows, by number or UUID; "" where it does not say.

    Raises:
        BackendUnavailableError: it shows none.
    """
    if VISIBLE not in environ:
        return ""
    first = environ[VISIBLE].split(",")[0].strip()
    if first in ("", "-1", "NoDevFiles"):
        raise BackendUnavailableError(
            f"{VISIBLE}={environ[VISIBLE]} hides every GPU from this worker; give each worker one with "
            "--gpus-per-worker 1"
        )
    return first
