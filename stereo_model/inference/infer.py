"""From two image files to disparity, colours, depth and a point cloud, all of them or none.

A pair's results stand in a folder of their own, which appears when everything in it is complete:

    disparity.{pfm,png,npy}  pixels; the PNG holds 16 bits, disparity x 256, 0 = none or beyond 255.99 px
    colour.png               the same in turbo colours, blue far and red near
    confidence.png           left-right consistency, 255 = both views agree, 0 = seen by the left one alone
    depth.{npy,png}          metres (infinite where the disparity is 0), and whole millimetres in 16 bits
    cloud.ply                coloured points in the left camera's frame, metres
    result.json              inputs, settings, ranges, warnings

Depth and cloud need a calibration. Nothing opens a window.
"""

from __future__ import annotations

import glob
import hashlib
import logging
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from stereo_model.data.encodings import KITTI_SCALE, DataFileError, write_pfm, write_png16
from stereo_model.evaluation.evaluate import predict_disparity
from stereo_model.inference import cloud
from stereo_model.inference.cloud import Calibration, CalibrationError, read_calibration
from stereo_model.inference.images import (
    PairError,
    checked_pair,
    colourise,
    read_pair,
    within_png16,
    write_image,
)
from stereo_model.inference.results import read_result, require_free, result_folder, write_result
from stereo_model.inference.swap import SwappedPairError, check_pair, require_order
from stereo_model.inference.tiles import DEFAULT_OVERLAP, Estimate, Tiling, estimate_in_tiles
from stereo_model.network.model import FoundationStereo
from stereo_model.weights.checkpoint import model_digest

log = logging.getLogger(__name__)

Format = Literal["pfm", "png", "npy"]
FORMATS: tuple[Format, ...] = ("pfm", "png", "npy")
CONFIDENCE_SCALE_PX = 1.0  # disagreement of the two views at which confidence has fallen to 1/e


class PredictionError(ValueError):
    """The model answered with numbers that are no disparities."""


PAIR_ERRORS = (CalibrationError, DataFileError, PairError, PredictionError, SwappedPairError)
"""What may be wrong with one pair while the next one is fine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InferOptions:
    """What is computed and written for a pair."""

    formats: tuple[Format, ...] = FORMATS
    iterations: int | None = None  # None: the model's own
    hierarchical: bool = False  # start from an estimate at half size; for large images
    tile_hw: tuple[int, int] | None = None  # pixels; None: the whole image at once
    overlap: int = DEFAULT_OVERLAP  # pixels, of tiles
    consistency: bool = False  # ask for the right view as well: twice the time, gives the confidence
    cloud: bool = True  # where there is a calibration
    z_range_m: tuple[float, float] = (0.0, float("inf"))  # of the cloud
    remove_invisible: bool = True  # no points for pixels that match outside the right image
    min_confidence: float = 0.0  # no points below; needs `consistency`
    allow_swapped: bool = False  # go on when the images look exchanged

    def __post_init__(self) -> None:
        unknown = [name for name in self.formats if name not in FORMATS]
        if unknown or not self.formats:
            raise ValueError(f"formats must be some of {', '.join(FORMATS)}, got {self.formats}")
        if not 0 <= self.z_range_m[0] < self.z_range_m[1]:
            raise ValueError(f"z_range_m must rise from 0 m or more, got {self.z_range_m}")
        if not 0 <= self.min_confidence <= 1:
            raise ValueError(f"min_confidence must be in 0..1, got {self.min_confidence}")
        if self.min_confidence > 0 and not self.consistency:
            raise ValueError("min_confidence needs consistency=True, which measures the confidence")
        if self.tile_hw is not None:
            Tiling(height=self.tile_hw[0], width=self.tile_hw[1], overlap=self.overlap, reach=0)

    def as_json(self) -> dict[str, Any]:
        """The settings for a result.json; an unlimited range is null."""
        nearest, farthest = self.z_range_m
        values = asdict(self) | {
            "formats": list(self.formats),
            "tile_hw": self.tile_hw and list(self.tile_hw),
        }
        return values | {"z_range_m": [nearest, farthest if np.isfinite(farthest) else None]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What the model says about a pair."""

    disparity_hw: NDArray[np.float32]  # pixels, left view
    confidence_hw: NDArray[np.float32] | None  # 0..1; None where the right view was not asked for
    seconds: float  # wall time of the network, reading and writing excluded
    warnings: tuple[str, ...]  # one line each


