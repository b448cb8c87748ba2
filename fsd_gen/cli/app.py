"""The application that the commands join, and how they speak: results, errors, and what an error is.

The modules of this package import what is light; a command imports what it runs with in its own body, so
that help is instant and a missing extra only concerns the commands that need it.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import typer

from jobs.commandline import HALTED, REFUSED, SIGNALLED, Program, UrlConsole, VersionOption
from jobs.signals import STOPPED, interruptible
from jobs.system_errors import explain, from_the_system
from jobs.task import FarmHalted, FarmInterrupted

P = ParamSpec("P")
R = TypeVar("R")

HELP = "Render, look at, verify and replay stereo datasets; fetch the assets they are made of."

app = typer.Typer(
    cls=Program,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help=HELP,
    context_settings={"help_option_names": ["-h", "--help"]},
)
out = UrlConsole()
err = UrlConsole(stderr=True)


@app.callback(help=HELP)
def main(version: VersionOption = False) -> None:
    """What all commands share."""


def expected_errors() -> tuple[type[Exception], ...]:
    """Errors that say what to do; anything else is a bug and shows its traceback.

    Asked for only once an error is there, because to name them all takes heavy imports.
    """
    from assets_manifest.downloads import DownloadError
    from assets_manifest.fetch import FetchError
    from assets_manifest.importing.raw import ImportRefusedError
    from assets_manifest.registry import PackRecipeError, UnknownPackError
    from fsd_gen.preview import PictureNameError
    from fsd_gen.production.errors import RENDER_ERRORS
    from fsd_gen.shards.split import SplitError
    from jobs.extras import MissingExtraError
    from jobs.files import DiskFullError
    from jobs.locks import RunFolderError, RunLockedError
    from jobs.outputs import OutputError
    from jobs.pool_text import PoolTextError
    from jobs.rundir import RunConfigMismatchError
    from jobs.status.reading import StatusFileError
    from jobs.store.base import StoreError, UnknownStoreError
    from jobs.store.bases import CacheSettingError
    from jobs.task import ClusterUnreachableError, FarmCapacityError, FarmError, WorkerStartError

    return (
        *RENDER_ERRORS,
        CacheSettingError,
        ClusterUnreachableError,
        DiskFullError,
        DownloadError,
        FarmCapacityError,
        FarmError,
        FetchError,
        ImportRefusedError,
        PackRecipeError,
        PictureNameError,
        PoolTextError,
        UnknownPackError,
        MissingExtraError,
        OutputError,
        RunConfigMismatchError,
        RunFolderError,
        RunLockedError,
        SplitError,
        StatusFileError,
        StoreError,
        UnknownStoreError,
        WorkerStartError,
    )


def clear_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Show expected errors as one clear message with exit code 2; an interruption says how to go on."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            with interruptible(), warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)  # numpy's: we refuse odd numbers by name
                return command(*args, **kwargs)
        except FarmInterrupted as stop:
            err.print(f"stopped: {stop}; the same command goes on from here", highlight=False)
            raise typer.Exit(SIGNALLED + stop.signum) from None
        except FarmHalted as stop:
            say_error(f"stopped: {stop}; the same command goes on from here")
            raise typer.Exit(HALTED) from None
        except KeyboardInterrupt:  # before the errors are named, which imports
            say_error("stopped")
            raise typer.Exit(STOPPED) from None
        except expected_errors() as error:
            raise _exit(explain(error) if isinstance(error, OSError) else str(error)) from None
        except BrokenPipeError:  # whoever read our output went away, which typer knows how to take
            raise
        except OSError as error:
            if not from_the_system(error):
                raise
            raise _exit(explain(error)) from None

    return wrapped


def say_error(text: str) -> None:
    """A line beside the results."""
    err.print(text, soft_wrap=True, highlight=False, markup=False)


def _exit(problem: str) -> typer.Exit:
    err.print(f"[red]error:[/red] {escaped(problem)}", soft_wrap=True, highlight=False)
    return typer.Exit(REFUSED)


def escaped(text: str) -> str:
    """Text in which Rich sees no markup."""
    return text.replace("[", r"\[")
