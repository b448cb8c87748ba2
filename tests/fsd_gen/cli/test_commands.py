"""The command line as a user meets it: what works, and one clear line for what does not."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

import fsd_gen.production.unfinished
import fsd_gen.shards.writer
from assets_manifest.library import Pack, save_pack
from fsd_gen.cli import app
from fsd_gen.production.unfinished import want_shards, wanted_shards
from fsd_gen.shards.reader import ShardReader
from fsd_gen.shards.writer import ShardWriter
from jobs.config import FarmConfig
from tests.conftest import SPARSE
from tests.fsd_gen.synthetic import make_meta, make_sample, make_shard

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
    options = ("--config", SPARSE, "--packs", "builtin", "--size", "96x64", "--spp", 1, "--workers", 0)
    return ("render", "--shards", 1, "--samples-per-shard", 2, "--out", folder, *options, *more)


def test_render_says_what_it_made_and_resumes(rendered):
    code, output = run(*small_render(rendered))
    assert code == 0
    assert "2 samples in 1 shards" in output and "1 of the shards were there already" in output
    assert "rate=" not in output


def test_a_run_that_is_to_have_fewer_shards_than_before_says_so(rendered):
    want_shards(rendered, 6)
    code, output = run(*small_render(rendered))
    assert code == 0 and "was to have 6 shards; from now on it wants 1" in " ".join(output.split())
    assert wanted_shards(rendered) == 1


def test_a_run_with_another_configuration_is_refused_with_the_difference(rendered):
    code, output = run(*small_render(rendered, "--seed", 5))
    assert code == 2
    assert "seed is 0 in the folder, 5 in yours" in output


def test_info_and_verify_read_the_run(rendered):
    code, output = run("info", rendered)
    assert code == 0 and "2 samples of 96x64" in output
    code, output = run("verify", rendered)
    assert code == 0 and "2 samples are intact, 0 problems" in output


def test_info_counts_why_attempts_were_refused_for_samples_that_were_made_in_the_end(tmp_path):
    sample = make_sample(0, attempt=2)
    told = replace(sample.render, refused=(("too_dark",), ("hung", "too_dark")))
    writer = ShardWriter(tmp_path / "0.h5", [0], make_meta())
    writer.add(replace(sample, render=told))
    code, output = run("info", writer.finish())
    assert code == 0 and "attempts refused, by reason: too_dark 2, hung 1" in output


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
styles: {flying: {made: 0, objects: [3, 5], distractors: [0, 2], pictures: [1, 2]}}
samples_per_shard: 1
max_attempts: 2
checks: {mean_level: [255, 255]}
"""


def test_a_run_without_any_sample_fails_and_says_why(tmp_path, library):
    (tmp_path / "none.yaml").write_text(NOTHING_PASSES)
    folder = tmp_path / "run"
    code, output = run(
        *("render", "--shards", 1, "--config", tmp_path / "none.yaml", "--out", folder, "--workers", 0)
    )
    assert code == 1
    assert "slot 0 quarantined after 2 attempts: exposure" in output
    assert "no sample was made" in output and "0 samples in 1 shards" in output
    code, output = run("info", folder)
    why = "exposure ("
    assert code == 0 and f"slot 0 quarantined after 2 attempts: {why}" in output.replace("\n", " ")
    assert "attempts refused, by reason: exposure 2" in output
    code, output = run("stage", f"{folder}:0000000-a0", "--out", tmp_path / "x.usda")
    assert code == 2 and "slot 0 was given up after 2 attempts: exposure" in output.replace("\n", " ")
    code, output = run("preview", folder, "--out", tmp_path / "sheet.png")
    assert code == 2 and "no sample to show" in output
    corrected = (tmp_path / "none.yaml", "--out", folder, "--workers", 0, "--seed", 4)
    code, output = run("render", "--shards", 1, "--config", *corrected)
    assert code in (0, 1) and "another configuration" not in output
    assert (folder / "set_aside/00000.h5").is_file()