@dataclass(frozen=True, slots=True, kw_only=True)
class PairPaths:
    """Two image files, and where they were photographed from if that is known."""

    name: str  # relative, becomes the folder of the results
    left: Path
    right: Path
    calibration: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchReport:
    """What became of the pairs of a batch, by name."""

    done: tuple[str, ...]
    skipped: tuple[str, ...]  # were there already, with the same settings
    failed: Mapping[str, str]  # one line each


# ---------------------------------------------------------------- arrays


def predict_pair(
    model: FoundationStereo,
    left_hwc: NDArray,  # RGB, uint8 or floats of 0..255
    right_hwc: NDArray,
    options: InferOptions = InferOptions(),  # noqa: B008 (frozen)
) -> Prediction:
    """Disparity of a rectified pair of any size, and on demand how far both views agree about it.

    Raises:
        PairError: unequal sizes, or values that are no pixels.
        SwappedPairError: the images look exchanged, and `allow_swapped` is not set.
        PredictionError: the model gave no finite number at all.
    """
    left_hwc, right_hwc = checked_pair(left_hwc, right_hwc)
    check = check_pair(left_hwc, right_hwc)
    if not options.allow_swapped:
        require_order(check)
    estimate = estimator_of(model, options)
    started = time.perf_counter()
    disparity_hw = estimate(left_hwc, right_hwc)
    confidence_hw = None
    if options.consistency:
        confidence_hw = confidence_of(disparity_hw, right_disparity(estimate, left_hwc, right_hwc))
    seconds = time.perf_counter() - started
    if not np.isfinite(disparity_hw).any():
        raise PredictionError("the model gave no finite disparity at all; its weights may be damaged")
    return Prediction(
        disparity_hw=disparity_hw,
        confidence_hw=confidence_hw,
        seconds=seconds,
        warnings=check.warnings(),
    )


def estimator_of(model: FoundationStereo, options: InferOptions) -> Estimate:
    """The model as a function of two images, in tiles where the options say so."""

    def whole(left_hwc: NDArray[np.uint8], right_hwc: NDArray[np.uint8]) -> NDArray[np.float32]:
        left_chw, right_chw = (np.moveaxis(image, -1, 0) for image in (left_hwc, right_hwc))
        return predict_disparity(
            model, left_chw, right_chw, iterations=options.iterations, hierarchical=options.hierarchical
        )

    if options.tile_hw is None:
        return whole
    height, width = options.tile_hw
    tiling = Tiling(height=height, width=width, overlap=options.overlap, reach=model.config.max_disparity)
    return lambda left_hwc, right_hwc: estimate_in_tiles(whole, left_hwc, right_hwc, tiling)


def right_disparity(
    estimate: Estimate, left_hwc: NDArray[np.uint8], right_hwc: NDArray[np.uint8]
) -> NDArray[np.floating]:
    """Disparity (H,W) of the right view: right pixel x is seen at x + d in the left image.

    Mirrored, the right camera is the left one of the pair, and left again is what a model answers for.
    """
    return estimate(right_hwc[:, ::-1], left_hwc[:, ::-1])[:, ::-1]


def confidence_of(
    left_disparity_hw: NDArray[np.floating], right_disparity_hw: NDArray[np.floating]
) -> NDArray[np.float32]:
    """exp(-|d_left(x) - d_right(x - d_left(x))| / 1 px), in 0..1; 0 where the match lies outside: (H,W)."""
    height, width = left_disparity_hw.shape
    matched_hw = np.arange(width) - left_disparity_hw.astype(np.float64)
    inside_hw = np.isfinite(matched_hw) & (matched_hw >= 0) & (matched_hw <= width - 1)
    matched_hw = np.where(inside_hw, matched_hw, 0.0)
    start_hw = np.minimum(matched_hw.astype(np.int64), max(0, width - 2))
    end_hw = np.minimum(start_hw + 1, width - 1)
    share_hw = matched_hw - start_hw
    rows = np.arange(height)[:, None]
    other_hw = (1 - share_hw) * right_disparity_hw[rows, start_hw] + share_hw * right_disparity_hw[
        rows, end_hw
    ]
    known_hw = inside_hw & np.isfinite(other_hw)
    gap_hw = np.abs(np.where(known_hw, left_disparity_hw - other_hw, np.inf))
    return np.exp(-gap_hw / CONFIDENCE_SCALE_PX).astype(np.float32)


# ---------------------------------------------------------------- files


