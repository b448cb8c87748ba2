"""The pages of a round and of a run: self-contained HTML beside a JSON twin.

Numbers come from `summary`, a pure function of the round's files; only the gallery asks a model again.
The JSON is written last, for it marks the round as complete.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from curation.judging.folds import FoldPlan
from curation.judging.scores import Score, by_key
from curation.judging.tables import read_scores, read_verdicts
from curation.judging.verdicts import Outcome, Verdict
from curation.report import charts
from curation.report.gallery import Panel, choose, panels
from curation.report.summary import (
    BP2_EDGES,
    QUANTITIES,
    Curve,
    RoundInputs,
    RoundReport,
    RunReport,
    build_report,
    drifts,
    kept_samples,
)
from curation.rounds.layout import RoundDir, completed_rounds, first_shards
from curation.rounds.population import Drawn, Population
from curation.rounds.stages import (
    RunError,
    effort,
    population_before,
    population_digest,
    started_config,
    successors,
)
from curation.rounds.world import Tools
from jobs.files import write_json_atomic, write_text_atomic


@dataclass(frozen=True, slots=True, kw_only=True)
class GalleryItem:
    """One sample with its pictures."""

    sample_id: str
    stratum: str
    outcome: str
    reason: str
    facts: str
    panels: tuple[Panel, ...]


# ---------------------------------------------------------------- one round


def write_round_report(run_dir: Path, here: RoundDir, tools: Tools) -> None:
    """Write report.html, then report.json, of a round that has its verdicts and successors."""
    inputs = load_inputs(here, tools)
    report = build_report(inputs)
    items = gallery(here, inputs, tools)
    write_text_atomic(here.report_html, render_round(report, inputs, items, title=run_dir.resolve().name))
    write_json_atomic(here.report_json, report.model_dump(mode="json"))


def load_inputs(here: RoundDir, tools: Tools) -> RoundInputs:
    """Everything a round's report is made of, from its files."""
    config = started_config(here)
    population = population_before(here.run_dir, here.number, tools)
    fold_of = {int(slot): fold for slot, fold in json.loads(here.folds.read_text("utf-8")).items()}
    plan = FoldPlan(fold_of=fold_of, in_sample=config.in_sample)
    drawn = drawn_before(here, tools)
    return RoundInputs(
        number=here.number,
        config=config,
        population=population,
        population_digest=population_digest(population),
        plan=plan,
        scores=read_scores(here.scores),
        verdicts=read_verdicts(here.verdicts),
        successors=successors(here, tools),
        curves={model: read_curve(here.curve(model)) for model in plan.models},
        render_cpu_s=sum(sample.cpu_s for sample in drawn),
        drawn_pairs=len(drawn),
        effort=_effort_until(here),
    )


def drawn_before(here: RoundDir, tools: Tools) -> tuple[Drawn, ...]:
    """Every sample that was drawn before the round, rejected ones included."""
    earlier = [RoundDir(run_dir=here.run_dir, number=number) for number in range(1, here.number)]
    first = (sample for path in first_shards(here.run_dir) for sample in tools.read_shard(path).drawn)
    return (*first, *(sample for before in earlier for sample in successors(before, tools)))


