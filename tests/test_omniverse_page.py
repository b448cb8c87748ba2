"""docs/omniverse.md says what is: its switches exist, its config is one that is read."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from fsd_gen.config import Config
from fsd_gen.rtx.child.versions import OVRTX, REPLICATOR

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "omniverse.md").read_text()


def test_every_switch_of_the_code_is_on_the_page_and_the_other_way_round():
    code = "\n".join(
        path.read_text()
        for folder in ("rtx", "backends/ovrtx", "backends/replicator")
        for path in sorted((ROOT / "fsd_gen" / folder).rglob("*.py"))
    )
    named = re.compile(r"FSD_(?:ISAAC|OVRTX|RTX)_[A-Z_]+")
    assert set(named.findall(PAGE)) == set(named.findall(code))


def test_the_versions_are_those_of_the_table():
    (row,) = [line for line in PAGE.splitlines() if line.startswith("| versions |")]
    told = set(re.findall(r"\d+\.\d+(?:\.\d+)?", row))
    used = {name for name, version in OVRTX.items() if not version.refused}
    assert told == set(REPLICATOR) | used


def test_the_config_of_the_example_is_one_that_is_read():
    (text,) = re.findall(r"    # warehouse\.yaml\n((?:    .*\n)+)", PAGE)
    told = yaml.safe_load(re.sub(r"^    ", "", text, flags=re.M))
    told["styles"]["environment"]["stages"] = [str(ROOT / "hall.usd")]
    config = Config.model_validate({"version": 2, **told})
    assert config.render.backend == "replicator" and config.render.spp == 64