def infer_pair(
    model: FoundationStereo,
    left_path: str | Path,
    right_path: str | Path,
    out_dir: str | Path,
    *,
    options: InferOptions = InferOptions(),  # noqa: B008 (frozen)
    calibration: Calibration | None = None,
    replace: bool = False,
) -> dict[str, Any]:
    """Read a pair, predict it, and write the folder of results; returns the content of its result.json.

    Raises:
        DataFileError, PairError, SwappedPairError, CalibrationError: the inputs do not allow it.
        ResultFolderError: `out_dir` holds something else, or an earlier result without `replace`.
        PredictionError: the model gave no finite number at all.
    """
    require_free(Path(out_dir), replace=replace)
    left_hwc, right_hwc = read_pair(left_path, right_path)
    if calibration is not None:
        calibration.require_size(left_hwc.shape[1], left_hwc.shape[0])
    try:
        prediction = predict_pair(model, left_hwc, right_hwc, options)
    except (SwappedPairError, PredictionError) as error:
        raise type(error)(f"{left_path}, {right_path}: {error}") from error
    content = _identity(left_path, right_path, model_id(model), options)
    content |= _facts(prediction, calibration)
    with result_folder(Path(out_dir), replace=replace) as folder:
        _write_disparity(folder, prediction, options)
        if calibration is not None:
            _write_geometry(folder, prediction, left_hwc, calibration, options)
        content["files"] = sorted(path.name for path in folder.iterdir())
        write_result(folder, content)
    for warning in prediction.warnings:
        log.warning("left=%s warning=%r", left_path, warning)
    return content


def infer_pairs(
    model: FoundationStereo,
    pairs: Sequence[PairPaths],
    out_dir: str | Path,
    *,
    options: InferOptions = InferOptions(),  # noqa: B008 (frozen)
    replace: bool = False,
    on_pair: Callable[[PairPaths, str | None], None] = lambda pair, error: None,
) -> BatchReport:
    """One folder of results per pair under `out_dir`; what is there already is not computed again.

    A pair that cannot be used is reported and does not stop the others. `on_pair(pair, error)` is called
    after each one. Raises ResultFolderError, before any work, where other things or results of other
    settings are in the way.
    """
    folders = {pair.name: Path(out_dir) / pair.name for pair in pairs}
    identity = model_id(model)
    ready = (
        set()
        if replace
        else {
            pair.name
            for pair in pairs
            if _already_there(folders[pair.name], _identity(pair.left, pair.right, identity, options))
        }
    )
    for name in folders.keys() - ready:
        require_free(folders[name], replace=replace)
    done, failed = [], {}
    for pair in pairs:
        error = None
        if pair.name not in ready:
            error = _try_pair(model, pair, folders[pair.name], options, replace)
            if error is None:
                done.append(pair.name)
            else:
                failed[pair.name] = error
        on_pair(pair, error)
    return BatchReport(done=tuple(done), skipped=tuple(sorted(ready)), failed=failed)


def model_id(model: FoundationStereo) -> str:
    """SHA-256 over a model's configuration and weights; equal for models that give equal answers."""
    return hashlib.sha256(f"{model.config.digest()} {model_digest(model)}".encode()).hexdigest()


def find_pairs(
    left_pattern: str, right_pattern: str, *, calibration_pattern: str | None = None
) -> tuple[PairPaths, ...]:
    """Pairs of files whose paths match two patterns with the same text in place of each *.

    `find_pairs("set/*/left.png", "set/*/right.png")` pairs set/a/left.png with set/a/right.png, named "a". A
    calibration pattern may have the same wildcards, or none: one file for all.

    Raises PairError when nothing matches, or where a file has no partner.
    """
    lefts, rights = _matching(left_pattern), _matching(right_pattern)
    for here, there, pattern in ((lefts, rights, right_pattern), (rights, lefts, left_pattern)):
        alone = sorted(set(here) - set(there))
        if alone:
            raise PairError(
                f"{here[alone[0]]}: no file matching {pattern} belongs to it ({len(alone)} without partner)"
            )
    names = {key: _name(left_pattern, path) for key, path in lefts.items()}
    if len(set(names.values())) < len(names):
        raise PairError(f"{left_pattern}: two pairs would get one name; use fewer wildcards")
    calibrations = _calibrations(calibration_pattern, lefts)
    return tuple(
        PairPaths(
            name=names[key],
            left=Path(lefts[key]),
            right=Path(rights[key]),
            calibration=calibrations.get(key),
        )
        for key in sorted(lefts)
    )


