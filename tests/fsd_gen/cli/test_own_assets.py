"""`fsd-gen assets import | add | browse | verify --open`, and the examples of docs/assets.md."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from assets_manifest.importing.manifest import Manifest
from fsd_gen.cli import app
from fsd_gen.sections import AssetsConfig
from tests.assets_manifest.importing.files import obj

RUNNER = CliRunner()


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("FSD_ASSETS_DIR", str(tmp_path / "packs"))

    def run(*arguments):
        result = RUNNER.invoke(app, ["assets", *map(str, arguments)])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, " ".join(result.output.split())

    return run


def test_a_folder_is_imported_added_to_browsed_and_verified(run, tmp_path):
    obj(tmp_path / "in/chair.obj", (60, 90, 60))
    (tmp_path / "in/bad.obj").write_text("nothing")
    code, said = run("import", tmp_path / "in", "--name", "mine", "--unit", "cm", "--licence", "MIT")
    assert code == 0 and "rejected: in/bad.obj: unreadable OBJ" in said
    assert "mine/chair: new; tags guessed: floor indoor seat" in said and "1 new, 0 changed" in said
    code, said = run("add", obj(tmp_path / "mug.obj", (0.1, 0.1, 0.1)), "--pack", "mine", "--license", "MIT")
    assert code == 0 and "mine/mug: new" in said and "made the new pack" not in said
    code, said = run("browse", "mine", "-o", tmp_path / "new/page.html")
    assert code == 0 and "2 assets in" in said and "all 2 objects can be drawn" in said
    assert (tmp_path / "new/page.html").read_text().count("<img") == 2
    assert run("verify", "--open", "mine") == (0, "mine: 0 files differ")
    (tmp_path / "packs/mine/objects/mug/model.usdc").write_bytes(b"rotten")
    code, said = run("verify", "--open", "mine")
    assert code == 1 and "unreadable USD" in said


def test_a_file_that_is_added_to_no_pack_makes_one_which_is_said(run, tmp_path):
    cup = obj(tmp_path / "in/cup.obj", (0.1, 0.1, 0.1))
    code, said = run("add", cup, "--pack", "cups", "--licence", "Bogus")
    assert code == 2 and said.startswith(f"error: {cup}: nothing to import: 'Bogus' is no identifier")
    assert run("add", cup, "--pack", "cups", "--licence", "MIT")[1].startswith(
        "made the new pack cups cups/cup:"
    )


def test_a_pack_that_cannot_be_opened_is_one_line(run):
    code, said = run("verify", "--open", "nope")
    assert code == 1 and said.startswith("no pack called 'nope'; there are ") and "differ" not in said


def test_what_cannot_be_done_is_one_line(run, tmp_path):
    obj(tmp_path / "in/a.obj"), obj(tmp_path / "in/b.obj")
    code, said = run("import", tmp_path / "in", "--name", "mine")
    assert code == 2 and "in: nothing to import: no licence is said; give --licence" in said
    assert said.endswith("(so with all 2 files)")
    code, said = run("import", tmp_path / "in", "--name", "../x", "--licence", "MIT")
    assert code == 2 and "no name of a pack" in said
    code, said = run("import", tmp_path / "in", "--name", "mine", "--licence", "MIT", "--tags", "A b")
    assert code == 2 and "--tags: expected tags of small letters" in said
    for option, known in (("--unit", "mm, cm, m, km, in, ft"), ("--up", "x, y, z")):
        code, said = run("import", tmp_path / "in", "--name", "mine", "--licence", "MIT", option, "inch")
        assert code == 2 and said == f"error: {option}: expected one of {known}, got 'inch'"
    code, said = run("browse", "-o", tmp_path)
    assert code == 2 and "--output:" in said and "is a folder; expected a file" in said
    code, said = run("browse", "-o", tmp_path / "in/a.obj/page.html")
    assert code == 2 and "in/a.obj is a file; expected a folder for page.html" in said
    result = RUNNER.invoke(app, ["info", str(tmp_path), "--html", str(tmp_path)])
    assert result.exit_code == 2 and "--html:" in result.output and "is a folder" in result.output


def test_tags_that_no_style_knows_are_said_and_kept(run, tmp_path):
    obj(tmp_path / "in/a.obj")
    options = ("--name", "mine", "--licence", "MIT", "--tags", "flor,workshop,seat")
    code, said = run("import", tmp_path / "in", *options)
    assert code == 0 and "--tags: flor, workshop: of your own, for `assets.weights`" in said
    assert (
        "`assets.weights`. Did you mean floor by flor? Styles know the places" in said and "outdoor" in said
    )
    assert "flor" in run("list", "mine", "--long")[1]
    assert "--tags" not in run("import", tmp_path / "in", *options[:-1], "floor,seat")[1]


def test_both_commands_take_the_same_options(run):
    texts = [run(command, "--help")[1] for command in ("import", "add")]
    options = [set(re.findall(r"--[a-z-]+", text)) for text in texts]
    assert options[0] - options[1] == {"--name"} and options[1] - options[0] == {"--pack"}
    assert {"--tags", "--unit", "--up", "--licence", "--author", "--any-size", "--force"} <= options[0]


def test_the_examples_of_the_documentation_are_in_the_form_that_is_read():
    text = (Path(__file__).parents[3] / "docs/assets.md").read_text()
    config, manifest = (yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL))
    assert AssetsConfig.model_validate(config["assets"]).weights == {"mine": 5, "tag:seat": 2}
    assert len(Manifest.model_validate(manifest).objects) == 4
