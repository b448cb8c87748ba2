"""The page of a dataset: numbers that can be checked by eye, everything escaped, the same bytes each time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from typer.testing import CliRunner

from fsd_gen.cli import app
from fsd_gen.production.survey import survey
from fsd_gen.report import gather
from fsd_gen.report.gather import DISPARITY_EDGES, gather_numbers, made_by
from fsd_gen.report.page import page
from fsd_gen.report.plots import bars_plot, pixels_plot, samples_plot
from fsd_gen.scene.spec import MaterialSpec, Panel, Placement
from fsd_gen.shards.writer import ShardWriter
from tests.fsd_gen.synthetic import make_meta, make_sample


def scene(sample, **parts):
    return replace(sample, spec=sample.spec.but(**parts))


CHAIR = Placement(name="Chair", asset="builtin/chair_red", position=(0, 2, 0))
GLASS = Placement(
    name="Glass",
    asset="builtin/vase_slim",
    position=(1, 2, 0),
    material=MaterialSpec(opacity=0.2),
    hard="glass",
)
WALL = Panel(
    name="Wall",
    position=(0, 3, 0),
    size=(1, 1),
    material=MaterialSpec(texture="made/bricks.1/7"),
    hard="repetition",
)


@pytest.fixture(scope="module")
def shard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "00000.h5"
    writer = ShardWriter(path, range(4), make_meta())
    writer.add(scene(make_sample(0), placements=(CHAIR, GLASS)))
    writer.add(scene(make_sample(1, attempt=2), panels=(WALL,)))
    writer.add(make_sample(2, stratum="<script>alert(1)</script>"))
    writer.quarantine(3, [["range", "sky"], ["range"]])
    return writer.finish()


@pytest.fixture(scope="module")
def numbers(shard):
    return gather_numbers(survey(shard, deep=False))


def test_what_scenes_use_is_counted(numbers):
    assert numbers.assets == {"builtin/chair_red": 1, "builtin/vase_slim": 1, "made/bricks.1": 1}
    assert numbers.looks == {"the asset's own": 1, "glass": 1, "texture": 1}
    flying = numbers.of("flying")
    assert flying.hard == {"glass": 1, "repetition": 1} and flying.draws == 4
    assert made_by("made/bricks.1/7/3") == "made/bricks.1" and made_by("mine/a/b") == "mine/a/b"


def test_every_pixel_with_a_surface_is_in_one_bin(numbers):
    """24 px of the square is in the bin that holds 24; sky is in none."""
    flying = numbers.of("flying")
    sample = make_sample(0)
    surface = ((sample.flags_left_hw & 4) == 0)[:: gather.STRIDE, :: gather.STRIDE].sum()
    assert flying.disparity_px.sum() == pytest.approx(2 * surface, abs=2 * 80)
    place = np.searchsorted(DISPARITY_EDGES, 24.0, side="right")
    assert flying.disparity_px[place] > 100


def test_reasons_of_slots_that_were_given_up_are_counted(numbers):
    assert numbers.of("unknown").quarantined == 1
    assert numbers.of("unknown").reasons == {"range": 2, "sky": 1}


def test_few_samples_of_a_large_dataset_are_decoded(shard, monkeypatch):
    monkeypatch.setattr(gather, "MOST_DECODED", 2)
    few = gather_numbers(survey(shard, deep=False))
    assert few.scenes == 2 and sum(len(style.records) for style in few.styles.values()) == 3


def test_nothing_of_the_data_is_taken_for_html(numbers):
    text = page(numbers, "<b>run</b>", ["a & b"], ["x/<i>y</i>"])
    assert "<script" not in text and "&lt;script&gt;" in text
    assert "<b>run" not in text and "a &amp; b" in text and "<i>y" not in text
    assert text == page(numbers, "<b>run</b>", ["a & b"], ["x/<i>y</i>"])


def test_plots_are_sound_svg_whatever_they_are_called():
    hostile = "$\\frac{1}{0}$ <&> _hidden " + "x" * 80
    counts = np.ones(len(DISPARITY_EDGES) + 1)
    for text in (
        pixels_plot({hostile: counts}, DISPARITY_EDGES, "px", 416),
        samples_plot({hostile: [1.0, 2.0], "none": []}, "m"),
        bars_plot({hostile: 3}, "n"),
    ):
        ElementTree.fromstring(text)


def test_info_writes_the_page_beside_what_it_tells(shard, tmp_path):
    result = CliRunner().invoke(app, ["info", str(shard), "--html", str(tmp_path / "new/page.html")])
    text = (tmp_path / "new/page.html").read_text()
    assert "3 samples of 128x80" in result.output and "3 samples of 128x80" in text
    assert text.count("<svg") >= 12


def test_a_page_without_a_sample_says_so(tmp_path):
    path = tmp_path / "00000.h5"
    writer = ShardWriter(path, [0], make_meta())
    writer.quarantine(0, [["sky"]])
    writer.finish()
    assert "There is no sample" in page(gather_numbers(survey(path, deep=False)), "t", [], None)
