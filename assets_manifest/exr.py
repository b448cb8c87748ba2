"""Read and write OpenEXR panoramas. The only module here that imports `OpenEXR`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jobs.extras import extra

with extra("render"):
    import OpenEXR


class ExrError(ValueError):
    """An EXR file without three colour channels."""


def read_exr(path: Path) -> NDArray[np.float32]:
    """Linear RGB of a file's first part, float32 (H, W, 3)."""
    with OpenEXR.File(str(path)) as file:
        channels = file.channels()
        if "RGB" in channels:
            pixels = channels["RGB"].pixels
        elif "RGBA" in channels:
            pixels = channels["RGBA"].pixels[:, :, :3]
        else:
            raise ExrError(f"{path} has channels {sorted(channels)}, expected RGB")
        return np.array(pixels, dtype=np.float32)


def write_exr(path: Path, rgb_hw3: NDArray[np.floating]) -> None:
    """Write finite, non-negative linear RGB as zip-compressed 32-bit floats."""
    if rgb_hw3.ndim != 3 or rgb_hw3.shape[2] != 3:
        raise ExrError(f"expected an (H, W, 3) image for {path}, got {rgb_hw3.shape}")
    if not np.isfinite(rgb_hw3).all() or rgb_hw3.min() < 0:
        raise ExrError(f"radiance must be finite and not negative, got {rgb_hw3.min()} to {rgb_hw3.max()}")
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    path.parent.mkdir(parents=True, exist_ok=True)
    with OpenEXR.File(header, {"RGB": np.ascontiguousarray(rgb_hw3, dtype=np.float32)}) as file:
        file.write(str(path))
