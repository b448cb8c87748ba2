from __future__ import annotations

import errno
import importlib
import signal
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import pytest
import torch
import typer
from typer.testing import CliRunner

from curation.judging.verdicts import BrokenScorerError
from curation.workbench.rendering import RenderError
from jobs.commandline import FAILED, REFUSED
from jobs.extras import MissingExtraError
from jobs.files import DiskFullError
from jobs.locks import RunLockedError
from jobs.store.base import StoreUnavailableError
from jobs.task import (
    ClusterUnreachableError,
    FarmCapacityError,
    FarmError,
    FarmInterrupted,
    FarmReport,
    WorkerStartError,
)
from stereo_model.training.launch import WorkerFailedError
from stereo_model.training.trainer import NonFiniteLossError
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


def test_a_number_that_an_option_does_not_take_is_one_line_that_names_it_and_what_is_expected(capsys):
    programs = {name: typer.main.get_command(typer_of(name)) for name in SCRIPTS}
    checked = 0
    for name, _, parameter in numeric_parameters():
        program, *command = name.split()[:-1]
        option, value = max(parameter.opts, key=len), "two" if name in CHECKED_LATER else "nan"
        with pytest.raises(SystemExit) as end:
            programs[program]([*command, option, value])
        said = capsys.readouterr().err
        what = "a whole number" if parameter.type_descriptor.annotation is int else "a number"
        assert end.value.code == REFUSED and said.count("\n") == 1, said
        assert said.startswith(f"error: {option}: expected {what}") and said.endswith(f", got '{value}'\n")
        checked += 1
    assert checked > 20


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("fsd-gen render --max-cost -1", "--max-cost: expected a number from 0 to 1e+12, got '-1'"),
        ("fsd-gen render --shards 0", "--shards: expected a whole number from 1 to 100000, got '0'"),
        ("fsd-stereo infer --z-far -1", "--z-far: expected a number of 0 or more, got '-1'"),
        ("fsd-gen render --seed 1.5", "--seed: expected a whole number, got '1.5'"),
    ],
)
def test_the_line_about_a_wrong_number_has_the_range_that_there_is(line, expected):
    program, *arguments = line.split()
    said = runner.invoke(typer_of(program), arguments, prog_name=program)
    assert (said.exit_code, said.output) == (REFUSED, f"error: {expected}\n")


def test_what_is_wrong_with_other_options_is_said_as_typer_does():
    said = runner.invoke(typer_of("fsd-gen"), ["render", "--shards", "1", "--until"], prog_name="fsd-gen")
    assert said.exit_code == REFUSED and "Option '--until' requires an argument" in said.output


WRAPPERS = {
    "fsd-gen": "fsd_gen.cli.app",
    "fsd-curate": "curation.cli.errors",
    "fsd-stereo": "stereo_model.cli.terminal",
}
FARMING = ("fsd-gen", "fsd-curate")
ENDS = [  # what goes wrong, with which exit code, in which programs
    (StoreUnavailableError("s3://bucket/run: no answer"), REFUSED, tuple(SCRIPTS)),
    (DiskFullError(errno.ENOSPC, "needs 2 MiB, 1 MiB are free", "run"), REFUSED, tuple(SCRIPTS)),
    (PermissionError(errno.EACCES, "Permission denied", "run"), REFUSED, tuple(SCRIPTS)),
    (OSError(errno.EIO, "Input/output error", "run"), REFUSED, tuple(SCRIPTS)),
    (RunLockedError("run is in use by process 7"), REFUSED, tuple(SCRIPTS)),
    (MissingExtraError("ray is missing"), REFUSED, tuple(SCRIPTS)),
    (FarmError("Ray's process raylet ended"), REFUSED, FARMING),
    (WorkerStartError("no worker started"), REFUSED, FARMING),
    (ClusterUnreachableError("no Ray cluster to join"), REFUSED, FARMING),
    (FarmCapacityError("no worker fits"), REFUSED, FARMING),
    (torch.OutOfMemoryError("CUDA out of memory"), REFUSED, ("fsd-stereo",)),
    (NonFiniteLossError("the loss is nan at step 3"), FAILED, ("fsd-curate", "fsd-stereo")),
    (WorkerFailedError("process 1 of 2 ended"), FAILED, ("fsd-stereo",)),
    (BrokenScorerError("predicts no finite disparity"), FAILED, ("fsd-curate",)),
    (RenderError("2 shards failed"), FAILED, ("fsd-curate",)),
]


@pytest.mark.parametrize(
    ("error", "code", "program"),
    [(error, code, program) for error, code, programs in ENDS for program in programs],
    ids=lambda each: type(each).__name__ if isinstance(each, Exception) else str(each),
)
def test_programs_end_with_2_where_input_or_environment_is_bad_and_with_1_where_work_failed(
    error, code, program, capsys
):
    @importlib.import_module(WRAPPERS[program]).clear_errors
    def command():
        raise error

    with pytest.raises(typer.Exit) as end:
        command()
    said = capsys.readouterr().err
    assert end.value.exit_code == code and said.startswith("error: ") and said.count("\n") == 1


@pytest.mark.parametrize("program", FARMING)
def test_a_farm_stopped_by_a_signal_ends_its_program_with_128_and_the_signals_number(program):
    report = FarmReport(done={}, failed={}, unfinished=("a",), retried=0, recycled=0, seconds=0.0)

    @importlib.import_module(WRAPPERS[program]).clear_errors
    def command():
        raise FarmInterrupted(signal.SIGTERM, report)

    with pytest.raises(typer.Exit) as end:
        command()
    assert end.value.exit_code == 143
