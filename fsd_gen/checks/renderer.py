"""Whether the renderer saw the scene that the truth is about, by its own depth and ids.

Truth never comes from the renderer; but one that renders another scene, a moment too early, or by a lens of
its own, says so by its depth. Pixels that both can mean the same by are compared: opaque surfaces, and the
sky. At a step of depth the two may sample either side, so a pixel is off when the renderer's disparity lies
beyond everything that the truth has right around it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fsd_gen.backends.base import SeenByRenderer
from fsd_gen.checks.defects import Defect, DefectCode
from fsd_gen.checks.windows import highest, lowest
from fsd_gen.scene.instances import instance_of
from fsd_gen.scene.rig import StereoRig
from fsd_gen.shards.flags import Flag
from fsd_gen.truth.maps import Truth
from fsd_gen.truth.raycast import build_ray_scene
from fsd_gen.usd.flat_scene import FlatScene

OFF_PX = 0.5  # of disparity
MAX_OFF = 0.02  # share of the compared pixels
NOT_COMPARED = (Flag.NO_TRUTH | Flag.TRANSPARENT).value

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How far a renderer and the truth agree; None where there is nothing to compare."""

    depth_off_share: float | None = None  # of the compared pixels of both eyes
    instance_off_share: float | None = None  # of the left eye's opaque pixels


def agreement(
    scene: FlatScene, rig: StereoRig, truth: Truth, seen: tuple[SeenByRenderer, SeenByRenderer] | None
) -> Agreement:
    """What the renderer says it saw, against the truth of the same scene."""
    if seen is None:
        return Agreement()
    views = (
        (truth.disparity_left_hw, truth.flags_left_hw, seen[0].depth_hw),
        (truth.disparity_right_hw, truth.flags_right_hw, seen[1].depth_hw),
    )
    compared = [(flags_hw & NOT_COMPARED) == 0 for _, flags_hw, _ in views]
    off = [_off(disparity_hw, rig, depth_hw) for disparity_hw, _, depth_hw in views]
    share = _share(off, compared)
    if share is not None and share > MAX_OFF and any(surface.cutout for surface in scene.surfaces):
        holes = [_behind_cutouts(scene, rig, shift_m) for shift_m in (0.0, rig.baseline_m)]
        share = _share(off, [mask_hw & ~hole_hw for mask_hw, hole_hw in zip(compared, holes, strict=True)])
    return Agreement(depth_off_share=share, instance_off_share=_other_things(scene, truth, seen[0]))


def renderer_defects(found: Agreement) -> Iterator[Defect]:
    """At most one: too much of the renderer's depth is off."""
    share = found.depth_off_share
    if share is not None and share > MAX_OFF:
        yield Defect(
            code=DefectCode.RENDERER_DEPTH,
            detail=f"the renderer's own depth is more than {OFF_PX:g} px off the truth on {share:.1%} of the "
            f"pixels that show something opaque or the sky, at most {MAX_OFF:.1%} allowed",
        )


def _off(disparity_hw: NDArray[np.float32], rig: StereoRig, depth_hw: NDArray[np.float32]) -> Mask:
    """Where the renderer's depth is beyond all the truth around a pixel. What is no depth is off."""
    with np.errstate(divide="ignore", invalid="ignore"):
        theirs_hw = np.asarray(rig.disparity(depth_hw))
    low_hw = lowest(disparity_hw, 3) - OFF_PX
    high_hw = highest(disparity_hw, 3) + OFF_PX
    off_hw: Mask = ~((theirs_hw >= low_hw) & (theirs_hw <= high_hw))
    return off_hw


def _share(off: list[Mask], compared: list[Mask]) -> float | None:
    pixels = sum(int(np.count_nonzero(mask_hw)) for mask_hw in compared)
    wrong = sum(
        int(np.count_nonzero(off_hw & mask_hw)) for off_hw, mask_hw in zip(off, compared, strict=True)
    )
    return wrong / pixels if pixels else None


def _behind_cutouts(scene: FlatScene, rig: StereoRig, shift_m: float) -> Mask:
    """Where the first thing on the way has holes, of which a renderer's depth may know nothing."""
    rays = replace(build_ray_scene(scene), cutouts={})
    directions_n3 = rig.ray_directions().reshape(-1, 3)
    eye_n3 = np.broadcast_to(np.array([shift_m, 0.0, 0.0]), directions_n3.shape)
    hits = rays.first_hits(eye_n3, directions_n3)
    holed_s = np.array([surface.cutout for surface in scene.surfaces], bool)
    return rays.surface_mask(hits.primitive_n, holed_s).reshape(rig.height, rig.width)


def _other_things(scene: FlatScene, truth: Truth, seen: SeenByRenderer) -> float | None:
    """Share of the left eye's opaque pixels at which the renderer names another thing of the scene."""
    if seen.ids_hw is None or not seen.labels:
        return None
    numbers: dict[str, int] = {}
    ours_b = [numbers.setdefault(instance_of(mesh.name), len(numbers)) for mesh in scene.meshes]
    primitive_n = truth.hits_left.primitive_n
    opaque_n = (primitive_n >= 0) & ((truth.flags_left_hw.ravel() & NOT_COMPARED) == 0)
    if not opaque_n.any():
        return None
    ours_t = np.repeat(np.array(ours_b), [len(mesh.faces_f3) for mesh in scene.meshes])
    ids_n = seen.ids_hw.ravel()[opaque_n]
    starts_r = np.flatnonzero(np.concatenate([[True], ids_n[1:] != ids_n[:-1]]))  # of runs of the same id
    theirs_r = [numbers.get(instance_of(seen.labels.get(int(each), "")), -1) for each in ids_n[starts_r]]
    theirs_n = np.repeat(theirs_r, np.diff(starts_r, append=len(ids_n)))
    return float((theirs_n != ours_t[primitive_n[opaque_n]]).mean())