def read_curve(path: Path) -> Curve:
    """A training curve, at most 2000 points of it."""
    if not path.exists():
        return ()
    points = json.loads(path.read_text("utf-8"))
    stride = max(1, len(points) // 2000)
    return tuple((int(step), float(loss)) for step, loss in points[::stride])


def _effort_until(here: RoundDir) -> dict[str, dict[str, float]]:
    total: dict[str, dict[str, float]] = {}
    for number in range(1, here.number + 1):
        for stage, seconds in effort(RoundDir(run_dir=here.run_dir, number=number)).items():
            sums = total.setdefault(stage, dict.fromkeys(seconds, 0.0))
            for kind, value in seconds.items():
                sums[kind] += value
    return total


def gallery(here: RoundDir, inputs: RoundInputs, tools: Tools) -> tuple[GalleryItem, ...]:
    """Pictures of a choice of samples, predicted anew by the models that judged them."""
    verdict_of = {verdict.key: verdict for verdict in inputs.verdicts}
    score_of = by_key(inputs.scores)
    chosen = choose(inputs.verdicts)
    items: dict[Any, GalleryItem] = {}
    for model in inputs.plan.models:
        mine = [inputs.population.current[key.slot] for key in chosen if score_of[key].fold == model]
        if mine:
            predictions = tools.predict(here.checkpoint(model), mine, inputs.config)
            for drawn, prediction in zip(mine, predictions, strict=True):
                pictures = panels(prediction)
                items[drawn.key] = _item(drawn, verdict_of[drawn.key], score_of[drawn.key], pictures)
    return tuple(items[key] for key in chosen)


def _item(drawn: Drawn, verdict: Verdict, score: Score, pictures: tuple[Panel, ...]) -> GalleryItem:
    bp2 = {name: score.on(name).bp2 for name in ("visible", "all")}
    shown = ", ".join(f"{name} {value:.1%}" for name, value in bp2.items() if value is not None)
    facts = f"baseline {drawn.baseline_m * 100:.1f} cm, focal {drawn.focal_px:.0f} px"
    return GalleryItem(
        sample_id=drawn.key.sample_id,
        stratum=drawn.stratum,
        outcome=verdict.outcome.value,
        reason=verdict.reason,
        facts=f"BP-2 {shown or 'not measured'}; {facts}",
        panels=pictures,
    )


def render_round(
    report: RoundReport, inputs: RoundInputs, items: Sequence[GalleryItem], *, title: str
) -> str:
    """The page of a round."""
    kept = kept_samples(inputs.population, inputs.verdicts)
    return _template("report.html.j2").render(
        title=title,
        r=report,
        policy=inputs.config.policy,
        rejected=[item for item in items if item.outcome != Outcome.KEEP.value],
        kept=[item for item in items if item.outcome == Outcome.KEEP.value],
        histogram=_image(
            charts.bp2_histogram(
                BP2_EDGES, report.before.counts, report.after.counts, threshold=report.threshold
            )
        ),
        curves=_image(charts.curves({f"model {s.fold}": s.curve for s in report.scorers})),
        drift_charts=drift_charts({"scored": inputs.population.samples, "kept": kept}),
    )


def drift_charts(groups: Mapping[str, Sequence[Drawn]]) -> list[str]:
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


def write_run_report(run_dir: Path, tools: Tools) -> RunReport:
    """Write rounds/report.html and rounds/report.json over all complete rounds.

    Raises RunError when no round is complete.
    """
    rounds = completed_rounds(run_dir)
    if not rounds:
        raise RunError(f"{run_dir}: no round is complete yet; run `fsd-curate round {run_dir}`")
    first = population_before(run_dir, 1, tools)
    now = population_before(run_dir, len(rounds) + 1, tools)
    report = build_run_report(rounds, first, now, tools)
    page = _template("run.html.j2").render(
        title=run_dir.resolve().name,
        r=report,
        histograms=[
            _image(charts.bp2_histogram(BP2_EDGES, x.before.counts, x.after.counts, threshold=x.threshold))
            for x in report.rounds
        ],
        drift_charts=drift_charts({"first draw": first.samples, "now": now.samples}),
    )
    write_text_atomic(run_dir / "rounds" / "report.html", page)
    write_json_atomic(run_dir / "rounds" / "report.json", report.model_dump(mode="json"))
    return report


def build_run_report(
    rounds: Sequence[RoundDir], first: Population, now: Population, tools: Tools
) -> RunReport:
    """All rounds, and how the samples of now differ from the first draw."""
    last = rounds[-1]
    final = read_verdicts(last.final_verdicts) if last.final_verdicts.exists() else None
    kept = sum(verdict.outcome is Outcome.KEEP for verdict in final) if final is not None else None
    was, now_is = (Counter(p.strata().values()) for p in (first, now))
    return RunReport(
        rounds=tuple(RoundReport.model_validate_json(here.report_json.read_text("utf-8")) for here in rounds),
        slots=len(first.current) + len(first.missing),
        current=len(now.current),
        quarantined=now.quarantined,
        unjudged=len(successors(last, tools)) if final is None else 0,
        successors_kept=kept,
        successors_rejected=len(final) - kept if final is not None else None,
        drift=drifts(first.samples, now.samples),
        strata={name: (was[name], now_is[name]) for name in sorted(was | now_is)},
    )


# ---------------------------------------------------------------- HTML


def percent(value: float | None, digits: int = 1) -> str:
    """A share of 1 as a percentage; a dash when it is not known."""
    return "–" if value is None else f"{100 * value:.{digits}f}\u00a0%"


def number(value: float | None, digits: int = 2) -> str:
    """A number with so many decimals; a dash when it is not known."""
    return "–" if value is None else f"{value:,.{digits}f}"


def _template(name: str) -> Any:
    environment = Environment(
        loader=PackageLoader("curation.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": percent, "number": number}
    return environment.get_template(name)


def _image(svg: str) -> str:
    """As a data URI: an SVG in an <img> can run no script."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
