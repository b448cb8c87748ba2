"""Faults of styles and backends, which may be anybody's code: told by the plug-in's name and place.

A style is a pure function of its slot: what it raises, it raises again, so that it is a defect of this
attempt, like a failed check. What a backend raises beyond its contract may be over the next time, so that it
fails the shard, which is tried again; a sample never depends on it.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from fsd_gen.production.errors import RENDER_ERRORS, PluginError, StyleError
from jobs.files import DiskFullError

OF_THE_MACHINE = (MemoryError, OSError)  # no fault of the scene: the same style may succeed the next time
LONGEST = 300  # characters of what was raised


@contextmanager
def style_blamed(name: str, module: str) -> Iterator[None]:
    """What the style `name` of `module` raises becomes a StyleError, or a PluginError about the machine."""
    try:
        yield
    except (*RENDER_ERRORS, DiskFullError):
        raise
    except OF_THE_MACHINE as error:
        raise PluginError(_told("style", name, module, error)) from error
    except Exception as error:  # another's code runs here and may raise anything
        raise StyleError(_told("style", name, module, error)) from error


@contextmanager
def backend_blamed(name: str, module: str) -> Iterator[None]:
    """What the backend `name` of `module` raises becomes a PluginError, unless it is of its contract."""
    try:
        yield
    except (*RENDER_ERRORS, DiskFullError):
        raise
    except Exception as error:  # another's code runs here and may raise anything
        raise PluginError(_told("backend", name, module, error)) from error


def _told(kind: str, name: str, module: str, error: Exception) -> str:
    what = " ".join(str(error).split())[:LONGEST]
    raised = f"{type(error).__name__}: {what}" if what else type(error).__name__
    return f"{kind} {name!r} raised {raised} {_place(error.__traceback__, module)}"


def _place(trace: TracebackType | None, module: str) -> str:
    """The innermost line of the plug-in itself; of all, where it has none on the stack."""
    package = module.rpartition(".")[0] or module
    frames = list(traceback.walk_tb(trace))
    own = [each for each in frames if _is_of(str(each[0].f_globals.get("__name__", "")), package)]
    frame, line = (own or frames)[-1]
    text = traceback.extract_tb(trace)[frames.index((frame, line))].line
    return f"in {frame.f_code.co_filename}, line {line}{f': {text}' if text else ''}"


def _is_of(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")
