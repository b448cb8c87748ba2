"""What all commands share: whose words are on the terminal."""

from __future__ import annotations

import sys
import warnings

import numpy as np
from typer.testing import CliRunner

from fsd_gen.cli import app
from fsd_gen.cli.app import clear_errors


def test_numpys_warnings_are_kept_off_the_terminal_and_others_are_not():
    @clear_errors
    def command():
        warnings.warn("of interest", UserWarning, stacklevel=1)
        return np.array([1.0, np.inf]) / np.array([0.0, np.inf])

    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        assert np.isinf(command()[0])
    assert [str(each.message) for each in heard] == ["of interest"]


def test_preview_of_a_config_says_what_it_does_before_it_loads_what_draws(monkeypatch, tmp_path, library):
    monkeypatch.setitem(sys.modules, "fsd_gen.preview", None)  # importing it fails
    config = tmp_path / "mine.yaml"
    config.write_text("assets: {packs: [builtin]}\nstyles: {flying: {}}\n")
    result = CliRunner().invoke(app, ["preview", "--config", str(config), "--per-style", "2"])
    assert result.output.startswith(f"{config}: 2 scenes of each of flying")
    assert isinstance(result.exception, ImportError)


def test_preview_says_what_is_wrong_with_a_config_and_nothing_else(tmp_path, library):
    config = tmp_path / "mine.yaml"
    config.write_text('assets: {packs: [builtin], weights: {"tag:sofa": 2}}\nstyles: {flying: {}}\n')
    result = CliRunner().invoke(app, ["preview", "--config", str(config)])
    assert result.exit_code == 2
    assert result.output.startswith("error: assets.weights: no asset has the tag 'sofa'; objects have ")
