"""What the fake ovrtx and ovstage share; it draws through the fake Kit's pictures (tests/fakes/isaac)."""

from __future__ import annotations

import re
import sys
from importlib.metadata import version
from typing import Any


def version_of_fake() -> tuple[int, int, int]:
    """Of the dist-info that a test put on the path."""
    found = re.match(r"(\d+)\.(\d+)\.(\d+)", version("ovrtx"))
    assert found
    return tuple(map(int, found.groups()))


VERSION = version_of_fake()
PRELOADED: dict[
    str, Any
] = {}  # modules of pxr that a test has imported once, out of sight, for many programs


def usd() -> Any:
    """pxr.Usd, for the fake's own use."""
    sys.modules.update(PRELOADED)
    from pxr import Usd

    return Usd
