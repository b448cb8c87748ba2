"""The JSON schema of a configuration: an editor then completes fields, shows their meaning, marks mistakes.

It knows every style and every section of a package that is installed here, so a style of your own is in the
schema that you write with it. Ranges across several fields are checked by `load_config` alone.
"""

from __future__ import annotations

import json
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from fsd_gen.config import SECTION_CHECKS, Config
from fsd_gen.field_docs import field_docs
from fsd_gen.styles.registry import find_style, style_names
from jobs.files import part_file
from jobs.outputs import is_schema, refuse_output

DRAFT = "https://json-schema.org/draft/2020-12/schema"


class _WithMeanings(GenerateJsonSchema):
    """Gives each field the description that its class has beside it."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        made = super().model_schema(schema)
        meanings = field_docs(schema["cls"])
        for name, field in made.get("properties", {}).items():
            if meanings.get(name):
                field["description"] = meanings[name]
        return made


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of `model`, every field with its meaning."""
    return model.model_json_schema(schema_generator=_WithMeanings)


def config_schema() -> dict[str, Any]:
    """The JSON schema of the YAML that `load_config` reads, with the styles and sections installed here."""
    whole = {"$schema": DRAFT, **schema_of(Config), "title": "fsd-gen configuration"}
    fields, shared = whole["properties"], whole["$defs"]
    fields["styles"] |= {
        "properties": {name: _style(name, shared) for name in style_names()},
        "additionalProperties": False,
    }
    for point in entry_points(group=SECTION_CHECKS):
        fields[point.name] |= _gathered(point.load().model, shared, point.name)
    return whole


def _style(name: str, shared: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [_gathered(find_style(name).config, shared, name), {"type": "null"}]}


def _gathered(model: type[BaseModel], shared: dict[str, Any], name: str) -> dict[str, Any]:
    """A reference to the schema of `model`, which joins the `shared` definitions under `name`."""
    schema = schema_of(model)
    shared |= schema.pop("$defs", {})
    shared[name] = schema
    return {"$ref": f"#/$defs/{name}"}


def write_schema(path: Path) -> None:
    """Write the schema to `path`, whole or not at all."""
    refuse_output(path, "a JSON schema", is_schema)
    with part_file(path) as part:
        part.write_text(json.dumps(config_schema(), indent=1, ensure_ascii=False) + "\n", "utf-8")
