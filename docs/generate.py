"""Writes config.md and format.md from the types themselves, so that they stay true: `make docs`.

A test compares the two files with what this makes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from curation.config import CurationConfig, Policy
from curation.judging.scores import MaskScore, Score
from curation.judging.tables import SCORE_SCHEMA, VERDICT_SCHEMA
from curation.judging.verdicts import Outcome, Verdict
from fsd_gen.checks.limits import CheckLimits
from fsd_gen.config import Config
from fsd_gen.field_docs import field_docs
from fsd_gen.rigs.config import RigConfig
from fsd_gen.schema import schema_of, write_schema
from fsd_gen.sections import AssetsConfig, ImageConfig, RenderConfig
from fsd_gen.sensor.config import SensorConfig
from fsd_gen.shards.channels import OPTIONAL, REQUIRED, Channel
from fsd_gen.shards.flags import Flag
from fsd_gen.shards.format import COLUMNS, DESCRIPTION, POSES, QUARANTINE, ShardMeta
from fsd_gen.shards.index import SCHEMA as INDEX_SCHEMA
from fsd_gen.shards.record import SampleRecord
from fsd_gen.styles.registry import Style, own_styles

HERE = Path(__file__).parent
GENERATED = "<!-- Made by docs/generate.py from the types; edit those, then `make docs`. -->\n"

CONFIG = """# Every field of a config

A config is a YAML file of what differs from the defaults. `fsd-gen render --config mine.yaml` checks all
of it before anything is rendered: an unknown field, a value out of range or of another type is one line that
names the field, what was found and what was expected. `seed: 7` on the command line is `--seed 7`. Where a
field takes a range `[low, high]`, one number stands for both. `rig` and `sensor` are explained in
[cameras.md](cameras.md).

    # yaml-language-server: $schema=fsd-gen.schema.json
    seed: 7
    image: {width: 960, height: 540}
    styles:
      flying: {weight: 0.6, objects: [10, 32]}
      indoor: {weight: 0.4}

`fsd-gen schema` writes `fsd-gen.schema.json`, with the styles that are installed on your machine. With that
first line, editors that speak the YAML language server complete the fields, show their meaning and mark
mistakes. [fsd-gen.schema.json](fsd-gen.schema.json) is the one of this version.
"""
CURATION = """## curation

What `fsd-curate round` does; read from the run's `config.yaml`, or from the file given with `--config`, where
it may stand at the top level. It decides no rendered sample, so it is not part of the run's digest; a round
records its own and is refused under other settings.
"""
FORMAT = """# What is in the files

## A shard

One HDF5 file, `shards/00000.h5`, of N samples in the order of their slots. Everything is lossless, plain
`h5py` with `hdf5plugin` 7.1 or later reads it (`pip install "hdf5plugin>=7.1"`), and every chunk has a
checksum. A chunk is one tile of one sample, so that a crop decodes little more than itself:

| arrays | tile, rows x columns | filters of HDF5, in the order of encoding |
| --- | --- | --- |
| `left`, `right` | 80 x 160 | high-throughput JPEG 2000, reversible (32033) |
| `disparity_left`, `disparity_right` | 80 x 320 | byte shuffle (2); Blosc2 (32026), zstd 5, byte delta |
| all others | 80 x full width | Blosc2 (32026), zstd 3, bit shuffle |

That is `schema_version` 2. Shards of version 1 have all arrays as in the last line; they are read, checked,
copied and published as they are. Where rows of both versions are gathered into one shard, which is of version
2, those of version 1 are encoded anew, and their `content_id` shows that they are the same.

