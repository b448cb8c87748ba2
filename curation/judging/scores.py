"""What a scorer found in one sample: error shares of a prediction against the exact truth.

Two masks, always both, always named with the number. ALL is every pixel with exact truth inside the
scorer's search range, sky (disparity 0) included. VISIBLE is those of ALL whose match is inside the
right image and not hidden there. Where a mask holds nothing, or the prediction is not finite, the
numbers are None: nothing was measured, which is not the same as perfect.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fsd_gen.scene.slots import SlotKey
from fsd_gen.shards.flags import Flag
from stereo_model.evaluation import metrics

# Upper edges of the error bins, pixels. An error e is in the first bin with e <= edge; above: the last bin.
ERROR_BINS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 8.0, 12.0, 16.0, 32.0, 64.0)
UNSEEN = Flag.OCCLUDED | Flag.OUT_OF_FRAME  # a pixel with one of these has no match to find
BAD_PX = 2.0  # the BP-2 rule


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskScore:
    """Errors over one mask; shares of 1. All None when the mask is empty or the prediction is not finite."""

    n_valid: int  # pixels in the mask
    bp1: float | None  # share off by more than 1 px
    bp2: float | None  # by more than 2 px
    bp3: float | None  # by more than 3 px
    epe: float | None  # mean absolute error, pixels
    d1: float | None  # share off by more than 3 px and more than 5 % of the truth
    histogram: tuple[int, ...]  # pixels per bin of ERROR_BINS, and one for all above; zeros when None above


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One sample as one model sees it. The cause shares are of those pixels of ALL that are off by > 2 px."""

    key: SlotKey  # slot and attempt
    content_id: str  # of the sample that was scored
    stratum: str  # the style that made the scene
    model_digest: str  # of the model that scored it
    fold: int  # the fold that the sample is in, which that model never saw
    n_pixels: int  # of the image
    n_beyond: int  # pixels with exact truth beyond the scorer's search range; in neither mask
    finite: bool  # every prediction in ALL is a finite number
    visible: MaskScore  # over pixels that both views show
    all: MaskScore  # over all pixels with exact truth inside the search range
    bad_transparent: float | None  # share of the bad pixels that are see-through
    bad_mirror: float | None  # that are mirror-like
    bad_occluded: float | None  # that are occluded or out of frame

    def on(self, mask: str) -> MaskScore:
        """The numbers of the mask called "visible" or "all"."""
        return {"visible": self.visible, "all": self.all}[mask]

    def measured(self, mask: str) -> str:
        """The BP-2 over a mask, in words."""
        bp2 = self.on(mask).bp2
        return f"BP-2 ({mask}) {'not measured' if bp2 is None else f'{bp2:.1%}'}"


def score_prediction(
    predicted_hw: NDArray[np.floating[Any]],
    truth_hw: NDArray[np.floating[Any]],
    flags_hw: NDArray[np.uint8],
    *,
    max_disparity: float,
    key: SlotKey,
    content_id: str,
    stratum: str,
    model_digest: str,
    fold: int,
) -> Score:
    """Score a left disparity map in pixels. Raises ValueError when the three maps differ in shape."""
    if not predicted_hw.shape == truth_hw.shape == flags_hw.shape:
        shapes = f"{predicted_hw.shape}, {truth_hw.shape} and {flags_hw.shape}"
        raise ValueError(f"{key.sample_id}: prediction, truth and flags must have one shape, got {shapes}")
    exact_hw = (flags_hw & Flag.NO_TRUTH) == 0
    all_hw = exact_hw & (truth_hw < max_disparity)
    error_hw = np.abs(predicted_hw.astype(np.float64) - truth_hw)
    finite = bool(np.isfinite(error_hw[all_hw]).all())
    visible_hw = all_hw & ((flags_hw & UNSEEN) == 0)
    bad_hw = all_hw & (error_hw > BAD_PX)
    return Score(
        key=key,
        content_id=content_id,
        stratum=stratum,
        model_digest=model_digest,
        fold=fold,
        n_pixels=truth_hw.size,
        n_beyond=int((exact_hw & ~all_hw).sum()),
        finite=finite,
        visible=_mask_score(predicted_hw, truth_hw, visible_hw, finite=finite),
        all=_mask_score(predicted_hw, truth_hw, all_hw, finite=finite),
        bad_transparent=_share(flags_hw[bad_hw], Flag.TRANSPARENT) if finite else None,
        bad_mirror=_share(flags_hw[bad_hw], Flag.MIRROR) if finite else None,
        bad_occluded=_share(flags_hw[bad_hw], UNSEEN) if finite else None,
    )


