from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from stereo_model.evaluation import report
from stereo_model.evaluation.benchmarks import BENCHMARKS
from stereo_model.evaluation.evaluate import evaluate_estimator
from stereo_model.evaluation.evaluation import Evaluation, EvaluationError
from stereo_model.evaluation.metrics import MaskPolicy
from stereo_model.evaluation.pictures import Gallery
from stereo_model.evaluation.report import write_report
from stereo_model.inference.results import ResultFolderError

NASTY = "<script>alert(1)</script>"


class Scenes:
    """Scenes whose truth is 10 px; scene k is estimated k px too far."""

    kind = NASTY

    def __len__(self) -> int:
        return 5

    def __getitem__(self, index: int, /) -> dict[str, np.ndarray]:
        picture = np.full((3, 24, 600), 10 + index, np.uint8)
        truth = np.full((24, 600), 10, np.float32)
        sample = {"left": picture, "right": picture, "disparity": truth, "valid": np.ones((24, 600), bool)}
        return sample | {"occluded": np.zeros((24, 600), bool)}

    def scene(self, index: int, /) -> str:
        return f"{NASTY}/{index}"

    def digest(self) -> str:
        return "0" * 64


def run(most: int = 3) -> tuple[Evaluation, Gallery]:
    gallery = Gallery(policy=MaskPolicy.NON_OCCLUDED, metric="epe", most=most)
    evaluation = evaluate_estimator(
        lambda left, right: left[0].astype(np.float32),
        Scenes(),
        policies=(MaskPolicy.NON_OCCLUDED, MaskPolicy.ALL),
        max_disparity=192.0,
        name=NASTY,
        on_scene=gallery.add,
    )
    return evaluation, gallery


def test_the_page_has_numbers_with_their_mask_and_nothing_to_run(tmp_path):
    evaluation, gallery = run()
    write_report(tmp_path / "out", evaluation, gallery=gallery, benchmark=BENCHMARKS["middlebury"])
    page = (tmp_path / "out" / "report.html").read_text()
    assert "<script" not in page and "http" not in re.sub(r'http-equiv="[^"]*"', "", page)
    assert "&lt;script&gt;" in page
    assert page.count("non-occluded, truth &lt; 192 px pixels") >= 2
    assert "mean over scenes" in page and "pooled over pixels" in page and "Middlebury v3" in page
    assert "2.00" in page  # EPE of 0, 1, 2, 3 and 4 px
    assert Evaluation.from_json(json.loads((tmp_path / "out" / "result.json").read_text())) == evaluation
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["report.html", "result.json"]


def test_the_worst_scenes_come_first_and_only_so_many_are_kept(tmp_path):
    evaluation, gallery = run(most=3)
    assert [scene.scene[-1] for scene, _ in gallery.worst_first()] == ["4", "3", "2"]
    write_report(tmp_path / "out", evaluation, gallery=gallery)
    page = (tmp_path / "out" / "report.html").read_text()
    assert re.findall(r"<figcaption><b>.*?/(\d)</b>", page) == ["4", "3", "2"]
    assert page.count('src="data:image/') == 12


def test_a_gallery_of_none_is_allowed(tmp_path):
    evaluation, gallery = run(most=0)
    write_report(tmp_path / "out", evaluation, gallery=gallery)
    assert "<figure>" not in (tmp_path / "out" / "report.html").read_text()


def test_many_pictures_stand_beside_the_page(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "EMBED_BYTES", 100)
    evaluation, gallery = run()
    write_report(tmp_path / "out", evaluation, gallery=gallery)
    page = (tmp_path / "out" / "report.html").read_text()
    sources = re.findall(r'src="([^"]+)"', page)
    assert len(sources) == 12 and all((tmp_path / "out" / source).is_file() for source in sources)


def test_other_estimators_stand_beside_on_the_same_pixels_only(tmp_path):
    evaluation, gallery = run()
    other = replace(evaluation, estimator="block matching")
    write_report(tmp_path / "out", evaluation, gallery=gallery, compared=[other])
    assert (tmp_path / "out" / "report.html").read_text().count("<td>block matching</td>") == 4
    for changed in ({"max_disparity": None}, {"data_digest": "1"}, {"scenes": other.scenes[1:]}):
        with pytest.raises(EvaluationError, match="block matching"):
            write_report(tmp_path / "b", evaluation, gallery=gallery, compared=[replace(other, **changed)])
    assert not (tmp_path / "b").exists()


def test_a_page_is_not_written_over_an_earlier_one_unasked(tmp_path):
    evaluation, gallery = run()
    write_report(tmp_path / "out", evaluation, gallery=gallery)
    with pytest.raises(ResultFolderError, match="earlier result"):
        write_report(tmp_path / "out", evaluation, gallery=gallery)
    write_report(tmp_path / "out", evaluation, gallery=gallery, replace=True)


def test_warnings_stand_before_the_numbers(tmp_path):
    evaluation, gallery = run()
    warned = replace(evaluation.scenes[0], warnings=("the images look exchanged <i>",))
    write_report(
        tmp_path / "out", replace(evaluation, scenes=(warned, *evaluation.scenes[1:])), gallery=gallery
    )
    page = (tmp_path / "out" / "report.html").read_text()
    assert page.index("look exchanged &lt;i&gt;") < page.index("<h2>Summary</h2>")
