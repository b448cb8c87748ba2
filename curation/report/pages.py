"""The pages of a round and of a run: self-contained HTML beside a JSON twin.

Numbers come from `summary`, a pure function of the round's files; only the gallery asks a model again.
The JSON is written last, for it marks the round as complete.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined

from curation.judging.scores import Score, by_key
from curation.judging.verdicts import Outcome, Verdict
from curation.report import charts
from curation.report.gallery import Panel, choose, panels
from curation.report.inputs import RoundInputs, load_inputs
from curation.report.round_report import RoundReport
from curation.report.run_summary import RunReport, build_run_report
from curation.report.summary import BP2_EDGES, QUANTITIES, build_report, kept_samples
from curation.rounds.layout import RoundDir
from curation.rounds.population import RunSample
from curation.rounds.state import RunState
from curation.rounds.world import World
from fsd_gen.scene.slots import SlotKey
from jobs.files import write_json_atomic, write_text_atomic

GALLERIES = (  # heading and outcomes of each
    ("Rejected", (Outcome.DROP, Outcome.UNSCORABLE)),
    ("Unjudged, from the best to the worst", (Outcome.UNJUDGED,)),
    ("Kept, from the best to the worst", (Outcome.KEEP,)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GalleryItem:
    """One sample with its pictures."""

    sample_id: str
    stratum: str
    outcome: Outcome
    reason: str
    facts: str
    panels: tuple[Panel, ...]


# ---------------------------------------------------------------- one round


def write_round_report(state: RunState, round_dir: RoundDir, world: World) -> None:
    """Write report.html, then report.json, of a round that has its verdicts and successors."""
    inputs = load_inputs(state, round_dir)
    report = build_report(inputs)
    items = gallery(round_dir, inputs, world)
    page = render_round(report, inputs, items, title=state.run_dir.resolve().name)
    write_text_atomic(round_dir.report_html, page)
    write_json_atomic(round_dir.report_json, report.model_dump(mode="json"))


def read_round_report(round_dir: RoundDir) -> RoundReport:
    """The numbers of a complete round."""
    return RoundReport.model_validate_json(round_dir.report_json.read_text("utf-8"))


def gallery(round_dir: RoundDir, inputs: RoundInputs, world: World) -> tuple[GalleryItem, ...]:
    """Pictures of a choice of samples, predicted anew by the models that judged them."""
    verdict_of = {verdict.key: verdict for verdict in inputs.verdicts}
    score_of = by_key(inputs.scores)
    chosen = choose(inputs.verdicts)
    items: dict[SlotKey, GalleryItem] = {}
    for model in inputs.plan.models:
        mine = [inputs.population.current[key.slot] for key in chosen if score_of[key].fold == model]
        predictions = world.predict(round_dir.checkpoint(model), mine, inputs.config) if mine else ()
        for sample, prediction in zip(mine, predictions, strict=True):
            key = sample.key
            items[key] = _item(sample, verdict_of[key], score_of[key], panels(prediction))
    return tuple(items[key] for key in chosen)


def _item(sample: RunSample, verdict: Verdict, score: Score, pictures: tuple[Panel, ...]) -> GalleryItem:
    bp2 = {name: score.on(name).bp2 for name in ("visible", "all")}
    shown = ", ".join(f"{name} {value:.1%}" for name, value in bp2.items() if value is not None)
    facts = f"baseline {sample.baseline_m * 100:.1f} cm, focal {sample.focal_px:.0f} px"
    return GalleryItem(
        sample_id=sample.key.sample_id,
        stratum=sample.stratum,
        outcome=verdict.outcome,
        reason=verdict.reason,
        facts=f"BP-2 {shown or 'not measured'}; {facts}",
        panels=pictures,
    )


def render_round(
    report: RoundReport, inputs: RoundInputs, items: Sequence[GalleryItem], *, title: str
) -> str:
    """The page of a round."""
    kept = kept_samples(inputs.population, inputs.verdicts)
    return _page(
        "report.html.j2",
        title=title,
        r=report,
        policy=inputs.config.policy,
        galleries=[(heading, _of(items, outcomes)) for heading, outcomes in GALLERIES],
        histogram=_histogram(report),
        curves=_image(charts.curves({f"model {s.fold}": s.curve for s in report.scorers})),
        drift_charts=drift_charts({"scored": inputs.population.samples, "kept": kept}),
    )


def _of(items: Iterable[GalleryItem], outcomes: Collection[Outcome]) -> list[GalleryItem]:
    return [item for item in items if item.outcome in outcomes]


def _histogram(report: RoundReport) -> str:
    before, after = report.before.counts, report.after.counts
    return _image(charts.bp2_histogram(BP2_EDGES, before, after, threshold=report.threshold))


def drift_charts(groups: Mapping[str, Sequence[RunSample]]) -> list[str]:
    """One histogram per quantity that curation must not change, as data URIs."""
    shown = []
    for name, unit, of in QUANTITIES:
        series = {
            label: [value for sample in samples if (value := of(sample)) is not None]
            for label, samples in groups.items()
        }
        shown.append(_image(charts.histograms(series, xlabel=f"{name}, {unit}")))
    return shown


# ---------------------------------------------------------------- the run


def write_run_report(state: RunState) -> RunReport:
    """Write rounds/report.html and rounds/report.json over all complete rounds.

    Raises RunError when no round is complete.
    """
    state.last_round()
    folder = state.run_dir / "rounds"
    report = _run_report(state)
    page = _page(
        "run.html.j2",
        title=state.run_dir.resolve().name,
        r=report,
        histograms=[_histogram(each) for each in report.rounds],
        drift_charts=drift_charts({"first draw": state.first.samples, "now": state.now.samples}),
    )
    write_text_atomic(folder / "report.html", page)
    write_json_atomic(folder / "report.json", report.model_dump(mode="json"))
    return report


def run_report_is_stale(state: RunState) -> bool:
    """Whether the run's report is missing or says something else than its complete rounds do.

    A kill after a round's report and before the run's leaves it so.
    """
    path = state.run_dir / "rounds" / "report.json"
    written = json.loads(path.read_text("utf-8")) if path.is_file() else None
    return bool(state.rounds) and written != _run_report(state).model_dump(mode="json")


def _run_report(state: RunState) -> RunReport:
    return build_run_report(state, tuple(map(read_round_report, state.rounds)))


# ---------------------------------------------------------------- HTML


def percent(value: float | None, digits: int = 1) -> str:
    """A share of 1 as a percentage; a dash when it is not known."""
    return "–" if value is None else f"{100 * value:.{digits}f}\u00a0%"


def number(value: float | None, digits: int = 2) -> str:
    """A number with so many decimals; a dash when it is not known."""
    return "–" if value is None else f"{value:,.{digits}f}"


def _page(template: str, **values: object) -> str:
    return page_environment().get_template(template).render(**values)


def page_environment() -> Environment:
    """What fills the templates in: every value is escaped, a missing one is an error."""
    environment = Environment(
        loader=PackageLoader("curation.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": percent, "number": number}
    return environment


def _image(svg: str) -> str:
    """As a data URI: an SVG in an <img> can run no script."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
