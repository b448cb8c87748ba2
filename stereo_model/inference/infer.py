"""From image files to folders of results: one pair, or a batch in which a bad pair does not stop the others.

A pair's results stand in a folder of their own, which appears when everything in it is complete; what it
holds is told in `stereo_model.inference.write`. Nothing opens a window.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stereo_model.data.encodings import DataFileError
from stereo_model.inference.calibration import Calibration, CalibrationError, read_calibration
from stereo_model.inference.identity import model_id
from stereo_model.inference.images import PairError, read_pair
from stereo_model.inference.options import InferOptions
from stereo_model.inference.pairs import PairPaths
from stereo_model.inference.predict import PredictionError, predict
from stereo_model.inference.results import read_result, require_free, result_folder, write_result
from stereo_model.inference.swap import SwappedPairError
from stereo_model.inference.write import facts_of, write_disparity, write_geometry
from stereo_model.network.model import FoundationStereo

log = logging.getLogger(__name__)

PAIR_ERRORS = (CalibrationError, DataFileError, PairError, PredictionError, SwappedPairError)
"""What may be wrong with one pair while the next one is fine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchReport:
    """What became of the pairs of a batch, by name."""

    done: tuple[str, ...]
    skipped: tuple[str, ...]  # were there already, with the same settings
    failed: Mapping[str, str]  # one line each
    warned: Mapping[str, tuple[str, ...]]  # what to know before believing a result, done now or before


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
        prediction = predict(model, left_hwc, right_hwc, options)
    except (SwappedPairError, PredictionError) as error:
        raise type(error)(f"{left_path}, {right_path}: {error}") from error
    content = _identity(left_path, right_path, model_id(model), options)
    content |= facts_of(prediction, calibration, options)
    with result_folder(Path(out_dir), replace=replace) as folder:
        write_disparity(folder, prediction, options)
        if calibration is not None:
            write_geometry(folder, prediction, left_hwc, calibration, options)
        content["files"] = sorted(path.name for path in folder.iterdir())
        write_result(folder, content)
    for warning in content["warnings"]:
        log.info("left=%s warning=%r", left_path, warning)
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
    ready = set() if replace else _ready(pairs, folders, model_id(model), options)
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
    warned = {name: _warnings_in(folder) for name, folder in folders.items() if name not in failed}
    return BatchReport(
        done=tuple(done),
        skipped=tuple(sorted(ready)),
        failed=failed,
        warned={name: lines for name, lines in warned.items() if lines},
    )


def _identity(left: str | Path, right: str | Path, model: str, options: InferOptions) -> dict[str, Any]:
    """What decides about the results, for a result.json."""
    return {"left": str(left), "right": str(right), "model": model, "options": options.as_json()}


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


def _warnings_in(folder: Path) -> tuple[str, ...]:
    return tuple((read_result(folder) or {}).get("warnings", ()))


def _ready(
    pairs: Iterable[PairPaths], folders: Mapping[str, Path], model: str, options: InferOptions
) -> set[str]:
    """The pairs of which a complete result of just this stands in their folder."""
    return {
        pair.name
        for pair in pairs
        if _already_there(folders[pair.name], _identity(pair.left, pair.right, model, options))
    }


def _already_there(folder: Path, identity: Mapping[str, Any]) -> bool:
    """Whether a complete result of just this stands in `folder`."""
    found = read_result(folder)
    return found is not None and all(found.get(key) == value for key, value in identity.items())
