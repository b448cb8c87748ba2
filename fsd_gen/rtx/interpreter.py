"""The interpreter of a rendering process: where it is, and what of our environment it must not see."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

OURS = (  # would bring our libraries, or our interpreter's, into another Python
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONSTARTUP",
    "PYTHONEXECUTABLE",
    "PYTHONUSERBASE",
    "PYTHONSAFEPATH",
    "VIRTUAL_ENV",
    "__PYVENV_LAUNCHER__",
)
LOGS = "FSD_RTX_LOGS"  # folder that keeps what rendering processes write


def child_environ(without: tuple[str, ...] = ()) -> dict[str, str]:
    """Ours, less what belongs to our interpreter, and less `without`."""
    return {name: value for name, value in os.environ.items() if name not in (*OURS, *without)}


def logs_folder() -> Path | None:
    """Where the user wants the output of rendering processes; None: nowhere."""
    return Path(os.environ[LOGS]) if os.environ.get(LOGS) else None


def interpreter(variable: str, environ: Mapping[str, str]) -> Path | None:
    """The program that `variable` names, by path or by a name on the PATH; None: there is none."""
    wanted = environ.get(variable, "")
    found = shutil.which(os.path.expanduser(wanted)) if wanted else None
    return Path(found).absolute() if found else None


def not_found(variable: str, what: str, environ: Mapping[str, str]) -> str:
    """Why there is no interpreter with `what`: the variable names no program, or nothing was found."""
    named = environ.get(variable)
    return f"{variable}={named} is no program" if named else f"{what} was not found"
