"""The pages: complete, self-contained, and proof against hostile names."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from curation.judging.verdicts import Outcome, judge
from curation.report.charts import bp2_histogram, running_mean
from curation.report.gallery import choose, panels, spread, thumbnail
from curation.report.inputs import load_inputs
from curation.report.pages import number, percent, write_round_report, write_run_report
from curation.report.round_report import RoundReport
from curation.report.summary import build_report
from curation.rounds.final import judge_successors
from curation.rounds.layout import RoundDir
from curation.rounds.stages import bring_to
from curation.rounds.state import RunError, read_run
from curation.rounds.world import Prediction
from fsd_gen.report.svg import svg_of
from fsd_gen.scene.slots import SlotKey
from fsd_gen.shards.flags import Flag
from tests.curation import world as curation_world
from tests.curation.judging.test_verdicts import POLICY, make_score
from tests.curation.world import CONFIG, FakeWorld, make_run

HOSTILE = 'planted<script>alert("x")</script>'


@pytest.fixture(scope="module", autouse=True)
def drawn_charts() -> Iterator[None]:
    """The real ones."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("curation.report.charts.svg_of", svg_of)
        yield


@pytest.fixture(scope="module")
def reported(tmp_path_factory) -> Path:
    """A run after one round; its planted stratum has a hostile name."""
    with pytest.MonkeyPatch.context() as patch:
        real = curation_world.stratum_of
        patch.setattr(
            curation_world, "stratum_of", lambda slot: HOSTILE if real(slot) == "planted" else real(slot)
        )
        curation_world.forget_drawn()
        run_dir = make_run(tmp_path_factory.mktemp("report") / "run", quarantined=[2])
        world = FakeWorld(fate=lambda key: "bad" if key.slot % 4 == 3 and not key.attempt else "good")
        bring_to(run_dir, 1, CONFIG, world, write_round_report, lambda event: None)
        write_run_report(read_run(run_dir))
    curation_world.forget_drawn()
    return run_dir


@pytest.fixture
def page(reported) -> str:
    return RoundDir(run_dir=reported, number=1).report_html.read_text("utf-8")


class _Balanced(HTMLParser):
    """Fails on a tag that is closed without being open."""

    VOID = {"meta", "img", "br", "link"}

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: set[str] = set()

    def handle_starttag(self, tag, attrs):
        self.names.add(tag)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_names_from_the_data_are_escaped(page):
    assert "planted&lt;script&gt;" in page
    parser = _Balanced()
    parser.feed(page)
    assert parser.open == [] and "script" not in parser.names


def test_the_run_page_escapes_them_too(reported):
    text = (reported / "rounds" / "report.html").read_text("utf-8")
    assert "planted&lt;script&gt;" in text and "<script" not in text


def test_a_page_needs_nothing_but_itself(page):
    assert all(uri.startswith("data:image/") for uri in re.findall(r'src="([^"]*)', page))
    assert not re.search(r"<link|@import|url\(|https?://", page)
    assert len(page) < 8e6


def test_the_page_shows_the_headline_numbers_and_what_was_dropped(page):
    for text in ("11</b><span>samples scored", "3</b><span>dropped", "1</b><span>slots without a sample"):
        assert text in page
    assert page.count('<img src="data:image/jpeg') == 5 * (3 + 1 + 6)
    assert "0000003-a0" in page and "BP-2 (visible) 100.0% &gt; 60%" in page
    assert "Planted unlearnable scenes" in page


def test_the_json_is_the_twin_of_the_page(reported):
    round_dir = RoundDir(run_dir=reported, number=1)
    twin = RoundReport.model_validate_json(round_dir.report_json.read_text())
    assert (twin.kept, twin.dropped, twin.unscorable, twin.quarantined) == (7, 3, 1, 1)
    assert {s.stratum: s.dropped for s in twin.strata}[HOSTILE] == 3


def test_a_report_is_a_function_of_the_rounds_files(reported, tmp_path):
    run_dir = shutil.copytree(reported, tmp_path / "run")
    round_dir = RoundDir(run_dir=run_dir, number=1)
    again, twice = (build_report(load_inputs(read_run(run_dir), round_dir)) for _ in range(2))
    assert again == twice
    with_time = {"cost", "strata"}  # the names of the strata are the fixture's
    assert again.model_dump(exclude=with_time) == RoundReport.model_validate_json(
        round_dir.report_json.read_text()
    ).model_dump(exclude=with_time)


