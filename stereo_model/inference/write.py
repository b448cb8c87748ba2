"""What was found out about a pair, as files in a folder of results.

    disparity.{pfm,png,npy}  pixels; the PNG holds 16 bits, disparity x 256, 0 = none or beyond 255.99 px
    colour.png               the same in turbo colours, blue far and red near
    confidence.png           left-right consistency, 255 = both views agree, 0 = seen by the left one alone
    depth.{npy,png}          metres (infinite where the disparity is 0), and whole millimetres in 16 bits
    cloud.ply                coloured points in the left camera's frame, metres
    result.json              inputs, settings, ranges, field of view and depth, warnings

Depth and cloud need a calibration.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.files import write_bytes_atomic
from stereo_model.data.encodings import KITTI_SCALE, encode_npy, write_pfm, write_png16
from stereo_model.inference import cloud
from stereo_model.inference.calibration import Calibration
from stereo_model.inference.colours import colourise
from stereo_model.inference.images import within_png16, write_image
from stereo_model.inference.options import InferOptions
from stereo_model.inference.plausible import doubts, geometry_of
from stereo_model.inference.predict import Prediction


def write_disparity(folder: Path, prediction: Prediction, options: InferOptions) -> None:
    """The disparity in the formats asked for, its colours, and the confidence where there is one."""
    disparity_hw = prediction.disparity_hw
    if "pfm" in options.formats:
        write_pfm(folder / "disparity.pfm", disparity_hw)
    if "npy" in options.formats:
        write_bytes_atomic(folder / "disparity.npy", encode_npy(disparity_hw))
    if "png" in options.formats:
        write_png16(folder / "disparity.png", disparity_hw, within_png16(disparity_hw))
    write_image(folder / "colour.png", colourise(disparity_hw))
    if prediction.confidence_hw is not None:
        write_image(folder / "confidence.png", np.rint(255 * prediction.confidence_hw).astype(np.uint8))


def write_geometry(
    folder: Path,
    prediction: Prediction,
    left_hwc: NDArray[np.uint8],
    calibration: Calibration,
    options: InferOptions,
) -> None:
    """The depth, and the cloud where it is wanted."""
    depth_hw = cloud.depth_of(prediction.disparity_hw, calibration)
    write_bytes_atomic(folder / "depth.npy", encode_npy(depth_hw))
    write_image(folder / "depth.png", cloud.millimetres(depth_hw))
    if not options.cloud:
        return
    keep_hw = np.ones(depth_hw.shape, bool)
    if options.remove_invisible:
        keep_hw &= cloud.seen_by_right(prediction.disparity_hw)
    if prediction.confidence_hw is not None:
        keep_hw &= prediction.confidence_hw >= options.min_confidence
    points_n3, kept_hw = cloud.points_of(depth_hw, calibration, z_range_m=options.z_range_m, keep_hw=keep_hw)
    cloud.write_ply(folder / "cloud.ply", points_n3, left_hwc[kept_hw])


def facts_of(
    prediction: Prediction, calibration: Calibration | None, options: InferOptions
) -> dict[str, Any]:
    """What came out, for a result.json."""
    disparity_hw = prediction.disparity_hw
    known = disparity_hw[np.isfinite(disparity_hw)]
    height, width = disparity_hw.shape
    geometry = None if calibration is None else geometry_of(disparity_hw, calibration)
    warnings = [*prediction.warnings, *_beyond_png(disparity_hw, options)]
    if geometry is not None and calibration is not None:
        warnings += doubts(geometry, calibration, width, height)
    low, median, high = (float(value) for value in np.percentile(known, (0, 50, 100)))
    return {
        "size": {"width": width, "height": height},
        "calibration": None if calibration is None else asdict(calibration),
        "geometry": None if geometry is None else geometry.as_json(),
        "disparity_px": {"min": low, "median": median, "max": high},
        "not_finite": int(disparity_hw.size - known.size),
        "left_out_of_png": int((~within_png16(disparity_hw)).sum()),
        "png_scale": KITTI_SCALE,
        "seconds": round(prediction.seconds, 3),
        "warnings": warnings,
    }


def _beyond_png(disparity_hw: NDArray[np.floating], options: InferOptions) -> tuple[str, ...]:
    """A line where disparity.png cannot hold what was found."""
    limit = 0xFFFF * 100 // KITTI_SCALE / 100
    beyond = int((np.isfinite(disparity_hw) & (disparity_hw > 0) & ~within_png16(disparity_hw)).sum())
    if not beyond or "png" not in options.formats:
        return ()
    others = [f"disparity.{name}" for name in options.formats if name != "png"]
    remedy = f"{' and '.join(others)} hold them" if others else "--format pfm or npy holds them"
    return (
        f"disparity.png has no value for {beyond} pixels beyond {limit:.2f} px, which its 16 bits cannot "
        f"hold; {remedy}",
    )
