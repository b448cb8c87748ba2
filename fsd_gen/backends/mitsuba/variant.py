"""Where Mitsuba computes: on an NVIDIA GPU where there is one, else on the CPU through LLVM."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from pathlib import Path

from fsd_gen.backends.mitsuba.llvm import LlvmError, check_version, prepare_llvm
from fsd_gen.backends.plugin import BackendUnavailableError

CPU = "llvm_ad_rgb"
GPU = "cuda_ad_rgb"
OVERRIDE = "FSD_MITSUBA_VARIANT"
CACHE_LIMIT = "DRJIT_CACHE_MAXSIZE"
KERNEL_CACHE = "256M"  # of compiled kernels in ~/.drjit (or DRJIT_CACHE_DIR): those of some thousand scenes


def prepare_variant() -> str:
    """Choose the variant and make the process ready for it; call before `drjit` is imported.

    FSD_MITSUBA_VARIANT forces one. Raises BackendUnavailableError when the chosen one cannot run here.
    """
    os.environ.setdefault(
        CACHE_LIMIT, KERNEL_CACHE
    )  # Dr.Jit drops what was not used for longest, once an hour
    variant = os.environ.get(OVERRIDE) or (GPU if has_gpu() else CPU)
    if variant not in (CPU, GPU):
        raise BackendUnavailableError(f"{OVERRIDE} must be {CPU} or {GPU}, got {variant!r}")
    if variant == GPU and not has_gpu():
        raise BackendUnavailableError(f"{GPU} needs an NVIDIA GPU and a driver with libnvoptix; found none")
    if variant == CPU:
        try:
            prepare_llvm()
        except LlvmError as error:
            raise BackendUnavailableError(f"mitsuba on the CPU: {error}") from error
    return variant


def check_variant(variant: str, llvm_version: Callable[[], tuple[int, int, int]]) -> None:
    """Make sure that Dr.Jit took the LLVM it was given; another import may have been first.

    Raises BackendUnavailableError.
    """
    if variant != CPU:
        return
    try:
        check_version(llvm_version()[0], "Dr.Jit's choice (drjit was imported before this backend)")
    except LlvmError as error:
        raise BackendUnavailableError(f"mitsuba on the CPU: {error}") from error


def has_gpu() -> bool:
    """Whether there is an NVIDIA GPU whose driver has OptiX."""
    if not Path("/dev/nvidiactl").exists():
        return False
    return all(_loadable(library) for library in ("libcuda.so.1", "libnvoptix.so.1"))


def _loadable(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
