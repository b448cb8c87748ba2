"""From images of the sizes that the network takes to images of any size, and to large ones.

Both images of a pair are padded alike, which changes no disparity. The hierarchy of two sizes is that of
the published inference, for large images with disparities beyond the search range.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.nn import functional as F

from stereo_model.network.config import SIZE_MULTIPLE, VOLUME_STRIDE

HIERARCHY_RATIO = 0.5  # size of the images of the first pass of hierarchical inference

Estimate = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""(left, right, initial disparity or None) -> disparity, as FoundationStereo.forward has them."""


class ImageSizeError(ValueError):
    """The images of a pair do not fit each other or the network."""


class NonFiniteImageError(ValueError):
    """An image holds pixels that are not finite numbers."""


def estimate_padded(
    estimate: Estimate, left_bchw: Tensor, right_bchw: Tensor, start_b1hw: Tensor | None = None
) -> Tensor:
    """Disparity (B,1,H,W) of images of any size, refined from `start_b1hw` (their own pixels) if given."""
    height, width = left_bchw.shape[-2:]
    rows, columns = -height % SIZE_MULTIPLE, -width % SIZE_MULTIPLE
    top, side = rows // 2, columns // 2
    border = (side, columns - side, top, rows - top)
    left, right = (F.pad(view, border, mode="replicate") for view in (left_bchw, right_bchw))
    initial = None
    if start_b1hw is not None:
        quarter = [length // VOLUME_STRIDE for length in left.shape[-2:]]
        start = F.pad(start_b1hw, border, mode="replicate") / VOLUME_STRIDE
        initial = F.interpolate(start, size=quarter, mode="bilinear", align_corners=True)
    return estimate(left, right, initial)[..., top : top + height, side : side + width]


def estimate_small(estimate: Estimate, left_bchw: Tensor, right_bchw: Tensor) -> Tensor:
    """Disparity (B,1,H,W), in pixels of the images, estimated from images of half their size."""
    size = list(left_bchw.shape[-2:])
    small = [max(1, int(side * HIERARCHY_RATIO)) for side in size]
    left, right = (F.interpolate(view, size=small, mode="bilinear") for view in (left_bchw, right_bchw))
    disparity = estimate_padded(estimate, left, right)
    enlarged = F.interpolate(disparity, size=size, mode="bilinear", align_corners=True)
    return (enlarged / HIERARCHY_RATIO).clamp(min=0)


def check_pair(left_bchw: Tensor, right_bchw: Tensor) -> None:
    """Two equal (B,3,H,W), H and W multiples of SIZE_MULTIPLE, or an ImageSizeError."""
    fits = left_bchw.shape == right_bchw.shape and left_bchw.dim() == 4 and left_bchw.shape[1] == 3
    if not fits or left_bchw.shape[2] % SIZE_MULTIPLE or left_bchw.shape[3] % SIZE_MULTIPLE:
        raise ImageSizeError(_pair_message(left_bchw, right_bchw) + f", H and W multiples of {SIZE_MULTIPLE}")


def check_initial(disparity_b1hw: Tensor | None, image_bchw: Tensor) -> None:
    """None or (B,1,H/4,W/4), or an ImageSizeError."""
    b, _, height, width = image_bchw.shape
    expected = (b, 1, height // VOLUME_STRIDE, width // VOLUME_STRIDE)
    if disparity_b1hw is not None and tuple(disparity_b1hw.shape) != expected:
        raise ImageSizeError(f"initial_disparity is {tuple(disparity_b1hw.shape)}, expected {expected}")


def checked_images(left_bchw: Tensor, right_bchw: Tensor) -> tuple[Tensor, Tensor]:
    """A pair of any size as floats. Raises ImageSizeError and NonFiniteImageError."""
    if left_bchw.shape != right_bchw.shape or left_bchw.dim() != 4:
        raise ImageSizeError(_pair_message(left_bchw, right_bchw))
    left, right = left_bchw.float(), right_bchw.float()
    for name, image in (("left", left), ("right", right)):
        bad = int((~image.isfinite()).any(1).sum())
        if bad:
            raise NonFiniteImageError(
                f"the {name} image has {bad} pixels that are not finite, expected RGB values in 0..255"
            )
    return left, right


def _pair_message(left: Tensor, right: Tensor) -> str:
    return f"got left {tuple(left.shape)} and right {tuple(right.shape)}, expected two equal (B,3,H,W)"
