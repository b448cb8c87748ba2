"""What `fsd-gen assets fetch` says while it works, where there is no terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

from fsd_gen.cli import assets
from fsd_gen.cli.assets import fetch_missing


def slowly(pack, *, on_progress, allow_partial, force):
    on_progress("drawing", 0, 3)
    on_progress("drawing", 1, 3)
    on_progress("publishing", 0, 0)
    return Path("packs") / pack


@pytest.mark.parametrize(
    ("every_s", "steps"), [(0.0, ["drawing 0/3", "drawing 1/3", "publishing"]), (30.0, ["drawing 0/3"])]
)
def test_away_from_a_terminal_a_fetch_says_where_it_is_at_once_and_every_half_minute(
    monkeypatch, tmp_path, capsys, every_s, steps
):
    monkeypatch.setenv("FSD_ASSETS_DIR", str(tmp_path))
    monkeypatch.setattr("assets_manifest.fetch.fetch", slowly)
    monkeypatch.setattr(assets, "LINE_EVERY_S", every_s)
    fetch_missing(["builtin"])
    told = capsys.readouterr().out.splitlines()
    assert told[-len(steps) :] == [f"builtin: {step} elapsed=0:00:00" for step in steps]
    assert sum("elapsed" in line for line in told) == len(steps)