def _write_disparity(folder: Path, prediction: Prediction, options: InferOptions) -> None:
    disparity_hw = prediction.disparity_hw
    if "pfm" in options.formats:
        write_pfm(folder / "disparity.pfm", disparity_hw)
    if "npy" in options.formats:
        np.save(folder / "disparity.npy", disparity_hw)
    if "png" in options.formats:
        write_png16(folder / "disparity.png", disparity_hw, within_png16(disparity_hw))
    write_image(folder / "colour.png", colourise(disparity_hw))
    if prediction.confidence_hw is not None:
        write_image(folder / "confidence.png", np.rint(255 * prediction.confidence_hw).astype(np.uint8))


def _write_geometry(
    folder: Path,
    prediction: Prediction,
    left_hwc: NDArray[np.uint8],
    calibration: Calibration,
    options: InferOptions,
) -> None:
    depth_hw = cloud.depth_of(prediction.disparity_hw, calibration)
    np.save(folder / "depth.npy", depth_hw)
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


def _identity(left: str | Path, right: str | Path, model: str, options: InferOptions) -> dict[str, Any]:
    """What decides about the results, for a result.json."""
    return {"left": str(left), "right": str(right), "model": model, "options": options.as_json()}


def _facts(prediction: Prediction, calibration: Calibration | None) -> dict[str, Any]:
    """What came out, for a result.json."""
    disparity_hw = prediction.disparity_hw
    known = disparity_hw[np.isfinite(disparity_hw)]
    low, median, high = (float(value) for value in np.percentile(known, (0, 50, 100)))
    return {
        "size": {"width": disparity_hw.shape[1], "height": disparity_hw.shape[0]},
        "calibration": None if calibration is None else asdict(calibration),
        "disparity_px": {"min": low, "median": median, "max": high},
        "not_finite": int(disparity_hw.size - known.size),
        "left_out_of_png": int((~within_png16(disparity_hw)).sum()),
        "png_scale": KITTI_SCALE,
        "seconds": round(prediction.seconds, 3),
        "warnings": list(prediction.warnings),
    }


def _try_pair(
    model: FoundationStereo, pair: PairPaths, folder: Path, options: InferOptions, replace: bool
) -> str | None:
    """Infer one pair of a batch; the line that says why it cannot be used, or None."""
    try:
        calibration = None if pair.calibration is None else read_calibration(pair.calibration)
        infer_pair(
            model, pair.left, pair.right, folder, options=options, calibration=calibration, replace=replace
        )
    except PAIR_ERRORS as error:
        return str(error)
    return None


def _already_there(folder: Path, identity: Mapping[str, Any]) -> bool:
    """Whether a complete result of just this stands in `folder`."""
    found = read_result(folder)
    return found is not None and all(found.get(key) == value for key, value in identity.items())


def _matching(pattern: str) -> dict[tuple[str, ...], str]:
    """Files by the text that stands for each wildcard."""
    expression = re.compile(_translated(pattern))
    found = {}
    for path in sorted(glob.glob(pattern, recursive=True)):
        match = expression.fullmatch(path)
        if match is not None and Path(path).is_file():
            found[match.groups()] = path
    if not found:
        raise PairError(f"no file matches {pattern}")
    return found


def _translated(pattern: str) -> str:
    """The pattern as a regular expression with a group per wildcard."""
    wildcards = {"**/": "((?:[^/]+/)*)", "*": "([^/]*)", "?": "([^/])"}
    return "".join(wildcards.get(part) or re.escape(part) for part in re.split(r"(\*\*/|\*|\?)", pattern))


def _name(pattern: str, path: str) -> str:
    """What tells a pair from the others: whole folder names, and of the file's name what * stands for."""
    folders, _, file = pattern.rpartition("/")
    inside = re.fullmatch(_translated(file), Path(path).name)
    words = list(inside.groups()) if inside else []
    if any(wildcard in folders for wildcard in "*?"):
        first = next(i for i, part in enumerate(folders.split("/")) if set(part) & set("*?"))
        words = path.split("/")[first:-1] + words
    return "_".join(word for word in words if word) or Path(path).stem


def _calibrations(pattern: str | None, lefts: Mapping[tuple[str, ...], str]) -> dict[tuple[str, ...], Path]:
    if pattern is None:
        return {}
    found = _matching(pattern)
    if set(found) == {()}:
        return dict.fromkeys(lefts, Path(found[()]))
    missing = sorted(set(lefts) - set(found))
    if missing:
        raise PairError(f"{lefts[missing[0]]}: no calibration matching {pattern} belongs to it")
    return {key: Path(path) for key, path in found.items()}
