"""The numbers of a round's report, by hand."""

from __future__ import annotations

import pytest

from curation.config import CurationConfig
from curation.judging.folds import FoldPlan
from curation.judging.verdicts import judge
from curation.report.inputs import RoundInputs
from curation.report.round_report import RoundReport
from curation.report.summary import build_report, distribution, drifts
from curation.rounds.population import RunSample, first_draw
from tests.curation.judging.test_verdicts import POLICY, make_score
from tests.curation.rounds.test_population import drawn

STRATA = ["flying", "flying", "indoor", "planted", "planted"]
BP2 = [0.1, 0.9, 0.2, 0.8, None]
SAMPLES = [drawn(slot, stratum=stratum) for slot, stratum in enumerate(STRATA)]
SCORES = tuple(make_score(slot, bp2) for slot, bp2 in enumerate(BP2)) + tuple(
    make_score(slot, 0.0) for slot in (5, 6)
)


@pytest.fixture
def report() -> RoundReport:
    """Seven samples: two dropped, one unscorable, four kept; slot 7 is empty, slot 3 has no successor."""
    population = first_draw([*SAMPLES, drawn(5), drawn(6)], slots=range(8))
    return build_report(
        RoundInputs(
            number=1,
            config=CurationConfig(),
            population=population,
            population_digest="p",
            plan=FoldPlan(fold_of=dict.fromkeys(range(7), 0) | {5: 1, 6: 1}, in_sample=False),
            scores=SCORES,
            verdicts=judge(SCORES, POLICY),
            successors=(drawn(1, 1), drawn(4, 1, stratum="planted")),
            curves={0: ((1, 2.0), (2, 1.0))},
            render_cpu_s=70.0,
            drawn_pairs=7,
            effort={"train": {"cpu_s": 20.0, "wall_s": 11.0}, "score": {"cpu_s": 10.0, "wall_s": 4.0}},
        )
    )


def test_every_sample_is_counted_once(report):
    assert (report.samples, report.kept, report.dropped, report.unscorable) == (7, 4, 2, 1)
    assert report.kept + report.dropped + report.unscorable == report.samples
    assert (report.regenerated, report.without_successor, report.quarantined) == (2, 1, 1)


def test_counts_per_stratum_add_up(report):
    counts = {s.stratum: (s.drawn, s.kept, s.dropped, s.unscorable) for s in report.strata}
    assert counts == {"flying": (4, 3, 1, 0), "indoor": (1, 1, 0, 0), "planted": (2, 0, 1, 1)}


def test_planted_scenes_are_compared_with_all_others(report):
    planted = report.planted
    assert (planted.planted, planted.planted_rejected, planted.others, planted.others_rejected) == (
        2,
        2,
        5,
        1,
    )


def test_before_and_after_are_all_scored_and_the_kept_samples(report):
    assert report.before.n == 6 and report.before.median == pytest.approx(0.15)
    assert report.after.n == 4 and sum(report.after.counts) == 4
    assert report.after.mean == pytest.approx((0.1 + 0.2) / 4)


def test_cost_per_curated_pair_includes_what_was_thrown_away(report):
    assert report.cost.per_drawn_pair == 10.0
    assert report.cost.per_kept_pair == (70 + 20 + 10) / 4


def test_the_scorers_are_described_with_how_much_they_learned_from(report):
    (scorer,) = report.scorers
    assert (scorer.trained_on, scorer.scored, scorer.weak) == (2, 7, False)
    assert scorer.curve == ((1, 2.0), (2, 1.0))


def test_what_other_thresholds_would_drop_is_told_from_30_to_90_percent(report):
    dropped = {row.threshold: row.dropped for row in report.what_if}
    assert min(dropped) == 0.3 and max(dropped) == 0.9
    assert (dropped[0.3], dropped[0.6], dropped[0.85], dropped[0.9]) == (2, 2, 1, 0)


def test_a_report_survives_its_json(report):
    assert RoundReport.model_validate_json(report.model_dump_json()) == report


def test_a_distribution_without_values_has_no_centre():
    empty = distribution([None, None])
    assert (empty.n, empty.median, empty.mean, sum(empty.counts)) == (0, None, None, 0)


def test_a_bp2_of_one_is_counted_in_the_last_bin():
    assert distribution([1.0]).counts[-1] == 1


def at(baseline_m: float) -> RunSample:
    values = {name: getattr(SAMPLES[0], name) for name in RunSample.__slots__}
    return RunSample(**values | {"baseline_m": baseline_m})


def test_drift_is_nothing_when_all_are_kept_and_half_when_the_upper_half_goes():
    samples = [at(0.1), at(0.2), at(0.3), at(0.4)]
    same = {drift.quantity: drift.ks for drift in drifts(samples, samples)}
    half = {drift.quantity: drift.ks for drift in drifts(samples, samples[:2])}
    assert same["baseline"] == 0.0 and half["baseline"] == 0.5


def test_drift_of_nothing_is_not_known():
    assert {drift.ks for drift in drifts([at(0.1)], [])} == {None}
