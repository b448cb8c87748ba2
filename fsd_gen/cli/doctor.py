"""`fsd-gen doctor`: what this machine can render with."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING

from fsd_gen.cli.app import app, clear_errors, out

if TYPE_CHECKING:
    from fsd_gen.doctor.examine import Finding


@app.command()
@clear_errors
def doctor() -> None:
    """Look at this machine: backends, GPUs, drivers, licences; what is missing, and how to get it.

    Nothing is rendered and nothing is changed. Exit code 0 whatever is found: `fsd-gen selftest` renders.
    """
    from fsd_gen.doctor.examine import examine

    here = f"Python {platform.python_version()} in {sys.prefix}, {platform.system()} {platform.machine()}"
    out.print(f"fsd-gen {version('fsd-gen')}, {here}\n", soft_wrap=True, highlight=False, markup=False)
    for finding in examine():
        out.print(_line(finding), soft_wrap=True, highlight=False, markup=False)


def _line(finding: Finding) -> str:
    remedy = f"\n{'':10}-> {finding.remedy}" if finding.remedy else ""
    return f"{finding.state.value:8}  {finding.subject}: {finding.found}{remedy}"
