"""`fsd-stereo`: every command on a small model and small pairs, and one line for every mistake."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from jobs.extras import extra
from stereo_model import create_model, load_model, save_checkpoint
from stereo_model.cli import info as info_module
from stereo_model.cli import terminal
from stereo_model.cli.app import app
from stereo_model.data.encodings import read_pfm, write_pfm, write_png16
from stereo_model.export import onnx as exporter
from stereo_model.export import parity
from stereo_model.export.onnx import ExportInfo

CLI = CliRunner()
HEIGHT, WIDTH, SHIFT = 64, 128, 6  # pixels; every point of a pair has disparity SHIFT


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("model") / "model.pt"
    save_checkpoint(create_model("nano"), path)
    return path


@pytest.fixture(scope="module")
def pairs(tmp_path_factory) -> Path:
    """Two scenes in the layout of the `folder` data set, the second one without occluded pixels' mask."""
    root = tmp_path_factory.mktemp("pairs")
    for number, scene in enumerate(("a", "b")):
        write_scene(root / scene, seed=number)
    return root


def write_scene(folder: Path, *, seed: int) -> None:
    folder.mkdir()
    wide = np.random.default_rng(seed).integers(0, 256, (HEIGHT // 4, (WIDTH + 16) // 4, 3), np.uint8)
    picture = np.asarray(Image.fromarray(wide).resize((WIDTH + 16, HEIGHT), Image.Resampling.BICUBIC))
    Image.fromarray(picture[:, :WIDTH]).save(folder / "left.png")
    Image.fromarray(picture[:, SHIFT : SHIFT + WIDTH]).save(folder / "right.png")
    write_pfm(folder / "disp.pfm", np.full((HEIGHT, WIDTH), SHIFT, np.float32))
    seen = np.tile(np.where(np.arange(WIDTH) >= SHIFT, 255, 0).astype(np.uint8), (HEIGHT, 1))
    Image.fromarray(seen).save(folder / "nocc.png")


def call(*arguments: object, code: int = 0) -> str:
    result = CLI.invoke(app, [str(a) for a in arguments])
    assert result.exit_code == code, f"{result.output}\n{result.exception!r}"
    return " ".join(result.output.split())


def error_of(*arguments: object, code: int = 2) -> str:
    """The one line of a refusal."""
    result = CLI.invoke(app, [str(a) for a in arguments])
    assert result.exit_code == code, f"{result.output}\n{result.exception!r}"
    lines = result.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("error: "), result.stderr
    return lines[0]


# ---------------------------------------------------------------- evaluate


def test_evaluate_prints_every_metric_by_mask_and_where_asked_by_scene_and_writes_the_report(
    checkpoint, pairs, tmp_path
):
    text = call("evaluate", checkpoint, "--data", f"folder:{pairs}", "--out", tmp_path / "result")
    assert all(name in text for name in ("EPE px", "BP-0.5", "BP-1", "BP-2", "BP-3", "D1"))
    assert all(row in text for row in ("non-occluded", "mean of scenes", "all pixels alike", "--per-scene"))
    assert "a │ all" not in text and "worst by BP-2" in text
    every = call("evaluate", checkpoint, "--data", f"folder:{pairs}", "--per-scene")
    assert all(row in every for row in ("a │ all", "b │ non-occluded", "mean of scenes"))
    result = json.loads((tmp_path / "result" / "folder" / "result.json").read_text())
    assert [scene["scene"] for scene in result["scenes"]] == ["a", "b"]
    assert result["summary"]["all"]["mean"]["n_valid"] == 2 * HEIGHT * WIDTH
    assert result["summary"]["non_occluded"]["mean"]["n_valid"] == 2 * HEIGHT * (WIDTH - SHIFT)
    assert (tmp_path / "result" / "folder" / "report.html").exists()


def test_evaluate_takes_masks_iterations_and_a_limit(checkpoint, pairs, tmp_path):
    options = ("--mask", "non-occluded", "--iterations", 2, "--limit", 1, "--max-disparity", 100)
    call("evaluate", checkpoint, "--data", f"folder:{pairs}", "--out", tmp_path, *options)
    result = json.loads((tmp_path / "folder" / "result.json").read_text())
    assert result["policies"] == ["non_occluded"] and len(result["scenes"]) == 1
    assert result["settings"]["iterations"] == 2 and result["max_disparity"] == 100


def test_evaluate_follows_a_benchmarks_custom(checkpoint, pairs, tmp_path):
    common = ("evaluate", checkpoint, "--data", f"folder:{pairs}", "--limit", 1)
    call(*common, "--benchmark", "sceneflow192", "--out", tmp_path)
    result = json.loads((tmp_path / "folder" / "result.json").read_text())
    assert result["policies"] == ["all"] and result["max_disparity"] == 192


def test_evaluate_skips_and_lists_incomplete_scenes_when_asked(checkpoint, pairs, tmp_path):
    root = shutil.copytree(pairs, tmp_path / "pairs, 3 [x]")
    write_scene(root / "C", seed=2)
    (root / "C/left.png").rename(root / "C/LEFT.PNG")
    (root / "a/right.png").unlink()
    data = ("--data", f"folder:{root}", "--per-scene")
    assert "missing: a/right.png" in error_of("evaluate", checkpoint, *data)
    text = call("evaluate", checkpoint, *data, "--allow-missing")
    assert "skipped: folder: a: no a/right.png" in text and "2 scenes" in text and "C │ all" in text


def test_evaluate_refuses_masks_that_the_data_cannot_give_before_any_work(checkpoint, pairs, tmp_path):
    root = shutil.copytree(pairs, tmp_path / "pairs")
    (root / "b/nocc.png").unlink()
    data = ("evaluate", checkpoint, "--data", f"folder:{pairs}", "--data", f"folder:{root}")
    for wanted in (("--mask", "non-occluded"), ("--benchmark", "middlebury")):
        line = error_of(*data, *wanted)
        assert "folder-2" in line and "no mask non_occluded" in line and "nocc.png" in line
        assert "such as b; give --mask all" in line
    assert "no mask opaque" in error_of(
        "evaluate", checkpoint, "--data", f"folder:{pairs}", "--mask", "opaque"
    )
    call(*data)


def test_evaluate_hints_at_truth_of_another_scale(checkpoint, pairs, tmp_path):
    root = shutil.copytree(pairs, tmp_path / "pairs")
    for scene in ("a", "b"):
        (root / scene / "disp.pfm").unlink()
        write_png16(root / scene / "disp.png", np.full((HEIGHT, WIDTH), SHIFT, np.float32), scale=1024)
    text = call("evaluate", checkpoint, "--data", f"folder:{root}")
    assert "images match at 0.25 times the disparity of the truth" in text and "scale=1024" in text
    assert "more likely a mistake than a result" in text
    assert "images match" not in call("evaluate", checkpoint, "--data", f"folder:{root},scale=1024")


def test_evaluate_says_which_search_range_the_truth_needs(tmp_path):
    save_checkpoint(create_model("nano", max_disparity=32), tmp_path / "m.pt")
    root = tmp_path / "far"
    root.mkdir()
    write_scene(root / "a", seed=0)
    write_pfm(root / "a/disp.pfm", np.full((HEIGHT, WIDTH), 70, np.float32))
    text = call("evaluate", tmp_path / "m.pt", "--data", f"folder:{root}")
    assert "1 of 1 scenes have truth beyond the search range of 32 px, up to 70 px" in text
    assert "give max_disparity=96 (--model max_disparity=96)" in text
    enough = call("evaluate", tmp_path / "m.pt", "--data", f"folder:{root}", "--model", "max_disparity=96")
    assert "beyond the search range" not in enough


def test_evaluate_prints_both_means_of_middlebury(checkpoint, pairs, tmp_path):
    for scene in ("Adirondack", "PianoL"):
        folder = tmp_path / "MiddEval3/trainingQ" / scene
        folder.parent.mkdir(parents=True, exist_ok=True)
        write_scene(folder, seed=len(scene))
        names = {"left.png": "im0.png", "right.png": "im1.png", "disp.pfm": "disp0GT.pfm"}
        for old, new in (names | {"nocc.png": "mask0nocc.png"}).items():
            (folder / old).rename(folder / new)
    data = ("--data", f"middlebury:{tmp_path / 'MiddEval3'}", "--benchmark", "middlebury")
    text = call("evaluate", checkpoint, *data, "--out", tmp_path / "out")
    assert "mean of scenes" in text and "middlebury's own mean" in text
    result = json.loads((tmp_path / "out/middlebury/result.json").read_text())
    scenes = {each["scene"][10:]: each["regions"]["non_occluded"]["epe"] for each in result["scenes"]}
    weighted = result["summary"]["non_occluded"]["weighted"]["epe"]
    assert weighted == pytest.approx((scenes["Adirondack"] + 0.5 * scenes["PianoL"]) / 1.5)
    assert "own weighted mean" in (tmp_path / "out/middlebury/report.html").read_text()
    assert "own mean" not in call("evaluate", checkpoint, "--data", f"folder:{pairs}")


def test_evaluate_names_what_is_wrong(checkpoint, pairs, tmp_path):
    assert "KIND:ROOT" in error_of("evaluate", checkpoint, "--data", pairs)
    assert "did you mean folder" in error_of("evaluate", checkpoint, "--data", f"foldr:{pairs}")
    assert "no option resolution" in error_of(
        "evaluate", checkpoint, "--data", f"folder:{pairs},resolution=Q"
    )
    (tmp_path / "empty").mkdir()
    assert "<scene>/left.png" in error_of("evaluate", checkpoint, "--data", f"folder:{tmp_path / 'empty'}")
    data = ("--data", f"folder:{pairs}")
    assert "all, non_occluded" in error_of("evaluate", checkpoint, *data, "--mask", "visible")
    assert "kitti2015" in error_of("evaluate", checkpoint, *data, "--benchmark", "kitty")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "thesis.txt").write_text("mine")
    assert "not results" in error_of("evaluate", checkpoint, *data, "--out", tmp_path)


# ---------------------------------------------------------------- infer


def test_infer_writes_disparity_depth_and_cloud_of_a_pair(checkpoint, pairs, tmp_path):
    (tmp_path / "K.txt").write_text(f"100 0 {WIDTH / 2} 0 100 {HEIGHT / 2} 0 0 1\n0.2\n")
    left, right = pairs / "a" / "left.png", pairs / "a" / "right.png"
    target = tmp_path / "out"
    text = call("infer", checkpoint, left, right, "--out", target, "--intrinsics", tmp_path / "K.txt")
    assert "disparity.pfm" in text and "px, median" in text
    disparity = read_pfm(target / "disparity.pfm")
    depth = np.load(target / "depth.npy")
    assert disparity.shape == (HEIGHT, WIDTH)
    seen = disparity > 0.5
    np.testing.assert_allclose(depth[seen], 100 * 0.2 / disparity[seen], rtol=1e-4)
    assert (target / "cloud.ply").exists() and not (target / "confidence.png").exists()
    assert "--replace" in error_of("infer", checkpoint, left, right, "--out", target)
    call("infer", checkpoint, left, right, "--out", target, "--replace", "--format", "npy", "--confidence")
    assert {p.name for p in target.iterdir()} == {
        "disparity.npy",
        "colour.png",
        "confidence.png",
        "result.json",
    }


def test_infer_takes_patterns_and_skips_what_is_there(checkpoint, pairs, tmp_path):
    batch = ("infer", checkpoint, pairs / "*" / "left.png", pairs / "*" / "right.png", "--out", tmp_path)
    assert "2 pairs done, 0 were there already, 0 failed" in call(*batch)
    assert {p.name for p in tmp_path.iterdir()} == {"a", "b"}
    assert "0 pairs done, 2 were there already" in call(*batch)


def test_infer_takes_folders_and_reports_a_broken_pair_among_good_ones(checkpoint, pairs, tmp_path):
    for side in ("left", "right"):
        (tmp_path / side).mkdir()
        for scene in ("a", "b"):
            (tmp_path / side / f"{scene}.png").write_bytes((pairs / scene / f"{side}.png").read_bytes())
    (tmp_path / "left" / "b.png").write_bytes(b"no picture")
    out = tmp_path / "out"
    text = call("infer", checkpoint, tmp_path / "left", tmp_path / "right", "--out", out, code=1)
    assert "1 pairs done" in text and "1 failed" in text and "b.png" in text


def test_an_image_that_is_not_there_is_named_before_the_model_is_loaded(tmp_path):
    said = error_of("infer", tmp_path / "no.pt", "nope.png", "nope.png", "--out", tmp_path / "out")
    assert "nope.png: no such file" in said


def test_infer_gathers_a_submission_named_as_the_left_images(checkpoint, pairs, tmp_path):
    for side, scene in (("left", "a"), ("right", "a"), ("left", "b"), ("right", "b")):
        target = tmp_path / f"testing [2015]/image_{2 if side == 'left' else 3}"
        target.mkdir(parents=True, exist_ok=True)
        (target / f"00000{'ab'.index(scene)}_10.png").write_bytes(
            (pairs / scene / f"{side}.png").read_bytes()
        )
        (target / "._000000_10.png").write_bytes(b"resource fork")
    sides = [tmp_path / "testing [2015]" / name for name in ("image_2", "image_3")]
    out = ("--out", tmp_path / "out", "--submission", tmp_path / "disp_0")
    text = call("infer", checkpoint, *sides, *out, "--iterations", 1)
    assert "2 pairs done" in text and "2 pictures named as the left images" in text
    assert sorted(p.name for p in (tmp_path / "disp_0").iterdir()) == ["000000_10.png", "000001_10.png"]
    result = tmp_path / "out/000001_10/disparity.png"
    assert (tmp_path / "disp_0/000001_10.png").read_bytes() == result.read_bytes()
    assert "earlier submission" in error_of("infer", checkpoint, *sides, *out)
    assert "png in --format" in error_of("infer", checkpoint, *sides, *out, "--format", "npy")
    same = (pairs / "*/left.png", pairs / "*/right.png")
    assert "2 left images share their name with another" in error_of("infer", checkpoint, *same, *out)
    one = (pairs / "a/left.png", pairs / "a/right.png")
    assert "several pairs" in error_of("infer", checkpoint, *one, *out)


def test_infer_skips_and_lists_images_without_a_partner_when_asked(checkpoint, pairs, tmp_path):
    for side in ("left", "right"):
        (tmp_path / side).mkdir()
        (tmp_path / side / "a.png").write_bytes((pairs / "a" / f"{side}.png").read_bytes())
    (tmp_path / "left/b.png").write_bytes((pairs / "b/left.png").read_bytes())
    batch = ("infer", checkpoint, tmp_path / "left", tmp_path / "right", "--out", tmp_path / "out")
    assert "b.png: no file matching" in error_of(*batch)
    text = call(*batch, "--allow-missing", "--iterations", 1)
    assert "skipped:" in text and "b.png" in text and "1 pairs done" in text


def test_infer_says_what_the_calibration_means(checkpoint, pairs, tmp_path):
    rig = f"\ufeff50 0 {WIDTH / 4} 0 50 {HEIGHT / 4} 0 0 1\r\n\r\n200\r\n"
    (tmp_path / "K.txt").write_bytes(rig.encode())
    left, right = pairs / "a" / "left.png", pairs / "a" / "right.png"
    text = call("infer", checkpoint, left, right, "--out", tmp_path / "o", "--intrinsics", tmp_path / "K.txt")
    assert "field of view 104 x 65 degrees, baseline 200 m, depth" in text
    assert "for images of about 64x32 pixels" in text and "in millimetres it would be 0.2 m" in text


def test_infer_names_what_is_wrong(checkpoint, pairs, tmp_path):
    left, right = pairs / "a" / "left.png", pairs / "a" / "right.png"
    out = ("--out", tmp_path / "out")
    assert "look exchanged" in error_of("infer", checkpoint, right, left, *out)
    assert "nowhere.png" in error_of("infer", checkpoint, left, "nowhere.png", *out)
    Image.open(right).resize((WIDTH, HEIGHT // 2)).save(tmp_path / "small.png")
    assert "64" in error_of("infer", checkpoint, left, tmp_path / "small.png", *out)
    assert "jpeg" in error_of("infer", checkpoint, left, right, *out, "--format", "jpeg")
    assert "WIDTHxHEIGHT" in error_of("infer", checkpoint, left, right, *out, "--tile", "400")
    assert "no file matches" in error_of("infer", checkpoint, tmp_path / "*.jpg", right, *out)
    assert not (tmp_path / "out").exists()


# ---------------------------------------------------------------- train


def refusal(*arguments):
    """The last line of a training that was refused, after what it told of its progress."""
    result = CLI.invoke(app, [str(a) for a in arguments])
    assert result.exit_code == 2, f"{result.output}\n{result.exception!r}"
    return result.stderr.splitlines()[-1]


def test_train_goes_on_where_it_stopped(pairs, tmp_path):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        f"model: {{preset: nano}}\ndata: [{{kind: folder, root: {pairs}}}]\n"
        "training: {steps: 2, batch_size: 1, crop_hw: [64, 64], iterations: 1, checkpoint_every: 1, "
        "tensorboard: false}\n"
    )
    run = tmp_path / "run"
    text = call("train", recipe, "--out", run, "training.learning_rate=1e-4")
    assert "trained to step 2; the model is" in text
    log = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in log] == [1, 2] and log[0]["learning_rate"] == pytest.approx(1e-4)
    assert load_model(run / "model.pt").config.max_disparity == 64
    assert "after step 2" in call("info", run / "checkpoint_0000002.pt")
    assert "nothing left to do" in call("train", recipe, "--out", run, "training.learning_rate=1e-4")
    assert "training.learning_rate is 0.0001 there and 0.001 here" in refusal("train", recipe, "--out", run)
    assert "went on after step 2 to step 3" in call("train", "--out", run, "--amend", "training.steps=3")
    assert "went on after step 3 to step 4" in call("train", "training.steps=4", "--out", run)
    assert "only training.* and data.*" in refusal("train", "--out", run, "--amend", "model.seed=4")
    assert "holds none; expected paper" in refusal("train", "--out", tmp_path / "other")


def test_train_names_what_is_wrong(tmp_path):
    out = ("--out", tmp_path / "run")
    assert "data.shards.root is not given" in error_of("train", "cpu", *out)
    assert "paper" in error_of("train", "papr", *out)
    assert "FIELD=VALUE" in error_of("train", "cpu", "steps", *out)
    assert "did you mean 'steps'" in error_of("train", "cpu", "training.step=3", *out)
    empty = tmp_path / "shards"
    empty.mkdir()
    assert "no finished shards" in refusal("train", "cpu", f"data.shards.root={empty}", *out)


# ---------------------------------------------------------------- export


@pytest.mark.usefixtures("traced_once")
def test_export_writes_checks_and_says_what_it_wrote(checkpoint, tmp_path):
    target = tmp_path / "model.onnx"
    text = call("export", checkpoint, target, "--iterations", 1)
    assert "1 iterations, fp32, opset 17, size any multiple of 32" in text
    assert "at 160x128: differs from the model by" in text and "at 480x160" in text
    assert "PASS: fp32 may differ by 0.001 px on average and 0.01% of the pixels off by more" in text
    assert "iterations 1" in call("info", target) and "dynamic True" in call("info", target)


def exported(precision: str) -> ExportInfo:
    """What an export that is not done would say of its file."""
    return ExportInfo(
        config_digest="", weights_digest="", max_disparity=64, iterations=1, height=64, width=96,
        dynamic=True, precision=precision,
    )  # fmt: skip


@pytest.mark.parametrize(("precision", "remedy"), [("fp16", "--precision fp32"), ("fp32", "--size")])
def test_an_exported_file_that_differs_too_much_is_a_failure_with_a_remedy(
    checkpoint, tmp_path, monkeypatch, precision, remedy
):
    case = parity.ParityCase(batch=1, height=64, width=96, mean=0.004, worst=85.0, off=0.02)
    report = parity.ParityReport(
        cases=(case,), tolerance=parity.TOLERANCE[precision], most_off=parity.MOST_OFF[precision]
    )
    monkeypatch.setattr(parity, "check_parity", lambda *_: report)

    def export_onnx(model, target, *, approve, **_):
        approve(target)
        target.write_bytes(b"\x08\x07\x12 an ONNX model")
        return exported(precision)

    monkeypatch.setattr(exporter, "export_onnx", export_onnx)
    result = CLI.invoke(app, ["export", str(checkpoint), str(tmp_path / "m.onnx"), "--precision", precision])
    said = " ".join(result.output.split())
    assert result.exit_code == 1 and "PASS" not in said
    assert f"error: FAIL: {precision} may differ by" in said and f": export it with {remedy}" in said
    assert "2.00% of the pixels, by 85 px at most" in said
    assert "not written to" in said and not (tmp_path / "m.onnx").exists()
    result = CLI.invoke(app, ["export", str(checkpoint), str(tmp_path / "m.onnx"), "--no-check"])
    assert result.exit_code == 0 and "not compared with the model" in result.output
    result = CLI.invoke(app, ["export", str(checkpoint), str(tmp_path / "m.onnx"), "--precision", precision])
    assert "what was there before is unchanged" in " ".join(result.output.split())


@pytest.mark.usefixtures("traced_once")
def test_an_unfit_model_leaves_no_file_and_an_older_one_as_it_was(checkpoint, tmp_path, monkeypatch):
    monkeypatch.setitem(parity.TOLERANCE, "fp32", -1.0)  # nothing is as close as that
    target = tmp_path / "model.onnx"
    older = b"\x08\x07\x12 an older model"
    target.write_bytes(older)
    text = call("export", checkpoint, target, "--iterations", 1, code=1)
    assert "FAIL: fp32 may differ by -1 px" in text and "what was there before is unchanged" in text
    assert target.read_bytes() == older and [path.name for path in tmp_path.iterdir()] == ["model.onnx"]


def test_without_a_terminal_long_work_says_lines_now_and_then(checkpoint, pairs, monkeypatch, tmp_path):
    monkeypatch.setattr(terminal, "REPEAT_S", 0.01)
    text = call("evaluate", checkpoint, "--data", f"folder:{pairs}", "--iterations", 1)
    assert "loading the model, for 0 s now" in text
    assert "folder: 0/2, after 0 s" in text and "folder: 1/2, after" in text

    def export_onnx(model, target, **_):
        time.sleep(0.1)
        target.write_bytes(b"\x08\x07\x12 an ONNX model")
        return exported("fp32")

    monkeypatch.setattr(exporter, "export_onnx", export_onnx)
    text = call("export", checkpoint, tmp_path / "m.onnx")
    assert "exporting and comparing with the model, for 0 s now" in text


@pytest.mark.filterwarnings("default")
def test_a_command_that_asks_a_model_with_random_weights_says_so(checkpoint, pairs, tmp_path):
    word = "warning: weights are random"
    left, right = pairs / "a" / "left.png", pairs / "a" / "right.png"
    assert word in call("infer", checkpoint, left, right, "--out", tmp_path / "result", "--iterations", 1)
    assert word in call("evaluate", checkpoint, "--data", f"folder:{pairs}", "--iterations", 1, "--limit", 1)
    assert "weights random; nothing has trained them" in call("info", checkpoint)
    model = load_model(checkpoint)
    with torch.no_grad():
        model.context.stem[0].weight += 1
    save_checkpoint(model, tmp_path / "taught.pt")
    assert "weights learned" in call("info", tmp_path / "taught.pt")
    said = call("infer", tmp_path / "taught.pt", left, right, "--out", tmp_path / "b", "--iterations", 1)
    assert "random" not in said


def test_export_names_what_is_wrong(checkpoint, tmp_path):
    target = tmp_path / "model.onnx"
    assert "multiples of 32" in error_of("export", checkpoint, target, "--size", "100x64")
    assert ".onnx" in error_of("export", checkpoint, tmp_path / "model.pt", "--size", "96x64")
    assert "WIDTHxHEIGHT" in error_of("export", checkpoint, target, "--size", "big")
    target.write_bytes(b"not a graph")
    assert "not an ONNX file" in error_of("info", target)


# ---------------------------------------------------------------- convert, info, models


def test_info_tells_a_checkpoints_size_and_digests(checkpoint):
    model = load_model(checkpoint)
    text = call("info", checkpoint)
    assert "like preset nano" in text and "max_disparity 64 px" in text
    assert model.config.digest() in text and "hourglass_widths" not in text
    assert "hourglass_widths" in call("info", checkpoint, "--all")


def test_convert_rewrites_ours_and_never_overwrites_by_itself(checkpoint, tmp_path):
    target = tmp_path / "copy.pt"
    assert "format ours" in call("convert", checkpoint, target, "--to", "ours")
    copied, model = load_model(target).state_dict(), load_model(checkpoint).state_dict()
    assert all(torch.equal(copied[name], value) for name, value in model.items())
    assert "exists" in error_of("convert", checkpoint, target)
    assert "published" in error_of("convert", checkpoint, tmp_path / "other.pth", "--to", "published")


def test_a_damaged_checkpoint_is_one_line_everywhere(checkpoint, pairs, tmp_path):
    cut = tmp_path / "cut.pt"
    cut.write_bytes(checkpoint.read_bytes()[:-1000])
    left, right = pairs / "a" / "left.png", pairs / "a" / "right.png"
    for command in (
        ("info", cut),
        ("evaluate", cut, "--data", f"folder:{pairs}"),
        ("infer", cut, left, right, "--out", tmp_path / "out"),
        ("export", cut, tmp_path / "m.onnx"),
        ("convert", cut, tmp_path / "copy.pt"),
    ):
        assert "cut.pt" in error_of(*command)
    assert "nowhere.pt" in error_of("info", tmp_path / "nowhere.pt")


def test_fields_that_leave_the_weights_alone_can_be_replaced(checkpoint, pairs, tmp_path):
    left, right = pairs / "a" / "left.png", pairs / "a" / "right.png"
    common = ("infer", checkpoint, left, right, "--out", tmp_path / "out")
    assert "multiple of 32" in error_of(*common, "--model", "max_disparity=33")
    assert "did you mean" in error_of(*common, "--model", "max_disparty=96")
    call(*common, "--model", "max_disparity=96", "--model", "disparity_attention=heads", "--iterations", 1)


def test_cuda_without_a_gpu_is_refused(checkpoint, pairs, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "no usable GPU" in error_of(
        "evaluate", checkpoint, "--data", f"folder:{pairs}", "--device", "cuda"
    )


def test_models_lists_what_is_known_by_name():
    text = call("models")
    assert all(name in text for name in ("vitl", "vits", "tiny", "paper", "middlebury", "kitti2015"))
    assert "depth_anything_v2_vitl" in text and "…" not in text and "nano is for tests" in text


@pytest.mark.parametrize("command", ["train", "evaluate", "infer", "export", "convert", "info", "models"])
def test_help_shows_what_a_command_is_for(command):
    text = call(command, "--help")
    assert "Usage:" in text and "--help" in text
    assert command in ("info", "models") or "Example" in text


def test_a_bug_shows_its_traceback(checkpoint, monkeypatch):
    monkeypatch.setattr(info_module, "_facts", lambda model: 1 / 0)
    result = CLI.invoke(app, ["info", str(checkpoint)])
    assert isinstance(result.exception, ZeroDivisionError)


def test_a_missing_extra_is_one_line_with_its_command(checkpoint, monkeypatch):
    def missing(model):
        with extra("onnx"):
            import no_such_library  # noqa: F401

    monkeypatch.setattr(info_module, "_facts", missing)
    assert "pip install '.[onnx]'" in error_of("info", checkpoint)