def test_a_weak_scorer_is_said_aloud(tmp_path):
    run_dir = make_run(tmp_path / "run", slots=4)
    world = FakeWorld(fate=lambda key: "bad")
    bring_to(run_dir, 1, CONFIG, world, write_round_report, lambda event: None)
    text = RoundDir(run_dir=run_dir, number=1).report_html.read_text("utf-8")
    assert "A scorer is too weak to judge" in text and "4 samples stay unjudged" in text
    assert "Unjudged, from the best" in text and text.count('<span class="tag unjudged">') == 4
    after = write_run_report(read_run(run_dir))
    assert (after.unjudged, after.not_scored, after.rounds[0].unjudged) == (4, 0, 4)
    assert "4 were scored by a model too weak" in (run_dir / "rounds" / "report.html").read_text("utf-8")


def test_the_run_report_counts_what_is_there_now_and_what_is_not_judged_yet(reported, tmp_path):
    run_dir = shutil.copytree(reported, tmp_path / "run")
    twin = json.loads((run_dir / "rounds" / "report.json").read_text())
    assert (twin["slots"], twin["current"], twin["quarantined"], twin["unjudged"]) == (12, 11, 1, 4)
    assert twin["not_scored"] == 4
    judge_successors(read_run(run_dir), FakeWorld(fate=lambda key: "good"), lambda event: None)
    after = write_run_report(read_run(run_dir))
    assert (after.unjudged, after.successors_kept, after.successors_rejected) == (0, 4, 0)


def test_there_is_no_report_before_the_first_round(tmp_path):
    with pytest.raises(RunError, match="no round is complete"):
        write_run_report(read_run(make_run(tmp_path / "run", slots=4)))


def test_the_gallery_shows_the_worst_the_unscorable_and_a_spread_of_the_kept():
    scores = [make_score(slot, slot / 100) for slot in range(0, 100, 2)] + [make_score(200, None)]
    verdicts = judge(scores, POLICY.model_copy(update={"force": True}))
    outcome_of = {verdict.key: verdict.outcome for verdict in verdicts}
    chosen = choose(verdicts, rejected=5, kept=3)
    assert [key.slot for key in chosen] == [98, 86, 74, 62, 200, 0, 30, 60]
    assert [outcome_of[key] for key in chosen[4:6]] == [Outcome.UNSCORABLE, Outcome.KEEP]
    assert len(set(chosen)) == len(chosen) and spread([], 3) == []


def test_the_gallery_shows_a_spread_of_what_nobody_judged():
    verdicts = judge([make_score(slot, 0.5 + slot / 100) for slot in range(40)], POLICY)
    assert {verdict.outcome for verdict in verdicts} == {Outcome.UNJUDGED}
    assert [key.slot for key in choose(verdicts, unjudged=3)] == [0, 20, 39]


def test_the_pictures_of_a_sample_without_truth_or_finite_prediction_can_be_drawn():
    image = np.zeros((8, 12, 3), np.uint8)
    prediction = Prediction(
        key=SlotKey(slot=0),
        left_hwc=image,
        right_hwc=image,
        truth_hw=np.zeros((8, 12), np.float32),
        flags_hw=np.full((8, 12), Flag.NO_TRUTH, np.uint8),
        predicted_hw=np.full((8, 12), np.nan, np.float32),
    )
    assert [panel.title for panel in panels(prediction)][:2] == ["left", "right"]


def test_thumbnails_are_small():
    noise = np.random.default_rng(0).integers(0, 255, (720, 1280, 3)).astype(np.uint8)
    assert len(thumbnail(noise)) < 100_000


def test_charts_are_the_same_bytes_for_the_same_numbers():
    chart = bp2_histogram((0.0, 0.5, 1.0), (3, 1), (3, 0), threshold=0.6)
    assert chart == bp2_histogram((0.0, 0.5, 1.0), (3, 1), (3, 0), threshold=0.6)
    assert chart != bp2_histogram((0.0, 0.5, 1.0), (3, 1), (2, 0), threshold=0.6)


def test_the_running_mean_looks_back_only():
    assert running_mean(np.array([2.0, 4.0, 6.0, 8.0]), 2).tolist() == [2.0, 3.0, 5.0, 7.0]


def test_what_is_not_known_is_a_dash():
    assert percent(None) == number(None) == "–"
    assert percent(0.125) == "12.5\u00a0%" and number(1234.5, 1) == "1,234.5"
