"""What a renderer's buffers must be before they are pictures: there, of the right shape, not black.

Depth is metres along the optical axis. Some renderers write 0 where no ray hits, others inf; both become inf.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fsd_gen.rtx.child.contract import COLOUR, DEPTH, IDS, NORMALS, View

KINDS: Mapping[str, tuple[str, ...]] = {  # dtypes that each channel may have
    COLOUR: ("float16", "float32"),
    DEPTH: ("float32",),
    IDS: ("uint32", "int32"),
    NORMALS: ("float32",),
}
DEPTHS: Mapping[str, tuple[int, ...]] = {COLOUR: (4, 3), DEPTH: (0, 1), IDS: (0, 1), NORMALS: (4, 3)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a buffer is no picture; another try may give one."""

    code: str  # "empty", "flat", "black", "stale"
    message: str


def picture(
    raw: object, channel: str, width: int, height: int
) -> NDArray[np.float32] | NDArray[np.uint32] | Refusal:
    """The buffer of a channel as a picture of our own, or why it is none.

    A flat buffer of the right size, as Kit gives where a node does not know its size yet, is put in shape.
    """
    values = _there(raw)
    if isinstance(values, Refusal):
        return values
    if values.dtype.name not in KINDS[channel]:
        return Refusal(code="flat", message=f"dtype {values.dtype}, expected {' or '.join(KINDS[channel])}")
    shaped = _shaped(values, [(height, width, *([depth] if depth else [])) for depth in DEPTHS[channel]])
    if shaped is None:
        return Refusal(code="flat", message=f"shape {values.shape} for {width} x {height} pixels")
    if channel == COLOUR and not shaped[..., :3].any():
        return Refusal(code="black", message="every pixel is 0")
    return _ours(shaped, channel)


def _there(raw: object) -> NDArray[np.generic] | Refusal:
    if raw is None:
        return Refusal(code="empty", message="None")
    values = np.array(raw)  # a copy: the renderer's own memory changes with its next frame
    if not values.size:
        return Refusal(code="empty", message=f"an array of shape {values.shape}")
    return values


def _shaped(values: NDArray[np.generic], shapes: list[tuple[int, ...]]) -> NDArray[np.generic] | None:
    for shape in shapes:
        if values.shape == shape or (values.ndim == 1 and values.size == math.prod(shape)):
            return values.reshape(shape)
    return None


def _ours(values: NDArray[np.generic], channel: str) -> NDArray[np.float32] | NDArray[np.uint32]:
    if channel == IDS:
        return np.ascontiguousarray(values.reshape(values.shape[:2]).view(np.uint32))
    if channel == DEPTH:
        depth_hw = values.reshape(values.shape[:2]).astype(np.float32)
        depth_hw[~(np.isfinite(depth_hw) & (depth_hw > 0))] = np.inf
        return depth_hw
    return np.ascontiguousarray(values[..., :3].astype(np.float32))


def paths_of(labels: object) -> dict[int, str]:
    """Prim path by id, from Replicator's `idToLabels`; ids of what is no prim are left out."""
    if not isinstance(labels, Mapping):
        return {}
    return {int(key): str(path) for key, path in labels.items() if str(path).startswith("/")}


def digest_of(views: tuple[View, ...]) -> bytes:
    """Of their colours: no two scenes have the same, so that the same again is the scene before."""
    digest = hashlib.blake2b(digest_size=16)
    for view in views:
        digest.update(view.colour_hwc.tobytes())
    return digest.digest()
