"""The command line as a user meets it: what works, and one clear line for what does not."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fsd_gen.cli import app
from fsd_gen.shards.reader import ShardReader
from tests.fsd_gen.synthetic import make_shard

RUNNER = CliRunner()


def run(*arguments: object) -> tuple[int, str]:
    result = RUNNER.invoke(app, [str(a) for a in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


@pytest.fixture(scope="module")
def rendered(tmp_path_factory, library) -> Path:
    """One shard of two small samples, rendered by the command itself."""
    folder = tmp_path_factory.mktemp("run")
    code, output = run(*small_render(folder))
    assert code == 0, output
    return folder


def small_render(folder: Path, *more: object) -> tuple[object, ...]:
    options = ("--config", "demo", "--packs", "builtin", "--size", "96x64", "--spp", 1, "--workers", 0)
    return ("render", "--shards", 1, "--samples-per-shard", 2, "--out", folder, *options, *more)


def test_render_says_what_it_made_and_resumes(rendered):
    code, output = run(*small_render(rendered))
    assert code == 0
    assert "2 samples in 1 shards" in output and "1 were there already" in output


def test_a_run_with_another_configuration_is_refused_with_the_difference(rendered):
    code, output = run(*small_render(rendered, "--seed", 5))
    assert code == 2
    assert "seed is 0 in the folder, 5 in yours" in output


def test_info_and_verify_read_the_run(rendered):
    code, output = run("info", rendered)
    assert code == 0 and "2 samples of 96x64" in output
    code, output = run("verify", rendered)
    assert code == 0 and "2 samples are intact, 0 problems" in output


def with_foreign_shard(rendered: Path, folder: Path, **meta: str) -> Path:
    """A copy of the run with one more shard, which is not of it."""
    shutil.copytree(rendered, folder)
    with ShardReader(shard(rendered)) as reader:
        own = {"config_digest": reader.meta.config_digest, "assets_json": reader.meta.assets_json}
    make_shard(folder / "shards" / "00001.h5", slots=[2, 3], **(own | meta))
    return folder


@pytest.mark.parametrize(
    ("meta", "message"),
    [
        ({"config_digest": "f" * 64}, "belongs to config ffffffffffff, the run is"),
        ({"assets_json": '{"other":{"digest":"0","version":"1"}}'}, "other asset packs (builtin, other)"),
    ],
)
def test_a_shard_of_another_run_is_refused_and_verify_names_it(rendered, tmp_path, meta, message):
    folder = with_foreign_shard(rendered, tmp_path / "run", **meta)
    for code, output in (run(*small_render(folder)), run("verify", folder)):
        assert code in (1, 2)
        assert "00001.h5" in output and message in output and "move it away and render again" in output
    assert run("verify", folder)[0] == 1


def test_verify_names_both_shards_that_hold_one_sample(rendered, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(rendered, folder)
    shutil.copy(shard(folder), folder / "shards" / "copy.h5")
    code, output = run("verify", folder)
    assert code == 1
    assert "copy.h5: 0000000-a0 is in" in output and "00000.h5 too" in output
    assert run(*small_render(folder))[0] == 2


NOTHING_PASSES = """
image: {width: 96, height: 64}
render: {spp: 1}
assets: {packs: [builtin]}
samples_per_shard: 1
max_attempts: 2
checks: {min_valid: 1.0}
"""


def test_a_run_without_any_sample_fails_and_says_why(tmp_path, library):
    (tmp_path / "none.yaml").write_text(NOTHING_PASSES)
    folder = tmp_path / "run"
    code, output = run(
        *("render", "--shards", 1, "--config", tmp_path / "none.yaml", "--out", folder, "--workers", 0)
    )
    assert code == 1
    assert "slot 0 quarantined after 2 attempts: too_little_valid" in output
    assert "no sample was made" in output and "0 samples in 1 shards" in output
    code, output = run("info", folder)
    assert code == 0 and "slot 0 quarantined after 2 attempts: too_little_valid" in output
    code, output = run("preview", folder, "--out", tmp_path / "sheet.png")
    assert code == 2 and "no sample to show" in output


def test_preview_writes_a_contact_sheet(rendered, tmp_path):
    assert run("preview", rendered, "--out", tmp_path / "sheet.png")[0] == 0
    assert (tmp_path / "sheet.png").read_bytes().startswith(b"\x89PNG")


def test_replay_finds_the_truth_bit_identical_and_the_images_equal(rendered):
    code, output = run("replay", f"{shard(rendered)}:1")
    assert code == 0
    assert "truth: bit-identical" in output
    decibels = [float(number) for number in re.findall(r"(inf|[\d.]+) dB", output)]
    assert len(decibels) == 2 and min(decibels) > 45


def shard(folder: Path) -> Path:
    return folder / "shards" / "00000.h5"


def test_the_stage_of_a_sample_is_written(rendered, tmp_path):
    code, _ = run("stage", f"{shard(rendered)}:0", "--out", tmp_path / "scene.usda")
    assert code == 0
    text = (tmp_path / "scene.usda").read_text()
    assert 'upAxis = "Z"' in text and "metersPerUnit = 1" in text
    assert "@./scene_assets/" in text and "@/" not in text


def test_a_stage_that_is_there_is_replaced_on_purpose_only(rendered, tmp_path):
    stage = ("stage", f"{shard(rendered)}:0", "--out", f"{tmp_path}/folder/")
    assert run(*stage)[0] == 0 and (tmp_path / "folder/stage.usda").is_file()
    code, output = run(*stage)
    assert code == 2 and "is there already; `--force` replaces it" in output
    assert run(*stage, "--force")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("render", "--shards", 1, "--config", "nope"), "neither a file nor a preset"),
        (("render", "--shards", 1, "--size", "12"), "expected WIDTHxHEIGHT"),
        (("render", "--shards", 1, "--size", "²x9"), "expected WIDTHxHEIGHT"),
        (("render", "--shards", 1, "--size", "٣٢٠x٢٤٠"), "expected WIDTHxHEIGHT"),
        (("render", "--shards", 1, "--out", ""), "--out: expected a run directory"),
        (
            ("render", "--shards", 1, "--packs", "builtin", "--out", "/proc/run"),
            "cannot be the folder of a run",
        ),
        (("render", "--shards", 1, "--workers", -1), "--workers"),
        (("render", "--shards", 100_001), "--shards"),
        (("render", "--shards", 1, "--packs", "builtin,attic"), "no pack called 'attic'"),
        (("render", "--shards", 1, "--packs", "bultin"), "did you mean 'builtin'?"),
        (("render", "--shards", 1, "--packs", ""), "expected names of packs"),
        (("render", "--shards", 1, "--packs", "builtin,../x"), "expected names of packs"),
        (("render", "--shards", 1, "--packs", "builtin,builtin"), "'builtin' is given twice"),
        (("render", "--shards", 1, "--seed", 2**63), "seed"),
        (("render", "--shards", 1, "--backend", "mitsubi"), "did you mean 'mitsuba'?"),
        (("info", "nowhere"), "expected a shard"),
        (("replay", "runs"), "expected PATH:SAMPLE"),
        (("assets", "fetch", "attic"), "no pack called 'attic'"),
    ],
)
def test_bad_input_is_one_clear_line(arguments, message, tmp_path, monkeypatch, library):
    monkeypatch.chdir(tmp_path)
    code, output = run(*arguments)
    assert code == 2
    assert message in output
    assert "Traceback" not in output
    assert not list(tmp_path.rglob("config*.yaml"))  # nothing was frozen


def test_verify_names_shard_and_row_of_a_flipped_byte(tmp_path):
    good = make_shard(tmp_path / "00000.h5", slots=[0, 1, 2])
    bad = tmp_path / "bad" / "00000.h5"
    bad.parent.mkdir()
    shutil.copy(good, bad)
    data = bytearray(bad.read_bytes())
    place = len(data) // 2
    data[place] ^= 0xFF
    bad.write_bytes(data)
    code, output = run("verify", bad)
    assert code == 1
    assert "00000.h5" in output and "row" in output


def test_a_sample_that_is_not_there_is_named(rendered):
    code, output = run("stage", f"{rendered}:0000099-a0")
    assert code == 2 and "no sample 0000099-a0" in output


def test_assets_list_shows_the_packs(library):
    code, output = run("assets", "list")
    assert code == 0 and "builtin" in output and "not fetched" in output


def test_assets_verify_finds_a_changed_file(library, assets_home):
    assert run("assets", "verify", "builtin")[0] == 0
    texture = library.path(library.select("texture")[0].id)
    original = texture.read_bytes()
    texture.write_bytes(original + b"x")
    try:
        code, output = run("assets", "verify", "builtin")
    finally:
        texture.write_bytes(original)
    assert code == 1 and texture.name in output
