"""The page of an evaluation: static HTML with error maps, worst scenes first, beside a JSON twin.

report.html  opens anywhere, without a server or a script
result.json  the evaluation (`Evaluation.from_json`)
pictures/    only where there are too many pictures to stand in the page itself
"""

from __future__ import annotations

import base64
import heapq
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from numpy.typing import NDArray
from PIL import Image

from stereo_model.evaluation.evaluate import (
    Evaluation,
    EvaluationError,
    SceneResult,
    SceneScore,
    flags_of,
    truth_of,
)
from stereo_model.evaluation.metrics import Benchmark, MaskPolicy, valid_mask
from stereo_model.inference.images import colourise, encode_image, span_of
from stereo_model.inference.results import result_folder, write_result

WIDTH = 480  # pixels of a picture on the page
EMBED_BYTES = 8 << 20  # of all pictures; more go into files beside the page
MOST_ROWS = 200  # of a table of scenes
MOST_WARNED = 30  # scenes

ERROR_EDGES = (0.5, 1.0, 2.0, 3.0, 8.0)  # pixels; an error of exactly an edge belongs to the better class
ERROR_COLOURS = (
    (49, 54, 149),
    (116, 173, 209),
    (254, 224, 144),
    (253, 174, 97),
    (244, 109, 67),
    (165, 0, 38),
)
NO_TRUTH = (128, 128, 128)
NO_ESTIMATE = (255, 0, 255)
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
class Panel:
    """A picture on the page."""

    title: str
    uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GalleryItem:
    """A scene with its pictures."""

    scene: SceneScore
    panels: tuple[Panel, ...]


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


def write_report(
    folder: str | Path,
    evaluation: Evaluation,
    *,
    gallery: Gallery,
    compared: Sequence[Evaluation] = (),  # other estimators on the same pixels of the same data
    benchmark: Benchmark | None = None,
    replace: bool = False,
) -> None:
    """Write the page and its JSON twin into a folder of their own, all or nothing.

    Raises:
        EvaluationError: a compared evaluation is of other data or other pixels.
        ResultFolderError: the folder holds something else, or an earlier result without `replace`.
    """
    for other in compared:
        _require_comparable(evaluation, other)
    with result_folder(Path(folder), replace=replace) as part:
        items = _placed(part, gallery)
        page = render(evaluation, items, gallery, compared=compared, benchmark=benchmark)
        (part / "report.html").write_text(page, encoding="utf-8")
        write_result(part, evaluation.to_json())


def render(
    evaluation: Evaluation,
    items: Sequence[GalleryItem],
    gallery: Gallery,
    *,
    compared: Sequence[Evaluation] = (),
    benchmark: Benchmark | None = None,
) -> str:
    """The page."""
    environment = Environment(
        loader=PackageLoader("stereo_model.evaluation", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": percent, "number": number}
    return environment.get_template("evaluation.html.j2").render(
        e=evaluation,
        rows=[evaluation, *compared],
        benchmark=None if benchmark is None else benchmark.note,
        items=items,
        headline=gallery.policy,
        metric=gallery.metric,
        legend=legend(),
        warned=[scene for scene in evaluation.scenes if scene.warnings],
        seconds=statistics.median(scene.seconds for scene in evaluation.scenes),
        most_rows=MOST_ROWS,
        most_warned=MOST_WARNED,
    )


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
    map_hwc[known_hw & ~np.isfinite(estimate_hw)] = NO_ESTIMATE
    map_hwc[known_hw & ~counted_hw] //= NOT_COUNTED_SHADE
    map_hwc[~known_hw] = NO_TRUTH
    return map_hwc


def legend() -> tuple[LegendEntry, ...]:
    """The colours of the error maps, from good to bad."""
    bounds = [f"up to {ERROR_EDGES[0]:g} px"]
    bounds += [f"up to {edge:g} px" for edge in ERROR_EDGES[1:]]
    bounds += [f"above {ERROR_EDGES[-1]:g} px"]
    entries = [*zip(ERROR_COLOURS, bounds, strict=True), (NO_ESTIMATE, "no estimate"), (NO_TRUTH, "no truth")]
    shaded = tuple(channel // NOT_COUNTED_SHADE for channel in ERROR_COLOURS[2])
    entries.append((shaded, "darkened: not counted"))
    return tuple(LegendEntry(colour=f"#{bytes(colour).hex()}", label=label) for colour, label in entries)


def percent(value: float | None) -> str:
    """A share of 1 as a percentage; a dash when it is not known."""
    return "–" if value is None else f"{100 * value:.2f}\u00a0%"


def number(value: float | None, digits: int = 2) -> str:
    """A number with so many decimals; a dash when it is not known."""
    if value is None:
        return "–"
    return "∞" if math.isinf(value) else f"{value:,.{digits}f}"


def _placed(part: Path, gallery: Gallery) -> tuple[GalleryItem, ...]:
    """The gallery with its pictures in the page, or in files beside it if they are too many."""
    kept = gallery.worst_first()
    beside = sum(len(picture.content) for _, drawn in kept for picture in drawn) > EMBED_BYTES
    if beside:
        (part / "pictures").mkdir()
    items = []
    for index, (scene, drawn) in enumerate(kept):
        names = [f"pictures/{index:04d}-{column}{shown.suffix}" for column, shown in enumerate(drawn)]
        if beside:
            for name, picture in zip(names, drawn, strict=True):
                (part / name).write_bytes(picture.content)
        panels = tuple(
            Panel(title=picture.title, uri=name if beside else picture.uri())
            for name, picture in zip(names, drawn, strict=True)
        )
        items.append(GalleryItem(scene=scene, panels=panels))
    return tuple(items)


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


def _require_comparable(one: Evaluation, other: Evaluation) -> None:
    for name in ("dataset", "data_digest", "policies", "max_disparity"):
        if getattr(one, name) != getattr(other, name):
            raise EvaluationError(
                f"{other.estimator} cannot stand beside {one.estimator}: {name} is "
                f"{getattr(other, name)!r} instead of {getattr(one, name)!r}"
            )
    if [scene.scene for scene in one.scenes] != [scene.scene for scene in other.scenes]:
        raise EvaluationError(f"{other.estimator} was evaluated on other scenes than {one.estimator}")