def _mask_score(
    predicted_hw: NDArray[np.floating[Any]],
    truth_hw: NDArray[np.floating[Any]],
    mask_hw: NDArray[np.bool_],
    *,
    finite: bool,
) -> MaskScore:
    """The benchmarks' own definitions over a mask; None where there is nothing to measure."""
    n_valid = int(mask_hw.sum())
    if not (finite and n_valid):
        empty = (0,) * (len(ERROR_BINS) + 1)
        return MaskScore(n_valid=n_valid, bp1=None, bp2=None, bp3=None, epe=None, d1=None, histogram=empty)
    maps = (predicted_hw, truth_hw, mask_hw)
    return MaskScore(
        n_valid=n_valid,
        bp1=metrics.bad_pixels(*maps, tau=1),
        bp2=metrics.bad_pixels(*maps, tau=BAD_PX),
        bp3=metrics.bad_pixels(*maps, tau=3),
        epe=metrics.epe(*maps),
        d1=metrics.d1(*maps),
        histogram=error_histogram(metrics.absolute_error(*maps)),
    )


def error_histogram(error_n: NDArray[np.float64]) -> tuple[int, ...]:
    """Count of errors per bin of ERROR_BINS; an error equal to an edge belongs below it, as in BP-x."""
    index_n = np.searchsorted(ERROR_BINS, error_n, side="left")
    return tuple(np.bincount(index_n, minlength=len(ERROR_BINS) + 1).tolist())


def bad_share(score: MaskScore, tau: float) -> float | None:
    """BP-tau again from the stored histogram, for any `tau` in ERROR_BINS; no model is needed."""
    if tau not in ERROR_BINS:
        raise ValueError(f"a stored histogram knows the tolerances {ERROR_BINS} px, got {tau}")
    if score.bp2 is None:
        return None
    return sum(score.histogram[ERROR_BINS.index(tau) + 1 :]) / score.n_valid


def bin_labels() -> tuple[str, ...]:
    """Names of the histogram bins, in pixels."""
    middle = (f"{low:g}-{high:g}" for low, high in pairwise(ERROR_BINS))
    return (f"0-{ERROR_BINS[0]:g}", *middle, f"> {ERROR_BINS[-1]:g}")


def _share(flags_n: NDArray[np.uint8], flag: Flag) -> float | None:
    return float(((flags_n & flag) != 0).mean()) if flags_n.size else None


def by_key(scores: Iterable[Score]) -> dict[SlotKey, Score]:
    """Scores by sample. Raises ValueError when a sample was scored twice."""
    found: dict[SlotKey, Score] = {}
    for score in scores:
        if score.key in found:
            raise ValueError(f"{score.key.sample_id} was scored twice in one round")
        found[score.key] = score
    return found


def to_row(score: Score) -> dict[str, Any]:
    """The score as one flat row: columns slot, attempt, ..., visible_bp2, ..., all_histogram."""
    row: dict[str, Any] = {"slot": score.key.slot, "attempt": score.key.attempt}
    row |= {name: getattr(score, name) for name in _PLAIN}
    for mask in ("visible", "all"):
        row |= {f"{mask}_{name}": getattr(score.on(mask), name) for name in MaskScore.__slots__}
    return row


def from_row(row: Mapping[str, Any]) -> Score:
    """Inverse of `to_row`. Raises ValueError when a column is missing."""
    try:
        return Score(
            key=SlotKey(slot=row["slot"], attempt=row["attempt"]),
            visible=_mask_from_row(row, "visible"),
            all=_mask_from_row(row, "all"),
            **{name: row[name] for name in _PLAIN},
        )
    except KeyError as error:
        raise ValueError(f"a stored score lacks {error}; it was not written by this version") from error


def _mask_from_row(row: Mapping[str, Any], mask: str) -> MaskScore:
    values = {name: row[f"{mask}_{name}"] for name in MaskScore.__slots__}
    return MaskScore(**values | {"histogram": tuple(values["histogram"])})


_PLAIN = tuple(name for name in Score.__slots__ if name not in ("key", "visible", "all"))


def sorted_by_key(scores: Iterable[Score]) -> tuple[Score, ...]:
    """Scores by slot, then attempt."""
    return tuple(sorted(scores, key=lambda score: (score.key.slot, score.key.attempt)))


def median_bp2(scores: Sequence[Score], mask: str) -> float | None:
    """Median BP-2 over the samples that could be scored; None when none could."""
    values = [value for score in scores if (value := score.on(mask).bp2) is not None]
    return float(np.median(values)) if values else None
