"""Expected errors as one clear line each, whatever part of the program they come from.

They are named and not imported: a part that is not loaded cannot have raised anything, and a command that
needs no trainer should not wait for one to load.
"""

from __future__ import annotations

import functools
import signal
import sys
from collections.abc import Callable, Iterable
from typing import ParamSpec, TypeVar

import typer

from curation.cli.console import err
from jobs.commandline import FAILED, HALTED, REFUSED, SIGNALLED
from jobs.signals import interruptible
from jobs.system_errors import explain, from_the_system

P = ParamSpec("P")
R = TypeVar("R")

BAD = (  # input or environment: the user can put these right
    "curation.config:CurationConfigError",
    "curation.judging.rules:BadRuleError",
    "curation.judging.rules:UnknownRuleError",
    "curation.judging.tables:TableError",
    "curation.publish.select:PublishError",
    "curation.rounds.population:PopulationError",
    "curation.rounds.start:FrozenRoundError",
    "curation.rounds.state:RunError",
    "curation.workbench.device:DeviceError",
    "curation.workbench.training:TrainingDataError",
    "fsd_gen.production.errors:RENDER_ERRORS",
    "fsd_gen.sections:ConfigError",
    "fsd_gen.shards.format:ShardError",
    "jobs.extras:MissingExtraError",
    "jobs.files:DiskFullError",
    "jobs.status.reading:StatusFileError",
    "jobs.task:ClusterUnreachableError",
    "jobs.task:FarmCapacityError",
    "jobs.task:FarmError",
    "jobs.task:WorkerStartError",
    "jobs.locks:RunFolderError",
    "jobs.locks:RunLockedError",
    "jobs.store.base:StoreError",
    "jobs.store.base:UnknownStoreError",
    "jobs.store.bases:CacheSettingError",
    "jobs.pool_text:PoolTextError",
    "stereo_model.weights.backbone:BackboneWeightsError",
    "stereo_model.weights.files:CheckpointError",
    "stereo_model.network.config:ConfigError",
    "stereo_model.data.sample:SampleError",
    "stereo_model.training.state:ResumeError",
)
WRONG = (  # the work itself
    "curation.judging.verdicts:BrokenScorerError",
    "curation.rounds.stages:RoundError",
    "curation.workbench.rendering:RenderError",
    "stereo_model.training.trainer:NonFiniteLossError",
)
LIMITED = (
    "curation.rounds.spending:LimitReached",
    "jobs.task:FarmHalted",
)  # of the command line
READING = ("status", "sweep_")  # commands that write nothing, so that nothing of them goes on
GOES_ON = "; the same command goes on from here"
GOES_ON_WITH_MORE = "; with a higher limit the same command goes on from here"

Errors = tuple[type[BaseException], ...]


def clear_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Show expected errors as one clear line; an interruption says how to go on."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            with interruptible():
                return command(*args, **kwargs)
        except KeyboardInterrupt as stop:
            err.print(f"stopped{GOES_ON if command.__name__ not in READING else ''}", highlight=False)
            raise typer.Exit(SIGNALLED + getattr(stop, "signum", signal.SIGINT)) from None  # a farm tells it
        except loaded(LIMITED) as stop:
            err.print(f"stopped: {stop}{GOES_ON_WITH_MORE}", soft_wrap=True, highlight=False, markup=False)
            raise typer.Exit(HALTED) from None
        except loaded(BAD) as error:
            raise _exit(error, REFUSED) from None
        except loaded(WRONG) as error:
            raise _exit(error, FAILED) from None
        except OSError as error:
            if isinstance(error, BrokenPipeError) or not from_the_system(error):
                raise
            raise _exit(error, REFUSED) from None

    return wrapped


def _exit(error: BaseException, code: int) -> typer.Exit:
    text = explain(error) if isinstance(error, OSError) else str(error)
    err.print("error:", text, style="red", soft_wrap=True, highlight=False, markup=False)
    return typer.Exit(code)


def loaded(names: Iterable[str]) -> Errors:
    """The error types of the modules that are loaded; "module:NAME" is a type, or a tuple of types."""
    found: list[type[BaseException]] = []
    for module, _, name in (each.partition(":") for each in names):
        if module in sys.modules:
            errors: type[BaseException] | Errors = getattr(sys.modules[module], name)
            found += errors if isinstance(errors, tuple) else (errors,)
    return tuple(found)
