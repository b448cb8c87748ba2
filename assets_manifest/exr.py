"""Read and write OpenEXR images. The only module here that imports `OpenEXR`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.extras import extra

with extra("render"):
    import OpenEXR

COLOURS = (("R", "G", "B"), ("Y",))  # what can be an image; A beside either is its alpha


class ExrError(ValueError):
    """An EXR file without three colour channels, or too large."""


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


def read_exr_channels(path: Path, *, most_pixels: int) -> NDArray[np.float32]:
    """(H, W, C) of a file's first part: Y, YA, RGB or RGBA.

    Raises:
        ExrError: other channels, only a part of the picture, or more pixels than asked for.
    """
    with OpenEXR.File(str(path), header_only=True) as file:
        _check_window(path, file.header(), most_pixels)
    with OpenEXR.File(str(path), separate_channels=True) as file:
        channels = file.channels()
        for names in COLOURS:
            if set(names) <= set(channels):
                chosen = [channels[name].pixels for name in (*names, *("A" if "A" in channels else ""))]
                if len({plane_hw.shape for plane_hw in chosen}) > 1:
                    raise ExrError(f"{path} has channels of different sizes")
                return np.stack(chosen, axis=-1).astype(np.float32)
        raise ExrError(f"{path} has channels {sorted(channels)}, expected R, G, B or Y")


def _check_window(path: Path, header: dict[str, Any], most_pixels: int) -> None:
    (low, high), shown = header["dataWindow"], header["displayWindow"]
    width, height = (int(high[axis]) - int(low[axis]) + 1 for axis in range(2))
    if width * height > most_pixels:
        raise ExrError(f"{path} is {width} x {height}, expected at most {most_pixels / 1e6:.0f} megapixels")
    if not np.array_equal((low, high), shown):
        raise ExrError(f"{path} holds only a part of its picture (its data window is not its display window)")


def write_exr(path: Path, rgb_hw3: NDArray[np.floating], *, half: bool = False) -> None:
    """Write finite, non-negative linear RGB as zip-compressed floats of 32 bits, or of 16 if `half`."""
    if rgb_hw3.ndim != 3 or rgb_hw3.shape[2] != 3:
        raise ExrError(f"expected an (H, W, 3) image for {path}, got {rgb_hw3.shape}")
    if not np.isfinite(rgb_hw3).all() or rgb_hw3.min() < 0:
        raise ExrError(f"radiance must be finite and not negative, got {rgb_hw3.min()} to {rgb_hw3.max()}")
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.ascontiguousarray(rgb_hw3, dtype=np.float16 if half else np.float32)
    with OpenEXR.File(header, {"RGB": pixels}) as file:
        file.write(str(path))
