"""What the rendering process gave, as images of the rig: cut, and freed of the cameras' exposure.

A frame that is no picture is told by its name: not of the size that was asked for, not finite, all black, all
one colour, clipped, or the same for both eyes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from fsd_gen.backends.base import BackendError, SeenByRenderer
from fsd_gen.rtx.child.contract import View
from fsd_gen.rtx.layer import EYES, RtxStage
from fsd_gen.rtx.things import paths_of_labels

HALF_END = 65472.0  # half floats at or beyond the last but one are clipped
MAX_CLIPPED = 0.001  # share of the pixels: glints, which are white whatever they are

S = TypeVar("S", bound=np.generic)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frames:
    """Both eyes as the rig sees them."""

    left_hwc: NDArray[np.float32]  # linear radiance
    right_hwc: NDArray[np.float32]
    seen: tuple[SeenByRenderer, SeenByRenderer] | None  # None: the renderer gave no depth


def frames_of(views: Sequence[View], stage: RtxStage, named: str) -> Frames:
    """The pair that a job gave; `named` says by which renderer.

    Raises:
        BackendError: a frame is no picture of the scene.
    """
    by_eye: Mapping[str, View] = {view.eye: view for view in views}
    if set(by_eye) != set(EYES):
        raise BackendError(f"{named}: expected frames of {' and '.join(EYES)}, got {sorted(by_eye)}")
    left, right = (by_eye[eye] for eye in EYES)
    left_hwc, right_hwc = (_linear(view, stage, named) for view in (left, right))
    if np.array_equal(left_hwc, right_hwc):
        raise BackendError(f"{named}: both eyes got the same frame")
    return Frames(left_hwc=left_hwc, right_hwc=right_hwc, seen=_both_seen(left, right, stage, named))


def _linear(view: View, stage: RtxStage, named: str) -> NDArray[np.float32]:
    """One eye's radiance (H, W, 3) at the rig's size."""
    told = f"{named}: the frame of the {view.eye} eye"
    raw_hwc = _cut(view.colour_hwc, stage, told)
    if not np.isfinite(raw_hwc).all():
        wrong = int((~np.isfinite(raw_hwc)).any(axis=2).sum())
        raise BackendError(f"{told} has {wrong} pixels that are not finite")
    brightest = raw_hwc.max()
    clipped = float((raw_hwc >= HALF_END).any(axis=2).mean()) if brightest >= HALF_END else 0.0
    if clipped > MAX_CLIPPED:
        raise BackendError(
            f"{told} is clipped on {clipped:.1%} of its pixels, exposed by 2^{np.log2(stage.scale):g}: a "
            "light is brighter than it says"
        )
    if not brightest > 0:
        raise BackendError(f"{told} is black")
    if not (raw_hwc != raw_hwc[0, 0]).any():
        raise BackendError(f"{told} is of one colour everywhere")
    radiance_hwc: NDArray[np.float32] = np.maximum(raw_hwc, 0).astype(np.float32) / np.float32(stage.scale)
    return radiance_hwc


def _both_seen(
    left: View, right: View, stage: RtxStage, named: str
) -> tuple[SeenByRenderer, SeenByRenderer] | None:
    if left.depth_hw is None or right.depth_hw is None:
        return None
    return _seen(left, left.depth_hw, stage, named), _seen(right, right.depth_hw, stage, named)


def _seen(view: View, depth_hw: NDArray[np.float32], stage: RtxStage, named: str) -> SeenByRenderer:
    cut_hw = _cut(depth_hw, stage, f"{named}: the depth of the {view.eye} eye")
    if view.ids_hw is None:
        return SeenByRenderer(depth_hw=cut_hw)
    ids_hw = _cut(view.ids_hw, stage, f"{named}: the ids of the {view.eye} eye")
    labels = view.labels if stage.things is None else paths_of_labels(view.labels, stage.things)
    return SeenByRenderer(depth_hw=cut_hw, ids_hw=ids_hw, labels=labels)


def _cut(array: NDArray[S], stage: RtxStage, told: str) -> NDArray[S]:
    """The part of a rendered map that the rig sees."""
    if array.shape[:2] != (stage.height, stage.width):
        found, wanted = f"{array.shape[1]}x{array.shape[0]}", f"{stage.width}x{stage.height}"
        raise BackendError(f"{told} is {found}, expected {wanted}")
    (left, top), rig = stage.crop, stage.rig
    return np.ascontiguousarray(array[top : top + rig.height, left : left + rig.width])
