"""How a rig's picture is framed for RTX, whose cameras have square pixels and a centred principal point.

A principal point at whole or half pixels is reached exactly: a wider picture is rendered, with the point in
its middle, and cut. Any other, and pixels that are not square, need the OpenCV lens schema, where the version
has it; without it the rig is refused, because a picture that is cut a fraction of a pixel off would disagree
with its truth.
"""

from __future__ import annotations

from dataclasses import dataclass

from fsd_gen.backends.base import BackendError
from fsd_gen.rtx.targets import Target
from fsd_gen.scene.rig import StereoRig

WHOLE_PX = 2e-3  # of twice a principal point
LARGEST_PX = 16384  # side of a picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The picture that is rendered, and the part of it that is the rig's."""

    width: int  # pixels
    height: int
    left: int  # first column and row that the rig sees
    top: int
    opencv: bool  # by the lens schema, which takes the rig's intrinsics as they are


def frame_of(rig: StereoRig, target: Target) -> Frame:
    """How `rig` is rendered.

    Raises:
        BackendError: this version cannot render it exactly.
    """
    across, left = _centred(rig.width, rig.cx_px)
    down, top = _centred(rig.height, rig.cy_px)
    if rig.focal_y_px is None and across and down:
        return Frame(width=across, height=down, left=left, top=top, opencv=False)
    if not (target.row.opencv_lens and target.lens):
        raise BackendError(
            f"{target.named}: {_misfit(rig)}, for which it has no lens that is right; {_remedy(rig)}"
        )
    return Frame(width=rig.width, height=rig.height, left=0, top=0, opencv=True)


def _centred(size: int, centre: float) -> tuple[int, int]:
    """Size of the picture with `centre` in its middle, and where the part of `size` begins; 0 for none."""
    wanted = 2 * max(centre, size - centre)
    if abs(wanted - round(wanted)) > WHOLE_PX or wanted > LARGEST_PX:
        return 0, 0
    whole = round(wanted)
    return whole, 0 if centre > size / 2 else whole - size


def _misfit(rig: StereoRig) -> str:
    if rig.focal_y_px is not None:
        return f"the rig's pixels are not square ({rig.focal_px:g} and {rig.fy_px:g} px focal length)"
    return f"the rig's principal point ({rig.cx_px:g}, {rig.cy_px:g}) is not at whole or half pixels"


def _remedy(rig: StereoRig) -> str:
    if rig.focal_y_px is not None:
        return "use a rig of square pixels, a newer version, or backend mitsuba"
    cx, cy = (round(2 * centre) / 2 for centre in (rig.cx_px, rig.cy_px))
    return f"use the principal point ({cx:g}, {cy:g}), a newer version, or backend mitsuba"
