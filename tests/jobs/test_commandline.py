from __future__ import annotations

import importlib
from importlib.metadata import version

import pytest
from typer.testing import CliRunner

from tests.commands import SCRIPTS

runner = CliRunner()


@pytest.mark.parametrize("command", ["fsd-gen", "fsd-gen assets", "fsd-curate", "fsd-stereo"])
def test_every_program_and_its_parts_say_the_version(command):
    program, *rest = command.split()
    module, _, name = SCRIPTS[program].partition(":")
    said = runner.invoke(
        getattr(importlib.import_module(module), name), [*rest, "--version"], prog_name=program
    )
    assert said.output.strip() == f"{program} {version('fsd-gen')}" and said.exit_code == 0
