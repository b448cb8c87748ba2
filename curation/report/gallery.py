"""Which samples a report shows, and the pictures of one: left, right, truth, prediction, error."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from curation.judging.scores import UNSEEN
from curation.judging.verdicts import Outcome, Verdict
from curation.rounds.world import Prediction
from fsd_gen.scene.slots import SlotKey
from fsd_gen.shards.flags import Flag
from stereo_model.inference.colours import span_of

WIDTH = 320  # pixels of a thumbnail
ERROR_FULL_SCALE = 8.0  # pixels; brighter errors are not told apart
NOTHING = (214, 219, 226)  # colour of pixels without exact truth


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One picture as a data URI."""

    title: str
    uri: str


def choose(
    verdicts: Sequence[Verdict], *, rejected: int = 8, kept: int = 6, unjudged: int = 4
) -> tuple[SlotKey, ...]:
    """Samples to show: rejected ones from the worst to the least bad, the others spread over their BP-2."""
    by_outcome = {outcome: [v for v in verdicts if v.outcome is outcome] for outcome in Outcome}
    for group in by_outcome.values():
        group.sort(key=lambda v: (v.bp2 or 0.0, v.key.slot))
    unscorable = by_outcome[Outcome.UNSCORABLE][: max(1, rejected // 4)]
    dropped = spread(by_outcome[Outcome.DROP][::-1], rejected - len(unscorable))
    not_judged = spread(by_outcome[Outcome.UNJUDGED], unjudged)
    shown = (*dropped, *unscorable, *not_judged, *spread(by_outcome[Outcome.KEEP], kept))
    return tuple(verdict.key for verdict in shown)


def spread(ordered: Sequence[Verdict], count: int) -> list[Verdict]:
    """Up to `count` of them, evenly spaced, the first and the last included."""
    if len(ordered) <= count:
        return list(ordered)
    return [ordered[index] for index in np.linspace(0, len(ordered) - 1, count).round().astype(int)]


def panels(prediction: Prediction) -> tuple[Panel, ...]:
    """The five pictures. Truth and prediction share their colours; grey has no exact truth."""
    exact_hw = (prediction.flags_hw & Flag.NO_TRUTH) == 0
    low, high = span_of(prediction.truth_hw[exact_hw])
    truth = _coloured(prediction.truth_hw, low, high, "turbo", exact_hw)
    predicted = _coloured(prediction.predicted_hw, low, high, "turbo", np.isfinite(prediction.predicted_hw))
    return (
        Panel(title="left", uri=thumbnail(prediction.left_hwc)),
        Panel(title="right", uri=thumbnail(prediction.right_hwc)),
        Panel(title=f"truth, {low:.0f}-{high:.0f} px", uri=thumbnail(truth)),
        Panel(title="prediction", uri=thumbnail(predicted)),
        Panel(title=f"error, 0-{ERROR_FULL_SCALE:.0f} px; unseen dark", uri=thumbnail(_error(prediction))),
    )


def _error(prediction: Prediction) -> NDArray[np.uint8]:
    exact_hw = (prediction.flags_hw & Flag.NO_TRUTH) == 0
    error_hw = np.abs(prediction.predicted_hw - prediction.truth_hw)
    shown = _coloured(error_hw, 0, ERROR_FULL_SCALE, "magma", exact_hw & np.isfinite(error_hw))
    unseen_hw = exact_hw & ((prediction.flags_hw & UNSEEN) != 0)
    shown[unseen_hw] //= 3
    return shown


def _coloured(
    values_hw: NDArray[np.floating[Any]], low: float, high: float, map_name: str, known_hw: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    scaled_hw = np.clip((np.where(known_hw, values_hw, low) - low) / (high - low), 0, 1)
    shown_hwc = (matplotlib.colormaps[map_name](scaled_hw)[..., :3] * 255).astype(np.uint8)
    shown_hwc[~known_hw] = NOTHING
    return shown_hwc


def thumbnail(image_hwc: NDArray[np.uint8]) -> str:
    """The image as a JPEG data URI, at most WIDTH pixels wide."""
    image = Image.fromarray(image_hwc)
    if image.width > WIDTH:
        height = max(1, round(image.height * WIDTH / image.width))
        image = image.resize((WIDTH, height), Image.Resampling.BOX)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=82)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