def test_preview_of_a_config_writes_a_sheet_and_no_run(tmp_path, library):
    config = tmp_path / "c.yaml"
    config.write_text(
        "image: {width: 128, height: 72}\nassets: {packs: [builtin]}\n"
        "styles: {flying: {made: 0, objects: [3, 5], distractors: [0, 2], pictures: [1, 2]}}\n"
    )
    sheet = tmp_path / "sheet.png"
    drawn = ("--per-style", "1", "--spp", "1", "--size", "112x64", "--out", sheet)
    code, output = run("preview", "--config", config, *drawn)
    assert code == 0 and "flying: 1 of 1 slots filled" in output and "scenes=1/1 style=flying" in output
    assert 3 * 112 <= Image.open(sheet).width < 3 * 128 and sorted(tmp_path.iterdir()) == [config, sheet]


def test_preview_wants_a_run_or_a_config(tmp_path):
    assert "got neither" in run("preview")[1]
    assert "got both" in run("preview", tmp_path, "--config", "demo")[1]
    assert "--size goes with --config" in run("preview", tmp_path, "--size", "96x54")[1]


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
        (("assets", "list", "attic"), "no pack called 'attic'"),
    ],
)
def test_bad_input_is_one_clear_line(arguments, message, tmp_path, monkeypatch, library):
    monkeypatch.chdir(tmp_path)
    code, output = run(*arguments)
    assert code == 2
    assert message in output
    assert "Traceback" not in output
    assert not list(tmp_path.rglob("config*.yaml"))  # nothing was frozen


def test_samples_that_were_drawn_again_are_told_from_slots(tmp_path):
    make_shard(tmp_path / "00000.h5", slots=[0, 1, 2])
    make_shard(tmp_path / "00001.h5", slots=[1], attempt=1)
    code, output = run("info", tmp_path)
    assert code == 0 and "for 3 slots: 1 were drawn again, in 2 shards" in output, output


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
    assert code == 2 and "no sample 0000099-a0" in output and "none of them holds slot 99" in output
    code, output = run("stage", f"{rendered}:0000001-a3", "--out", "x.usda")
    assert code == 2 and "slot 1 holds 0000001-a0" in output.replace("\n", " ")


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


@pytest.mark.parametrize("command", ["verify", "attribution", "browse", "list"])
def test_a_pack_that_nobody_knows_is_not_to_be_fetched_but_those_that_there_are_are_named(
    library, tmp_path, monkeypatch, command
):
    monkeypatch.chdir(tmp_path)
    code, output = run("assets", command, "nope")
    text = output.replace("\n", " ")
    assert code in (1, 2) and "no pack called 'nope'; there are builtin, surfaces, sweethome3d" in text
    assert "fetch nope" not in text and not list(tmp_path.iterdir())


def test_a_pack_that_nobody_knows_does_not_keep_the_others_from_being_verified(library):
    code, output = run("assets", "verify", "nope", "builtin")
    assert code == 1 and "no pack called 'nope'" in output and "builtin: 0 files differ" in output


@pytest.mark.parametrize("command", [("render", "--shards", 1), ("preview",)])
def test_a_rig_that_no_scene_can_hold_is_refused_before_there_is_a_folder(library, tmp_path, command):
    (tmp_path / "wide.yaml").write_text(
        "version: 2\nassets: {packs: [builtin]}\nstyles: {indoor: {}}\nrig: {baseline_m: 5}\n"
    )
    where = tmp_path / ("run" if command[0] == "render" else "sheet.png")
    code, output = run(*command, "--config", tmp_path / "wide.yaml", "--out", where)
    assert code == 2 and "rig.baseline_m: 5 m is wider than any scene can hold of indoor" in output
    assert not where.exists()


def refusing(reason: int):
    def refuse(final, content):
        raise OSError(reason, os.strerror(reason), str(final))

    return refuse


