"""A pair and its truth as plain pictures and maps, for programs that read no shards."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fsd_gen.rigs.k_file import k_text
from fsd_gen.scene.rig import StereoRig
from stereo_model.data.encodings import encode_npy
from stereo_model.inference.images import encode_image

PAIR_FILES = ("left.png", "right.png", "disparity.npy", "flags.npy", "K.txt")
LAST = "K.txt"  # where it is, all others are


def write_pair_files(
    folder: Path,
    left_hwc: NDArray[np.uint8],
    right_hwc: NDArray[np.uint8],
    disparity_hw: NDArray[np.floating],
    flags_hw: NDArray[np.uint8],
    rig: StereoRig,
) -> None:
    """Write all of `PAIR_FILES` into `folder`. Raises OSError with the code of the system.

    Each is encoded first: numpy and Pillow give errors without a code where they find the disk full.
    """
    (folder / "left.png").write_bytes(encode_image(left_hwc))
    (folder / "right.png").write_bytes(encode_image(right_hwc))
    (folder / "disparity.npy").write_bytes(encode_npy(disparity_hw))
    (folder / "flags.npy").write_bytes(encode_npy(flags_hw))
    (folder / "K.txt").write_bytes(k_text(rig).encode())
