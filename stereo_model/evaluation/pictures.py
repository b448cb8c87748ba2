"""The pictures of an evaluated scene: left image, truth, estimate and error map; kept of the worst scenes."""

from __future__ import annotations

import base64
import heapq
import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stereo_model.evaluation.evaluate import SceneResult
from stereo_model.evaluation.evaluation import SceneScore
from stereo_model.evaluation.metrics import MaskPolicy, valid_mask
from stereo_model.evaluation.scores import flags_of, truth_of
from stereo_model.inference.colours import colourise, span_of
from stereo_model.inference.images import encode_image

WIDTH = 480  # pixels of a picture on the page

ERROR_EDGES = (0.5, 1.0, 2.0, 3.0, 8.0)  # pixels; an error of exactly an edge belongs to the better class
ERROR_COLOURS = (
    (49, 54, 149),
    (116, 173, 209),
    (254, 224, 144),
    (253, 174, 97),
    (244, 109, 67),
    (165, 0, 38),
)
NO_TRUTH_RGB = (128, 128, 128)
NO_ESTIMATE_RGB = (255, 0, 255)
NOT_COUNTED_SHADE = 3  # known pixels outside the mask are this many times darker


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One picture of a scene as the bytes of a file."""

    title: str
    suffix: str
    content: bytes

    def uri(self) -> str:
        """As a data URI."""
        kind = {".png": "image/png", ".jpg": "image/jpeg"}[self.suffix]
        return f"data:{kind};base64,{base64.b64encode(self.content).decode()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LegendEntry:
    """What a colour of the error maps means."""

    colour: str
    label: str


@dataclass(kw_only=True)
class Gallery:
    """Keeps the pictures of the `most` worst scenes while an evaluation runs; pass `add` as its on_scene."""

    policy: MaskPolicy
    metric: str = "bp2"
    most: int = 24
    max_disparity: float | None = None  # pixels; as in the evaluation
    _kept: list[tuple[float, str, SceneScore, tuple[Picture, ...]]] = field(default_factory=list)

    def add(self, result: SceneResult) -> None:
        """Draw the scene if it is among the worst so far."""
        value = getattr(result.score.regions[self.policy], self.metric)
        badness = -math.inf if value is None else value
        rank = (badness, result.score.scene)
        if self.most < 1 or (len(self._kept) == self.most and rank <= self._kept[0][:2]):
            return
        if len(self._kept) == self.most:
            heapq.heappop(self._kept)
        drawn = pictures(result, self.policy, max_disparity=self.max_disparity)
        heapq.heappush(self._kept, (*rank, result.score, drawn))

    def worst_first(self) -> list[tuple[SceneScore, tuple[Picture, ...]]]:
        """Scenes with their pictures by falling error."""
        ordered = sorted(self._kept, key=lambda kept: (-kept[0], kept[1]))
        return [(scene, drawn) for _, _, scene, drawn in ordered]


def pictures(
    result: SceneResult, policy: MaskPolicy, *, max_disparity: float | None = None
) -> tuple[Picture, ...]:
    """Left image, truth and estimate on one colour scale, and the error map."""
    truth_hw = truth_of(result.sample)
    counted_hw = valid_mask(policy, truth_hw, flags_of(result.sample), max_disparity=max_disparity)
    span = span_of(truth_hw)
    shown = f"{span[0]:.0f}-{span[1]:.0f} px"
    error_hwc = error_map(result.estimate_hw, truth_hw, counted_hw)
    return (
        _photo("left", np.moveaxis(result.sample["left"], 0, -1)),
        _photo(f"truth, {shown}", colourise(truth_hw, span=span)),
        _photo(f"estimate, {shown}", colourise(result.estimate_hw, span=span)),
        Picture(
            title="error", suffix=".png", content=encode_image(_reduced(error_hwc, Image.Resampling.NEAREST))
        ),
    )


def error_map(
    estimate_hw: NDArray[np.floating],
    truth_hw: NDArray[np.floating],  # pixels; not finite where unknown
    counted_hw: NDArray[np.bool_],
) -> NDArray[np.uint8]:
    """|estimate - truth| in the fixed colours of `legend` (H,W,3); known pixels outside the mask are dark."""
    known_hw = np.isfinite(truth_hw)
    error_hw = np.abs(np.where(known_hw, estimate_hw - np.where(known_hw, truth_hw, 0), 0).astype(np.float64))
    classes_hw = np.searchsorted(ERROR_EDGES, np.nan_to_num(error_hw, nan=np.inf), side="left")
    map_hwc = np.asarray(ERROR_COLOURS, np.uint8)[classes_hw]
    map_hwc[known_hw & ~np.isfinite(estimate_hw)] = NO_ESTIMATE_RGB
    map_hwc[known_hw & ~counted_hw] //= NOT_COUNTED_SHADE
    map_hwc[~known_hw] = NO_TRUTH_RGB
    return map_hwc


def legend() -> tuple[LegendEntry, ...]:
    """The colours of the error maps, from good to bad."""
    bounds = [f"up to {ERROR_EDGES[0]:g} px"]
    bounds += [f"up to {edge:g} px" for edge in ERROR_EDGES[1:]]
    bounds += [f"above {ERROR_EDGES[-1]:g} px"]
    entries = [
        *zip(ERROR_COLOURS, bounds, strict=True),
        (NO_ESTIMATE_RGB, "no estimate"),
        (NO_TRUTH_RGB, "no truth"),
    ]
    red, green, blue = (channel // NOT_COUNTED_SHADE for channel in ERROR_COLOURS[2])
    entries.append(((red, green, blue), "darkened: not counted"))
    return tuple(LegendEntry(colour=f"#{bytes(colour).hex()}", label=label) for colour, label in entries)


def _photo(title: str, image_hwc: NDArray[np.uint8]) -> Picture:
    content = encode_image(_reduced(image_hwc, Image.Resampling.BOX), kind="JPEG")
    return Picture(title=title, suffix=".jpg", content=content)


def _reduced(image_hwc: NDArray[np.uint8], how: Image.Resampling) -> NDArray[np.uint8]:
    """The picture at most WIDTH pixels wide."""
    height, width = image_hwc.shape[:2]
    if width <= WIDTH:
        return np.ascontiguousarray(image_hwc)
    size = (WIDTH, max(1, round(height * WIDTH / width)))
    return np.asarray(Image.fromarray(np.ascontiguousarray(image_hwc)).resize(size, how))
