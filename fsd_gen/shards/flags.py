"""What a pixel is besides its disparity: the bits of `flags_left` and `flags_right`."""

from __future__ import annotations

from enum import IntFlag


class Flag(IntFlag):
    """Per-pixel facts, one bit each, in `flags_left` and `flags_right`.

    A pixel without any bit has exact disparity and is seen by both eyes.
    """

    OCCLUDED = 1  # inside the other image, but something nearer hides it there
    OUT_OF_FRAME = 2  # its match lies outside the other image
    SKY = 4  # no surface: at infinity, disparity 0
    TRANSPARENT = 8  # first surface is see-through; the disparity is that of the first surface
    MIRROR = 16  # first surface is mirror-like; the disparity is that of the mirror itself
    NO_TRUTH = 32  # the disparity could not be computed exactly; the stored value is 0
