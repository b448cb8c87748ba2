from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from tests.commands import SCRIPTS, typer_of

runner = CliRunner()


@pytest.mark.parametrize("command", ["fsd-gen", "fsd-gen assets", "fsd-curate", "fsd-stereo"])
def test_every_program_and_its_parts_say_the_version(command):
    program, *rest = command.split()
    said = runner.invoke(typer_of(program), [*rest, "--version"], prog_name=program)
    assert said.output.strip() == f"{program} {version('fsd-gen')}" and said.exit_code == 0


def numeric_parameters() -> Iterator[tuple[str, Any, Any]]:
    """Every number that a command line of ours takes: command, its context, parameter."""
    for program in SCRIPTS:
        yield from _numbers_of(program, typer.main.get_command(typer_of(program)))


def _numbers_of(path: str, command: Any) -> Iterator[tuple[str, Any, Any]]:
    for parameter in command.params:
        if parameter.type_descriptor.annotation in (int, float):
            yield f"{path} {parameter.opts[0]}", typer.Context(command), parameter
    for name, inner in getattr(command, "commands", {}).items():
        yield from _numbers_of(f"{path} {name}", inner)


CHECKED_LATER = {  # with the configuration that they are part of, or against the values that there are
    "fsd-gen render --samples-per-shard": "config",
    "fsd-gen render --seed": "config",
    "fsd-gen render --spp": "config",
    "fsd-curate sweep --tau": "one of the bins",
}
SIGNED = {"fsd-gen render-stage --time", "fsd-gen shoot --time"}
ENDLESS = {"fsd-stereo infer --z-far"}  # infinity: nothing is left out


def test_no_number_of_a_command_line_is_none_or_out_of_any_range():
    checked = 0
    for name, context, parameter in numeric_parameters():
        if name in CHECKED_LATER:
            continue
        negative = () if name in SIGNED else ("-2",)
        too_large = () if name in ENDLESS else ("inf", "1e400", "9" * 20)
        for value in ("nan", "-inf", "two", "", *negative, *too_large):
            with pytest.raises(typer.BadParameter.__base__):
                parameter.process_value(context, value)
                pytest.fail(f"{name} takes {value!r}")
        checked += 1
    assert checked > 20