def test_what_was_kept_when_the_disk_is_full_is_counted(tmp_path, library, monkeypatch):
    """One sample is stored, then nothing can be written any more."""
    stored: list[Path] = []
    write = fsd_gen.shards.writer.write_bytes_atomic

    def store(final, content):
        if stored:
            refusing(errno.ENOSPC)(final, content)
        write(final, content)
        stored.append(final)

    once = partial(FarmConfig, max_retries=0, gpus_per_worker=0)
    monkeypatch.setattr("fsd_gen.production.farm.FarmConfig", lambda **given: once(workers=given["workers"]))
    monkeypatch.setattr(fsd_gen.shards.writer, "write_bytes_atomic", store)
    code, output = run(*small_render(tmp_path / "run"))
    text = output.replace("\n", " ")
    assert code == 1 and "Traceback" not in output
    assert "failed: shards/00000 after " in text and "No space left on device" in text
    assert "1 samples of 1 unfinished shards are kept" in text
    assert "Traceback" in (tmp_path / "run/render.log").read_text()


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EDQUOT, "quota is used up"),
        (errno.EROFS, "lies on a read-only file system"),
        (errno.EACCES, "access is not permitted"),
        (errno.EIO, "the disk failed to read or write"),
    ],
)
def test_what_the_disk_refuses_is_one_line(tmp_path, library, monkeypatch, reason, message):
    monkeypatch.setattr(fsd_gen.production.unfinished, "write_text_atomic", refusing(reason))
    code, output = run(*small_render(tmp_path / "run"))
    assert code == 2 and message in output.replace("\n", " ") and "Traceback" not in output


def test_a_pack_of_the_users_own_is_listed_described_verified_and_explained(library, assets_home):
    texture = library.select("texture")[0]
    own = assets_home / "mine"
    (own / texture.uri).parent.mkdir(parents=True)
    shutil.copy(library.path(texture.id), own / texture.uri)
    asset = texture.model_copy(
        update={"id": "mine/a_name_that_is_far_too_long_for_any_column_of_80", "attachments": ()}
    )
    save_pack(Pack(name="mine", version="7", licence="MIT", assets=(asset,)), own)
    try:
        listed = json.loads(run("assets", "list", "--json")[1])
        (mine,) = (pack for pack in listed if pack["name"] == "mine")
        assert mine["assets"] == 1 and not mine["can_be_fetched"]
        assert mine["about"] == "a pack of your own, version 7: 1 x texture; MIT"
        assert "mine: 0 files differ" in run("assets", "verify", "mine")[1]
        for more in ((), ("--long",), ("--json",)):
            assert asset.id in run("assets", "list", "mine", *more)[1]
        code, output = run("assets", "fetch", "mine")
        assert code == 2 and "made with `fsd-gen assets import FOLDER --name mine`" in output.replace(
            "\n", " "
        )
        (own / texture.uri).write_bytes(b"x")
        code, output = run("assets", "verify")
        assert code == 1 and "mine/a_name" in output and "1 files differ" in output
        (own / "pack.yaml").write_text("[]")
        code, output = run("assets", "verify")
        assert code == 1 and "is not a readable asset pack" in output
        own.rename(assets_home / "renamed")
    finally:
        shutil.rmtree(own, ignore_errors=True)
        shutil.rmtree(assets_home / "renamed", ignore_errors=True)


def test_a_missing_pack_is_met_with_what_works(tmp_path, library, assets_home):
    code, output = run(*small_render(tmp_path / "run")[:-2], "--packs", "mine", "--workers", 0)
    text = output.replace("\n", " ")
    assert (
        code == 2 and "no pack called 'mine'" in text and "`fsd-gen assets import FOLDER --name mine`" in text
    )
    assert f"{assets_home}/mine" in text.replace(" ", "") or str(assets_home) in text
    assert not (tmp_path / "run").exists()
