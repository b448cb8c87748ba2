"""The generated pages say what the code says, and the schema accepts what the loader accepts."""

import importlib.util
import json
import re
from functools import cache
from pathlib import Path

import jsonschema
import pytest
import yaml

from fsd_gen.config import Config, preset_names
from fsd_gen.field_docs import field_docs
from fsd_gen.schema import config_schema
from tests.commands import STAND_IN, commands_in, mentions_in, parse, unknown_words

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
LINK = re.compile(r"\]\(([^)#\s]+)")


schema = cache(config_schema)


@pytest.fixture(scope="module")
def generate():
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs/generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_generated_pages_are_those_of_the_types(generate):
    for name, text in generate.pages().items():
        assert (ROOT / "docs" / name).read_text() == text, f"docs/{name} is behind: run make docs"


def test_the_published_schema_is_that_of_the_types():
    stored = json.loads((ROOT / "docs/fsd-gen.schema.json").read_text())
    assert stored == json.loads(json.dumps(config_schema()))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_a_page_is_one_that_its_command_line_takes(page):
    text = page.read_text()
    for command in commands_in(text):
        parse([STAND_IN if "://" in word else word for word in command])  # a store would be asked
    assert [wrong for mention in mentions_in(text) if (wrong := unknown_words(mention))] == []


def test_pages_with_commands_are_found_to_have_some():
    assert len(commands_in((ROOT / "README.md").read_text())) > 20
    assert len(commands_in((ROOT / "docs/farm.md").read_text())) > 10


@pytest.mark.parametrize(
    "page", [*PAGES, ROOT / "jobs/clusters/README.md"], ids=lambda page: f"{page.parent.name}/{page.name}"
)
def test_what_a_page_links_to_exists(page):
    there = [link for link in LINK.findall(page.read_text()) if ":" not in link]
    assert [link for link in there if not (page.parent / link).exists()] == []


def test_every_field_in_the_pages_has_a_meaning(generate):
    rows = [line for text in generate.pages().values() for line in text.splitlines() if line.startswith("| ")]
    assert len(rows) > 100
    assert [row for row in rows if row.endswith("|  |")] == []


@pytest.mark.parametrize("name", preset_names())
def test_the_schema_accepts_the_presets(name):
    text = (ROOT / f"fsd_gen/presets/{name}.yaml").read_text()
    jsonschema.validate(yaml.safe_load(text), schema())


@pytest.mark.parametrize(
    "wrong",
    [
        {"sed": 3},
        {"styles": {"flyng": {}}},
        {"styles": {"flying": {"object": [1, 2]}}},
        {"image": {"width": 3}},
        {"curation": {"fold": 3}},
        {"curation": {"policy": {"threshold": 60}}},
        {"rig": {"baseline_m": [0, 0.3]}},
    ],
)
def test_the_schema_marks_what_the_loader_refuses(wrong):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, schema())


def test_the_meaning_of_a_field_is_the_comment_beside_it_or_the_text_below():
    docs = field_docs(Config)
    assert docs["samples_per_shard"] == "pairs in one file"
    assert "version" in docs and "model_config" not in docs