Disparity is exact for the centre of its pixel: the left pixel (v, u) shows the surface that the right image
shows at (v, u - d), and its depth is `focal_px * baseline_m / d` metres. The cameras are rectified, their
principal points are equal.
"""


def main() -> None:
    """Write both pages, and the schema."""
    for name, text in pages().items():
        (HERE / name).write_text(text, "utf-8")
    write_schema(HERE / "fsd-gen.schema.json")


def pages() -> dict[str, str]:
    """The text of each generated page, by its name in `docs/`."""
    return {"config.md": config_page(), "format.md": format_page()}


def config_page() -> str:
    """Every setting, section by section."""
    sections = {
        "image": ImageConfig,
        "rig": RigConfig,
        "render": RenderConfig,
        "sensor": SensorConfig,
        "assets": AssetsConfig,
    }
    parts = [GENERATED + CONFIG, "## Top level\n\n" + _settings(Config)]
    parts += [_section(name, model) for name, model in sections.items()]
    parts.append("## styles\n\nEach style has a section of its own; its `weight` makes it part of the mix.\n")
    parts += [_style(style) for style in own_styles().values()]
    parts.append(_section("checks", CheckLimits))
    parts += [CURATION + "\n" + _settings(CurationConfig), _section("curation.policy", Policy)]
    return "\n".join(parts)


def format_page() -> str:
    """Shards, index, scores and verdicts: every array, bit, column and attribute."""
    parts = [
        GENERATED + FORMAT,
        _table(("array", "type", "meaning"), [_channel(c) for c in (*REQUIRED, *OPTIONAL)]),
        "The last two are there where the config's `channels` names them; the root attribute `channels` "
        "lists them.\n",
        "### Bits of the flags\n\n" + _flags(),
        "### Columns: one value per sample\n\nAlso the columns of `index/samples.parquet`, which has `shard` "
        "(the file) and `row` (its row there) besides.\n",
        _columns(),
        "### Root attributes\n\n" + _attributes(),
        "## Scores of a round\n\n`rounds/N/scores.parquet`: what a scorer that never saw a sample found in "
        "it. `visible_` and `all_` stand before the numbers of the two masks.\n",
        _of_schema(SCORE_SCHEMA.names, {**field_docs(Score), **_masks()}),
        "## Verdicts of a round\n\n`rounds/N/verdicts.parquet`.\n",
        _of_schema(VERDICT_SCHEMA.names, field_docs(Verdict)),
        _table(("outcome", "meaning"), [(one.value, field_docs(Outcome)[one.name]) for one in Outcome]),
    ]
    return "\n".join(parts)


# ---------------------------------------------------------------- settings


SETTING = ("field", "values", "default", "meaning")


def _section(name: str, model: type[BaseModel]) -> str:
    return f"{'#' * (2 + name.count('.'))} {name}\n\n{_plain(model.__doc__ or '')}\n\n{_settings(model)}"


def _style(style: Style[Any]) -> str:
    about = f"{_plain(style.compose.__doc__ or '')} {_plain(style.config.__doc__ or '')}"
    parts = [f"### styles.{style.name}\n\n{about}\n\n{_settings(style.config)}"]
    for name, schema in schema_of(style.config).get("$defs", {}).items():
        fields = [_setting(field, of) for field, of in schema["properties"].items()]
        parts.append(f"`{name}`: {_plain(schema.get('description', ''))}\n\n{_table(SETTING, fields)}")
    return "\n".join(parts)


def _settings(model: type[BaseModel]) -> str:
    schema = schema_of(model)
    return _table(
        SETTING,
        [_setting(name, field) for name, field in schema["properties"].items()],
    )


def _setting(name: str, field: dict[str, Any]) -> tuple[str, ...]:
    nested = "$ref" in field or field.get("type") == "object"
    default = "" if nested else f"`{json.dumps(field.get('default'))}`"
    values = "a section, see below" if nested else _values(field)
    return f"`{name}`", values, default, field.get("description", "")


def _values(field: dict[str, Any]) -> str:
    if "const" in field:
        return f"`{json.dumps(field['const'])}`"
    if "enum" in field:
        return ", ".join(f"`{json.dumps(value)}`" for value in field["enum"])
    if "anyOf" in field:
        return " or ".join(_values(one) for one in field["anyOf"])
    if "prefixItems" in field:
        return _list_of(field["prefixItems"])
    if "$ref" in field:
        return f"`{field['$ref'].rpartition('/')[2]}`, see below"
    if field["type"] == "array":
        return f"list of {_values(field['items'])}"
    return " ".join([_TYPES[field["type"]], *_bounds(field)])


def _list_of(items: list[dict[str, Any]]) -> str:
    texts = [_values(one) for one in items]
    if len(set(texts)) > 1:
        return f"[{', '.join(texts)}]"
    return f"{['', 'one', 'two', 'three'][len(texts)]} of: {texts[0]}"


_TYPES = {
    "integer": "whole number",
    "number": "number",
    "string": "text",
    "boolean": "true or false",
    "null": "null",
}
_BOUNDS = {
    "minimum": ">=",
    "exclusiveMinimum": ">",
    "maximum": "<=",
    "exclusiveMaximum": "<",
    "multipleOf": "multiple of",
}


def _bounds(field: dict[str, Any]) -> list[str]:
    if field.keys() >= {"minimum", "maximum"}:
        return [f"{field['minimum']} to {field['maximum']}"]
    return [f"{sign} {field[key]}" for key, sign in _BOUNDS.items() if key in field]


# ---------------------------------------------------------------- files


def _channel(channel: Channel) -> tuple[str, ...]:
    shape = ", ".join(["N", "H", "W", *map(str, channel.tail)])
    return f"`{channel.name}`", f"{_dtype(channel.dtype)} ({shape})", channel.about


def _dtype(text: str) -> str:
    return f"{text[-2]}{int(text[-1]) * 8}"


def _flags() -> str:
    rows = [(f"{flag.value}", f"`{flag.name}`", field_docs(Flag)[str(flag.name)]) for flag in Flag]
    visible = "A pixel without any bit has exact disparity and is seen by both eyes.\n"
    return _table(("bit", "name", "meaning"), rows) + "\n" + visible


def _columns() -> str:
    docs = field_docs(SampleRecord)
    kinds = {str: "text", int: "i64", float: "f64", float | None: "f64, NaN where there is none"}
    rows = [(f"`{name}`", kinds[COLUMNS[name]], docs[name]) for name in COLUMNS]
    rows += [
        (f"`{POSES}`", "f64 (4, 4)", "left camera's pose; x right, y down, z forward; metres"),
        ("`spec_json`", "text", "the whole scene as JSON: rig, camera, objects, materials, lights, seeds"),
        ("`render_json`", "text", "how it was rendered, and what it cost"),
        (f"`{QUARANTINE[0]}`, `{QUARANTINE[1]}`", "i64, text", "slots that no attempt could fill, and why"),
    ]
    missing = set(INDEX_SCHEMA.names) - set(COLUMNS) - {"shard", "row"}
    assert not missing, missing
    return _table(("column", "type", "meaning"), rows)


def _attributes() -> str:
    docs = field_docs(ShardMeta)
    rows = [("`format`, `schema_version`", "what the file is"), ("`meta_digest`", "SHA-256 of those below")]
    rows += [(f"`{name}`", text) for name, text in DESCRIPTION.items()]
    rows += [(f"`{one.name}`", docs[one.name]) for one in fields(ShardMeta)]
    return _table(("attribute", "meaning"), rows)


def _masks() -> dict[str, str]:
    docs = field_docs(MaskScore)
    named = {f"{mask}_{name}": text for mask in ("visible", "all") for name, text in docs.items()}
    return named | {"slot": field_docs(SampleRecord)["slot"], "attempt": field_docs(SampleRecord)["attempt"]}


def _of_schema(names: Sequence[str], docs: dict[str, str]) -> str:
    places = field_docs(SampleRecord)
    return _table(("column", "meaning"), [(f"`{name}`", docs.get(name) or places[name]) for name in names])


# ---------------------------------------------------------------- Markdown


def _plain(text: str) -> str:
    return "\n".join(line.strip() for line in text.strip().splitlines())


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |\n" for row in lines)


if __name__ == "__main__":
    main()
