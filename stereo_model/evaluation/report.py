"""The page of an evaluation: static HTML with error maps, worst scenes first, beside a JSON twin.

report.html  opens anywhere, without a server or a script
result.json  the evaluation (`Evaluation.from_json`)
pictures/    only where there are too many pictures to stand in the page itself
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from stereo_model.evaluation.advice import advice
from stereo_model.evaluation.benchmarks import Benchmark
from stereo_model.evaluation.evaluation import Evaluation, EvaluationError, SceneScore
from stereo_model.evaluation.pictures import Gallery, legend
from stereo_model.inference.results import result_folder, write_result

EMBED_BYTES = 8 << 20  # of all pictures; more go into files beside the page
MOST_ROWS = 200  # of a table of scenes
MOST_WARNED = 30  # scenes


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
    return (
        page_environment()
        .get_template("evaluation.html.j2")
        .render(
            e=evaluation,
            rows=[evaluation, *compared],
            benchmark=None if benchmark is None else benchmark.note,
            items=items,
            headline=gallery.policy,
            metric=gallery.metric,
            legend=legend(),
            advice=advice(evaluation),
            warned=[scene for scene in evaluation.scenes if scene.warnings],
            seconds=statistics.median(scene.seconds for scene in evaluation.scenes),
            most_rows=MOST_ROWS,
            most_warned=MOST_WARNED,
        )
    )


def page_environment() -> Environment:
    """What fills the template in: every value is escaped, a missing one is an error."""
    environment = Environment(
        loader=PackageLoader("stereo_model.evaluation", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": percent, "number": number}
    return environment


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


def _require_comparable(one: Evaluation, other: Evaluation) -> None:
    for name in ("dataset", "data_digest", "policies", "max_disparity"):
        if getattr(one, name) != getattr(other, name):
            raise EvaluationError(
                f"{other.estimator} cannot stand beside {one.estimator}: {name} is "
                f"{getattr(other, name)!r} instead of {getattr(one, name)!r}"
            )
    if [scene.scene for scene in one.scenes] != [scene.scene for scene in other.scenes]:
        raise EvaluationError(f"{other.estimator} was evaluated on other scenes than {one.estimator}")
