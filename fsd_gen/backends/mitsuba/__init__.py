"""Mitsuba 3 with Open Image Denoise: on the CPU through LLVM, on an NVIDIA GPU through OptiX."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsd_gen.backends.plugin import BackendPlugin
from jobs.extras import install

if TYPE_CHECKING:
    from fsd_gen.backends.base import Backend


def _create(threads: int | None) -> Backend:
    from fsd_gen.backends.mitsuba.backend import MitsubaBackend

    return MitsubaBackend(threads=threads)


BACKEND = BackendPlugin(
    create=_create,
    libraries=("drjit", "mitsuba", "mitsuba_oidn"),
    install=install("render"),
)
