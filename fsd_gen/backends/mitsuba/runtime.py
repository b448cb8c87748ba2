"""Mitsuba, Dr.Jit and the denoiser, imported once, in the order they need, and in the variant that runs here.

Importing this module raises MissingExtraError where they are not installed, and BackendUnavailableError where
they cannot compute.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fsd_gen.backends.mitsuba.variant import check_variant, prepare_variant
from fsd_gen.usd.flat_scene import Rgb
from jobs.extras import extra

VARIANT = prepare_variant()  # before Dr.Jit is imported, which is when it chooses its LLVM

with extra("render"):
    import drjit as dr
    import mitsuba as mi
    import mitsuba_oidn as oidn

mi.set_variant(VARIANT)
check_variant(VARIANT, dr.detail.llvm_version)

ALIGNMENT = 64  # bytes; a cache line, and the widest vector
PluginDict = dict[str, Any]  # what `instantiate` takes

__all__ = ["VARIANT", "PluginDict", "dr", "instantiate", "mi", "oidn", "rgb_plugin", "settled"]


def instantiate(plugin: PluginDict) -> Any:
    """The object that `plugin` describes; its parts are made one after the other, in the order of the dict.

    Mitsuba's default merges meshes by the addresses of their parts: which light a sample is sent to would
    follow from where the memory lay, and the same seed would give another picture now and then.
    """
    return mi.load_dict(plugin, parallel=False, optimize=False)


def settled(values: NDArray[Any]) -> NDArray[Any]:
    """`values` as one row, at an address that a vector load can start from.

    Dr.Jit reads arrays where they lie and compiles other kernels for crooked addresses: where memory happened
    to lie would decide how many kernels a scene needs.
    """
    room = np.empty(values.nbytes + ALIGNMENT, np.uint8)
    start = -room.ctypes.data % ALIGNMENT
    row = room[start : start + values.nbytes].view(values.dtype)
    row[:] = values.ravel()
    return row


def rgb_plugin(colour: Rgb) -> PluginDict:
    """A colour that is the same everywhere."""
    return {"type": "rgb", "value": [float(channel) for channel in colour]}
