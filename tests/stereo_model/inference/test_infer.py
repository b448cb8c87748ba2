from __future__ import annotations

import errno
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from jobs.files import DiskFullError
from stereo_model import create_model
from stereo_model.data.encodings import DataFileError, read_pfm, read_png16
from stereo_model.data.pictures import read_rgb
from stereo_model.inference.calibration import Calibration, CalibrationError
from stereo_model.inference.cloud import depth_of
from stereo_model.inference.images import PairError, write_image
from stereo_model.inference.infer import infer_pair, infer_pairs
from stereo_model.inference.options import InferOptions
from stereo_model.inference.pairs import find_pairs
from stereo_model.inference.predict import Prediction, PredictionError, predict
from stereo_model.inference.results import ResultFolderError, read_result
from stereo_model.inference.swap import SwappedPairError, check_pair
from stereo_model.inference.write import facts_of

ONCE = InferOptions(iterations=1)
RIG = Calibration(fx=80.0, fy=80.0, cx=48.0, cy=32.0, baseline_m=0.1)


@pytest.fixture(scope="module")
def model():
    return create_model("nano")


def pair(disparity: int = 8, shape: tuple[int, int] = (64, 96)) -> tuple[np.ndarray, np.ndarray]:
    height, width = shape
    coarse = np.random.default_rng(0).integers(0, 256, (height // 2, (width + 16) // 2, 3), np.uint8)
    wide = coarse.repeat(2, axis=0).repeat(2, axis=1)
    return wide[:, :width].copy(), wide[:, disparity : disparity + width].copy()


@pytest.fixture
def files(tmp_path):
    paths = tmp_path / "left.png", tmp_path / "right.png"
    for path, image in zip(paths, pair(), strict=True):
        write_image(path, image)
    return paths


@pytest.mark.parametrize("name", ["disparity.npy", "depth.npy"])
def test_a_full_disk_at_an_array_is_one_line_and_leaves_nothing(model, files, tmp_path, monkeypatch, name):
    write = Path.write_bytes

    def full(file: Path, data: bytes) -> int:
        if file.name.startswith(f".{name}"):
            raise OSError(errno.ENOSPC, "No space left on device", str(file))
        return write(file, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(DiskFullError, match=r"disk full: .* free some space") as caught:
        infer_pair(model, *files, tmp_path / "out", options=ONCE, calibration=RIG)
    assert Path(str(caught.value.filename)).name == name
    assert sorted(path.name for path in tmp_path.iterdir()) == ["left.png", "right.png"]


def test_all_files_of_a_pair_tell_the_same_disparity(model, files, tmp_path):
    out = tmp_path / "out"
    options = InferOptions(iterations=1, consistency=True)
    content = infer_pair(model, *files, out, options=options, calibration=RIG)
    disparity = np.load(out / "disparity.npy")
    assert disparity.shape == (64, 96) and disparity.dtype == np.float32
    assert np.array_equal(read_pfm(out / "disparity.pfm"), disparity)
    stored, valid = read_png16(out / "disparity.png")
    assert np.abs(stored - np.maximum(disparity, 1 / 256))[valid].max() <= 0.5 / 256 + 1e-4
    assert (~valid).sum() == content["left_out_of_png"]
    assert np.array_equal(np.load(out / "depth.npy"), depth_of(disparity, RIG))
    assert read_rgb(out / "colour.png").shape == read_rgb(out / "confidence.png").shape == (64, 96, 3)
    assert json.loads((out / "result.json").read_text()) == content == read_result(out)
    assert content["files"] == sorted(p.name for p in out.iterdir() if p.name != "result.json")
    assert (out / "cloud.ply").read_bytes().startswith(b"ply\n")


def test_without_a_calibration_there_is_no_depth_and_formats_are_chosen(model, files, tmp_path):
    content = infer_pair(model, *files, tmp_path / "out", options=replace(ONCE, formats=("npy",)))
    assert content["files"] == ["colour.png", "disparity.npy"] and content["calibration"] is None


def test_the_cloud_leaves_out_what_the_right_camera_cannot_see(model, files, tmp_path):
    def points(name: str, **options: float) -> int:
        infer_pair(model, *files, tmp_path / name, options=replace(ONCE, **options), calibration=RIG)
        header = (tmp_path / name / "cloud.ply").read_bytes().split(b"element vertex ")[1]
        return int(header.split(b"\n")[0])

    disparity = predict(model, *pair(), ONCE).disparity_hw
    finite = int((disparity > 0).sum())
    assert points("all", remove_invisible=False) == finite
    seen = (np.arange(96) - disparity >= 0) & (np.arange(96) - disparity <= 95) & (disparity > 0)
    assert points("seen") == seen.sum() < finite


def test_any_size_and_grey_work_and_tiles_cover_it(model):
    left, right = pair(shape=(70, 150))
    options = replace(ONCE, tile_hw=(48, 64), overlap=16)
    assert predict(model, left, right, options).disparity_hw.shape == (70, 150)


def test_exchanged_images_are_refused_unless_allowed(model, files, tmp_path):
    with pytest.raises(SwappedPairError, match=r"right.png, .*left.png: the images look exchanged"):
        infer_pair(model, *files[::-1], tmp_path / "out", options=ONCE)
    assert not (tmp_path / "out").exists()
    content = infer_pair(model, *files[::-1], tmp_path / "out", options=replace(ONCE, allow_swapped=True))
    assert "look exchanged" in content["warnings"][0]


def test_what_16_bits_cannot_hold_is_said_and_stands_in_the_other_files():
    disparity = np.full((64, 96), 300.0, np.float32)
    disparity[:32] = 200.0
    found = Prediction(disparity_hw=disparity, confidence_hw=None, seconds=0.1, warnings=("first",))
    only_png = replace(ONCE, formats=("png",))
    assert facts_of(found, None, ONCE)["warnings"] == [
        "first",
        "disparity.png has no value for 3072 pixels beyond 255.99 px, which its 16 bits cannot hold; "
        "disparity.pfm and disparity.npy hold them",
    ]
    assert "--format pfm or npy" in facts_of(found, None, only_png)["warnings"][1]
    assert facts_of(found, None, replace(ONCE, formats=("npy",)))["warnings"] == ["first"]


def test_a_calibration_of_another_size_or_unit_is_doubted_beside_its_results(model, files, tmp_path):
    content = infer_pair(model, *files, tmp_path / "good", options=ONCE, calibration=RIG)
    assert "field of view 62 x 44 degrees, baseline 0.1 m" in content["geometry"]["in_words"]
    assert not any("baseline" in line or "principal" in line for line in content["warnings"])
    wrong = replace(RIG.resized(0.5), width=None, height=None, baseline_m=100.0)
    content = infer_pair(model, *files, tmp_path / "bad", options=ONCE, calibration=wrong)
    assert any("for images of about 48x32 pixels" in line for line in content["warnings"])
    assert any("in millimetres it would be 0.1 m" in line for line in content["warnings"])


def test_matches_beyond_the_search_range_are_said_with_the_range_that_helps():
    check = check_pair(*pair(8))
    model = create_model("nano", max_disparity=32)
    assert check.largest_px is not None and check.largest_px < 32
    wide = np.random.default_rng(0).integers(0, 256, (48, 180, 3), np.uint8).repeat(2, 0).repeat(2, 1)
    (line,) = predict(model, wide[:, :300], wide[:, 40:340], ONCE).warnings
    assert "lie at 40 px or beyond, the model looks up to 32 px" in line and "max_disparity=64" in line
    assert "--hierarchical" in line
    assert predict(model, wide[:, :300], wide[:, 40:340], replace(ONCE, hierarchical=True)).warnings == ()


def test_bad_input_is_one_clear_line_and_writes_nothing(model, files, tmp_path):
    left, right = files
    write_image(tmp_path / "small.png", pair(shape=(32, 96))[1])
    (tmp_path / "cut.png").write_bytes(right.read_bytes()[:500])
    for bad, error in (("small.png", PairError), ("cut.png", DataFileError), ("none.png", DataFileError)):
        with pytest.raises(error, match=bad):
            infer_pair(model, left, tmp_path / bad, tmp_path / "out")
    with pytest.raises(CalibrationError, match="lies outside images of 96x64"):
        infer_pair(model, left, right, tmp_path / "out", calibration=replace(RIG, cx=500.0))
    with pytest.raises(PairError, match="NaN"):
        predict(model, np.full((64, 96, 3), np.nan), pair()[1])
    assert not (tmp_path / "out").exists()


def test_a_model_of_broken_weights_is_told():
    model = create_model("nano")
    with torch.no_grad():
        for weight in model.parameters():
            weight.fill_(float("nan"))
    with pytest.raises(PredictionError, match="no finite disparity"):
        predict(model, *pair(), ONCE)


def write_set(root, names: str) -> None:
    for name in names:
        (root / name).mkdir(parents=True)
        for side, image in zip(("left", "right"), pair(), strict=True):
            write_image(root / name / f"{side}.png", image)
        (root / name / "K.txt").write_text("80 0 48 0 80 32 0 0 1\n0.1\n")


def test_a_folder_of_pairs_goes_on_after_a_bad_one_and_is_not_done_twice(model, tmp_path):
    write_set(tmp_path / "set", "abc")
    (tmp_path / "set/b/right.png").write_bytes(b"broken")
    patterns = [str(tmp_path / "set/*" / name) for name in ("left.png", "right.png", "K.txt")]
    pairs = find_pairs(*patterns[:2], calibration_pattern=patterns[2])
    assert [found.name for found in pairs] == ["a", "b", "c"]
    seen = []
    report = infer_pairs(
        model, pairs, tmp_path / "out", options=ONCE, on_pair=lambda p, e: seen.append((p.name, e is None))
    )
    assert report.done == ("a", "c") and list(report.failed) == ["b"] and "right.png" in report.failed["b"]
    assert seen == [("a", True), ("b", False), ("c", True)]
    assert (tmp_path / "out/a/cloud.ply").is_file() and not (tmp_path / "out/b").exists()
    again = infer_pairs(model, pairs, tmp_path / "out", options=ONCE)
    assert again.done == () and again.skipped == ("a", "c")
    with pytest.raises(ResultFolderError, match="earlier result.*--replace"):
        infer_pairs(create_model("nano", seed=1), pairs, tmp_path / "out", options=ONCE)
