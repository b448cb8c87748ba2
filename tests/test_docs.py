"""The generated pages say what the code says, and the schema accepts what the loader accepts."""

import importlib.util
import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from fsd_gen.config import Config, preset_names
from fsd_gen.field_docs import field_docs
from fsd_gen.schema import config_schema

ROOT = Path(__file__).parents[1]


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


def test_every_field_in_the_pages_has_a_meaning(generate):
    rows = [line for text in generate.pages().values() for line in text.splitlines() if line.startswith("| ")]
    assert len(rows) > 100
    assert [row for row in rows if row.endswith("|  |")] == []


@pytest.mark.parametrize("name", preset_names())
def test_the_schema_accepts_the_presets(name):
    text = (ROOT / f"fsd_gen/presets/{name}.yaml").read_text()
    jsonschema.validate(yaml.safe_load(text), config_schema())


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
        jsonschema.validate(wrong, config_schema())


def test_the_meaning_of_a_field_is_the_comment_beside_it_or_the_text_below():
    docs = field_docs(Config)
    assert docs["samples_per_shard"] == "pairs in one file"
    assert "version" in docs and "model_config" not in docs
