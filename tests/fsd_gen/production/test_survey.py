"""What a run should hold, and what is told and done where it does not."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assets_manifest.library import AssetLibrary
from fsd_gen.cli import app
from fsd_gen.config import Config, ConfigError
from fsd_gen.production.assets import assets_json
from fsd_gen.production.membership import DisownedError, refuse_foreign
from fsd_gen.production.requests import requests_for, shard_tasks
from fsd_gen.production.run import Run
from fsd_gen.production.survey import DamagedRunError, remedied, repair, shown_shards, survey
from fsd_gen.production.unfinished import WantedError, want_shards, wanted_shards
from fsd_gen.shards.index import refresh_index
from fsd_gen.shards.writer import ShardWriter
from jobs.locks import RunFolderError
from tests.fsd_gen.synthetic import make_meta, make_sample, make_shard

RUNNER = CliRunner()


@pytest.fixture(scope="module")
def sound(tmp_path_factory, small_config: Config, library: AssetLibrary) -> Path:
    """A run of two shards of two slots."""
    folder = tmp_path_factory.mktemp("sound") / "run"
    run = Run.start(folder, small_config)
    run.bind_assets(library)
    want_shards(folder, 2)
    for index in range(2):
        make_shard(run.shard_path(index), slots=[2 * index, 2 * index + 1], **made_with(run))
    return folder


def made_with(run: Run) -> dict[str, str]:
    return {"config_digest": run.known_as.digest, "assets_json": assets_json(run.folder)}


@pytest.fixture
def run_dir(sound: Path, tmp_path: Path) -> Path:
    shutil.copytree(sound, tmp_path / "run")
    return tmp_path / "run"


def told(*command: object) -> tuple[int, str]:
    result = RUNNER.invoke(app, [str(word) for word in command])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def cut_short(run_dir: Path) -> str:
    shard = run_dir / "shards/00001.h5"
    shard.write_bytes(shard.read_bytes()[:3000])
    return r"00001.h5.*truncated"


def removed(run_dir: Path) -> str:
    (run_dir / "shards/00001.h5").unlink()
    return r"shards/00001.h5: missing; `fsd-gen render --shards 2 --config .*config.yaml --out .*` makes"


def in_between_removed(run_dir: Path) -> str:
    (run_dir / "wanted.yaml").unlink()
    (run_dir / "shards/00000.h5").unlink()
    return r"shards/00000.h5: missing; `fsd-gen render --shards 2 "


def never_made(run_dir: Path) -> str:
    want_shards(run_dir, 9)
    return r"shards/00002.h5 to 00008.h5 \(7 shards\): missing; `fsd-gen render --shards 9 "


def of_another_config(run_dir: Path) -> str:
    own = made_with(Run.open(run_dir)) | {"config_digest": "f" * 64}
    make_shard(run_dir / "shards/00002.h5", slots=[4, 5], **own)
    return r"00002.h5 belongs to config ffffffffffff, the run is "


def of_another_pack(run_dir: Path) -> str:
    own = made_with(Run.open(run_dir)) | {"assets_json": '{"other":{"digest":"0","version":"1"}}'}
    make_shard(run_dir / "shards/00002.h5", slots=[4, 5], **own)
    return r"00002.h5 was made from other asset packs \(builtin, other\)"


def renamed(run_dir: Path) -> str:
    (run_dir / "shards/00001.h5").rename(run_dir / "shards/00002.h5")
    return r"00002.h5: holds slots 2 to 3, its name stands for 4 to 5"


def copied(run_dir: Path) -> str:
    shutil.copy(run_dir / "shards/00001.h5", run_dir / "shards/copy.h5")
    return r"copy.h5: 0000002-a0 is in .*00001.h5 too"


def a_folder_in_its_place(run_dir: Path) -> str:
    (run_dir / "shards/00002.h5").mkdir()
    return r"00002.h5: is a folder or device, expected a shard"


def without_its_packs(run_dir: Path) -> str:
    (run_dir / "assets.yaml").unlink()
    return r"assets.yaml: missing; the command that rendered the run writes it again"


def without_its_config(run_dir: Path) -> str:
    (run_dir / "config.yaml").unlink()
    return r"config.yaml: is missing from a run that was begun; .*config.resolved.yaml holds every value"


def edited(run_dir: Path) -> str:
    path = run_dir / "config.yaml"
    path.write_text(path.read_text() + "seed: 9\n")
    return r"config.yaml: was changed after the run was begun: seed is 9 there, the run was begun with 0"


def edited_to_nonsense(run_dir: Path) -> str:
    path = run_dir / "config.yaml"
    path.write_text(path.read_text() + "sede: 9\n")
    return r"config.yaml: sede: unknown field; did you mean 'seed'"


def emptied(run_dir: Path) -> str:
    (run_dir / "config.yaml").write_text("")
    return r"config.yaml: is empty; put back what the run was begun with"


def without_digest(run_dir: Path) -> str:
    (run_dir / "config.sha256").unlink()
    return r"config.sha256: missing; the command that rendered the run writes it again"


def unfinished(run_dir: Path) -> str:
    (run_dir / "shards/00001.h5").unlink()
    run = Run.open(run_dir)
    ShardWriter(run.shard_path(1), [2, 3], make_meta(**made_with(run))).add(make_sample(2))
    return r"shards: 00001.h5.part has 1 of 2 samples; unfinished, the same `fsd-gen render` goes on"


def begun_by_another(run_dir: Path) -> str:
    ShardWriter(run_dir / "shards/00002.h5", [4], make_meta(config_digest="f" * 64)).add(make_sample(4))
    return r"00002.h5.part: was begun with config ffffffffffff, the run is "


FAULTS = (
    cut_short,
    removed,
    in_between_removed,
    never_made,
    of_another_config,
    of_another_pack,
    renamed,
    copied,
    edited,
    edited_to_nonsense,
    emptied,
    without_digest,
    a_folder_in_its_place,
    without_its_packs,
    without_its_config,
    unfinished,
    begun_by_another,
)


@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_a_run_does_not_hold_as_it_should_is_named(run_dir, fault):
    message = fault(run_dir)
    findings = list(map(str, survey(run_dir, deep=False).findings))
    assert any(re.search(message, finding) for finding in findings), findings
    assert not any("\n" in finding for finding in findings)


@pytest.mark.parametrize("fault", [cut_short, removed, edited, unfinished])
def test_info_and_verify_say_so_and_end_with_exit_code_1(run_dir, fault):
    message = fault(run_dir)
    for command in ("verify", "info"):
        code, output = told(command, run_dir)
        assert code == 1 and re.search(message, output), output
        assert "samples" in output


def test_a_run_that_holds_what_it_should_has_no_findings(sound):
    assert survey(sound, deep=False).findings == []
    assert told("verify", sound)[0] == told("info", sound)[0] == 0


@pytest.mark.parametrize(
    ("fault", "moved", "left"),
    [
        (cut_short, "00001.h5", "00001.h5: missing"),
        (of_another_config, "00002.h5", None),
        (renamed, "00002.h5", "00001.h5: missing"),
        (copied, "copy.h5", None),
        (a_folder_in_its_place, "00002.h5", None),
        (begun_by_another, "00002.h5.part", None),
    ],
)
def test_repair_moves_aside_what_is_damaged_or_foreign_keeps_it_and_says_what_is_missing_then(
    run_dir, fault, moved, left
):
    fault(run_dir)
    code, output = told("verify", "--repair", run_dir)
    assert code == (0 if left is None else 1)
    assert f"moved {run_dir}/shards/{moved} to {run_dir}/set_aside/{moved}" in output
    assert (run_dir / "set_aside" / moved).exists() and not (run_dir / "shards" / moved).exists()
    assert left is None or left in output
    assert repair(run_dir) == []


def test_a_folder_with_the_name_of_a_shard_is_not_taken_for_one(run_dir):
    run = Run.open(run_dir)
    run.shard_path(2).mkdir()
    with pytest.raises(RunFolderError, match="00002.h5: is a folder or device"):
        shard_tasks(requests_for(run, 3))


def test_a_configuration_that_went_missing_is_written_again_by_the_same_command(run_dir, small_config):
    without_its_config(run_dir)
    assert Run.start(run_dir, small_config) == Run.open(run_dir)


def emptied_packs(run_dir: Path) -> str:
    (run_dir / "assets.yaml").write_text((run_dir / "assets.yaml").read_text().splitlines()[0] + "\n")
    return "assets.yaml: is damaged: it names no pack"


def other_packs(run_dir: Path) -> str:
    (run_dir / "assets.yaml").write_text("other: {version: '1', digest: '0'}\n")
    return "assets.yaml: all 2 shards of the run were made from other asset packs than it says"


def damaged_digest(run_dir: Path) -> str:
    (run_dir / "config.sha256").write_text("zz\n")
    return "config.sha256: is damaged: expected a digest of 64 hexadecimal digits, got 'zz'"


def another_digest(run_dir: Path) -> str:
    (run_dir / "config.sha256").write_text("f" * 64 + "\n")
    return "config.sha256: all 2 shards of the run belong to other configurations than it says"


@pytest.mark.parametrize("fault", [emptied_packs, other_packs, damaged_digest, another_digest])
def test_one_damaged_document_moves_no_shard(run_dir, fault):
    begun_by_another(run_dir)
    before = sorted(path.name for path in (run_dir / "shards").iterdir())
    message = fault(run_dir)
    code, output = told("verify", "--repair", run_dir)
    after = sorted(path.name for path in (run_dir / "shards").iterdir())
    assert code == 1 and message in output.replace("\n", " "), output
    digests_agree = fault in (emptied_packs, other_packs)  # so that the part is known to be another's
    assert after == (before[:2] if digests_agree else before), output


@pytest.mark.parametrize("fault", [emptied_packs, damaged_digest])
def test_a_damaged_document_that_is_removed_is_written_again(run_dir, small_config, library, fault):
    message = fault(run_dir)
    with pytest.raises(ConfigError, match=re.escape(message)):
        Run.start(run_dir, small_config).bind_assets(library)
    (run_dir / message.partition(":")[0]).unlink()
    Run.start(run_dir, small_config).bind_assets(library)
    assert survey(run_dir, deep=False).findings == []


def test_a_run_goes_on_with_no_shard_that_is_its_own_only_after_its_document_is_right(run_dir, small_config):
    other_packs(run_dir)
    with pytest.raises(DisownedError, match="all 2 shards"):
        refuse_foreign(Run.start(run_dir, small_config), refresh_index(run_dir))


def test_what_is_sound_is_never_moved(run_dir):
    before = sorted(run_dir.rglob("*.h5"))
    code, output = told("verify", "--repair", run_dir)
    assert code == 0 and "nothing had to be moved" in output
    assert sorted(run_dir.rglob("*.h5")) == before


def test_only_a_run_can_be_repaired(sound):
    code, output = told("verify", "--repair", sound / "shards")
    assert code == 2 and "no run" in output


@pytest.mark.parametrize("command", ["preview", "info", "verify"])
def test_a_truncated_shard_is_met_with_the_command_that_helps(run_dir, command):
    cut_short(run_dir)
    code, output = told(command, run_dir)
    assert code != 0 and f"`fsd-gen verify --repair {run_dir}` moves such files aside" in output
    with pytest.raises(DamagedRunError, match="truncated.*verify --repair"), remedied(run_dir):
        refresh_index(run_dir)


def test_a_run_without_a_finished_shard_says_how_far_it_is_and_shows_its_samples(run_dir):
    unfinished(run_dir)
    (run_dir / "shards/00000.h5").unlink()
    code, output = told("info", run_dir)
    assert code == 1 and "0 samples in 0 shards" in output and "1 more in 1 unfinished shards" in output
    assert [shown.path.name for shown in shown_shards(run_dir)] == ["0000002-a0.h5"]
    code, output = told("preview", run_dir)
    assert code == 0 and (run_dir / "preview.png").read_bytes().startswith(b"\x89PNG")


def test_a_run_that_was_only_begun_is_no_error_of_the_program(run_dir):
    shutil.rmtree(run_dir / "shards")
    for command in ("info", "verify"):
        code, output = told(command, run_dir)
        assert code == 1 and "00000.h5 to 00001.h5 (2 shards): missing" in output
    code, output = told("preview", run_dir)
    assert code == 2 and "no finished shards" in output


def test_a_picture_that_cannot_be_written_is_one_line(sound, tmp_path):
    (tmp_path / "file").write_text("")
    for name, message in {
        "sheet.txt": "expected the name of a picture",
        "file/sheet.png": "is a file; expected a folder",
        "n" * 300 + ".png": "name is too long",
    }.items():
        code, output = told("preview", sound, "--out", tmp_path / name)
        assert code == 2 and message in output.replace("\n", " "), output


def test_the_number_of_shards_is_what_the_last_command_asked_for(tmp_path):
    assert wanted_shards(tmp_path) is None
    for number in (5, 3):
        want_shards(tmp_path, number)
        assert wanted_shards(tmp_path) == number
    for damaged in ("shards: many\n", "shards: [\n", "", "shards: 0\n", "shards: true\n"):
        (tmp_path / "wanted.yaml").write_text(damaged)
        with pytest.raises(WantedError, match=r"wanted.yaml: .*render --shards N"):
            wanted_shards(tmp_path)
    want_shards(tmp_path, 4)
    assert wanted_shards(tmp_path) == 4


def test_a_run_that_cannot_say_how_many_shards_it_is_to_have_is_not_taken_for_finished(run_dir):
    (run_dir / "shards/00001.h5").unlink()
    (run_dir / "wanted.yaml").write_text("shards: [\n")
    for command, code in (("verify", 1), ("info", 1), ("status", 2)):
        ended, output = told(command, run_dir)
        assert (ended, "wanted.yaml: not valid YAML" in output) == (code, True), output


def test_a_pipe_in_the_place_of_a_document_is_not_waited_for(run_dir):
    for name in ("wanted.yaml", "config.sha256"):
        (run_dir / name).unlink()
        os.mkfifo(run_dir / name)
    findings = list(map(str, survey(run_dir, deep=False).findings))
    for name in ("wanted.yaml", "config.sha256"):
        assert any(f"{name}: is no ordinary file" in finding for finding in findings), findings


def test_no_output_takes_the_place_of_a_runs_files_or_of_anything_else(run_dir, tmp_path):
    shard_file, mine = run_dir / "shards/00000.h5", tmp_path / "mine.png"
    mine.write_text("my notes")
    sound = {path: path.read_bytes() for path in (shard_file, run_dir / "config.yaml", mine)}
    for words in (
        *(("info", run_dir, "--html", target) for target in (shard_file, run_dir / "shards/00001.h5")),
        *(("status", run_dir, "--html", target) for target in (shard_file, run_dir / "config.yaml", mine)),
        ("preview", run_dir, "-o", mine),
        ("replay", f"{run_dir}:0", "-o", mine),
        ("schema", "-o", run_dir / "config.yaml"),
        ("stage", f"{run_dir}:0", "-o", run_dir / "shards", "--force"),
        ("split", run_dir, "--val", 1, "-o", run_dir / "rounds"),
        ("preview", run_dir, "-o", "s3://bucket/x.png"),
        ("info", run_dir, "--html", "S3://bucket/x.html"),
        ("status", ""),
        ("render", "--shards", 1, "--out", "gcs://bucket/run"),
        ("info", "https://host/run?X-Amz-Signature=secret"),
    ):
        code, output = told(*words)
        assert code == 2 and output.startswith("error: ") and "secret" not in output, (words, output)
    assert {path: path.read_bytes() for path in sound} == sound
    assert sorted(path.name for path in (run_dir / "shards").iterdir()) == ["00000.h5", "00001.h5"]
